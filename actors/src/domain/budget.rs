//! Budget: what a tenant may spend on messages, in a day and in a month of its time zone.

use chrono::{Datelike, Months, NaiveTime};
use chrono_tz::Tz;

use super::Timestamp;
use super::rate_limit::{beginnings, day_start, next_midnight};

/// `[budget]`: amounts in millionths of the tenant's currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetPolicy {
    /// In a day of the tenant's time zone.
    pub per_day_micros: Option<i64>,
    /// In a calendar month of the tenant's time zone.
    pub per_month_micros: Option<i64>,
    /// The share of a budget from which the alert metric is 1, from 0 to 1.
    pub alert_at: f64,
    /// Whether messages that are not urgent wait when a budget is spent.
    pub hard_stop: bool,
}

impl BudgetPolicy {
    /// Whether anything is limited at all.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.per_day_micros.is_some() || self.per_month_micros.is_some()
    }
}

/// What was sent in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// What they cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
}

impl Usage {
    /// The sum of both.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        let messages = self.messages.saturating_add(more.messages);
        Self { messages, cost_micros: self.cost_micros.saturating_add(more.cost_micros) }
    }

    /// The difference, zero at least.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        let messages = self.messages.saturating_sub(other.messages);
        Self { messages, cost_micros: self.cost_micros.saturating_sub(other.cost_micros).max(0) }
    }
}

/// A period that has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BudgetPeriod {
    /// A calendar day.
    Day,
    /// A calendar month.
    Month,
}

impl BudgetPeriod {
    /// Every period.
    pub const ALL: &'static [Self] = &[Self::Day, Self::Month];

    /// The period as a word, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// When the period that `now` is in began.
    #[must_use]
    pub fn start(self, now: Timestamp, tz: Tz) -> Timestamp {
        match self {
            Self::Day => day_start(now, tz),
            Self::Month => month_start(now, tz),
        }
    }

    /// When the next period begins.
    #[must_use]
    pub fn end(self, now: Timestamp, tz: Tz) -> Timestamp {
        match self {
            Self::Day => next_midnight(now, tz),
            Self::Month => next_month(now, tz),
        }
    }
}

/// What a tenant has spent, and whether it may spend more. Its owner asks the store once what was spent before.
#[derive(Clone, Debug)]
pub struct MoneyLedger {
    policy: BudgetPolicy,
    tz: Tz,
    day: SpentInPeriod,
    month: SpentInPeriod,
}

#[derive(Clone, Copy, Debug)]
struct SpentInPeriod {
    spent_micros: i64,
    ends_at: Timestamp,
}

impl MoneyLedger {
    /// A ledger in which so much was spent since the day, and since the month, began.
    #[must_use]
    pub fn new(policy: BudgetPolicy, tz: Tz, day_micros: i64, month_micros: i64, now: Timestamp) -> Self {
        let spent_in =
            |period: BudgetPeriod, spent_micros| SpentInPeriod { spent_micros, ends_at: period.end(now, tz) };
        let (day, month) = (spent_in(BudgetPeriod::Day, day_micros), spent_in(BudgetPeriod::Month, month_micros));
        Self { policy, tz, day, month }
    }

    /// Spends what a message costs. A message that is not urgent waits when a budget with a hard stop has less than it costs;
    /// a message that costs nothing never waits.
    ///
    /// # Errors
    /// When the message waits: when every spent budget begins anew. Nothing was spent.
    pub fn spend(&mut self, cost_micros: i64, urgent: bool, now: Timestamp) -> Result<(), Timestamp> {
        self.start_periods(now);
        if self.policy.hard_stop && !urgent && cost_micros > 0 {
            let shut = self
                .periods()
                .filter(|(limit, period_spent)| period_spent.spent_micros.saturating_add(cost_micros) > *limit);
            if let Some(until) = shut.map(|(_, period_spent)| period_spent.ends_at).max() {
                return Err(until);
            }
        }
        self.day.spent_micros = self.day.spent_micros.saturating_add(cost_micros);
        self.month.spent_micros = self.month.spent_micros.saturating_add(cost_micros);
        Ok(())
    }

    /// Takes back what was spent on a message that surely did not go out.
    pub fn give_back(&mut self, cost_micros: i64) {
        for period_spent in [&mut self.day, &mut self.month] {
            period_spent.spent_micros = period_spent.spent_micros.saturating_sub(cost_micros).max(0);
        }
    }

    /// The used share of a period's budget, from 0; above 1 when it was overdrawn. `None` without a budget.
    #[must_use]
    pub fn used_ratio(&self, period: BudgetPeriod, now: Timestamp) -> Option<f64> {
        let (limit, period_spent) = match period {
            BudgetPeriod::Day => (self.policy.per_day_micros?, self.day),
            BudgetPeriod::Month => (self.policy.per_month_micros?, self.month),
        };
        let spent = if now < period_spent.ends_at { period_spent.spent_micros } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a ratio for a gauge")]
        Some(spent as f64 / limit.max(1) as f64)
    }

    /// Whether the used share of a period's budget has reached the alert.
    #[must_use]
    pub fn alerts(&self, period: BudgetPeriod, now: Timestamp) -> bool {
        self.used_ratio(period, now).is_some_and(|used| used >= self.policy.alert_at)
    }

    fn start_periods(&mut self, now: Timestamp) {
        for (period, period_spent) in [(BudgetPeriod::Day, &mut self.day), (BudgetPeriod::Month, &mut self.month)] {
            if now >= period_spent.ends_at {
                *period_spent = SpentInPeriod { spent_micros: 0, ends_at: period.end(now, self.tz) };
            }
        }
    }

    fn periods(&self) -> impl Iterator<Item = (i64, SpentInPeriod)> {
        let limits = [(self.policy.per_day_micros, self.day), (self.policy.per_month_micros, self.month)];
        limits.into_iter().filter_map(|(limit, period_spent)| limit.map(|limit| (limit, period_spent)))
    }
}

/// When the calendar month that `now` is in began in the time zone.
fn month_start(now: Timestamp, tz: Tz) -> Timestamp {
    let first = now.with_timezone(&tz).date_naive().with_day(1);
    let begins = first.and_then(|day| beginnings(day.and_time(NaiveTime::MIN), tz).next());
    begins.filter(|begin| *begin <= now).unwrap_or_else(|| day_start(now, tz))
}

/// When the next calendar month begins in the time zone.
fn next_month(now: Timestamp, tz: Tz) -> Timestamp {
    let first = now.with_timezone(&tz).date_naive().with_day(1);
    let next = first.and_then(|day| day.checked_add_months(Months::new(1)));
    let begins = next.and_then(|day| beginnings(day.and_time(NaiveTime::MIN), tz).find(|begin| *begin > now));
    begins.unwrap_or_else(|| next_midnight(now, tz))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy(day: Option<i64>, month: Option<i64>) -> BudgetPolicy {
        BudgetPolicy { per_day_micros: day, per_month_micros: month, alert_at: 0.8, hard_stop: true }
    }

    const PARIS: Tz = Tz::Europe__Paris;

    #[test]
    fn a_month_is_that_of_the_tenant() {
        let table = [
            ("2026-01-31T22:59:59Z", PARIS, "2025-12-31T23:00:00Z", "2026-01-31T23:00:00Z"),
            ("2026-01-31T23:00:00Z", PARIS, "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"),
            // clocks change within the month
            ("2026-03-29T12:00:00Z", PARIS, "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
            ("2026-12-31T23:30:00Z", PARIS, "2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z"),
            ("2026-06-15T12:00:00Z", Tz::UTC, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ];
        for (now, tz, start, end) in table {
            let now = at(now);
            assert_eq!(BudgetPeriod::Month.start(now, tz), at(start), "{now} {tz}");
            assert_eq!(BudgetPeriod::Month.end(now, tz), at(end), "{now} {tz}");
        }
    }

    #[test]
    fn a_hard_stop_holds_until_every_spent_budget_begins_anew() {
        let now = at("2026-01-10T12:00:00Z");
        let (midnight, february) = (at("2026-01-10T23:00:00Z"), at("2026-01-31T23:00:00Z"));
        // spent today, spent this month, cost, urgent -> until when it waits
        let table = [
            (0, 0, 40, false, None),
            (60, 60, 40, false, None),
            (61, 61, 40, false, Some(midnight)),
            (61, 61, 40, true, None),
            (0, 990, 40, false, Some(february)),
            (90, 990, 40, false, Some(february)),
            (500, 5_000, 0, false, None),
        ];
        for (day, month, cost, urgent, until) in table {
            let mut ledger = MoneyLedger::new(policy(Some(100), Some(1_000)), PARIS, day, month, now);
            assert_eq!(ledger.spend(cost, urgent, now).err(), until, "{day} {month} {cost} {urgent}");
        }
        let mut soft = MoneyLedger::new(BudgetPolicy { hard_stop: false, ..policy(Some(1), None) }, PARIS, 9, 9, now);
        assert_eq!(soft.spend(40, false, now), Ok(()), "without a hard stop it is only watched");
    }

    #[test]
    fn a_new_day_has_its_own_budget_and_what_did_not_go_out_is_given_back() {
        let (today, tomorrow) = (at("2026-01-10T12:00:00Z"), at("2026-01-10T23:00:00Z"));
        let mut ledger = MoneyLedger::new(policy(Some(100), Some(150)), PARIS, 0, 0, today);
        assert_eq!(ledger.spend(100, false, today), Ok(()));
        assert_eq!(ledger.spend(1, false, today), Err(tomorrow));
        ledger.give_back(100);
        assert_eq!(ledger.spend(100, false, today), Ok(()));
        assert_eq!(ledger.used_ratio(BudgetPeriod::Day, today), Some(1.0));
        assert!(ledger.alerts(BudgetPeriod::Day, today) && !ledger.alerts(BudgetPeriod::Month, today));
        assert_eq!(ledger.used_ratio(BudgetPeriod::Day, tomorrow), Some(0.0));
        assert_eq!(ledger.spend(50, false, tomorrow), Ok(()));
        assert_eq!(ledger.spend(1, false, tomorrow), Err(at("2026-01-31T23:00:00Z")), "the month is spent");
        assert!(ledger.alerts(BudgetPeriod::Month, tomorrow));
    }

    proptest! {
        #[test]
        fn a_hard_stop_is_never_overdrawn_by_what_is_not_urgent(
            per_day in 0_i64..2_000,
            per_month in 0_i64..9_000,
            messages in proptest::collection::vec((0_i64..20_000, 0_i64..500), 1..200),
        ) {
            let start = at("2026-01-28T12:00:00Z");
            let mut ledger = MoneyLedger::new(policy(Some(per_day), Some(per_month)), PARIS, 0, 0, start);
            let (mut now, mut spent) = (start, Vec::new());
            for (gap_s, cost) in messages {
                now += chrono::TimeDelta::seconds(gap_s);
                match ledger.spend(cost, false, now) {
                    Ok(()) => spent.push((now, cost)),
                    Err(until) => prop_assert!(until > now),
                }
            }
            for (moment, _) in &spent {
                for (period, limit) in [(BudgetPeriod::Day, per_day), (BudgetPeriod::Month, per_month)] {
                    let (from, to) = (period.start(*moment, PARIS), period.end(*moment, PARIS));
                    let sum: i64 = spent.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, cost)| cost).sum();
                    prop_assert!(sum <= limit);
                }
            }
        }

        #[test]
        fn a_month_lies_around_now(seconds in 0_i64..2_500_000_000, zone in 0..chrono_tz::TZ_VARIANTS.len()) {
            let tz = chrono_tz::TZ_VARIANTS[zone];
            let now = Timestamp::from_timestamp(seconds, 0).unwrap();
            let (start, end) = (BudgetPeriod::Month.start(now, tz), BudgetPeriod::Month.end(now, tz));
            prop_assert!(start <= now && now < end);
            let month = |at: Timestamp| (at.with_timezone(&tz).year(), at.with_timezone(&tz).month());
            prop_assert_eq!(month(start), month(now));
            prop_assert!(month(end) > month(now));
        }
    }
}
