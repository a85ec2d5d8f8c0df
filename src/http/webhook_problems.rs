//! Refusals of webhooks, as the provider and the operator read them.

use std::time::Duration;

use actix_web::http::StatusCode;

use super::Refusal;
use super::body::BodyError;
use super::problem::HttpProblem;
use super::request_log::{Outcome, Record};
use crate::gateway::{Receiver, Rejection};

/// When to come again after a failed commit or during a stop.
const RETRY_AFTER: Duration = Duration::from_secs(2);

pub(super) fn unknown_channel(record: &Record) -> HttpProblem {
    record.stray.set(true);
    HttpProblem::new(
        StatusCode::NOT_FOUND,
        "unknown channel",
        "no channel of the configuration matches: compare the provider's webhook URL with `palabre check`",
    )
}

/// Its source has sent too much that could not be believed.
pub(super) fn throttled(record: &Record, wait: Duration) -> HttpProblem {
    record.outcome.set(Some(Outcome::Throttled));
    HttpProblem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many failures",
        "webhooks from this address could not be believed, see http.failures_per_minute: come again after Retry-After \
                   seconds",
    )
    .retry_after(wait)
}

pub(super) fn unreadable(record: &Record, error: BodyError) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    let (status, error, hint) = match error {
        BodyError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "body too large",
            "http.max_body_bytes is the limit; providers send a few kB",
        ),
        BodyError::Truncated => {
            (StatusCode::BAD_REQUEST, "body cut short", "the body ended early or its framing is broken: send it again")
        }
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "body too slow", "send the whole body within 10 seconds"),
        BodyError::Crowded => return refused(record, Refusal::Overloaded { retry_after: RETRY_AFTER }),
    };
    HttpProblem::new(status, error, hint)
}

pub(super) fn unsupported(record: &Record, hint: &'static str) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    HttpProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", hint)
}

pub(super) fn malformed(record: &Record, hint: &'static str) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    HttpProblem::new(StatusCode::BAD_REQUEST, "malformed webhook", hint)
}

pub(super) fn rejected(record: &Record, receiver: &dyn Receiver, rejection: Rejection) -> HttpProblem {
    let protocol = receiver.protocol();
    match rejection {
        Rejection::Malformed(hint) => malformed(record, hint),
        Rejection::MediaType(hint) => unsupported(record, hint),
        Rejection::NotOurs => {
            record.outcome.set(Some(Outcome::NotOurs));
            HttpProblem::new(StatusCode::NOT_FOUND, "not ours", protocol.on_not_ours)
        }
        Rejection::Replayed => {
            record.outcome.set(Some(Outcome::Replayed));
            HttpProblem::new(
                StatusCode::UNAUTHORIZED,
                "replayed",
                "somebody sends captured webhooks with changed ids: replace the provider's token, and look where its webhooks \
                 pass",
            )
        }
        Rejection::BadSignature => {
            record.outcome.set(Some(Outcome::BadSignature));
            HttpProblem::new(StatusCode::UNAUTHORIZED, "bad signature", protocol.on_bad_proof)
        }
    }
}

pub(super) fn refused(record: &Record, refusal: Refusal) -> HttpProblem {
    let (outcome, error, retry_after) = match refusal {
        Refusal::Overloaded { retry_after } => (Outcome::Overloaded, "overloaded", retry_after),
        Refusal::Unavailable => (Outcome::Unavailable, "not stored", RETRY_AFTER),
        Refusal::Stopping => (Outcome::Stopping, "stopping", RETRY_AFTER),
    };
    record.outcome.set(Some(outcome));
    let hint = "send it again after Retry-After seconds: a repeated message is processed once";
    HttpProblem::new(StatusCode::SERVICE_UNAVAILABLE, error, hint).retry_after(retry_after)
}
