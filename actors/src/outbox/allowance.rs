//! What a tenant may still send today (I7), and spend today and this month. Fails closed: while the store has not said
//! what went out before, nothing goes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::gauge;

use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, BudgetPolicy, MoneyBook};
use crate::domain::ids::TenantId;
use crate::domain::pacing::DayBudget;
use crate::kit::{Outside, TenantProfile, metric};
use crate::ports::{PortError, Usage};

/// The allowance of one tenant on this node.
pub(super) struct Allowance {
    tenant: TenantId,
    timezone: chrono_tz::Tz,
    per_day: u32,
    budget: BudgetPolicy,
    books: Mutex<Option<Books>>,
    /// Only one sender at a time asks the store for what went out before.
    counting: tokio::sync::Mutex<()>,
}

struct Books {
    day: DayBudget,
    money: MoneyBook,
}

/// Whether one message more may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Yes; it is counted.
    Yes,
    /// Not before then, because the budget is spent; what is urgent may.
    Held(Timestamp),
    /// Not before then, and why.
    NotBefore(Timestamp, &'static str),
}

impl Allowance {
    pub(super) fn new(tenant: TenantId, profile: &TenantProfile) -> Self {
        Self {
            tenant,
            timezone: profile.timezone,
            per_day: profile.per_day,
            budget: profile.budget.clone(),
            books: Mutex::new(None),
            counting: tokio::sync::Mutex::new(()),
        }
    }

    /// Takes one message out of the budget and the day. The first of a process asks the store what went out already, so
    /// that a restart does not open a second day.
    pub(super) async fn take(&self, outside: &Outside, cost_micros: i64, urgent: bool) -> Result<Allowed, PortError> {
        if let Some(answer) = self.try_take(cost_micros, urgent, outside.now()) {
            return Ok(answer);
        }
        let _only = self.counting.lock().await;
        if let Some(answer) = self.try_take(cost_micros, urgent, outside.now()) {
            return Ok(answer);
        }
        let now = outside.now();
        let (day, month) = self.usage(outside, now).await?;
        let mut books = Books {
            day: DayBudget::new(self.per_day, self.timezone, day.messages, now),
            money: MoneyBook::new(self.budget.clone(), self.timezone, day.cost_micros, month.cost_micros, now),
        };
        let answer = books.take(cost_micros, urgent, outside.now());
        *self.lock() = Some(books);
        Ok(answer)
    }

    async fn usage(&self, outside: &Outside, now: Timestamp) -> Result<(Usage, Usage), PortError> {
        let since = |period: BudgetPeriod| {
            outside.within_deadline(outside.ports.outbox.usage(&self.tenant, period.start(now, self.timezone)))
        };
        let day = since(BudgetPeriod::Day).await?;
        let month = if self.budget.per_month_micros.is_some() { since(BudgetPeriod::Month).await? } else { day };
        Ok((day, month))
    }

    /// Gives a message back that surely did not go out.
    pub(super) fn give_back(&self, cost_micros: i64) {
        if let Some(books) = self.lock().as_mut() {
            books.day.give_back();
            books.money.give_back(cost_micros);
        }
    }

    /// Until when the day is used up, as far as is known.
    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock().as_ref().and_then(|books| books.day.spent_until(now))
    }

    /// Shows what is used of the budget.
    pub(super) fn publish(&self, now: Timestamp) {
        if !self.budget.is_set() {
            return;
        }
        let books = self.lock();
        let Some(books) = books.as_ref() else { return };
        for period in BudgetPeriod::ALL {
            let Some(used) = books.money.used_ratio(*period, now) else { continue };
            let alert = if books.money.alerts(*period, now) { 1.0 } else { 0.0 };
            let tenant = || self.tenant.as_str().to_owned();
            gauge!(metric::BUDGET_USED, "tenant" => tenant(), "period" => period.as_str()).set(used);
            gauge!(metric::BUDGET_ALERT, "tenant" => tenant(), "period" => period.as_str()).set(alert);
        }
    }

    fn try_take(&self, cost_micros: i64, urgent: bool, now: Timestamp) -> Option<Allowed> {
        self.lock().as_mut().map(|books| books.take(cost_micros, urgent, now))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Books>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn take(&mut self, cost_micros: i64, urgent: bool, now: Timestamp) -> Allowed {
        if let Err(until) = self.money.spend(cost_micros, urgent, now) {
            return Allowed::Held(until);
        }
        match self.day.take(now) {
            Ok(()) => Allowed::Yes,
            Err(until) => {
                self.money.give_back(cost_micros);
                Allowed::NotBefore(until, "per_day")
            }
        }
    }
}
