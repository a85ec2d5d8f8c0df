//! Channel event: something that happened at a provider and is no message: payments, members of chats, rights of the bot.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, ProviderMessageId, TenantId};
use palabre_actors::ports::{Pending, PortError};

/// An event that a receiver decoded. `Debug` shows only its kind (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelEvent {
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// The same for a repetition: what it is deduplicated by.
    pub id: ProviderMessageId,
    pub correlation: CorrelationId,
    pub received_at: Timestamp,
    pub kind: ChannelEventKind,
}

/// What happened.
#[derive(Clone, PartialEq, Eq)]
pub enum ChannelEventKind {
    /// Somebody came by a link to a plan. Their message comes as well.
    Started { from: Address, payload: String },
    /// Somebody is about to pay, and waits for an answer (action `answer_checkout`) for ten seconds at most.
    Checkout { query: String, from: Address, price: Price, payload: String },
    /// Somebody has paid.
    Paid(Payment),
    /// A payment was given back.
    Refunded { from: Address, price: Price, payload: String, charge: String },
    /// A subscription was cancelled, taken up again, or could not be renewed.
    SubscriptionChanged { from: Address, payload: String, change: SubscriptionChange },
    /// Somebody asks to be let into a chat (actions `approve` and `decline`; `answer_join` when there is a query).
    JoinRequested { chat: Address, from: Address, invite_link: Option<String>, query: Option<String> },
    /// Somebody's place in a chat has changed.
    MemberChanged { chat: Address, who: Address, before: Membership, after: Membership, invite_link: Option<String> },
    /// The bot's own place in a group or channel has changed.
    OwnRightsChanged { chat: Address, rights: OwnRights },
    /// A group has got another id for good.
    ChatMigrated { from: Address, to: Address },
    /// Somebody is typing a message.
    Typing { from: Address },
}

impl ChannelEventKind {
    /// Its word, for logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Checkout { .. } => "checkout",
            Self::Paid(_) => "paid",
            Self::Refunded { .. } => "refunded",
            Self::SubscriptionChanged { .. } => "subscription_changed",
            Self::JoinRequested { .. } => "join_requested",
            Self::MemberChanged { .. } => "member_changed",
            Self::OwnRightsChanged { .. } => "own_rights_changed",
            Self::ChatMigrated { .. } => "chat_migrated",
            Self::Typing { .. } => "typing",
        }
    }
}

/// An amount in the currency's smallest unit (`XTR`: Stars, whole ones).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub currency: String,
    pub amount: i64,
}

/// A payment that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Payment {
    pub from: Address,
    pub price: Price,
    /// What the invoice was given to carry.
    pub payload: String,
    /// The provider's id of the charge: what a payment is booked under, once.
    pub charge: String,
    /// Until when a subscription is paid with it.
    pub paid_until: Option<Timestamp>,
    /// A renewal, or the first payment of a subscription.
    pub is_recurring: bool,
    pub is_first_recurring: bool,
}

/// What became of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionChange {
    Cancelled,
    Resumed,
    RenewalFailed,
}

/// What somebody is in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Owner,
    Administrator,
    Member,
    Outside,
    Banned,
}

impl Membership {
    /// Its word, as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Outside => "outside",
            Self::Banned => "banned",
        }
    }
}

/// What the bot may do in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRights {
    pub membership: Membership,
    pub can_invite: bool,
    pub can_restrict: bool,
}

impl OwnRights {
    /// Whether it may let people in and out.
    #[must_use]
    pub const fn is_able(self) -> bool {
        matches!(self.membership, Membership::Owner | Membership::Administrator) && self.can_invite && self.can_restrict
    }
}

impl fmt::Debug for ChannelEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelEvent").field("id", &self.id).field("kind", &self.kind.as_str()).finish_non_exhaustive()
    }
}

/// Takes channel events in. Whoever grants access to chats implements it.
pub trait ChannelEvents: Send + Sync {
    /// Takes one. `Ok` means: it is durable, or nothing follows from it. After an error the provider comes again.
    fn take(&self, event: ChannelEvent) -> Pending<'_, Result<(), PortError>>;
}
