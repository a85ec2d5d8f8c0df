//! Rows of a store as tests read them.

use uuid::Uuid;

use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{
    ChannelId, ContactId, ConversationId, CorrelationId, LiveSessionId, NodeId, ProviderMessageId, SessionId, TenantId,
};
use crate::domain::message::{Inbound, Outbound, Role};
use crate::domain::status::OutboxState;
use crate::domain::timer::Timer;
use crate::ports::{Pause, Usage};

/// All that a store holds. Inbound and outbound rows stand in the order of their ids, events in the order in which they
/// were written.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "one field per table")]
pub struct Snapshot {
    pub inbound: Vec<InboundRow>,
    pub outbound: Vec<OutboundRow>,
    pub conversations: Vec<ConversationRow>,
    pub addresses: Vec<(TenantId, Address, ContactId)>,
    pub sessions: Vec<SessionRow>,
    pub live_sessions: Vec<LiveSessionRow>,
    pub timers: Vec<TimerRow>,
    pub opt_outs: Vec<(TenantId, Address)>,
    pub consents: Vec<ConsentRow>,
    pub welcomed: Vec<(ContactId, Timestamp)>,
    pub confirmed: Vec<(ContactId, Timestamp)>,
    pub usage: Vec<UsageRow>,
    pub pauses: Vec<Pause>,
    pub events: Vec<EventRow>,
}

/// The state of an inbound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundState {
    /// Waits for its turn.
    Accepted,
    /// Had its turn.
    Processed,
    /// Was set aside.
    Dead,
}

/// A row of `messages_in`.
#[derive(Clone, Debug)]
pub struct InboundRow {
    /// The message.
    pub message: Inbound,
    /// Its state.
    pub state: InboundState,
    /// The reason, as a word.
    pub reason: Option<String>,
    /// Who wrote it; known from its turn on.
    pub role: Option<Role>,
    /// Its conversation; known from its turn on.
    pub conversation: Option<ConversationId>,
    /// When it had its turn or was set aside.
    pub processed_at: Option<Timestamp>,
}

/// A row of `messages_out`.
#[derive(Clone, Debug)]
pub struct OutboundRow {
    /// The message.
    pub message: Outbound,
    /// Its state.
    pub state: OutboxState,
    /// When it may be tried, or looked into.
    pub next_attempt_at: Timestamp,
    /// Who is at it.
    pub lease_owner: Option<NodeId>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
    /// The provider's id.
    pub provider_message_id: Option<ProviderMessageId>,
    /// Why it is not sent at the moment: a word or a code.
    pub blocked_reason: Option<String>,
    /// What the last attempt or the provider said: a code or a word.
    pub last_error: Option<String>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// Whether other rows are before it in its conversation queue.
    pub behind: bool,
    /// The channel that was used, when another took over.
    pub via: Option<ChannelId>,
    /// What it cost so far, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
}

/// A row of `conversations`.
#[derive(Clone, Debug)]
pub struct ConversationRow {
    /// The tenant whose conversation it is.
    pub tenant: TenantId,
    /// On which channel.
    pub channel: ChannelId,
    /// With whom.
    pub contact: ContactId,
    /// The address that wrote last.
    pub address: Address,
    /// The rest.
    pub conversation: Conversation,
    /// The conversation in which it goes on.
    pub merged_into: Option<ConversationId>,
}

/// A row of `timers`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct TimerRow {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub timer: Timer,
}

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct SessionRow {
    pub id: SessionId,
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// A row of `live_sessions`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct LiveSessionRow {
    pub id: LiveSessionId,
    pub tenant: TenantId,
    pub opened_at: Timestamp,
    pub last_message_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// A row of `consents`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct ConsentRow {
    pub tenant: TenantId,
    pub channel: Option<ChannelId>,
    pub contact: Option<ContactId>,
    pub address: Address,
    pub what: String,
    pub source: String,
    pub evidence: Option<String>,
    pub created_at: Timestamp,
}

/// A row of `usage`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct UsageRow {
    pub tenant: TenantId,
    pub quarter: Timestamp,
    pub channel: ChannelId,
    pub usage: Usage,
}

/// A row of `event_log`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names of the columns")]
pub struct EventRow {
    pub tenant: TenantId,
    pub event_type: EventType,
    pub entity_type: EntityType,
    pub entity_id: Option<Uuid>,
    pub correlation: CorrelationId,
    pub actor_type: ActorType,
    pub payload: serde_json::Value,
    pub created_at: Timestamp,
}

impl Snapshot {
    /// Events of one type.
    pub fn events_of(&self, event_type: EventType) -> impl Iterator<Item = &EventRow> {
        self.events.iter().filter(move |event| event.event_type == event_type)
    }
}
