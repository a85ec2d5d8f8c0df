//! Answers: success as the provider wants it, and errors as JSON with a word, an explanation and a hint. None of them
//! repeats anything of the request (I10).

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponse, web};

use super::access::Entry;

const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: HeaderValue,
    pub(super) body: web::Bytes,
    pub(super) allow: Option<&'static str>,
    pub(super) retry_after: Option<Duration>,
    /// Says which kind of key is missing (401 of the API).
    pub(super) challenge: bool,
    /// The connection ends with this answer.
    pub(super) close: bool,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: impl Into<web::Bytes>) -> Self {
        Self {
            status,
            content_type: HeaderValue::from_static(content_type),
            body: body.into(),
            allow: None,
            retry_after: None,
            challenge: false,
            close: false,
        }
    }

    pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(super) fn error(problem: &Problem) -> Self {
        let mut body = serde_json::json!({ "error": problem.error, "hint": problem.hint });
        if let Some(field) = &problem.field {
            body["field"] = serde_json::Value::from(&**field);
        }
        Self { content_type: JSON, ..Self::json(problem.status, &body) }
    }

    /// The response, with the request's log entry inside, and what is left of its body.
    pub(super) fn send(self, mut entry: Entry, rest: Payload) -> HttpResponse {
        entry.status = Some(self.status);
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, self.content_type));
        response.insert_header((header::CACHE_CONTROL, NO_STORE));
        if let Some(id) = entry.correlation {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            if let Ok(value) = HeaderValue::from_str(id.0.hyphenated().encode_lower(&mut text)) {
                response.insert_header((X_CORRELATION_ID, value));
            }
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, HeaderValue::from_static(methods)));
        }
        if let Some(wait) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait))));
        }
        if self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if self.close {
            response.force_close();
        }
        response.body(Logged { bytes: self.body, _entry: entry, _rest: rest })
    }
}

/// `Retry-After` has no fractions, and 0 would mean at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Why a request is turned away. Its texts are fixed, or made of numbers and of names in the configuration and in the API's
/// description: nothing of the request can slip in.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) hint: Cow<'static, str>,
    /// Which field, parameter or header is meant, for programs.
    pub(super) field: Option<Cow<'static, str>>,
}

impl Problem {
    pub(super) const fn new(status: StatusCode, error: &'static str, hint: &'static str) -> Self {
        Self { status, error, hint: Cow::Borrowed(hint), field: None }
    }

    /// One of a field.
    pub(super) const fn at(field: &'static str, status: StatusCode, error: &'static str, hint: &'static str) -> Self {
        Self { status, error, hint: Cow::Borrowed(hint), field: Some(Cow::Borrowed(field)) }
    }

    /// The same, with another hint.
    pub(super) fn hinting(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The same, of this field; an empty path is that of the whole body.
    pub(super) fn at_path(self, path: &str) -> Self {
        Self { field: (!path.is_empty()).then(|| Cow::Owned(path.to_owned())), ..self }
    }

    /// The same, of a field inside another.
    pub(super) fn within(self, outer: &str) -> Self {
        let field = self.field.as_ref().map(|field| Cow::Owned(format!("{outer}.{field}")));
        Self { field, ..self }
    }
}

/// A body that is whole from the start and takes the log entry along until it is written.
struct Logged {
    bytes: web::Bytes,
    _entry: Entry,
    /// Were it dropped before the answer is written, actix-web would read an endless chunked body to its end. So it
    /// answers, reads on for the time of a goodbye, lest a reset overtake the answer, and closes.
    _rest: Payload,
}

impl MessageBody for Logged {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        if self.bytes.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(Ok(std::mem::take(&mut self.bytes)))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_rounds_up() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::from_millis(2001)), 3);
    }
}
