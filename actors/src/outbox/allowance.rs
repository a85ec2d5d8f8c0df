//! What a tenant may still send today (I7), and spend today and this month. Fails closed: while the store has not said
//! what went out before, nothing goes. A used-up day keeps everything back but what is owed to whoever asks for it
//! ([`crate::domain::message::OutboundKind::DUTIES`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::gauge;
use tracing::warn;

use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, BudgetPolicy, MoneyBook};
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::pacing::DayBudget;
use crate::kit::{Outside, TenantProfile, metric};
use crate::ports::{PortError, PortErrorKind, Usage};

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
    /// The end of the last day of which it was said that it is used up.
    told_until: Timestamp,
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
    pub(super) async fn take(
        &self,
        outside: &Outside,
        message: &Outbound,
        cost_micros: i64,
    ) -> Result<Allowed, PortError> {
        if let Some(answer) = self.try_take(message, cost_micros, outside.now()) {
            return Ok(answer);
        }
        let _only = self.counting.lock().await;
        if let Some(answer) = self.try_take(message, cost_micros, outside.now()) {
            return Ok(answer);
        }
        let now = outside.now();
        let (day, month) = self.usage(outside, now).await?;
        *self.lock() = Some(Books {
            day: DayBudget::new(self.per_day, self.timezone, day.messages, now),
            money: MoneyBook::new(self.budget.clone(), self.timezone, day.cost_micros, month.cost_micros, now),
            told_until: Timestamp::default(),
        });
        let answer = self.try_take(message, cost_micros, outside.now());
        answer.ok_or_else(|| PortErrorKind::Corrupt.into())
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

    /// Shows what is used of the day and of the budget.
    pub(super) fn publish(&self, now: Timestamp) {
        let books = self.lock();
        let Some(books) = books.as_ref() else { return };
        gauge!(metric::DAY_USED, "tenant" => self.tenant.as_str().to_owned()).set(books.day.used_ratio(now));
        for period in BudgetPeriod::ALL {
            let Some(used) = books.money.used_ratio(*period, now) else { continue };
            let alert = if books.money.alerts(*period, now) { 1.0 } else { 0.0 };
            let tenant = || self.tenant.as_str().to_owned();
            gauge!(metric::BUDGET_USED, "tenant" => tenant(), "period" => period.as_str()).set(used);
            gauge!(metric::BUDGET_ALERT, "tenant" => tenant(), "period" => period.as_str()).set(alert);
        }
    }

    fn try_take(&self, message: &Outbound, cost_micros: i64, now: Timestamp) -> Option<Allowed> {
        let mut books = self.lock();
        let books = books.as_mut()?;
        let answer = books.take(message, cost_micros, now);
        if let Some(until) = books.day.spent_until(now).filter(|until| *until > books.told_until) {
            books.told_until = until;
            warn!(tenant.id = %self.tenant, limits.per_day = self.per_day, until = %until, "the tenant's messages of the day are used up, what else is written waits until then");
        }
        Some(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Books>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn take(&mut self, message: &Outbound, cost_micros: i64, now: Timestamp) -> Allowed {
        if let Err(until) = self.money.spend(cost_micros, message.urgent, now) {
            return Allowed::Held(until);
        }
        if message.kind.is_duty() {
            self.day.count(now);
            return Allowed::Yes;
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
