//! One call of the Bot API, and what its answer means.
//!
//! `POST {base}/bot{token}/{method}` with a JSON object; `{"ok":true,"result":…}`, or `{"ok":false,"error_code":…,
//! "description":…,"parameters":{…}}` (<https://core.telegram.org/bots/api#making-requests>). The token stands in the URL, so
//! no error of the HTTP client is shown to anyone: it would show the URL.

use std::time::Duration;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::send::{SendError, SendErrorClass};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{TelegramBot, codes};
use crate::gateway::call::{self, CallFailure};
use crate::gateway::media::MediaPlace;
use crate::gateway::{ConnectError, unreached};

const LABEL: &str = "Telegram";

/// The most of an answer that is read; a message is a few kilobytes, a hundred updates at most some hundred.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The longest wait that Telegram may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// How long a file of 50 MB, the largest that bots send, may take at least.
const UPLOAD_TIME: Duration = Duration::from_secs(60);

/// A file with the other parameters of its method.
pub(super) struct Upload<'a> {
    pub fields: &'a [(&'a str, &'a str)],
    /// The parameter that is the file.
    pub field: &'a str,
    pub name: &'a str,
    pub content_type: &'a str,
    pub bytes: &'a [u8],
}

impl Upload<'_> {
    /// As `multipart/form-data` (RFC 7578).
    fn multipart(&self) -> Option<(HeaderValue, Vec<u8>)> {
        // Drawn at random, so that no text can hold it.
        let boundary = format!("palabre-{}", uuid::Uuid::now_v7().simple());
        let mut body = Vec::with_capacity(self.bytes.len() + 1_024);
        for (name, value) in self.fields {
            let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        let plain = |text: &str| text.replace(['"', '\r', '\n'], "_");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            self.field,
            plain(self.name),
            plain(self.content_type)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(self.bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Some((HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}")).ok()?, body))
    }
}

/// A bot's way to the API.
#[derive(Clone)]
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    timeout: Duration,
}

/// A call that brought no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// No whole answer came, or one that made no sense.
    Failed(CallFailure),
    /// Telegram said no.
    Refused(Refusal),
}

impl From<CallFailure> for CallError {
    fn from(failure: CallFailure) -> Self {
        Self::Failed(failure)
    }
}

/// What Telegram says when it says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status, or Telegram's `error_code`, which has the same numbers.
    pub status: u16,
    /// Our code for it, where it is known.
    pub code: Option<&'static crate::gateway::Code>,
    pub retry_after: Option<Duration>,
    /// The chat's new id: the group became a supergroup.
    pub migrated_to: Option<i64>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    pub fn new(client: reqwest::Client, bot: &TelegramBot) -> Result<Self, ConnectError> {
        let api = Self { client, base: bot.api_base_url.clone(), token: bot.bot_token.clone(), timeout: bot.timeout };
        api.url("getMe").ok_or_else(|| ConnectError("api_base_url and bot_token make no URL".to_owned()))?;
        Ok(api)
    }

    /// Calls a method within the channel's deadline, and reads its result with `read`.
    pub async fn call<T>(
        &self,
        method: &str,
        parameters: &impl Serialize,
        read: impl FnOnce(&RawValue) -> Option<T>,
    ) -> Result<T, CallError> {
        self.call_within(self.timeout, method, parameters, read).await
    }

    pub async fn call_within<T>(
        &self,
        timeout: Duration,
        method: &str,
        parameters: &impl Serialize,
        read: impl FnOnce(&RawValue) -> Option<T>,
    ) -> Result<T, CallError> {
        let body = serde_json::to_vec(parameters).map_err(|_| CallFailure::NoConnection(unreached::NO_CONNECTION))?;
        self.execute(method, (HeaderValue::from_static("application/json"), body), timeout, read).await
    }

    /// Calls a method with a file, and reads its result with `read`.
    pub async fn upload<T>(
        &self,
        method: &str,
        upload: &Upload<'_>,
        read: impl FnOnce(&RawValue) -> Option<T>,
    ) -> Result<T, CallError> {
        let (content_type, body) = upload.multipart().ok_or(CallFailure::NoConnection(unreached::NO_CONNECTION))?;
        self.execute(method, (content_type, body), self.timeout.max(UPLOAD_TIME), read).await
    }

    async fn execute<T>(
        &self,
        method: &str,
        (content_type, body): (HeaderValue, Vec<u8>),
        timeout: Duration,
        read: impl FnOnce(&RawValue) -> Option<T>,
    ) -> Result<T, CallError> {
        let url = self.url(method).ok_or(CallFailure::NoConnection(unreached::NO_CONNECTION))?;
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        *request.body_mut() = Some(body.into());
        *request.timeout_mut() = Some(timeout);
        let response = self.client.execute(request).await.map_err(|error| CallFailure::of(&error))?;
        let status = response.status().as_u16();
        let body = match call::read(response, MAX_ANSWER_BYTES).await {
            Ok(body) => body,
            // The head alone says that nothing was taken.
            Err(_) if (400..=499).contains(&status) => return Err(CallError::Refused(Refusal::bare(status))),
            Err(failure) => return Err(failure.into()),
        };
        let answer: Answer<'_> = match serde_json::from_slice(&body) {
            Ok(answer) => answer,
            Err(_) if status >= 400 => return Err(CallError::Refused(Refusal::bare(status))),
            Err(_) => return Err(CallFailure::Cut.into()),
        };
        if answer.ok && status < 300 {
            return answer.result.and_then(read).ok_or(CallFailure::Cut.into());
        }
        // A proxy's 5xx around an answer may hide that the call was made.
        let status = if status >= 500 { status } else { answer.error_code.unwrap_or(status) };
        Err(CallError::Refused(Refusal {
            status,
            code: codes::of(status, answer.description.as_deref().unwrap_or_default()),
            retry_after: answer.parameters.retry_after.map(|secs| Duration::from_secs(secs).min(MAX_RETRY_AFTER)),
            migrated_to: answer.parameters.migrate_to_chat_id,
        }))
    }

    fn url(&self, method: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}/bot{}/{method}", self.base, self.token.expose_secret())).ok()?;
        (url.has_host() && matches!(url.scheme(), "http" | "https")).then_some(url)
    }

    /// Where the file of a path is that `getFile` told. `None`: the path could lead elsewhere.
    pub fn file(&self, path: &str) -> Option<MediaPlace> {
        let is_plain = |step: &str| {
            let has_name = !step.is_empty() && step.bytes().any(|byte| byte != b'.');
            has_name && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let url = format!("{}/file/bot{}/{path}", self.base, self.token.expose_secret());
        MediaPlace::public(&url).filter(|_| path.split('/').all(is_plain)).map(|place| place.trusting(&self.base))
    }
}

impl Refusal {
    fn bare(status: u16) -> Self {
        Self { status, code: codes::of(status, ""), retry_after: None, migrated_to: None }
    }
}

impl CallError {
    /// As the outbox reads it. `repeatable`: the call may be made twice without harm, so that an open outcome is no matter.
    pub fn classified(self, repeatable: bool) -> SendError {
        let open = if repeatable { SendErrorClass::Retry { after: None } } else { SendErrorClass::Unknown };
        match self {
            Self::Failed(failure @ CallFailure::NoConnection(_)) => {
                failure.error(LABEL, SendErrorClass::Retry { after: None })
            }
            Self::Failed(failure) => failure.error(LABEL, open),
            Self::Refused(refusal) => refusal.classified(open),
        }
    }
}

impl Refusal {
    /// Telegram's own description is never repeated: it may name the chat.
    fn classified(self, open: SendErrorClass) -> SendError {
        let class = match (self.status, self.code) {
            // It may have broken after it took the call.
            (500.., _) => open,
            (_, Some(code)) => code.class,
            // A redirect or the like: that is not Telegram's API.
            (..=399, None) => SendErrorClass::Misconfigured,
            (_, None) => SendErrorClass::Reject,
        };
        let class = match class {
            SendErrorClass::Retry { after } => SendErrorClass::Retry { after: self.retry_after.max(after) },
            other => other,
        };
        let detail = match self.code {
            Some(code) => code.explain(Language::En).to_owned(),
            None => format!("{LABEL} answered {}", self.status),
        };
        SendError {
            class,
            code: Some(self.code.map_or_else(|| format!("telegram_{}", self.status), |code| code.code.to_owned())),
            throttled: self.code.is_some_and(|code| code.throttled),
            detail,
        }
    }
}

/// The contact's address is another kind of account's; the core hands none over.
pub(super) fn bad_address() -> SendError {
    SendError {
        class: SendErrorClass::Reject,
        code: Some("telegram_chat_not_found".to_owned()),
        throttled: false,
        detail: "the address is no chat".to_owned(),
    }
}

/// Shows neither token nor URL.
impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}
