//! Quota of a tenant that this node alone sends for, counted in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decision::QuotaDecision;
use super::usage;
use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, BudgetPolicy, MoneyLedger};
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::rate_limit::DayBudget;
use crate::ports::{PortError, PortErrorKind};
use crate::runtime::{ActorContext, TenantProfile};

pub(crate) struct LocalQuota {
    tenant: TenantId,
    timezone: chrono_tz::Tz,
    per_day: u32,
    budget: BudgetPolicy,
    /// `None` until the store has said what went out before.
    ledger: Mutex<Option<LocalLedger>>,
    /// Held by the one sender that asks the store what went out before.
    counting: tokio::sync::Mutex<()>,
}

struct LocalLedger {
    day: DayBudget,
    money: MoneyLedger,
    /// The end of the last day that was logged as used up.
    logged_until: Timestamp,
}

impl LocalQuota {
    pub(super) fn new(tenant: TenantId, profile: &TenantProfile) -> Self {
        Self {
            tenant,
            timezone: profile.timezone,
            per_day: profile.per_day,
            budget: profile.budget.clone(),
            ledger: Mutex::new(None),
            counting: tokio::sync::Mutex::new(()),
        }
    }

    /// Charges one message. The first one of a process asks the store what went out already, so that a restart does not
    /// grant the day a second time.
    pub(super) async fn charge(
        &self,
        context: &ActorContext,
        message: &Outbound,
        cost_micros: i64,
    ) -> Result<QuotaDecision<i64>, PortError> {
        if let Some(decision) = self.try_charge(message, cost_micros, context.now()) {
            return Ok(decision);
        }
        let _only = self.counting.lock().await;
        if let Some(decision) = self.try_charge(message, cost_micros, context.now()) {
            return Ok(decision);
        }
        let now = context.now();
        let has_month = self.budget.per_month_micros.is_some();
        let (day, month) = usage::read(context, &self.tenant, self.timezone, has_month, now).await?;
        *self.lock() = Some(LocalLedger {
            day: DayBudget::new(self.per_day, self.timezone, day.messages, now),
            money: MoneyLedger::new(self.budget.clone(), self.timezone, day.cost_micros, month.cost_micros, now),
            logged_until: Timestamp::default(),
        });
        let decision = self.try_charge(message, cost_micros, context.now());
        decision.ok_or_else(|| PortErrorKind::Corrupt.into())
    }

    pub(super) fn give_back(&self, cost_micros: i64) {
        if let Some(ledger) = self.lock().as_mut() {
            ledger.day.give_back();
            ledger.money.give_back(cost_micros);
        }
    }

    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock().as_ref().and_then(|ledger| ledger.day.spent_until(now))
    }

    pub(super) fn publish(&self, now: Timestamp) {
        let ledger = self.lock();
        let Some(ledger) = ledger.as_ref() else { return };
        usage::publish_day(&self.tenant, ledger.day.used_ratio(now));
        for period in BudgetPeriod::ALL {
            let Some(used) = ledger.money.used_ratio(*period, now) else { continue };
            usage::publish_budget(&self.tenant, *period, used, ledger.money.alerts(*period, now));
        }
    }

    fn try_charge(&self, message: &Outbound, cost_micros: i64, now: Timestamp) -> Option<QuotaDecision<i64>> {
        let mut ledger = self.lock();
        let ledger = ledger.as_mut()?;
        let decision = ledger.charge(message, cost_micros, now);
        if let Some(until) = ledger.day.spent_until(now).filter(|until| *until > ledger.logged_until) {
            ledger.logged_until = until;
            usage::log_day_used_up(&self.tenant, u64::from(self.per_day), until);
        }
        Some(decision)
    }

    fn lock(&self) -> MutexGuard<'_, Option<LocalLedger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalLedger {
    fn charge(&mut self, message: &Outbound, cost_micros: i64, now: Timestamp) -> QuotaDecision<i64> {
        if let Err(until) = self.money.spend(cost_micros, message.urgent, now) {
            return QuotaDecision::Held(until);
        }
        if message.kind.is_quota_exempt() {
            self.day.count(now);
            return QuotaDecision::Granted(cost_micros);
        }
        match self.day.take(now) {
            Ok(()) => QuotaDecision::Granted(cost_micros),
            Err(until) => {
                self.money.give_back(cost_micros);
                QuotaDecision::NotBefore(until, "per_day")
            }
        }
    }
}
