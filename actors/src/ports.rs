//! What the heart needs of the outside. The shell implements these; `testing` has fakes of them, and a conformance suite
//! that every implementation passes.

mod claims;
mod error;
mod notifier;
mod quota_leases;
mod rate_limit;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::claims::{Claim, ClaimUnknown, Claimable, EndedLeases, ExpediteRetries};
pub use self::error::{PortError, PortErrorKind};
pub use self::notifier::{Notification, Notifier};
pub use self::quota_leases::{LeaseGrant, LeaseRequest, QuotaLeases};
pub use self::rate_limit::{Acquired, KeyedLimit, LimitKey, RateLimiter};
use crate::domain::Timestamp;
use crate::domain::address::{Address, Scheme};
pub use crate::domain::budget::Usage;
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::ids::{ChannelId, CorrelationId, InboundId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::message::{Inbound, NewInbound, Outbound};
use crate::domain::send::{Found, OnUnknown, OutboundRequest, Receipt, SendError};
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
    fn dead_letter(&self, message: &Inbound, reason: &'static str, at: Timestamp)
    -> Pending<'_, Result<(), PortError>>;
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
    /// It is durable, but not in the store, which is away: its id, its event, and whether it was there before are known
    /// when it is. Whoever keeps it tells the house of it then.
    Spooled,
}

/// Conversations' states and turns.
pub trait Turns: Send + Sync {
    /// The state of a conversation, and its accepted messages up to `through` that had no turn yet, in order of
    /// acceptance. (What came later is still on its way through memory.)
    fn load(&self, key: &ConversationKey, through: Option<InboundId>) -> Pending<'_, Result<Loaded, PortError>>;

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
    /// Whether rows of it in `messages_out` stand in line (pending, sending, unknown): a new one must queue behind them.
    pub open_rows: bool,
    /// Whether rows of it wait for the contact to write (`deferred`): the next turn releases them. What is held until the
    /// tenant may spend again does not count.
    pub deferred: bool,
}

/// Rows of `messages_out`.
pub trait Outbox: Send + Sync {
    /// Leases up to `limit` pending rows of a lane that are due, oldest first, at most the head of each conversation:
    /// `sending`, `attempts + 1`, leased to the node until `lease_until`, event `message_claimed`. Costs the same
    /// however many rows wait.
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// Heads that failed in this life, and wait for another attempt, are due now. Answers how many. What is unknown stays
    /// so: it is asked about before it goes anywhere (I5).
    fn expedite(&self, expedite: ExpediteRetries) -> Pending<'_, Result<u64, PortError>>;

    /// Writes outcomes down, with their events. A row whose status callback came first keeps its further status (I8).
    fn settle(&self, settlement: Arc<Settlement>) -> Pending<'_, Result<(), PortError>>;

    /// Applies a provider's status callback: forward only, and always an event (I8).
    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>>;

    /// Lanes with pending rows, and the earliest moment at which one of each may be due: the head of a line, or what goes
    /// on any day wherever it stands ([`Claimable::QuotaExempt`]).
    fn due(&self) -> Pending<'_, Result<Vec<(ChannelKey, Timestamp)>, PortError>>;

    /// Turns rows whose lease is over (all `sending` rows of other nodes on SQLite, where there is one node at a time) to
    /// `unknown`, due for reconciliation at once, event `message_unknown`. Answers how many.
    fn expire_leases(&self, over: EndedLeases) -> Pending<'_, Result<u64, PortError>>;

    /// Leases `unknown` rows that are due for reconciliation to the node; they stay `unknown`.
    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// Which of these provider's ids other rows of the tenant own than this one: a twin's receipt proves nothing (I5).
    fn owned_by_others<'a>(
        &'a self,
        message: &'a Outbound,
        ids: &'a [ProviderMessageId],
    ) -> Pending<'a, Result<Vec<ProviderMessageId>, PortError>>;

    /// Whether another row to the same person must be settled before anybody can say whose a receipt is: one that is on
    /// the wire, or an older one that is unknown as well (I5). Those count whose channels' messages may leave through the
    /// account that the receipts are of: its own, and those that it takes over for. A phone number is the same person on
    /// each of them ([`Address::aliases`]). Ask it before [`Outbox::owned_by_others`].
    fn awaits_duplicate_candidate<'a>(
        &'a self,
        message: &'a Outbound,
        through: &'a [ChannelId],
    ) -> Pending<'a, Result<bool, PortError>>;

    /// Until when an older message of its conversation is held ([`Settled::Held`]), if one is: what is not urgent either
    /// does not pass it.
    fn held_before<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Option<Timestamp>, PortError>>;

    /// What nobody else does: `deferred` rows whose contact has written since, and held ones whose time has come, go back
    /// into the line (`message_released`), all that a conversation has of them at once and where they stood; those past
    /// their `expires_at` die (`expired`), and lines whose head left without telling get a new one.
    fn maintain(&self, now: Timestamp) -> Pending<'_, Result<MaintenanceReport, PortError>>;

    /// What a tenant handed to providers since a moment (for `per_day` and the budget).
    fn usage(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<Usage, PortError>>;

    /// Channels that are paused.
    fn pauses(&self) -> Pending<'_, Result<Vec<Pause>, PortError>>;

    /// Pauses a channel (the provider suspended it, or a person did), or, with `until` in the past, ends its pause. `at` is
    /// the caller's now.
    fn pause(&self, pause: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>>;

    /// Writes down, for people alone (I11), that nothing of a channel is claimed until then, and why (`breaker_open`,
    /// `per_day`); with `until` in the past, that this is over. Once for a channel, however many rows wait; and again
    /// within [`NOTICE_TTL`] for as long as it is so, because what nobody repeats is over with whoever said it. `at` is the
    /// caller's now.
    fn post_channel_notice(&self, rest: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>>;
}

/// For how long it is believed that a channel rests ([`Outbox::post_channel_notice`]) when nobody says so again: other nodes may be gone.
pub const NOTICE_TTL: Duration = Duration::from_secs(180);

/// A tenant's messages through one channel: what takes turns with other lanes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey {
    /// Whose.
    pub tenant: TenantId,
    /// Through which channel.
    pub channel: ChannelId,
}

/// What [`Outbox::tend`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// How many rows changed.
    pub changed: u64,
    /// Of these, the ones that died, by their lanes.
    pub died: Vec<ChannelKey>,
}

/// A channel sends nothing until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Which channel.
    pub channel_key: ChannelKey,
    /// Why: a code or a word.
    pub reason: String,
    /// Until when.
    pub until: Timestamp,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The message, with the attempt counted.
    pub message: Outbound,
    /// What came of it.
    pub result: Settled,
    /// The channel that was used, when another took over. Of a welcome that left so, the ledger says so: that is where the
    /// contact can confirm.
    pub via: Option<Via>,
    /// What it cost when it was sent, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// When.
    pub at: Timestamp,
}

/// A channel that took over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Which.
    pub channel: ChannelId,
    /// How it addresses people.
    pub scheme: Scheme,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// `sent`, event `message_sent`.
    Sent(Receipt),
    /// The same; an earlier attempt had handed it over, as the provider said when it was asked (`found_at_provider`).
    Found(Receipt),
    /// Back to `pending` until then, after an attempt that failed and may be repeated.
    Retry {
        /// `next_attempt_at`
        at: Timestamp,
        /// `last_error`: a code or a word, free of personal data.
        reason: String,
    },
    /// Back to `pending` until then without spending the attempt, because nothing was tried (a rate limit, an open circuit
    /// breaker).
    Snooze {
        /// `next_attempt_at`
        at: Timestamp,
        /// `last_error`: a word, free of personal data.
        reason: String,
    },
    /// `unknown`, to be looked into at that time.
    Unknown {
        /// When to ask the provider.
        ask_at: Timestamp,
        /// `last_error`
        reason: String,
    },
    /// `deferred` until the contact writes or confirms, event `message_deferred`. The attempt is taken back.
    Deferred {
        /// `last_error`: `window_closed`, `not_confirmed`.
        reason: String,
    },
    /// `deferred` until then: the tenant's budget is spent, and the message is not urgent. It stands in nobody's way
    /// meanwhile. `last_error` is `budget`, event `message_deferred`; the attempt is taken back.
    Held {
        /// `next_attempt_at`
        until: Timestamp,
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
    /// How that addresses people.
    pub scheme: Scheme,
    /// Our id, from the callback's query string.
    pub id: Option<OutboundId>,
    /// The provider's id.
    pub provider_message_id: ProviderMessageId,
    /// What it says.
    pub status: DeliveryStatus,
    /// Which life of the message it is about, from the callback's query string. A failure of an earlier life is no news
    /// for the present one; a success is.
    pub generation: Option<u32>,
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

/// How a contact stands to a tenant's channel, asked right before the wire.
pub trait RecipientStatuses: Send + Sync {
    /// The standing of an address. The last gate asks it right before the wire, and an error keeps the message back: it
    /// fails closed (I6).
    fn recipient_status(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<RecipientStatus, PortError>>;

    /// How the person stands to a double opt-in, as a channel sees it. Asked where a tenant wants it alone.
    fn opt_in(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<OptIn, PortError>>;
}

/// How a person stands to a double opt-in, as one channel sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptIn {
    /// A welcome asked the contact on this channel: it was meant for it, or it left through it when that took over. The
    /// ledger has a row of it, with this channel and an address of theirs.
    pub asked: bool,
    /// The contact, or another one with the same phone number, confirmed on whichever channel: a number is one person.
    pub confirmed: bool,
}

/// How a contact stands to a tenant's channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecipientStatus {
    /// This address or another of the same contact said STOP.
    pub opted_out: bool,
    /// When the contact last wrote on this channel.
    pub last_inbound_at: Option<Timestamp>,
}

/// One channel's way to its provider.
pub trait Gateway: Send + Sync {
    /// Hands a message over. Every outcome is classified; the future must not outlive its own deadline.
    fn send<'a>(&'a self, letter: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>>;

    /// Asks the provider whether it took a message (I5).
    fn find<'a>(&'a self, letter: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>>;

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
