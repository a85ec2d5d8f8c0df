//! Errors as every client sees them: JSON with a fixed text, a hint and a field.
//!
//! Nothing of the request is repeated in them (I10).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

/// Why a request is turned away. Its texts are fixed, or made of numbers and of names in the configuration and in the API's
/// description: nothing of the request can slip in.
#[derive(Clone, Debug)]
pub(super) struct HttpProblem {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) hint: Cow<'static, str>,
    /// Which field, parameter or header is meant, for programs.
    pub(super) field: Option<Cow<'static, str>>,
    /// The methods that the path takes (405).
    pub(super) allow: Option<&'static str>,
    pub(super) retry_after: Option<Duration>,
    /// Whether the answer says which kind of key is missing (401 of the API).
    pub(super) challenge: bool,
}

impl HttpProblem {
    pub(super) const fn new(status: StatusCode, error: &'static str, hint: &'static str) -> Self {
        Self::about(None, status, error, hint)
    }

    /// One of a field.
    pub(super) const fn at(field: &'static str, status: StatusCode, error: &'static str, hint: &'static str) -> Self {
        Self::about(Some(Cow::Borrowed(field)), status, error, hint)
    }

    const fn about(
        field: Option<Cow<'static, str>>,
        status: StatusCode,
        error: &'static str,
        hint: &'static str,
    ) -> Self {
        let hint = Cow::Borrowed(hint);
        Self { status, error, hint, field, allow: None, retry_after: None, challenge: false }
    }

    /// An error of actix-web's own, such as an extractor's: its text may quote the request, so the status alone tells.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let error = match status {
            StatusCode::BAD_REQUEST => "bad request",
            StatusCode::NOT_FOUND => "not found",
            StatusCode::PAYLOAD_TOO_LARGE => "body too large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "wrong content type",
            _ => "request failed",
        };
        Self::new(status, error, "the request could not be read, or not be answered")
    }

    /// With another hint.
    pub(super) fn hinting(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// With this field; an empty path is that of the whole body.
    pub(super) fn at_path(self, path: &str) -> Self {
        Self { field: (!path.is_empty()).then(|| Cow::Owned(path.to_owned())), ..self }
    }

    /// With its field inside another one.
    pub(super) fn within(self, outer: &str) -> Self {
        let field = self.field.as_ref().map(|field| Cow::Owned(format!("{outer}.{field}")));
        Self { field, ..self }
    }

    /// In whole seconds, as `Retry-After` has it.
    pub(super) fn retry_seconds(&self) -> Option<u64> {
        self.retry_after.map(whole_seconds)
    }

    /// With the time after which the client may come again.
    pub(super) const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for HttpProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.hint)
    }
}

impl ResponseError for HttpProblem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = serde_json::json!({ "error": code(self.error), "hint": self.hint });
        if let Some(field) = &self.field {
            body["field"] = serde_json::Value::from(&**field);
        }
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, HeaderValue::from_static(methods)));
        }
        if let Some(seconds) = self.retry_seconds() {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        response.body(body.to_string())
    }
}

/// A program compares it: `unknown channel` is `unknown_channel` in every answer.
fn code(error: &str) -> String {
    error.replace(' ', "_")
}

/// `Retry-After` has no fractions, and 0 would mean at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
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
