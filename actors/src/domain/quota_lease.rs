//! A tenant's day and budget among nodes that share one store (I7): each node takes a lease out of what is left, and
//! sends from it without asking anybody.
//!
//! Of a tenant, the store knows at any moment what went out since the day and the month began, which messages may have gone
//! out without anybody knowing, and what each node holds: its lease and what it has on the wire. [`QuotaLimits::grant`] gives
//! no more than all of these together leave, and every one of them is counted until another one counts it instead: what
//! is on the wire becomes sent, or unknown, or is given back. So the sum never exceeds a limit, whoever dies when.

use chrono_tz::Tz;

use super::Timestamp;
use super::budget::{BudgetPeriod, BudgetPolicy, Usage};

mod ledger;

pub use self::ledger::{Charge, ChargeRefusal, ChargeRequest, QuotaLease};

/// What all nodes together keep to.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaLimits {
    /// Messages of a day.
    pub per_day: u64,
    /// What may be spent, and whether that stops anything.
    pub budget: BudgetPolicy,
    /// Whose day and month.
    pub tz: Tz,
    /// What a message costs at most: so much is assumed of those of which nobody knows whether they went out.
    pub dearest_micros: i64,
}

/// What the store has of a tenant, all at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What went out since the day began.
    pub day: Usage,
    /// What went out since the month began.
    pub month: Usage,
    /// Messages of which nobody knows whether they went out, and which no node holds.
    pub unsure: u64,
    /// What the other nodes hold.
    pub others: Usage,
    /// How many nodes hold something, or asked for it: this one, and the others.
    pub holders: u64,
}

/// What a node asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaDemand {
    /// Less than that helps nobody.
    pub need: Usage,
    /// As much as it would like.
    pub want: Usage,
    /// What it holds already: its lease, and what it has on the wire.
    pub held: Usage,
}

/// For how long a node may act on what was reserved for it: others believe that it lives a little longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// It began anew so often: what was reserved before is not the node's any more.
    pub number: u64,
    /// When it ends, unless it is extended before.
    pub until: Timestamp,
}

impl QuotaDemand {
    /// Whether that is less than is needed.
    #[must_use]
    pub const fn lacks(&self, given: Usage) -> bool {
        given.messages < self.need.messages || given.cost_micros < self.need.cost_micros
    }
}

impl QuotaLimits {
    /// Whether money stops anything.
    #[must_use]
    pub const fn stop(&self) -> bool {
        self.budget.hard_stop && self.budget.is_set()
    }

    /// What a node gets. Each of several nodes gets a part of what is left, so that none leaves the others without; near
    /// the end that is one message at a time.
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

    /// The periods that have a budget, and how much.
    pub fn budgets(&self) -> impl Iterator<Item = (BudgetPeriod, i64)> + use<> {
        let limits =
            [(BudgetPeriod::Day, self.budget.per_day_micros), (BudgetPeriod::Month, self.budget.per_month_micros)];
        limits.into_iter().filter_map(|(period, limit)| Some((period, limit?)))
    }
}

impl QuotaUsage {
    /// What went out in a period.
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
