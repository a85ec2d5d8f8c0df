//! HTTP calls to providers' APIs, and what each failure says of the message.

use std::time::Duration;

use bytes::BytesMut;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::send::{SendError, SendErrorClass};
use reqwest::header::HeaderMap;
use reqwest::{Request, Response, StatusCode};

use super::retry_after::retry_after;
use super::{Code, unreached};
use crate::http_client::{self, UnreadBody};

/// A whole answer.
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: BytesMut,
}

/// A call that brought no whole answer. It carries nothing of the request: an error of reqwest shows the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallFailure {
    /// No connection, and why: surely nothing was written.
    NoConnection(&'static str),
    /// No answer in time.
    TimedOut,
    /// The connection broke, or the answer is too long.
    Cut,
    /// The head of the answer alone came, and says that nothing was taken.
    Refused(StatusCode),
}

impl CallFailure {
    pub fn of(error: &reqwest::Error) -> Self {
        match error {
            error if error.is_connect() => Self::NoConnection(unreached::why(error)),
            error if error.is_timeout() => Self::TimedOut,
            _ => Self::Cut,
        }
    }

    /// What it says about a message that was to be sent.
    pub fn while_sending(self, provider: &str) -> SendError {
        self.error(
            provider,
            match self {
                Self::NoConnection(_) => SendErrorClass::Retry { after: None },
                Self::TimedOut | Self::Cut => SendErrorClass::Unknown,
                Self::Refused(_) => SendErrorClass::Reject,
            },
        )
    }

    /// What it says where the caller knows the class.
    pub fn error(self, provider: &str, class: SendErrorClass) -> SendError {
        let (code, detail) = match self {
            Self::NoConnection(why) => (Some(why), format!("{provider} could not be reached")),
            Self::TimedOut => (Some(unreached::NO_ANSWER), format!("{provider} did not answer in time")),
            Self::Cut => {
                (Some(unreached::CUT), format!("the connection to {provider} broke before its answer was complete"))
            }
            Self::Refused(status) => (None, format!("{provider} answered {}", status.as_u16())),
        };
        SendError { class, code: code.map(str::to_owned), throttled: false, detail }
    }
}

/// A refusal, classified by the provider's code where it is known, by the HTTP status else. What the provider says beside it is
/// never repeated: it may name the recipient.
pub(super) fn refused(
    provider: &str,
    (status, headers): (StatusCode, &HeaderMap),
    (code, known): (String, Option<&Code>),
) -> SendError {
    let class = match (status.as_u16(), known) {
        // Whatever it says: it may have broken after it took the message.
        (500.., _) => SendErrorClass::Unknown,
        // The code decides, not the status: 429 comes for a second's pace and for a day's limit alike.
        (400..=499, Some(known)) => known.class,
        // 408: the request never arrived whole.
        (408 | 429, None) => SendErrorClass::Retry { after: None },
        (401 | 403, None) => SendErrorClass::Misconfigured,
        (400..=499, None) => SendErrorClass::Reject,
        // A redirect or the like: that is not the provider's API.
        _ => SendErrorClass::Misconfigured,
    };
    let class = match class {
        SendErrorClass::Retry { after } => SendErrorClass::Retry { after: retry_after(headers).max(after) },
        other => other,
    };
    let detail = match known {
        Some(known) => known.explain(Language::En).to_owned(),
        None => format!("{provider} answered {}", status.as_u16()),
    };
    let throttled = known.map_or(status == StatusCode::TOO_MANY_REQUESTS, |known| known.throttled);
    SendError { class, code: Some(code), throttled, detail }
}

/// A message that was taken, without an id that can be kept: its outcome stays open.
pub(super) fn without_id(provider: &str) -> SendError {
    SendError {
        class: SendErrorClass::Unknown,
        code: None,
        throttled: false,
        detail: format!("{provider} said yes without an id that can be kept"),
    }
}

/// Makes a call and reads its answer, up to so many bytes.
pub(super) async fn call(
    client: &reqwest::Client,
    mut request: Request,
    timeout: Duration,
    most_bytes: usize,
) -> Result<Reply, CallFailure> {
    *request.timeout_mut() = Some(timeout);
    let response = client.execute(request).await.map_err(|error| CallFailure::of(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    match read(response, most_bytes).await {
        Ok(body) => Ok(Reply { status, headers, body }),
        Err(_) if status.is_client_error() => Err(CallFailure::Refused(status)),
        Err(failure) => Err(failure),
    }
}

/// Reads an answer, up to so many bytes.
pub(super) async fn read(response: Response, most_bytes: usize) -> Result<BytesMut, CallFailure> {
    http_client::body(response, most_bytes).await.map_err(|unread| match unread {
        UnreadBody::TooLong => CallFailure::Cut,
        UnreadBody::Broken(error) => CallFailure::of(&error),
    })
}
