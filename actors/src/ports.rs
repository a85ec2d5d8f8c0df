//! Ports: the traits through which the core reaches the store and the providers.
//!
//! The adapters implement them. `testing` has a fake of each, and a conformance suite that every implementation passes.

mod account_news;
mod assistant;
mod claims;
mod error;
mod inbox;
mod live;
mod loaded;
mod notifier;
mod quota_leases;
mod rate_limit;
mod recipients;
mod same_person;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::account_news::AccountNews;
pub use self::assistant::Assistant;
pub use self::claims::{Claim, ClaimUnknown, Claimable, EndedLeases, ExpediteRetries};
pub use self::error::{PortError, PortErrorKind};
pub use self::inbox::{Acceptance, Inbox};
pub use self::live::LiveScope;
pub use self::loaded::{DueTimer, Loaded};
pub use self::notifier::{Notification, Notifier};
pub use self::quota_leases::{LeaseGrant, LeaseRequest, QuotaLeases};
pub use self::rate_limit::{Acquired, KeyedLimit, LimitKey, RateLimiter};
pub use self::recipients::{OptIn, RecipientStatus, RecipientStatuses};
pub use self::same_person::{SamePerson, ShownBy, Union};
use crate::domain::Timestamp;
use crate::domain::address::Scheme;
use crate::domain::booking::Agenda;
pub use crate::domain::budget::Usage;
use crate::domain::conversation::ConversationKey;
use crate::domain::ids::{ChannelId, ConversationId, InboundId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::late_failure::LateFailure;
use crate::domain::live::LiveKnowledge;
use crate::domain::message::Outbound;
use crate::domain::send::{Found, OnUnknown, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice};
use crate::domain::status::{DeliveryStatus, HeldReason, OutboxState};
use crate::domain::turn::Turn;

/// A boxed future that may cross threads; what an asynchronous port returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// Conversations' states and turns.
pub trait Turns: Send + Sync {
    /// The state of a conversation, and its accepted messages up to `through` that had no turn yet, in order of
    /// acceptance. (Later ones are still on their way through memory.)
    fn load(&self, key: &ConversationKey, through: Option<InboundId>) -> Pending<'_, Result<Loaded, PortError>>;

    /// What is booked of the tenant's resources from now on, and what the conversation's contact has booked. Asked for where
    /// the tenant's flows need it.
    fn agenda(&self, key: &ConversationKey, now: Timestamp) -> Pending<'_, Result<Agenda, PortError>>;

    /// The tenant's open live session. Asked for by turns that need it ([`crate::domain::turn::Lookup::Live`]).
    fn live(&self, tenant: &TenantId, scope: LiveScope) -> Pending<'_, Result<LiveKnowledge, PortError>>;

    /// Commits a turn (I4). `Conflict`: the version moved, the message had its turn already, or the timer is gone; nothing was
    /// written, load again. After any other error the outcome may be unknown: load again.
    fn commit(&self, turn: Turn) -> Pending<'_, Result<(), PortError>>;

    /// Conversations whose `timer_at` has passed, oldest first.
    fn due(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<ConversationKey>, PortError>>;

    /// Timers that have come, the earliest first, but for notices to the tenant's people
    /// ([`crate::domain::timer::TimerKind::Notify`]). One whose kind this version does not know is left alone.
    fn due_timers(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<DueTimer>, PortError>>;

    /// The key of a conversation; `None` when the tenant has no such conversation.
    fn key_of(
        &self,
        tenant: &TenantId,
        conversation: ConversationId,
    ) -> Pending<'_, Result<Option<ConversationKey>, PortError>>;

    /// Makes two addresses those of one contact, whichever was known first, with everything that follows (I6): after a STOP by
    /// either, what waits is suppressed for both.
    fn same_person(&self, found: SamePerson) -> Pending<'_, Result<Union, PortError>>;

    /// Closes live sessions whose last seller message is older than the tenant's idle time, with their events.
    fn close_idle_live_sessions(
        &self,
        tenant: &TenantId,
        idle_since: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<u64, PortError>>;
}

/// Rows of `messages_out`.
pub trait Outbox: Send + Sync {
    /// Leases up to `limit` pending rows of a channel that are due, oldest first, at most the head of each conversation queue:
    /// `sending`, `attempts + 1`, leased to the node until `lease_until`, event `message_claimed`. Costs the same
    /// however many rows wait.
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// Makes queue heads that failed in their present generation, and wait for a retry, due now. Answers how many. Unknown
    /// rows stay unknown: they are reconciled first (I5).
    fn expedite(&self, expedite: ExpediteRetries) -> Pending<'_, Result<u64, PortError>>;

    /// Writes an outcome with its event. A row whose status callback came first keeps its further status (I8).
    fn settle(&self, settlement: Arc<Settlement>) -> Pending<'_, Result<(), PortError>>;

    /// Applies a provider's status callback: forward only, and always an event (I8). A failure that may pass
    /// ([`LateFailure::consequence`]) begins another generation of the message: `message_requeued`, and `message_deferred` when
    /// it waits for the contact. News of an earlier generation changes the row only when it is a success.
    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>>;

    /// Channels with pending rows, and the earliest time at which a row of each may be due: a queue head, or a quota-exempt
    /// row wherever it is queued ([`Claimable::QuotaExempt`]).
    fn due(&self) -> Pending<'_, Result<Vec<(ChannelKey, Timestamp)>, PortError>>;

    /// Turns rows whose lease is over (all `sending` rows of other nodes on SQLite, where there is one node at a time) to
    /// `unknown`, due for reconciliation at once, event `message_unknown`. Answers how many.
    fn expire_leases(&self, over: EndedLeases) -> Pending<'_, Result<u64, PortError>>;

    /// Leases `unknown` rows that are due for reconciliation to the node; they stay `unknown`.
    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>>;

    /// Which of these provider's ids belong to other rows of the tenant: the receipt of a duplicate candidate proves nothing
    /// (I5).
    fn owned_by_others<'a>(
        &'a self,
        message: &'a Outbound,
        ids: &'a [ProviderMessageId],
    ) -> Pending<'a, Result<Vec<ProviderMessageId>, PortError>>;

    /// Whether another row to the same person must be settled before a receipt can be attributed: one that is being sent, or
    /// an older one that is unknown as well (I5). Rows of the channels in `through` count: the channel that the receipts are
    /// of, and those whose fallback it is. A phone number is the same person on each of them
    /// ([`crate::domain::address::Address::aliases`]). Call it before [`Outbox::owned_by_others`].
    fn awaits_duplicate_candidate<'a>(
        &'a self,
        message: &'a Outbound,
        through: &'a [ChannelId],
    ) -> Pending<'a, Result<bool, PortError>>;

    /// Until when an older message of its conversation is held ([`Settled::Held`]), if one is: a message that is not urgent
    /// does not pass it.
    fn held_before<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Option<Timestamp>, PortError>>;

    /// Repairs conversation queues. `deferred` rows whose contact has written since, and held rows whose time has come, go
    /// back into their conversation queue (`message_released`), all of a conversation at once and at their old place. Rows
    /// past their `expires_at` become dead letters (`expired`). Queues that lost their head get a new one.
    fn maintain(&self, now: Timestamp) -> Pending<'_, Result<MaintenanceReport, PortError>>;

    /// What a tenant sent since that time (for `per_day` and the budget).
    fn usage(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<Usage, PortError>>;

    /// Channels that are paused.
    fn pauses(&self) -> Pending<'_, Result<Vec<Pause>, PortError>>;

    /// Pauses a channel (the provider suspended it, or a person did), or, with `until` in the past, ends its pause. `at` is
    /// the caller's now.
    fn pause(&self, pause: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>>;

    /// Writes a notice for operators (I11) that no rows of a channel are claimed until then, and why (`breaker_open`,
    /// `per_day`); with `until` in the past, that this is over. One notice per channel, however many rows wait. It is repeated
    /// within [`NOTICE_TTL`] while it holds, because a node that stops cannot withdraw its notices. `at` is the caller's now.
    fn post_channel_notice(&self, notice: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>>;
}

/// How long a notice of [`Outbox::post_channel_notice`] holds when it is not repeated: its node may be gone.
pub const NOTICE_TTL: Duration = Duration::from_secs(180);

/// A channel of a tenant, whose messages take turns with those of other channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
}

/// What [`Outbox::maintain`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// How many rows changed.
    pub changed: u64,
    /// The channels of the rows that became dead letters.
    pub died: Vec<ChannelKey>,
}

/// A channel that sends nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The channel.
    pub channel_key: ChannelKey,
    /// The reason: a code or a word.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The message, with the attempt counted.
    pub message: Outbound,
    /// The result.
    pub result: Settled,
    /// The channel that was used, when it was the fallback. The consent ledger notes it of a welcome: the contact can confirm
    /// there.
    pub via: Option<Via>,
    /// What it cost when it was sent, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// The moment at which the outcome was known.
    pub at: Timestamp,
}

/// A fallback channel that a message left through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The channel.
    pub channel: ChannelId,
    /// The scheme of its addresses.
    pub scheme: Scheme,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// `sent`, event `message_sent`.
    Sent(Receipt),
    /// `sent`, by an earlier attempt, as the provider said when it was asked (`found_at_provider`).
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
        /// `blocked_reason`: a word or a code, free of personal data.
        reason: String,
    },
    /// `unknown`, to be reconciled at that time.
    Unknown {
        /// When to ask the provider.
        ask_at: Timestamp,
        /// `last_error`
        reason: String,
    },
    /// `deferred` until the contact writes or confirms, event `message_deferred`. The attempt is taken back.
    Deferred {
        /// `blocked_reason`: `window_closed`, `not_confirmed`, or the provider's code.
        reason: String,
    },
    /// `deferred` until then. The message leaves the conversation queue meanwhile; event `message_deferred`, the attempt is
    /// taken back.
    Held {
        /// `next_attempt_at`
        until: Timestamp,
        /// `blocked_reason`
        reason: HeldReason,
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
    /// The tenant of the channel that it came in on.
    pub tenant: TenantId,
    /// The channel it came in on.
    pub channel: ChannelId,
    /// The scheme of the channel's addresses.
    pub scheme: Scheme,
    /// Our id, from the callback's query string.
    pub id: Option<OutboundId>,
    /// The provider's id.
    pub provider_message_id: ProviderMessageId,
    /// The reported status.
    pub status: DeliveryStatus,
    /// The generation of the message that it is about, from the callback's query string ([`StatusUpdate::is_obsolete`]).
    pub generation: Option<u32>,
    /// The provider's error code, for failures.
    pub code: Option<String>,
    /// What that code means ([`Gateway::class_of`]), and what may be done about it; the engine fills it in.
    pub failure: Option<LateFailure>,
    /// The category under which the provider bills the message, as it names it (`utility`).
    pub pricing: Option<String>,
    /// When it was received.
    pub at: Timestamp,
}

impl StatusUpdate {
    /// Whether it is about an earlier generation of the message and says nothing about the present one. That the contact has the
    /// message counts whenever it comes; that the provider took the message, or could not deliver it, is over.
    #[must_use]
    pub fn is_obsolete(&self, generation: u32) -> bool {
        let arrived = matches!(self.status, DeliveryStatus::Delivered | DeliveryStatus::Read);
        !arrived && self.generation.is_some_and(|of| of < generation)
    }
}

/// What a status callback did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// The row is in this state now.
    To(OutboxState),
    /// The row is in this state now, and nobody had said before that the contact has the message.
    Arrived(OutboxState),
    /// It failed, and is back in its conversation queue as another generation, due then.
    Requeued(Timestamp),
    /// It was late or repeated, and left an event only.
    Unchanged(OutboxState),
    /// The tenant and channel have no such row.
    NoSuchMessage,
}

impl Advanced {
    /// What a callback did that moved a row forward.
    #[must_use]
    pub fn forward(before: OutboxState, now: OutboxState) -> Self {
        let arrived = |state| matches!(state, OutboxState::Delivered | OutboxState::Read);
        if arrived(now) && !arrived(before) { Self::Arrived(now) } else { Self::To(now) }
    }
}

/// A channel's connection to its provider.
pub trait Gateway: Send + Sync {
    /// Hands a message over. Every outcome is classified; the future must not outlive its own deadline.
    fn send<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>>;

    /// Asks the provider whether it took a message (I5).
    fn find<'a>(&'a self, request: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>>;

    /// What one of the provider's codes means, in an answer and in a status callback alike. `None`: it is not in the catalogue.
    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        let _ = code;
        None
    }

    /// Whether the provider says with this code that it does not know why a message failed, so that it may have arrived: it is
    /// worth one more try, and no third.
    fn may_have_arrived(&self, code: &str) -> bool {
        let _ = code;
        false
    }

    /// What to do when the provider cannot tell.
    fn on_unknown(&self) -> OnUnknown {
        OnUnknown::default()
    }

    /// Shows a contact for a while that somebody is typing. `None`: the provider has nothing like it. Nothing waits for it, it
    /// is not tried again, and nobody is told how it went.
    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        let _ = notice;
        None
    }
}

/// The gateways, by channel.
pub trait Gateways: Send + Sync {
    /// The gateway of a channel; `None` when the configuration does not have it (any more).
    fn get(&self, channel: &ChannelId) -> Option<Arc<dyn Gateway>>;

    /// Why a channel has none: the reason that its messages wait for.
    fn missing(&self, channel: &ChannelId) -> &'static str {
        let _ = channel;
        "channel_not_configured"
    }
}
