//! A channel's way in: webhooks as they come, and what a receiver makes of them.

use std::any::Any;

use actix_web::http::header::{HeaderMap, HeaderName};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::domain::message::NewInbound;
use palabre_actors::ports::{AccountNews, StatusUpdate};

use super::channel_event::ChannelEvent;

/// A webhook as it came in, before anyone believes it.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The public URL as the provider called it, query string included.
    pub url: &'a str,
    /// The path and query alone.
    pub query: &'a str,
    /// `Content-Type`, or empty.
    pub content_type: &'a str,
    pub headers: &'a dyn WebhookHeaders,
    /// Whether it comes from this machine, and no proxy says that it speaks for another.
    pub is_local: bool,
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> WebhookRequest<'a> {
    /// Whether `Content-Type` is this one, whatever its parameters.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        let own = self.content_type.split(';').next().unwrap_or_default();
        own.trim().eq_ignore_ascii_case(media_type)
    }

    /// The header's value. One that is no text is empty: it cannot be what it should be.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.value(name)
    }
}

/// Shows nothing of the request's content.
impl std::fmt::Debug for WebhookRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRequest").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// The headers of a request. Names are `HeaderName`s because making one of a text allocates.
pub trait WebhookHeaders {
    /// The value of the first header of that name; empty when it is no text.
    fn value(&self, name: &HeaderName) -> Option<&str>;
}

impl WebhookHeaders for HeaderMap {
    fn value(&self, name: &HeaderName) -> Option<&str> {
        self.get(name).map(|value| value.to_str().unwrap_or(""))
    }
}

/// Names and values, for whoever makes requests up.
impl<const N: usize> WebhookHeaders for [(&str, &str); N] {
    fn value(&self, name: &HeaderName) -> Option<&str> {
        self.iter().find(|(known, _)| name.as_str().eq_ignore_ascii_case(known)).map(|(_, value)| *value)
    }
}

/// Why a webhook is turned away. None of these shows anything of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 401
    #[error("the signature is missing or wrong")]
    BadSignature,
    /// 401: the signature came before, with another message's id.
    #[error("the signature is that of another message")]
    Replayed,
    /// 400, with a word that says what is wrong.
    #[error("malformed webhook: {0}")]
    Malformed(&'static str),
    /// 415, with what to send instead.
    #[error("wrong content type: {0}")]
    MediaType(&'static str),
    /// 404: signed, and to a number or of an account that is not this channel's. Two numbers of one account share a token,
    /// and their webhook URLs are easily mixed up: the answer would leave from the other number.
    #[error("the message is to a number, or of an account, that is not this channel's")]
    NotOurs,
}

/// What a webhook says.
#[derive(Clone, Debug)]
pub enum Received {
    /// A message from a contact.
    Message(Box<NewInbound>),
    /// News of a message of ours.
    Status(StatusUpdate),
    /// Something that is no message.
    Event(Box<ChannelEvent>),
    /// News of the channel's own account: it can send nothing for a while, or works again.
    Account(AccountNews),
    /// Nothing for us, and the provider need not repeat it.
    Nothing,
    /// Several of these, perhaps of several channels: all are taken, or the provider comes again.
    Batch(Vec<Self>),
    /// What is this channel's, and which other accounts of the provider the request has parts for. Their channels are asked
    /// for those: each has to believe the request by itself, because it may be another tenant's.
    Shared {
        own: Box<Self>,
        provider: &'static str,
        /// Account and address at once.
        others: Vec<String>,
    },
}

/// How a provider's webhooks are answered.
#[derive(Clone, Debug)]
pub struct WebhookProtocol {
    /// The header that carries the proof of origin: a webhook without it is refused before its body is read.
    pub proof: Option<HeaderName>,
    /// Content type and body of the 200 that the provider expects.
    pub acknowledgement: (&'static str, &'static str),
    /// What to look at when the proof is missing or wrong.
    pub on_bad_proof: &'static str,
    /// What to look at when a webhook is genuine and another channel's.
    pub on_not_ours: &'static str,
}

/// The answer to a provider that makes sure of a webhook URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// 200, with this text.
    Echo(String),
    /// 403
    Refused,
    /// 405: the provider asks no such thing.
    Unsupported,
}

/// What a link leads to.
#[derive(Clone, Debug)]
pub struct LinkAnswer {
    pub page: ReceiverPage,
    /// What is to be durable before the page is shown.
    pub received: Received,
}

/// Something that a receiver shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverPage {
    pub content_type: &'static str,
    pub body: String,
}

/// A channel's way in: believes a webhook, or does not, and reads it.
pub trait Receiver: Any + Send + Sync {
    fn protocol(&self) -> &'static WebhookProtocol;

    /// A webhook on the channel's inbound path.
    ///
    /// # Errors
    /// [`Rejection`]: nothing of it may be used.
    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection>;

    /// A webhook on the channel's status path.
    ///
    /// # Errors
    /// [`Rejection`]: nothing of it may be used.
    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection>;

    /// Answers the question by which a provider makes sure that a webhook URL is ours: a GET with this query.
    fn handshake(&self, query: &str) -> Handshake {
        let _ = query;
        Handshake::Unsupported
    }

    /// What a path of kind [`RouteKind::Page`](super::RouteKind::Page) shows. `None`: there is no such page, or not for this
    /// caller.
    fn page(&self, name: &str, is_local: bool) -> Option<ReceiverPage> {
        let _ = (name, is_local);
        None
    }

    /// What a path of kind [`RouteKind::Link`](super::RouteKind::Link) answers to whoever opens it, or posts to it. `None`:
    /// nothing proves the link.
    fn link(&self, name: &str, posted: bool, query: &str, at: (CorrelationId, Timestamp)) -> Option<LinkAnswer> {
        let _ = (name, posted, query, at);
        None
    }

    /// Whether a customer sees now that somebody is typing: only who keeps for itself what it shows can tell.
    fn shows_typing_to(&self, to: &Address) -> bool {
        let _ = to;
        false
    }
}
