//! One POST to an endpoint, and what its answer means.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::breaker::Verdict;
use reqwest::{Client, StatusCode, header};

use super::signature::signatures;
use crate::config::EventEndpoint;
use crate::gateway::guarded_client;

/// How long an endpoint may take to answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest `Retry-After` that is honoured.
const LONGEST_WAIT: Duration = Duration::from_hours(12);

/// What came of a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    Taken,
    /// The endpoint wants nothing any more.
    Gone,
    /// It is to be tried again, not before so long.
    Refused {
        status: u16,
        after: Option<Duration>,
    },
    /// No answer, and why.
    Unreached(&'static str),
}

impl PostOutcome {
    /// The word for `last_error`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Taken => "taken".to_owned(),
            Self::Gone => GONE.to_owned(),
            Self::Refused { status, .. } => format!("http_{status}"),
            Self::Unreached(why) => (*why).to_owned(),
        }
    }

    /// What it says about the endpoint: some refusals are about one event alone.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Taken | Self::Gone => Verdict::Works,
            Self::Refused { status: 400 | 409 | 413 | 415 | 422, .. } => Verdict::Works,
            Self::Refused { .. } | Self::Unreached(_) => Verdict::Fails,
        }
    }
}

/// Why an endpoint was disabled.
pub(super) const GONE: &str = "gone";

/// Posts a body under an id. No redirect is followed, and the answer's body is not read.
pub(super) async fn post(
    (client, private): (&Client, bool),
    endpoint: &EventEndpoint,
    (id, body): (&str, Vec<u8>),
    now: Timestamp,
) -> PostOutcome {
    if guarded_client::check(&endpoint.url, private).is_err() {
        return PostOutcome::Unreached(guarded_client::NOT_PUBLIC);
    }
    let seconds = now.timestamp();
    let signature = signatures(&endpoint.keys, id, seconds, &body);
    let request = client
        .post(endpoint.url.clone())
        .timeout(TIMEOUT)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => PostOutcome::Taken,
        Ok(answer) if answer.status() == StatusCode::GONE => PostOutcome::Gone,
        Ok(answer) => PostOutcome::Refused { status: answer.status().as_u16(), after: retry_after(answer.headers()) },
        Err(error) => PostOutcome::Unreached(guarded_client::why(&error)),
    }
}

/// Seconds; a date is as good as none, because the schedule goes on anyway.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}
