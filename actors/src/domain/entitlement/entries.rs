//! Entries of a ledger: payments and what became of them, grants, and what the payment provider says.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// How a plan treats those who do not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long access goes on after what was paid has run out without a cancellation.
    pub grace: TimeDelta,
    /// What a disputed payment is worth while the dispute is open.
    pub dispute: DisputePolicy,
    /// Whether what was paid runs out by itself and is renewed by a further payment.
    pub renews: bool,
}

/// What an open dispute does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisputePolicy {
    /// The payment does not count until the dispute is won.
    #[default]
    Suspend,
    /// It counts until the dispute is lost.
    Keep,
}

/// Until when something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Up to this moment, which is no longer in it.
    At(Timestamp),
    /// It has no end.
    Forever,
}

impl Until {
    /// Whether this moment is in it.
    #[must_use]
    pub fn includes(self, now: Timestamp) -> bool {
        match self {
            Self::At(end) => now < end,
            Self::Forever => true,
        }
    }

    /// The end, if there is one.
    #[must_use]
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::At(end) => Some(end),
            Self::Forever => None,
        }
    }
}

/// An amount in the currency's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money {
    /// 999 for 9.99 €.
    pub amount: i64,
    /// `eur`; `xtr` for Stars.
    pub currency: String,
}

/// A payment, with what has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// When it was paid.
    pub paid_at: Timestamp,
    /// What it pays for.
    pub covers: Until,
    /// How much it was, as far as that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// It was given back as a whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_refunded: bool,
    /// It is, or was, disputed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How far a dispute is. A later stage is never undone by an earlier one that is told late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispute {
    /// Nobody has decided yet.
    Open,
    /// The money stays here.
    Won,
    /// The money went back.
    Lost,
}

/// Access that a person of the tenant gave, which the audit log shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// When it was given.
    pub at: Timestamp,
    /// For how long.
    pub until: Until,
    /// It was taken back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_withdrawn: bool,
}

/// What the payment provider says of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderStatus {
    /// A free period before the first payment.
    Trialing,
    /// Paid.
    Active,
    /// A renewal failed, and the provider goes on trying.
    PastDue,
    /// The first payment is not there yet.
    Incomplete,
    /// It ended, for whatever reason.
    Ended,
}

/// The subscription as the provider showed it when it was last asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderState {
    /// When it was asked: an answer that is older than the one that is known changes nothing.
    pub asked_at: Timestamp,
    /// What it said.
    pub status: ProviderStatus,
    /// Begin of the period that runs.
    pub period_start: Timestamp,
    /// End of the period that runs.
    pub period_end: Timestamp,
    /// It will not be renewed after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// It ended because renewals were not paid: the grace that was promised goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_unpaid: bool,
    /// When the card that pays it ends, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_ends_at: Option<Timestamp>,
}

/// Something that is recorded in a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum LedgerEntry {
    /// A payment, by the provider's id of it.
    Paid {
        /// The provider's id.
        payment: String,
        /// When.
        paid_at: Timestamp,
        /// For what.
        covers: Until,
        /// How much, where the report tells it.
        money: Option<Money>,
    },
    /// A payment was given back as a whole. It may be told before the payment itself.
    Refunded {
        /// The provider's id of the payment.
        payment: String,
    },
    /// A payment is disputed, or a dispute was decided.
    Disputed {
        /// The provider's id of the payment.
        payment: String,
        /// How far it is.
        stage: Dispute,
    },
    /// The provider was asked.
    Asked(ProviderState),
    /// Access was given by hand.
    Granted {
        /// Its id in the audit log.
        grant: String,
        /// When.
        at: Timestamp,
        /// For how long.
        until: Until,
    },
    /// Access that was given by hand was taken back, or all access was.
    Withdrawn {
        /// Which grant.
        grant: String,
    },
    /// A person of the tenant ended all access to what was paid up to now.
    Revoked {
        /// When.
        at: Timestamp,
    },
}
