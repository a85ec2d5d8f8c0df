//! Sends through the Cloud API, and classifies each outcome.
//!
//! `POST {base}/{phone_number_id}/messages` with a bearer token and JSON; 200 with `{messages: [{id}]}`. There is no
//! idempotency key and no list of what was sent; `biz_opaque_callback_data` carries our id, and every callback brings it back.

use std::time::Duration;

use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{OutboundId, ProviderMessageId};
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{CloudSettings, LABEL, codes};
use crate::gateway::call::{self, CallFailure, Reply, call};
use crate::gateway::media::FilesOut;
use crate::gateway::unknown_sends::UnknownSends;

mod content;

/// The most of an answer that is read.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// What an action is called that marks a contact's message as read: `{"message_id": "wamid.…"}`.
const MARK_READ: &str = "mark_read";

/// What an action is called that shows the contact that somebody writes; it marks their message as read as well.
const TYPING: &str = "typing";

/// One channel's way to Meta.
pub struct CloudGateway {
    client: reqwest::Client,
    messages: Url,
    authorization: HeaderValue,
    template_language: String,
    timeout: Duration,
    callback_delay: Duration,
    pub(super) on_unknown: OnUnknown,
    files: FilesOut,
    unknown: UnknownSends,
}

/// That a message was read, and that somebody writes.
fn noticed(message_id: &str, is_typing: bool) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message_id });
    if is_typing {
        body["typing_indicator"] = json!({ "type": "text" });
    }
    body
}

impl CloudGateway {
    /// A channel's gateway. `None`: its base URL is none, or its token has characters that no header can carry.
    #[must_use]
    pub fn new(client: reqwest::Client, settings: &CloudSettings) -> Option<Self> {
        let messages = Url::parse(&format!("{}/{}/messages", settings.api_base_url, settings.phone_number_id)).ok()?;
        let token = settings.access_token.expose_secret();
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
        authorization.set_sensitive(true);
        (messages.has_host() && matches!(messages.scheme(), "http" | "https")).then(|| Self {
            client,
            messages,
            authorization,
            template_language: settings.template_language.clone(),
            timeout: settings.timeout,
            callback_delay: settings.callback_delay,
            on_unknown: settings.on_unknown,
            files: FilesOut::default(),
            unknown: UnknownSends::default(),
        })
    }

    /// It sends these files: Meta reads them here.
    #[must_use]
    pub fn with_files(self, files: FilesOut) -> Self {
        Self { files, ..self }
    }

    pub(super) async fn hand_over(&self, outbound: OutboundRequest<'_>) -> Result<Receipt, SendError> {
        let message = outbound.message;
        if let OutboundContent::Action(action) = &outbound.content {
            return self.act(action, message.id).await;
        }
        let mut body = addressed(outbound.to);
        let file = match outbound.content {
            OutboundContent::Text(_) => self.files.linked(message).await?,
            _ => None,
        };
        let content = match &file {
            Some((file, link)) => content::of_file(file, link, &message.body),
            None => content::of(&outbound.content, &self.template_language),
        };
        if let Some(content) = content {
            body.extend(content);
        }
        body.insert("biz_opaque_callback_data".to_owned(), Value::String(callback_data(message)));
        let result = match self.post(&Value::Object(body)).await {
            Ok(reply) if reply.status.is_success() => receipt(&reply.body),
            Ok(reply) => Err(refused(reply.status, &reply.headers, &reply.body)),
            Err(CallFailure::Refused(status)) => Err(refused(status, &HeaderMap::new(), b"")),
            Err(failure) => Err(failure.while_sending(LABEL)),
        };
        if matches!(&result, Err(error) if error.class == SendErrorClass::Unknown) {
            self.unknown.begin(message.id);
        }
        result
    }

    /// Marks a message as read, and shows that somebody writes. Doing it twice changes nothing.
    async fn act(&self, action: &Action, id: OutboundId) -> Result<Receipt, SendError> {
        let message_id = action.arguments.get("message_id").and_then(Value::as_str);
        let (true, Some(message_id)) = (matches!(action.kind.as_str(), MARK_READ | TYPING), message_id) else {
            return Err(SendError::unsupported_action());
        };
        match self.post(&noticed(message_id, action.kind == TYPING)).await {
            Ok(reply) if reply.status.is_success() => {
                Ok(Receipt { provider_message_id: ProviderMessageId::new(&format!("{}.{id}", action.kind)) })
            }
            Ok(reply) => Err(refused(reply.status, &reply.headers, &reply.body)),
            Err(CallFailure::Refused(status)) => Err(refused(status, &HeaderMap::new(), b"")),
            Err(failure) => Err(failure.error(LABEL, SendErrorClass::Retry { after: None })),
        }
    }

    /// Shows that somebody writes, for 25 seconds or until the answer comes. It marks the message as read as well.
    pub(super) async fn show_typing(&self, message_id: &str) {
        let _ = self.post(&noticed(message_id, true)).await;
    }

    /// What is known of a message whose answer was lost: a callback settles it, if Meta took it; nobody else can tell.
    pub(super) fn await_callback(&self, id: OutboundId) -> Result<Found, SendError> {
        let waited = self.unknown.waited(id);
        if waited >= self.callback_delay {
            self.unknown.end(id);
            return Ok(Found::CannotTell);
        }
        Err(SendError {
            class: SendErrorClass::Retry { after: Some(self.callback_delay - waited) },
            code: None,
            throttled: false,
            detail: format!("{LABEL} has no list of messages: a callback may still tell"),
        })
    }

    async fn post(&self, body: &Value) -> Result<Reply, CallFailure> {
        let mut request = Request::new(Method::POST, self.messages.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        *request.body_mut() = Some(body.to_string().into());
        call(&self.client, request, self.timeout, MAX_REPLY_BYTES).await
    }
}

/// What every message begins with: to whom, by number or by business-scoped id.
fn addressed(to: &Address) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("messaging_product".to_owned(), json!("whatsapp"));
    body.insert("recipient_type".to_owned(), json!("individual"));
    match to.path().strip_prefix('+') {
        Some(digits) => body.insert("to".to_owned(), json!(digits)),
        None => body.insert("recipient".to_owned(), json!(to.path())),
    };
    body
}

/// Our id of a message, and which generation of it: `decode` reads it of callbacks.
fn callback_data(message: &Outbound) -> String {
    match message.generation.number {
        0 => message.id.to_string(),
        generation => format!("{}.{generation}", message.id),
    }
}

/// The answer to a message that was taken. Anything without an id leaves the outcome open.
pub(super) fn receipt(reply: &[u8]) -> Result<Receipt, SendError> {
    #[derive(Deserialize)]
    struct Taken<'a> {
        #[serde(borrow)]
        messages: Vec<TakenMessage<'a>>,
    }
    #[derive(Deserialize)]
    struct TakenMessage<'a> {
        id: &'a str,
    }
    let taken = serde_json::from_slice::<Taken<'_>>(reply).ok();
    let receipt = taken.as_ref().and_then(|taken| taken.messages.first()).and_then(|taken| Receipt::received(taken.id));
    receipt.ok_or_else(|| call::without_id(LABEL))
}

pub(super) fn refused(status: StatusCode, headers: &HeaderMap, reply: &[u8]) -> SendError {
    #[derive(Deserialize)]
    struct Refusal {
        error: RefusalError,
    }
    #[derive(Deserialize)]
    struct RefusalError {
        code: u32,
    }
    let number = serde_json::from_slice::<Refusal>(reply).ok().map(|refusal| refusal.error.code);
    let code = number.and_then(|number| codes::of_number(&number.to_string()));
    let known = code.as_deref().and_then(codes::find);
    let code = code.unwrap_or_else(|| format!("cloud_http_{}", status.as_u16()));
    call::refused(LABEL, (status, headers), (code, known))
}

/// Shows no token.
impl std::fmt::Debug for CloudGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CloudGateway")
    }
}
