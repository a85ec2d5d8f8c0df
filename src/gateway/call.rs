//! One HTTP call to a provider's API, with what went wrong in terms of what may have happened.

use std::time::Duration;

use bytes::BytesMut;
use palabre_actors::domain::send::{SendError, SendErrorClass};
use reqwest::header::HeaderMap;
use reqwest::{Request, Response, StatusCode};

use super::unreached;

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
    fn of(error: &reqwest::Error) -> Self {
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

    /// The same, of a class that the caller knows.
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

async fn read(mut response: Response, most: usize) -> Result<BytesMut, CallFailure> {
    let announced = response.content_length().map_or(1_024, |length| length.min(65_536) as usize);
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(|error| CallFailure::of(&error))? {
        if body.len() + chunk.len() > most {
            return Err(CallFailure::Cut);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
