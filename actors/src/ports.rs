//! What the heart needs of the outside. The shell implements these; `testing` has fakes of them, and a conformance suite
//! that every implementation passes.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::ids::{ChannelId, CorrelationId, InboundId, NodeId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::message::{Inbound, NewInbound, Outbound};
use crate::domain::send::{Found, OnUnknown, Receipt, SendError};
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::domain::turn::Turn;

/// A boxed future that may cross threads; what an asynchronous port returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// Accepted messages.
pub trait Inbox: Send + Sync {
    /// Makes a batch durable: row, dedupe key and `webhook_received` (or `idempotent_ignored`) event of each (I1, I2).
    /// Answers in the order of the batch, after the commit. Ids are given in that order and grow from call to call
    /// (I3). One entry that cannot be stored fails alone.
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>>;

    /// A tenant's accepted messages that had no turn yet, in order of acceptance, later than `after`.
    fn backlog(
        &self,
        tenant: &TenantId,
        after: Option<InboundId>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<Inbound>, PortError>>;

    /// The tenants that have such messages, accepted before the given moment.
    fn tenants_behind(&self, accepted_before: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>>;

    /// Sets a message aside as dead, for a reason that is a word (`poisonous`), with a `message_dead` event. It has no
    /// turn any more. No effect when it had its turn already.
    fn bury(&self, message: &Inbound, reason: &'static str, at: Timestamp) -> Pending<'_, Result<(), PortError>>;
}

/// What became of a webhook's message.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every answer is the large one")]
pub enum Acceptance {
    /// It is ours to process.
    New(Inbound),
    /// It was there before.
    Duplicate {
        /// The flow of the message that was there first.
        first: CorrelationId,
    },
}

/// Conversations' states and turns.
pub trait Turns: Send + Sync {
    /// The state of a conversation, and its accepted messages that had no turn yet, in order of acceptance.
    fn load(&self, key: &ConversationKey) -> Pending<'_, Result<Loaded, PortError>>;

    /// Commits a turn (I4). `Conflict`: the version moved or the message had its turn already; nothing was written,
    /// load again. After any other error the outcome may be unknown: load again.
    fn commit(&self, turn: Turn) -> Pending<'_, Result<(), PortError>>;

    /// Conversations whose `timer_at` has come, oldest first.
    fn due(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<ConversationKey>, PortError>>;

    /// Closes live sessions whose last seller message is older than the tenant's idle time, with their events.
    fn close_idle_live_sessions(
        &self,
        tenant: &TenantId,
        idle_since: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<u64, PortError>>;
}

/// A conversation as the store has it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its state.
    pub state: State,
    /// What waits for a turn.
    pub waiting: Vec<Inbound>,
    /// Whether rows of it in `messages_out` are not settled yet (pending, sending, unknown, deferred): a new one must
    /// queue behind them.
    pub unsettled: bool,
}

/// Rows of `messages_out`.
pub trait Outbox: Send + Sync {
    /// Leases up to `limit` pending rows of a tenant that are due, oldest first, at most the head of each conversation:
    /// `sending`, `attempts + 1`, leased to the node until `lease_until`.
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// Writes outcomes down, with their events. A row whose status callback came first keeps its further status (I8).
    fn settle(&self, settlement: Settlement) -> Pending<'_, Result<(), PortError>>;

    /// Applies a provider's status callback: forward only, and always an event (I8).
    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>>;

    /// Tenants with pending rows, and the earliest moment at which one of each is due.
    fn due(&self) -> Pending<'_, Result<Vec<(TenantId, Timestamp)>, PortError>>;

    /// Turns rows whose lease ran out (all `sending` rows of other nodes on SQLite, where there is one node at a time) to
    /// `unknown`, due for reconciliation at once. Answers how many.
    fn expire_leases(&self, node: &NodeId, now: Timestamp) -> Pending<'_, Result<u64, PortError>>;

    /// Leases `unknown` rows that are due for reconciliation to the node; they stay `unknown`.
    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// How many messages a tenant handed to providers since a moment (for `per_day`).
    fn sent_since(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<u64, PortError>>;
}

/// Which rows to lease.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose.
    pub tenant: TenantId,
    /// For whom.
    pub node: NodeId,
    /// Rows due by then.
    pub now: Timestamp,
    /// Until when.
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: usize,
}

/// Which unknown rows to look into.
#[derive(Clone, Debug)]
pub struct ClaimUnknown {
    /// For whom.
    pub node: NodeId,
    /// Rows due by then (`next_attempt_at`).
    pub now: Timestamp,
    /// Nobody else looks into them until then (becomes `next_attempt_at`).
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: usize,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The message, with the attempt counted.
    pub message: Outbound,
    /// What came of it.
    pub result: Settled,
    /// When.
    pub at: Timestamp,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// `sent`, event `message_sent`.
    Sent(Receipt),
    /// Back to `pending` until then. `counted` is false when nothing was tried (paced, shut down): the attempt is taken
    /// back.
    Later {
        /// `next_attempt_at`
        at: Timestamp,
        /// `last_error`: a code or a word, free of personal data.
        reason: String,
        /// Whether the attempt counts.
        counted: bool,
    },
    /// `unknown`, to be looked into at that time.
    Unknown {
        /// When to ask the provider.
        ask_at: Timestamp,
        /// `last_error`
        reason: String,
    },
    /// `suppressed`, event `message_suppressed`.
    Suppressed {
        /// `last_error`: `opted_out`.
        reason: String,
        /// The provider said so (21610, 63033): record the opt-out too.
        record_opt_out: bool,
    },
    /// `dead`, event `message_dead`.
    Dead {
        /// `last_error`: the provider's code, or `exhausted`.
        reason: String,
    },
}

/// A provider's status callback, decoded.
#[derive(Clone, Debug)]
pub struct StatusUpdate {
    /// Whose channel it came in on.
    pub tenant: TenantId,
    /// The channel it came in on.
    pub channel: ChannelId,
    /// Our id, from the callback's query string.
    pub id: Option<OutboundId>,
    /// The provider's id.
    pub provider_message_id: ProviderMessageId,
    /// What it says.
    pub status: DeliveryStatus,
    /// The provider's error code, for failures.
    pub code: Option<String>,
    /// When it came in.
    pub at: Timestamp,
}

/// What a status callback did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// The row is in this state now.
    To(OutboxState),
    /// Late or repeated: an event and nothing else.
    Unchanged(OutboxState),
    /// No such row for this tenant and channel.
    NoSuchMessage,
}

/// The list of those who said STOP.
pub trait Consent: Send + Sync {
    /// Whether an address of a tenant said STOP. The last gate asks right before the wire, and an error keeps the
    /// message back: it fails closed (I6).
    fn is_opted_out(&self, tenant: &TenantId, address: &Address) -> Pending<'_, Result<bool, PortError>>;
}

/// One channel's way to its provider.
pub trait Gateway: Send + Sync {
    /// Hands a message over. Every outcome is classified; the future must not outlive its own deadline.
    fn send<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Receipt, SendError>>;

    /// Asks the provider whether it took a message (I5).
    fn find<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Found, SendError>>;

    /// What to do when the provider cannot tell.
    fn on_unknown(&self) -> OnUnknown {
        OnUnknown::default()
    }
}

/// The gateways by channel.
pub trait Gateways: Send + Sync {
    /// The gateway of a channel; `None` when the configuration does not have it (any more).
    fn get(&self, channel: &ChannelId) -> Option<Arc<dyn Gateway>>;
}

/// A port failed.
#[derive(Debug, thiserror::Error)]
pub struct PortError {
    /// What kind of failure.
    pub kind: PortErrorKind,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// The dependency is away.
    Unavailable,
    /// It did not answer in time; the outcome is unknown.
    Timeout,
    /// Somebody else was first, or a constraint says no; nothing was written.
    Conflict,
    /// What came back makes no sense; trying again will not help.
    Corrupt,
}

impl PortError {
    /// A failure with its cause.
    pub fn new(kind: PortErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// Trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, PortErrorKind::Unavailable | PortErrorKind::Timeout)
    }

    /// It may or may not have happened.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        self.kind == PortErrorKind::Timeout
    }
}

impl From<PortErrorKind> for PortError {
    fn from(kind: PortErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PortErrorKind::Unavailable => "the dependency is unavailable",
            PortErrorKind::Timeout => "the dependency did not answer in time",
            PortErrorKind::Conflict => "somebody else was first",
            PortErrorKind::Corrupt => "the stored data makes no sense",
        })
    }
}
