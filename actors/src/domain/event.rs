//! Rows of the append-only `event_log`, whose payload cannot carry personal data (I10).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;
use super::ids::{CorrelationId, EventId, TenantId};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its row.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What happened.
    pub event_type: EventType,
    /// What kind of row it happened to.
    pub entity_type: EntityType,
    /// The row it happened to, if there is one.
    pub entity_id: Option<Uuid>,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
    /// Who did it.
    pub actor_type: ActorType,
    /// Details, free of personal data.
    pub payload: Payload,
    /// When.
    pub created_at: Timestamp,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the vocabulary of the event log")]
pub enum EventType {
    WebhookReceived,
    IdempotentIgnored,
    MessageRouted,
    MessageSent,
    MessageDelivered,
    MessageRead,
    MessageFailed,
    MessageDead,
    MessageSuppressed,
    MessageReplayed,
    OptedOut,
    OptedIn,
    SessionOpened,
    SessionClosed,
    LiveSessionOpened,
    LiveSessionClosed,
    Escalated,
    RateLimited,
}

/// What kind of row an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the vocabulary of the event log")]
pub enum EntityType {
    MessageIn,
    MessageOut,
    Conversation,
    Session,
    LiveSession,
    Contact,
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the vocabulary of the event log")]
pub enum ActorType {
    Provider,
    Contact,
    Bot,
    System,
    Operator,
}

/// The JSON object of an event. Built field by field, and every text is checked for personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Cow<'static, str>);

impl Payload {
    /// `{}`
    pub const EMPTY: Self = Self(Cow::Borrowed("{}"));

    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}
