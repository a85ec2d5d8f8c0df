//! Events: rows of the append-only `event_log`, without personal data (I10).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;
use super::ids::{CorrelationId, EventId, TenantId};
use super::words::stored_words;

mod payload;
mod personal;

pub use self::payload::{Payload, PayloadBuilder, PersonalData};
pub use self::personal::{looks_personal, names_somebody};

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// What happened.
    pub event_type: EventType,
    /// The kind of row that it is about.
    pub entity_type: EntityType,
    /// The id of that row, if there is one.
    pub entity_id: Option<Uuid>,
    /// The correlation id.
    pub correlation: CorrelationId,
    /// What did it; who it was stands in the payload as `actor`, where that is known.
    pub actor_type: ActorType,
    /// Details, free of personal data.
    pub payload: Payload,
    /// When the turn or the change was decided, UTC.
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
    MessageQueued,
    MessageClaimed,
    MessagePostponed,
    MessageUnknown,
    MessageDeferred,
    MessageReleased,
    MessageCancelled,
    MessageSent,
    MessageDelivered,
    MessageRead,
    MessageFailed,
    MessageDead,
    MessageSuppressed,
    MessageReplayed,
    MessageRequeued,
    OptedOut,
    OptedIn,
    ContactMerged,
    ContactUnmerged,
    ContactCorrelated,
    MediaStored,
    MediaRefused,
    ContactExported,
    ContactErased,
    Welcomed,
    Confirmed,
    SessionOpened,
    SessionClosed,
    LiveSessionOpened,
    LiveSessionClosed,
    LiveSessionPaused,
    LiveSessionResumed,
    OrderNoted,
    OrderCancelled,
    Escalated,
    HandedOver,
    HandedBack,
    Assigned,
    Resolved,
    Reopened,
    Blocked,
    Unblocked,
    RateLimited,
    FlowStarted,
    FlowCompleted,
    FlowAbandoned,
    BookingHeld,
    BookingConfirmed,
    BookingMoved,
    BookingCancelled,
    BookingDone,
    BookingMissed,
    BookingLate,
    WaitingJoined,
    WaitingOffered,
    WaitingEnded,
    LeadCaptured,
    OfferMade,
    OfferAccepted,
    OfferExpired,
    OfferCancelled,
    PaymentReceived,
    PaymentFailed,
    PaymentRefunded,
    AccessGranted,
    AccessGraceStarted,
    AccessRevoked,
    SilentLoop,
}

stored_words!(EventType {
    WebhookReceived => "webhook_received",
    IdempotentIgnored => "idempotent_ignored",
    MessageRouted => "message_routed",
    MessageQueued => "message_queued",
    MessageClaimed => "message_claimed",
    MessagePostponed => "message_postponed",
    MessageUnknown => "message_unknown",
    MessageDeferred => "message_deferred",
    MessageReleased => "message_released",
    MessageCancelled => "message_cancelled",
    MessageSent => "message_sent",
    MessageDelivered => "message_delivered",
    MessageRead => "message_read",
    MessageFailed => "message_failed",
    MessageDead => "message_dead",
    MessageSuppressed => "message_suppressed",
    MessageReplayed => "message_replayed",
    MessageRequeued => "message_requeued",
    OptedOut => "opted_out",
    OptedIn => "opted_in",
    ContactMerged => "contact_merged",
    ContactUnmerged => "contact_unmerged",
    ContactCorrelated => "contact_correlated",
    MediaStored => "media_stored",
    MediaRefused => "media_refused",
    ContactExported => "contact_exported",
    ContactErased => "contact_erased",
    Welcomed => "welcomed",
    Confirmed => "confirmed",
    SessionOpened => "session_opened",
    SessionClosed => "session_closed",
    LiveSessionOpened => "live_session_opened",
    LiveSessionClosed => "live_session_closed",
    LiveSessionPaused => "live_session_paused",
    LiveSessionResumed => "live_session_resumed",
    OrderNoted => "order_noted",
    OrderCancelled => "order_cancelled",
    Escalated => "escalated",
    HandedOver => "handed_over",
    HandedBack => "handed_back",
    Assigned => "assigned",
    Resolved => "resolved",
    Reopened => "reopened",
    Blocked => "blocked",
    Unblocked => "unblocked",
    RateLimited => "rate_limited",
    FlowStarted => "flow_started",
    FlowCompleted => "flow_completed",
    FlowAbandoned => "flow_abandoned",
    BookingHeld => "booking_held",
    BookingConfirmed => "booking_confirmed",
    BookingMoved => "booking_moved",
    BookingCancelled => "booking_cancelled",
    BookingDone => "booking_done",
    BookingMissed => "booking_missed",
    BookingLate => "booking_late",
    WaitingJoined => "waiting_joined",
    WaitingOffered => "waiting_offered",
    WaitingEnded => "waiting_ended",
    LeadCaptured => "lead_captured",
    OfferMade => "offer_made",
    OfferAccepted => "offer_accepted",
    OfferExpired => "offer_expired",
    OfferCancelled => "offer_cancelled",
    PaymentReceived => "payment_received",
    PaymentFailed => "payment_failed",
    PaymentRefunded => "payment_refunded",
    AccessGranted => "access_granted",
    AccessGraceStarted => "access_grace_started",
    AccessRevoked => "access_revoked",
    SilentLoop => "silent_loop",
});

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
    Booking,
    Lead,
    Offer,
    Subscription,
    OrderLine,
}

stored_words!(EntityType {
    MessageIn => "message_in",
    MessageOut => "message_out",
    Conversation => "conversation",
    Session => "session",
    LiveSession => "live_session",
    Contact => "contact",
    Booking => "booking",
    Lead => "lead",
    Offer => "offer",
    Subscription => "subscription",
    OrderLine => "order_line",
});

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
    Agent,
}

stored_words!(ActorType {
    Provider => "provider",
    Contact => "contact",
    Bot => "bot",
    System => "system",
    Operator => "operator",
    Agent => "agent",
});
