//! Sandbox: a provider without a network, for trying a tenant out.
//!
//! What is sent is kept, the newest [`KEPT`] messages of a channel, for whoever looks: `GET
//! /webhooks/sandbox/{channel_id}/sent`, or [`SandboxChannel::sent`]. What is posted as JSON to
//! `/webhooks/sandbox/{channel_id}` comes in, and to `…/status` the news of what was sent. Only callers on this machine are
//! believed, because nothing is signed.

mod post;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, TypingNotice, numbered,
};
use palabre_actors::ports::{Gateway, Pending};
use serde::{Deserialize, Serialize};

use super::simulator::Simulation;
use super::{
    Bilingual, ChannelConnection, Code, ConnectError, Provider, Received, Receiver, ReceiverPage, Rejection, Route,
    RouteKind, SetupFinding, SetupLevel, WebhookProtocol, WebhookRequest, Wiring,
};
use crate::config::{Capabilities, Channel, Configured, ProviderAccount, ProviderSection, Section};

/// Messages of a channel that are kept: more than a person looks at, in at most a few megabytes.
pub const KEPT: usize = 1_000;

/// How long somebody sees that somebody is typing.
const TYPING_LASTS: Duration = Duration::from_secs(5);

/// What it calls itself, and its only account.
const NAME: &str = "sandbox";

/// How its ids of messages begin.
const ID_PREFIX: &str = "SB";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox;

/// It has no keys of its own; one that is written is reported as unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {}

impl ProviderSection for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            scheme: Scheme::Sandbox,
            longest_text: 4_096,
            window: None,
            per_second: None,
            pair: None,
            templates: true,
            typing: Some(TYPING_LASTS),
            api_base_url: None,
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let Keys {} = section.read();
        let address = section.address().and_then(|raw| {
            let address = Address::written(raw, Unnamed::Only(Scheme::Sandbox), None).ok();
            let address = address.filter(|address| address.scheme() == Scheme::Sandbox);
            if address.is_none() {
                section.wrong("address", "is not a sandbox's", "write it like `sandbox:belle`");
            }
            address
        });
        let settings = Some(ProviderAccount::new(NAME, NAME, ()));
        Configured { address, account: Some(NAME.to_owned()), is_live: true, settings }
    }
}

impl Provider for Sandbox {
    fn docs(&self) -> &'static str {
        "docs/providers/sandbox.md"
    }

    fn routes(&self) -> &'static [Route] {
        &[Route { path: "/webhooks/sandbox/{channel_id}/sent", provider: NAME, kind: RouteKind::Page("sent") }]
    }

    fn connect(&self, channel: &Channel, _wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let connected = Arc::new(SandboxChannel::new(channel));
        Ok(ChannelConnection {
            sender: channel.address.as_str().to_owned(),
            receiver: Some(Arc::clone(&connected) as Arc<dyn Receiver>),
            gateway: connected,
        })
    }

    fn codes(&self) -> &'static [Code] {
        &[]
    }

    fn is_message_id(&self, text: &str) -> bool {
        let digits = text.strip_prefix(ID_PREFIX);
        digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of a sandbox's ids: was it sent by a daemon with another database?",
            "il a la forme des identifiants d'une sandbox : a-t-il été envoyé par un démon qui a une autre base ?",
        )
    }

    fn checks<'a>(&'a self, _channel: &'a Channel, _wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>> {
        let what = ("a sandbox needs no set-up", "une sandbox n'a rien à régler");
        Box::pin(async move { vec![SetupFinding { level: SetupLevel::Good, what, todo: None }] })
    }

    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str> {
        Err("a sandbox has no network: it keeps what is sent, and takes what is posted")
    }
}

/// A channel of the sandbox: its way in, its way out, and what was sent.
pub struct SandboxChannel {
    tenant: TenantId,
    channel: ChannelId,
    address: Address,
    /// The newest last.
    sent: Mutex<VecDeque<SandboxMessage>>,
    typing: Mutex<VecDeque<SandboxTyping>>,
}

/// Somebody was shown that somebody is typing.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SandboxTyping {
    pub to: String,
    pub at: Timestamp,
}

/// A message that a sandbox was given. `Debug` shows no content (I10).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SandboxMessage {
    /// What the sandbox calls it.
    pub id: String,
    /// Our id of it.
    pub message_id: String,
    pub generation: u32,
    pub to: String,
    pub at: Timestamp,
    /// Free text; empty when it is a template.
    pub text: String,
    pub template: Option<SandboxTemplate>,
    /// What its files are called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// A template that was sent: its id, and what stood in its places, in their order.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SandboxTemplate {
    pub content_id: String,
    pub variables: Vec<(String, String)>,
}

impl SandboxChannel {
    fn new(channel: &Channel) -> Self {
        Self {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            address: channel.address.clone(),
            sent: Mutex::default(),
            typing: Mutex::default(),
        }
    }

    /// The channel behind a receiver, where it is a sandbox's.
    #[must_use]
    pub fn of(receiver: &dyn Receiver) -> Option<&Self> {
        let receiver: &dyn std::any::Any = receiver;
        receiver.downcast_ref()
    }

    /// What was sent, the oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<SandboxMessage> {
        self.lock().iter().cloned().collect()
    }

    /// Whom it showed that somebody is typing, the oldest first.
    #[must_use]
    pub fn typing(&self) -> Vec<SandboxTyping> {
        self.typing.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn keep(&self, request: &OutboundRequest<'_>) -> Result<Receipt, SendError> {
        let id = format!("{ID_PREFIX}{}", uuid::Uuid::now_v7().simple());
        let (text, template) = match &request.content {
            OutboundContent::Text(text) => ((*text).to_owned(), None),
            OutboundContent::Choices { text, choices } => (numbered(text, choices), None),
            OutboundContent::Template { content_id, variables } => {
                let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                let template = SandboxTemplate { content_id: (*content_id).to_owned(), variables: variables.collect() };
                (String::new(), Some(template))
            }
            OutboundContent::Action(_) => return Err(SendError::unsupported_action()),
        };
        let message = SandboxMessage {
            id: id.clone(),
            message_id: request.message.id.to_string(),
            generation: request.message.generation.number,
            to: request.to.as_str().to_owned(),
            at: chrono::Utc::now(),
            text,
            template,
            files: request.message.files().iter().map(|file| file.name.clone()).collect(),
        };
        let mut sent = self.lock();
        if sent.len() == KEPT {
            sent.pop_front();
        }
        sent.push_back(message);
        Ok(Receipt { provider_message_id: ProviderMessageId::new(&id) })
    }

    /// Our id of a message that was sent, and its generation.
    fn ours(&self, id: &str) -> Option<(OutboundId, u32)> {
        let sent = self.lock();
        let message = sent.iter().find(|message| message.id == id)?;
        Some((message.message_id.parse().ok()?, message.generation))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SandboxMessage>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway for SandboxChannel {
    fn send<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(async move { self.keep(&request) })
    }

    fn find<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        // What an earlier process was given is gone with it, and was seen by nobody: it may be sent again.
        let (id, generation) = (request.message.id.to_string(), request.message.generation.number);
        let is_it = |message: &&SandboxMessage| message.message_id == id && message.generation == generation;
        let receipt = |message: &SandboxMessage| Receipt { provider_message_id: ProviderMessageId::new(&message.id) };
        let found: Vec<Receipt> = self.lock().iter().rev().filter(is_it).map(receipt).collect();
        Box::pin(async move { Ok(if found.is_empty() { Found::Absent } else { Found::Taken(found) }) })
    }

    fn on_unknown(&self) -> OnUnknown {
        OnUnknown::Resend
    }

    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        let shown = SandboxTyping { to: notice.to.as_str().to_owned(), at: chrono::Utc::now() };
        Some(Box::pin(async move {
            let mut typing = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
            if typing.len() == KEPT {
                typing.pop_front();
            }
            typing.push_back(shown);
        }))
    }
}

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: None,
    acknowledgement: ("application/json", "{\"ok\":true}"),
    on_bad_proof: "a sandbox believes callers on this machine alone, and none that a proxy speaks for: post to the daemon's \
                   own listener from here",
    on_not_ours: "the channel is another",
};

impl Receiver for SandboxChannel {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let posted: post::PostedMessage = post::read(&request)?;
        if let Some(event) = posted.typing((&self.tenant, &self.channel), correlation, now)? {
            return Ok(Received::Event(Box::new(event)));
        }
        let message = posted.decoded((&self.tenant, &self.channel, &self.address), correlation, now)?;
        Ok(Received::Message(Box::new(message)))
    }

    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        let posted: post::PostedStatus = post::read(&request)?;
        let ours = self.ours(&posted.id);
        Ok(Received::Status(posted.decoded((&self.tenant, &self.channel), ours, now)?))
    }

    /// Until something is sent, or for as long as it lasts.
    fn shows_typing_to(&self, to: &Address) -> bool {
        let since = chrono::Utc::now() - TYPING_LASTS;
        let typing = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = typing.iter().rfind(|shown| shown.to == to.as_str()).map(|shown| shown.at);
        let sent = self.lock().iter().rfind(|message| message.to == to.as_str()).map(|message| message.at);
        shown.is_some_and(|shown| shown > since && sent.is_none_or(|sent| sent < shown))
    }

    fn page(&self, name: &str, is_local: bool) -> Option<ReceiverPage> {
        let shown = || serde_json::json!({ "sent": self.sent(), "typing": self.typing() }).to_string();
        let body = (is_local && name == "sent").then(shown)?;
        Some(ReceiverPage { content_type: "application/json", body })
    }
}

/// Shows no address.
impl std::fmt::Debug for SandboxChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxChannel").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SandboxMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SandboxTyping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxTyping").field("at", &self.at).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SandboxTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxTemplate").field("content_id", &self.content_id).finish_non_exhaustive()
    }
}
