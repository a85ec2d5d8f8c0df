//! Fixtures of the suite: people and messages.

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::Subject;
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::conversation::{Contact, Conversation, ConversationKey, Session, State};
use crate::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use crate::domain::ids::{
    ChannelId, ContactId, CorrelationId, EventId, InboundId, NodeId, OutboundId, ProviderMessageId, SessionId, TenantId,
};
use crate::domain::message::{Content, Generation, Inbound, NewInbound, Outbound, OutboundKind, Role};
use crate::domain::send::Receipt;
use crate::domain::status::DeliveryStatus;
use crate::domain::turn::{Consumed, Draft, Effects, Outcome, SessionChange, Start, Turn};
use crate::ports::{
    Acceptance, ChannelKey, Claim, Claimable, Loaded, RecipientStatus, Settled, Settlement, StatusUpdate, Turns,
};
use crate::testing::fakes::{OutboundRow, Snapshot};

/// 2026-11-21T03:55:00.123456Z, and so many seconds.
pub fn at(seconds: i64) -> Timestamp {
    let start = DateTime::from_timestamp(1_795_233_300, 123_456_000).expect("a time");
    start + TimeDelta::seconds(seconds)
}

/// The node of the suite.
pub fn node() -> NodeId {
    NodeId::new("node-1")
}

/// A customer of a tenant on a channel.
#[derive(Clone, Debug)]
pub struct Customer(pub ConversationKey);

impl Customer {
    /// The one with this number.
    pub fn of(tenant: &str, number: u32) -> Self {
        Self(ConversationKey::new(
            TenantId::new(tenant),
            ChannelId::new(&format!("{tenant}-wa")),
            Address::from_normalised(&format!("whatsapp:+3361234{number:04}")),
        ))
    }

    /// The same person, or another, by another address on a channel of the tenant.
    pub fn by(&self, channel: &str, address: &str) -> Self {
        Self(ConversationKey::new(self.0.tenant.clone(), ChannelId::new(channel), Address::from_normalised(address)))
    }

    /// A message of theirs, as a gateway decodes it.
    pub fn writes(&self, id: &str, seconds: i64) -> NewInbound {
        NewInbound {
            tenant: self.0.tenant.clone(),
            channel: self.0.channel.clone(),
            provider_message_id: ProviderMessageId::new(id),
            id_per_chat: false,
            from: self.0.address.clone(),
            to: Address::from_normalised("whatsapp:+14155238886"),
            content: Content { body: format!("message {id}"), ..Content::default() },
            correlation: CorrelationId::fresh(),
            received_at: at(seconds),
            spooled: false,
        }
    }

    /// A message of theirs, accepted.
    pub async fn sends(&self, store: &impl Subject, id: &str, seconds: i64) -> Inbound {
        accept(store, self.writes(id, seconds)).await
    }

    /// Their state as the store has it.
    pub async fn state(&self, store: &impl Turns) -> State {
        store.load(&self.0, None).await.expect("loads").state
    }

    /// Their state and all that waits for a turn.
    pub async fn loaded(&self, store: &impl Turns) -> Loaded {
        store.load(&self.0, Some(InboundId(Uuid::max()))).await.expect("loads")
    }

    /// Their recipient status on their channel.
    pub async fn recipient_status(&self, store: &impl Subject) -> RecipientStatus {
        store.recipient_status(&self.0.tenant, &self.0.channel, &self.0.address).await.expect("answers")
    }

    /// Their tenant and channel.
    pub fn channel_key(&self) -> ChannelKey {
        ChannelKey { tenant: self.0.tenant.clone(), channel: self.0.channel.clone() }
    }

    /// A message of theirs, and the turn that answers it with a row that starts like this, behind what is queued.
    pub async fn is_answered(&self, store: &impl Subject, id: &str, seconds: i64, start: Start) -> Outbound {
        let message = self.sends(store, id, seconds).await;
        let loaded = self.loaded(store).await;
        let start = match start {
            Start::Queued { not_before, .. } => Start::Queued { not_before, behind: loaded.open_rows },
            start @ (Start::Now { .. } | Start::Scheduled(_)) => start,
        };
        let turn = turn(&loaded.state, &message, seconds).answered(start);
        let answer = turn.outbox[0].message.clone();
        store.commit(turn).await.expect("commits");
        answer
    }
}

/// Accepts one message that was not there.
pub async fn accept(store: &impl Subject, new: NewInbound) -> Inbound {
    match store.accept(vec![new]).await.pop().expect("an answer").expect("accepts") {
        Acceptance::New(message) => message,
        Acceptance::Duplicate { .. } => panic!("it was there before"),
        Acceptance::Spooled => panic!("a store keeps nothing beside itself"),
    }
}

/// The least that a turn does: uses the message up and moves the conversation's version.
pub fn turn(state: &State, message: &Inbound, seconds: i64) -> Turn {
    let before = state.conversation.clone();
    let expected_version = before.as_ref().map_or(0, |conversation| conversation.version);
    let mut sessions = Vec::new();
    let conversation = before.unwrap_or_else(|| {
        let session = Session { id: SessionId::fresh(), opened_at: at(seconds) };
        sessions.push(SessionChange::Open(session.id));
        Conversation { session: Some(session), ..Conversation::begin() }
    });
    Turn {
        key: ConversationKey { address: message.from.clone(), ..state.key.clone() },
        consumed: Some(Consumed {
            id: message.id,
            said_at: message.received_at,
            role: Role::Client,
            outcome: Outcome::AnsweredFallback,
        }),
        fired: None,
        correlation: message.correlation,
        at: at(seconds),
        expected_version,
        contact_changed: state.contact.is_none(),
        contact: state.contact.clone().unwrap_or(Contact { id: ContactId::fresh(), name: Some("Alice".into()) }),
        respelled: state.key.address != message.from,
        alias: None,
        conversation: Conversation {
            version: expected_version + 1,
            last_inbound_at: Some(message.received_at),
            ..conversation
        },
        sessions,
        live_session: None,
        lookup: None,
        consent: None,
        releases: false,
        marks_read: false,
        knows_deferred: false,
        outbox: Vec::new(),
        timers: Vec::new(),
        effects: Effects::default(),
        events: vec![Event {
            id: EventId::fresh(),
            tenant: state.key.tenant.clone(),
            event_type: EventType::MessageRouted,
            entity_type: EntityType::MessageIn,
            entity_id: Some(message.id.0),
            correlation: message.correlation,
            actor_type: ActorType::Bot,
            payload: Payload::reason("answered_fallback"),
            created_at: at(seconds),
        }],
    }
}

impl Turn {
    /// With one more message to send.
    pub fn answered(self, start: Start) -> Self {
        self.answered_with(OutboundKind::Reply, start)
    }

    /// With one more message to send, of that kind.
    pub fn answered_with(mut self, kind: OutboundKind, start: Start) -> Self {
        let since = if let Start::Scheduled(at) = start { at } else { self.at };
        let message = Outbound {
            id: OutboundId::fresh(),
            tenant: self.key.tenant.clone(),
            channel: self.key.channel.clone(),
            conversation: self.conversation.id,
            in_reply_to: self.consumed.as_ref().map(|consumed| consumed.id),
            to: self.key.address.clone(),
            body: "Bonjour".into(),
            template: None,
            choices: Vec::new(),
            action: None,
            presentation: None,
            kind,
            urgent: true,
            expires_at: None,
            generation: Generation::first(since),
            correlation: self.correlation,
            attempts: u32::from(matches!(start, Start::Now { .. })),
            created_at: self.at,
        };
        self.outbox.push(Draft { message, start, idempotency_key: None });
        self
    }
}

/// Sent right after the commit, leased for a minute.
pub fn now(seconds: i64) -> Start {
    Start::Now { node: node(), lease_until: at(seconds + 60) }
}

/// Queued, not before that second, as the head of its queue.
pub fn queued(seconds: i64) -> Start {
    Start::Queued { not_before: at(seconds), behind: false }
}

/// Queued, not before that second, behind others.
pub fn behind(seconds: i64) -> Start {
    Start::Queued { not_before: at(seconds), behind: true }
}

impl Snapshot {
    /// A row of the outbox that is there.
    pub fn sent_row(&self, id: OutboundId) -> &OutboundRow {
        self.outbound.iter().find(|row| row.message.id == id).expect("the row")
    }

    /// How many events of a type there are.
    pub fn count(&self, event_type: EventType) -> usize {
        self.events_of(event_type).count()
    }
}

/// Claims heads of the tenant's channel.
pub async fn claim(store: &impl Subject, tenant: &str, seconds: i64, limit: usize) -> Vec<Outbound> {
    claim_of(store, tenant, Claimable::Heads, seconds, limit).await
}

/// Claims rows of the tenant's channel, for a minute.
pub async fn claim_of(
    store: &impl Subject,
    tenant: &str,
    which: Claimable,
    seconds: i64,
    limit: usize,
) -> Vec<Outbound> {
    let channel_key = Customer::of(tenant, 0).channel_key();
    let (now, lease_until) = (at(seconds), at(seconds + 60));
    let claim = Claim { channel_key, which, keep_order: true, node: node(), now, lease_until, limit };
    store.claim(claim).await.expect("claims")
}

/// An attempt ended so; it cost 7.
pub async fn settle(store: &impl Subject, message: &Outbound, result: Settled, seconds: i64) {
    let settlement = Settlement { message: message.clone(), result, via: None, cost_micros: 7, at: at(seconds) };
    store.settle(settlement.into()).await.expect("settles");
}

/// The provider took it, under this id.
pub fn taken(name: &str) -> Settled {
    Settled::Sent(Receipt { provider_message_id: ProviderMessageId::new(name) })
}

/// A callback about a message, through the message's own channel.
pub fn callback(message: &Outbound, status: DeliveryStatus, seconds: i64) -> StatusUpdate {
    StatusUpdate {
        tenant: message.tenant.clone(),
        channel: message.channel.clone(),
        scheme: message.to.scheme(),
        id: Some(message.id),
        provider_message_id: ProviderMessageId::new("SMout"),
        status,
        generation: None,
        code: None,
        failure: None,
        pricing: None,
        at: at(seconds),
    }
}

/// Their ids.
pub fn ids(messages: &[Outbound]) -> Vec<OutboundId> {
    messages.iter().map(|message| message.id).collect()
}
