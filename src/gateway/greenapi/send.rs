//! Sends through Green-API, and classifies each outcome.
//!
//! `POST {base}/waInstance{id}/sendMessage/{token}` with `{chatId, message}`; 200 with `{idMessage}`. The token stands in the
//! path: no URL of a call is shown anywhere, and errors of the HTTP client, which show it, are not kept. There is no
//! idempotency parameter; what was taken waits in a queue, then shows in the chat's history (`find`).

use std::borrow::Cow;
use std::time::Duration;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::send::{
    OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, numbered,
};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{GreenSettings, LABEL, chat_of, codes};
use crate::gateway::call::{self, CallFailure, Reply, call};
use crate::gateway::media::FilesOut;
use crate::gateway::unknown_sends::UnknownSends;
use crate::gateway::unreached;

/// The most of an answer that is read.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// One channel's way to Green-API.
pub struct GreenGateway {
    client: reqwest::Client,
    /// `…/waInstance{id}/`
    base: Url,
    token: SecretString,
    timeout: Duration,
    pub(super) journal_delay: Duration,
    pub(super) on_unknown: OnUnknown,
    files: FilesOut,
    pub(super) unknown: UnknownSends,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TextMessage<'a> {
    chat_id: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted_message_id: Option<&'a str>,
}

/// `sendFileByUrl`: <https://green-api.com/en/docs/api/sending/SendFileByUrl/>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileMessage<'a> {
    chat_id: &'a str,
    url_file: &'a str,
    file_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    caption: &'a str,
}

/// `sendTyping`: <https://green-api.com/en/docs/api/service/SendTyping/>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypingShown<'a> {
    chat_id: &'a str,
    typing_time: u32,
}

/// The shortest that Green-API takes, in milliseconds: it stands in the queue before the answer.
const TYPING_TIME: u32 = 1_000;

impl GreenGateway {
    /// A channel's gateway. `None`: its base URL is none.
    #[must_use]
    pub fn new(client: reqwest::Client, settings: &GreenSettings) -> Option<Self> {
        let base = Url::parse(&format!("{}/waInstance{}/", settings.api_base_url, settings.instance_id)).ok()?;
        (base.has_host() && matches!(base.scheme(), "http" | "https")).then(|| Self {
            client,
            base,
            token: settings.api_token.clone(),
            timeout: settings.timeout,
            journal_delay: settings.journal_delay,
            on_unknown: settings.on_unknown,
            files: FilesOut::default(),
            unknown: UnknownSends::default(),
        })
    }

    /// It sends these files: Green-API reads them here.
    #[must_use]
    pub fn with_files(self, files: FilesOut) -> Self {
        Self { files, ..self }
    }

    pub(super) async fn hand_over(&self, outbound: OutboundRequest<'_>) -> Result<Receipt, SendError> {
        let text = match &outbound.content {
            OutboundContent::Text(text) => Cow::Borrowed(*text),
            OutboundContent::Choices { text, choices } => Cow::Owned(numbered(text, choices)),
            // There are none: the configuration refuses them.
            OutboundContent::Template { .. } | OutboundContent::Action(_) => {
                return Err(SendError::unsupported_action());
            }
        };
        let chat = chat_of(outbound.to);
        let sent = match self.files.linked(outbound.message).await? {
            Some((file, link)) => {
                let message = FileMessage { chat_id: &chat, url_file: &link, file_name: &file.name, caption: &text };
                self.post("sendFileByUrl", &message).await
            }
            None => {
                let message = TextMessage { chat_id: &chat, message: &text, quoted_message_id: None };
                self.post("sendMessage", &message).await
            }
        };
        let result = match sent {
            Ok(reply) if reply.status.is_success() => receipt(&reply.body),
            Ok(reply) => Err(refused(reply.status, &reply.headers)),
            Err(CallFailure::Refused(status)) => Err(refused(status, &HeaderMap::new())),
            Err(failure) => Err(failure.while_sending(LABEL)),
        };
        if matches!(&result, Err(error) if error.class == SendErrorClass::Unknown) {
            self.unknown.begin(outbound.message.id);
        }
        result
    }

    /// Shows for a second that somebody writes.
    pub(super) async fn show_typing(&self, to: &Address) {
        let shown = TypingShown { chat_id: &chat_of(to), typing_time: TYPING_TIME };
        let _ = self.post("sendTyping", &shown).await;
    }

    /// A call of a method with a JSON body.
    pub(super) async fn post(&self, method: &str, body: &impl Serialize) -> Result<Reply, CallFailure> {
        self.ask(method, body, MAX_REPLY_BYTES).await
    }

    /// A call of a method without a body.
    pub(super) async fn get(&self, method: &str, most_bytes: usize) -> Result<Reply, CallFailure> {
        call(&self.client, Request::new(Method::GET, self.url(method)?), self.timeout, most_bytes).await
    }

    /// A call whose answer may be long.
    pub(super) async fn ask(&self, method: &str, body: &impl Serialize, most: usize) -> Result<Reply, CallFailure> {
        let mut request = Request::new(Method::POST, self.url(method)?);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // What is serialised here is texts alone.
        *request.body_mut() = Some(serde_json::to_vec(body).unwrap_or_default().into());
        call(&self.client, request, self.timeout, most).await
    }

    fn url(&self, method: &str) -> Result<Url, CallFailure> {
        let mut url = self.base.clone();
        let mut segments = url.path_segments_mut().map_err(|()| CallFailure::NoConnection(unreached::NO_CONNECTION))?;
        segments.pop_if_empty().push(method).push(self.token.expose_secret());
        drop(segments);
        Ok(url)
    }
}

/// The answer to a message that was taken. Anything without an id leaves the outcome open.
pub(super) fn receipt(reply: &[u8]) -> Result<Receipt, SendError> {
    #[derive(Deserialize)]
    struct Taken<'a> {
        #[serde(rename = "idMessage")]
        id: &'a str,
    }
    let taken = serde_json::from_slice::<Taken<'_>>(reply).ok();
    taken.and_then(|taken| Receipt::received(taken.id)).ok_or_else(|| call::without_id(LABEL))
}

/// A refusal, by its HTTP status: Green-API has no codes of its own. Its text is never repeated: it has the chat, and the path
/// with the token.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap) -> SendError {
    let code = format!("greenapi_{}", status.as_u16());
    let known = codes::find(&code);
    call::refused(LABEL, (status, headers), (code, known))
}

/// Shows no token, and no URL that has it.
impl std::fmt::Debug for GreenGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GreenGateway")
    }
}
