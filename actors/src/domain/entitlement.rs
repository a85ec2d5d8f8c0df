//! Entitlement: who may be in a paid chat, as a function of the ledger of payments and time (I13).
//!
//! The ledger of one subscription holds what was paid, refunded, disputed and granted by hand, each once, and what the payment
//! provider last said of the subscription. Order and repetition of what is recorded change nothing: entries are a set, and of
//! two answers of the provider the later one counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::words::stored_words;

mod entries;
mod notices;
#[cfg(test)]
mod tests;

pub use self::entries::{
    Dispute, DisputePolicy, Grant, LedgerEntry, Money, Payment, ProviderState, ProviderStatus, Terms, Until,
};
pub use self::notices::{Notice, NoticeKind, notices_due, paid_twice};

/// Whether what a bot's link carries is about a plan: `plan_premium`, `stars_premium`, `claim_…`, `move_…`.
#[must_use]
pub fn is_plan_link(start: &str) -> bool {
    ["plan_", "stars_", "claim_", "move_"].iter().any(|prefix| start.starts_with(prefix))
}

/// Everything that counts for one subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    payments: BTreeMap<String, Payment>,
    /// Told of payments that are not known yet.
    refunded: BTreeSet<String>,
    disputed: BTreeMap<String, Dispute>,
    grants: BTreeMap<String, Grant>,
    withdrawn: BTreeSet<String>,
    provider: Option<ProviderState>,
    revoked_at: Option<Timestamp>,
}

/// The state of a subscription, as `subscriptions.state` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Nothing was paid yet.
    Pending,
    /// Paid, or granted.
    Active,
    /// What was paid has run out, and access goes on for some days.
    Grace,
    /// It ended with time.
    Expired,
    /// It was ended: refunded, disputed, or by a person of the tenant.
    Revoked,
}

stored_words!(SubscriptionState {
    Pending => "pending",
    Active => "active",
    Grace => "grace",
    Expired => "expired",
    Revoked => "revoked",
});

impl SubscriptionState {
    /// Whether whoever has it may be in the plan's chats.
    #[must_use]
    pub const fn gives_access(self) -> bool {
        matches!(self, Self::Active | Self::Grace)
    }
}

/// What a ledger amounts to at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The state.
    pub state: SubscriptionState,
    /// Until when it is paid or granted. `None`: it never was.
    pub paid_until: Option<Until>,
    /// Until when they may stay. `None`: they may not.
    pub access_until: Option<Until>,
    /// It will not be renewed.
    pub is_cancelled: bool,
}

impl Entitlement {
    /// Whether they may be in the plan's chats.
    #[must_use]
    pub const fn has_access(&self) -> bool {
        self.state.gives_access()
    }

    /// When the grace ends, while it runs.
    #[must_use]
    pub fn grace_until(&self) -> Option<Timestamp> {
        (self.state == SubscriptionState::Grace).then(|| self.access_until.and_then(Until::end)).flatten()
    }
}

impl Ledger {
    /// Records an entry. Recording it again, or in another order, leads to the same ledger.
    pub fn record(&mut self, entry: LedgerEntry) {
        match entry {
            LedgerEntry::Paid { payment, paid_at, covers, money } => {
                let is_refunded = self.refunded.remove(&payment);
                let dispute = self.disputed.remove(&payment);
                let known = self.payments.entry(payment).or_insert(Payment {
                    paid_at,
                    covers,
                    money: None,
                    is_refunded: false,
                    dispute: None,
                });
                // Two reports of one payment may differ in what one of them knew: the longer period and the earlier moment count.
                known.covers = known.covers.max(covers);
                known.paid_at = known.paid_at.min(paid_at);
                known.money = known.money.take().max(money);
                known.is_refunded |= is_refunded;
                known.dispute = known.dispute.max(dispute);
            }
            LedgerEntry::Refunded { payment } => match self.payments.get_mut(&payment) {
                Some(known) => known.is_refunded = true,
                None => drop(self.refunded.insert(payment)),
            },
            LedgerEntry::Disputed { payment, stage } => match self.payments.get_mut(&payment) {
                Some(known) => known.dispute = known.dispute.max(Some(stage)),
                None => {
                    let known = self.disputed.entry(payment).or_insert(stage);
                    *known = (*known).max(stage);
                }
            },
            LedgerEntry::Asked(state) => {
                if self.provider.as_ref().is_none_or(|known| known.asked_at <= state.asked_at) {
                    self.provider = Some(state);
                }
            }
            LedgerEntry::Granted { grant, at, until } => {
                let is_withdrawn = self.withdrawn.remove(&grant);
                let known = self.grants.entry(grant).or_insert(Grant { at, until, is_withdrawn });
                known.is_withdrawn |= is_withdrawn;
            }
            LedgerEntry::Withdrawn { grant } => match self.grants.get_mut(&grant) {
                Some(known) => known.is_withdrawn = true,
                None => drop(self.withdrawn.insert(grant)),
            },
            LedgerEntry::Revoked { at } => self.revoked_at = self.revoked_at.max(Some(at)),
        }
    }

    /// The payments by the provider's ids.
    #[must_use]
    pub const fn payments(&self) -> &BTreeMap<String, Payment> {
        &self.payments
    }

    /// The grants by their ids.
    #[must_use]
    pub const fn grants(&self) -> &BTreeMap<String, Grant> {
        &self.grants
    }

    /// What the provider said last.
    #[must_use]
    pub const fn provider(&self) -> Option<&ProviderState> {
        self.provider.as_ref()
    }

    /// What all this amounts to.
    #[must_use]
    pub fn entitlement(&self, terms: Terms, now: Timestamp) -> Entitlement {
        let paid_until = self.paid_until(terms);
        let is_cut = self.cut(terms, now).is_some();
        let access_until = match paid_until {
            // A refund is no delay of payment: it ends access at once.
            Some(until) if is_cut => Some(until),
            until => until.map(|until| self.access_until(until, terms)),
        };
        let state = match (paid_until, access_until) {
            (Some(paid), _) if paid.includes(now) => SubscriptionState::Active,
            (_, Some(access)) if access.includes(now) => SubscriptionState::Grace,
            _ if is_cut => SubscriptionState::Revoked,
            (None, _) if self.payments.is_empty() && self.grants.is_empty() && !self.has_ended() => {
                SubscriptionState::Pending
            }
            _ => SubscriptionState::Expired,
        };
        let access_until = access_until.filter(|until| until.includes(now));
        Entitlement { state, paid_until, access_until, is_cancelled: self.is_cancelled() }
    }

    fn has_ended(&self) -> bool {
        self.provider.as_ref().is_some_and(|state| state.status == ProviderStatus::Ended)
    }

    /// Until when it is paid for or granted.
    fn paid_until(&self, terms: Terms) -> Option<Until> {
        let cut = |until: Until, at: Timestamp| match self.revoked_at {
            // What was paid or granted before somebody ended it is worth nothing after that.
            Some(revoked) if at <= revoked => until.min(Until::At(revoked)),
            _ => until,
        };
        let paid = self.payments.values().filter(|payment| counts(payment, terms));
        let mut bought = paid.map(|payment| cut(payment.covers, payment.paid_at)).max();
        if let Some(provider) = &self.provider {
            let confirmed = self.confirmed_by(provider).map(|until| cut(until, provider.period_start));
            bought = bought.max(confirmed);
            if let Some(end) =
                provider.ended_at.filter(|_| provider.status == ProviderStatus::Ended && !provider.is_unpaid)
            {
                bought = bought.map(|until| until.min(Until::At(end)));
            }
        }
        let granted = self.grants.values().filter(|grant| !grant.is_withdrawn).map(|grant| cut(grant.until, grant.at));
        bought.into_iter().chain(granted).max()
    }

    /// What the provider says is paid, where the payment itself was never told.
    fn confirmed_by(&self, provider: &ProviderState) -> Option<Until> {
        let end = Until::At(provider.period_end);
        match provider.status {
            ProviderStatus::Trialing => Some(end),
            // A payment that is known may have been refunded since: it counts by itself, or does not.
            ProviderStatus::Active if self.payments.values().any(|payment| payment.covers >= end) => None,
            ProviderStatus::Active => Some(end),
            // The period that runs is not paid, the one before was; if its payment is known, it counts by itself as well.
            ProviderStatus::PastDue => {
                let start = Until::At(provider.period_start);
                self.payments.values().all(|payment| payment.covers < start).then_some(start)
            }
            ProviderStatus::Incomplete | ProviderStatus::Ended => None,
        }
    }

    /// Until when they may stay when it is paid for until then.
    fn access_until(&self, paid_until: Until, terms: Terms) -> Until {
        match paid_until {
            Until::At(end) if terms.renews && !self.is_cancelled() && !self.is_granted_alone() => {
                Until::At(end + terms.grace)
            }
            until => until,
        }
    }

    /// Whether nobody wants it to be renewed.
    fn is_cancelled(&self) -> bool {
        let by_provider = self.provider.as_ref().is_some_and(|state| {
            state.cancels_at.is_some() || (state.status == ProviderStatus::Ended && !state.is_unpaid)
        });
        by_provider || self.revoked_at.is_some_and(|revoked| self.payments.values().all(|one| one.paid_at <= revoked))
    }

    fn is_granted_alone(&self) -> bool {
        self.payments.is_empty() && self.provider.is_none()
    }

    /// What would give access now and was taken back: the id of the payment or of the grant.
    fn cut(&self, terms: Terms, now: Timestamp) -> Option<&str> {
        let is_over = |at: Timestamp| self.revoked_at.is_some_and(|revoked| at <= revoked);
        let payment = self
            .payments
            .iter()
            .rfind(|(_, one)| one.covers.includes(now) && (!counts(one, terms) || is_over(one.paid_at)));
        let grant =
            || self.grants.iter().rfind(|(_, one)| one.until.includes(now) && (one.is_withdrawn || is_over(one.at)));
        let provider = || {
            let runs = |state: &&ProviderState| state.status != ProviderStatus::Ended && now < state.period_end;
            self.provider.as_ref().filter(runs).filter(|state| is_over(state.period_start))
        };
        let payment = payment.map(|(id, _)| id.as_str());
        payment.or_else(|| grant().map(|(id, _)| id.as_str())).or_else(|| provider().map(|_| "subscription"))
    }
}

/// Whether a payment pays for anything.
fn counts(payment: &Payment, terms: Terms) -> bool {
    let disputed = match payment.dispute {
        None | Some(Dispute::Won) => false,
        Some(Dispute::Open) => terms.dispute == DisputePolicy::Suspend,
        Some(Dispute::Lost) => true,
    };
    !payment.is_refunded && !disputed
}
