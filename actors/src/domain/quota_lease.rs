//! Quota leases: a tenant's day and budget, shared by nodes on one store (I7).
//!
//! Each node leases a part of what is left, and sends from its lease without asking the store. The store knows what was sent
//! since the day and the month began, which messages have an unknown outcome, and what each node holds: its lease and the
//! messages that it is sending. [`QuotaLimits::grant`] grants no more than all of these together leave. Each message is counted
//! in one of these places until another place counts it: a message that is being sent becomes sent, or unknown, or is given
//! back. So the sum never exceeds a limit, whichever node stops at whatever time.

use chrono_tz::Tz;

use super::Timestamp;
use super::budget::{BudgetPeriod, BudgetPolicy, Usage};

mod ledger;

pub use self::ledger::{Charge, ChargeRefusal, ChargeRequest, QuotaLease};

/// The limits of a tenant, over all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaLimits {
    /// Messages of a day.
    pub per_day: u64,
    /// The budget.
    pub budget: BudgetPolicy,
    /// The time zone of the day and the month.
    pub tz: Tz,
    /// The greatest cost of a message: each message with an unknown outcome counts as much.
    pub dearest_micros: i64,
}

/// What the store counts of a tenant, in one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What was sent since the day began.
    pub day: Usage,
    /// What was sent since the month began.
    pub month: Usage,
    /// Messages with an unknown outcome that no node holds.
    pub unsure: u64,
    /// What the other nodes hold.
    pub others: Usage,
    /// Number of nodes that hold a lease or asked for one, with this one.
    pub holders: u64,
}

/// A node's request for a share of the day and the budget, beside what it holds already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaDemand {
    /// The least that is of use.
    pub need: Usage,
    /// The most that it would use.
    pub want: Usage,
    /// What it holds: its lease, and the messages that it is sending.
    pub held: Usage,
}

/// The time in which a node may use its leases: other nodes count it as alive a little longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number: leases of an earlier epoch are void.
    pub number: u64,
    /// When it ends, unless it is extended before.
    pub until: Timestamp,
}

impl QuotaDemand {
    /// Whether a grant is less than the node needs.
    #[must_use]
    pub const fn lacks(&self, given: Usage) -> bool {
        given.messages < self.need.messages || given.cost_micros < self.need.cost_micros
    }
}

impl QuotaLimits {
    /// Whether a spent budget stops sends.
    #[must_use]
    pub const fn stop(&self) -> bool {
        self.budget.hard_stop && self.budget.is_set()
    }

    /// What a node is granted. Each of several nodes gets a part of what is left, so that none takes it all; near the end that
    /// is one message at a time.
    #[must_use]
    pub fn grant(&self, counted: &QuotaUsage, demand: &QuotaDemand) -> Usage {
        let parts = i64::try_from(counted.holders.max(1)).unwrap_or(i64::MAX).saturating_mul(2);
        let part = |left: i64, need: i64, want: i64| match left {
            left if left < need || left <= 0 => 0,
            left => left.min(need.max(want.min(left / parts))),
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let left = number(self.per_day)
            .saturating_sub(number(counted.day.messages))
            .saturating_sub(number(counted.unsure))
            .saturating_sub(number(counted.others.messages))
            .saturating_sub(number(demand.held.messages));
        let messages = part(left, number(demand.need.messages), number(demand.want.messages));
        let cost_micros = match self.money_left(counted, demand) {
            Some(left) => part(left, demand.need.cost_micros, demand.want.cost_micros),
            None => 0,
        };
        Usage { messages: messages.unsigned_abs(), cost_micros }
    }

    fn money_left(&self, counted: &QuotaUsage, demand: &QuotaDemand) -> Option<i64> {
        let unsure = i64::try_from(counted.unsure).unwrap_or(i64::MAX).saturating_mul(self.dearest_micros);
        let held = unsure.saturating_add(counted.others.cost_micros).saturating_add(demand.held.cost_micros);
        let limits = self.budgets().map(|(period, limit)| limit.saturating_sub(counted.of(period).cost_micros));
        limits.min().filter(|_| self.stop()).map(|left| left.saturating_sub(held))
    }

    /// The periods that have a budget, with its amount.
    pub fn budgets(&self) -> impl Iterator<Item = (BudgetPeriod, i64)> + use<> {
        let limits =
            [(BudgetPeriod::Day, self.budget.per_day_micros), (BudgetPeriod::Month, self.budget.per_month_micros)];
        limits.into_iter().filter_map(|(period, limit)| Some((period, limit?)))
    }
}

impl QuotaUsage {
    /// What was sent in a period.
    #[must_use]
    pub const fn of(&self, period: BudgetPeriod) -> Usage {
        match period {
            BudgetPeriod::Day => self.day,
            BudgetPeriod::Month => self.month,
        }
    }
}

#[cfg(test)]
mod tests;
