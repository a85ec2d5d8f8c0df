//! Events that the store itself writes, beside those of the turns.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, EventId, LiveSessionId, OutboundId, TenantId};
use palabre_actors::domain::message::{Inbound, NewInbound};
use palabre_actors::domain::status::{DeliveryStatus, Transition};
use palabre_actors::ports::StatusUpdate;
use uuid::Uuid;

use super::insert::Rows;
use super::sql::EVENT_LOG;
use super::statement::{id, id_or_null, text, time};

/// Events of one transaction, in the order in which they happened.
pub(super) struct Events(Rows);

impl Events {
    pub const fn none() -> Self {
        Self(Rows::of(EVENT_LOG))
    }

    pub fn push(&mut self, event: &Event) {
        self.0.push([
            id(event.id),
            text(event.tenant.as_str()),
            text(event.event_type.as_str()),
            text(event.entity_type.as_str()),
            id_or_null(event.entity_id),
            id(event.correlation),
            text(event.actor_type.as_str()),
            text(event.payload.as_json()),
            time(event.created_at),
        ]);
    }

    pub fn into_rows(self) -> Rows {
        self.0
    }
}

pub(super) fn webhook_received(new: &NewInbound, message: Uuid) -> Event {
    let payload = Payload::builder().provider_id("provider_message_id", &new.provider_message_id);
    Event {
        id: EventId::fresh(),
        tenant: new.tenant.clone(),
        event_type: EventType::WebhookReceived,
        entity_type: EntityType::MessageIn,
        entity_id: Some(message),
        correlation: new.correlation,
        actor_type: ActorType::Provider,
        payload: match new.spooled {
            true => payload.flag("spooled", true).finish(),
            false => payload.finish(),
        },
        created_at: new.received_at,
    }
}

pub(super) fn idempotent_ignored(new: &NewInbound, first: CorrelationId) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: new.tenant.clone(),
        event_type: EventType::IdempotentIgnored,
        entity_type: EntityType::MessageIn,
        entity_id: None,
        correlation: first,
        actor_type: ActorType::Provider,
        payload: Payload::duplicate(&new.provider_message_id),
        created_at: new.received_at,
    }
}

pub(super) fn dead_lettered(message: &Inbound, reason: &'static str, at: Timestamp) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: message.tenant.clone(),
        event_type: EventType::MessageDead,
        entity_type: EntityType::MessageIn,
        entity_id: Some(message.id.0),
        correlation: message.correlation,
        actor_type: ActorType::System,
        payload: Payload::reason(reason),
        created_at: at,
    }
}

/// An outbound message, as its events name it.
#[derive(Clone, Copy)]
pub(super) struct OutboundRef<'a> {
    pub tenant: &'a TenantId,
    pub message: OutboundId,
    pub correlation: CorrelationId,
}

/// Why something was done to an outbound message, at which attempt, and through which channel if it was another.
#[derive(Clone, Copy)]
pub(super) struct EventReason<'a> {
    pub reason: &'a str,
    pub attempt: Option<u32>,
    pub via: Option<&'a ChannelId>,
}

impl<'a> EventReason<'a> {
    pub const fn of(reason: &'a str) -> Self {
        Self { reason, attempt: None, via: None }
    }

    pub const fn at(reason: &'a str, attempt: u32) -> Self {
        Self { reason, attempt: Some(attempt), via: None }
    }
}

/// An event of Palabre's own about an outbound message.
pub(super) fn outbound(
    reference: OutboundRef<'_>,
    transition: Transition,
    why: EventReason<'_>,
    at: Timestamp,
) -> Event {
    let mut payload = Payload::builder().text("reason", why.reason);
    if let Some(attempt) = why.attempt {
        payload = payload.number("attempt", attempt);
    }
    if let Some(via) = why.via {
        payload = payload.text("via", via.as_str());
    }
    Event {
        id: EventId::fresh(),
        tenant: reference.tenant.clone(),
        event_type: transition.event(),
        entity_type: EntityType::MessageOut,
        entity_id: Some(reference.message.0),
        correlation: reference.correlation,
        actor_type: ActorType::System,
        payload: payload.finish(),
        created_at: at,
    }
}

/// A message that failed late began another generation, due then.
pub(super) fn requeued(reference: OutboundRef<'_>, code: &str, life: u32, (due, at): (Timestamp, Timestamp)) -> Event {
    let payload = Payload::builder().text("reason", code).number("life", life);
    Event {
        payload: payload.number("wait_seconds", (due - at).num_seconds().max(0)).finish(),
        ..outbound(reference, Transition::Requeue, EventReason::of(""), at)
    }
}

/// A provider's callback, whether it changed anything or not. One about an earlier generation says so.
pub(super) fn callback(update: &StatusUpdate, message: OutboundId, correlation: CorrelationId, old: bool) -> Event {
    let mut payload = Payload::builder();
    if let Some(code) = &update.code {
        payload = payload.text("code", code);
    }
    if let Some(category) = &update.pricing {
        payload = payload.text("pricing", category);
    }
    if old {
        payload = payload.word("reason", "earlier_life");
    }
    Event {
        id: EventId::fresh(),
        tenant: update.tenant.clone(),
        event_type: match update.status {
            DeliveryStatus::Sent => EventType::MessageSent,
            DeliveryStatus::Delivered => EventType::MessageDelivered,
            DeliveryStatus::Read => EventType::MessageRead,
            DeliveryStatus::Failed => EventType::MessageFailed,
        },
        entity_type: EntityType::MessageOut,
        entity_id: Some(message.0),
        correlation,
        actor_type: ActorType::Provider,
        payload: payload.finish(),
        created_at: update.at,
    }
}

pub(super) fn opted_out_at_provider(
    tenant: &TenantId,
    contact: Option<Uuid>,
    correlation: CorrelationId,
    at: Timestamp,
) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: tenant.clone(),
        event_type: EventType::OptedOut,
        entity_type: EntityType::Contact,
        entity_id: contact,
        correlation,
        actor_type: ActorType::Provider,
        payload: Payload::builder().word("source", "provider").finish(),
        created_at: at,
    }
}

pub(super) fn live_session(
    tenant: &TenantId,
    session: LiveSessionId,
    event_type: EventType,
    correlation: CorrelationId,
    at: Timestamp,
) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: tenant.clone(),
        event_type,
        entity_type: EntityType::LiveSession,
        entity_id: Some(session.0),
        correlation,
        actor_type: ActorType::System,
        payload: Payload::EMPTY,
        created_at: at,
    }
}
