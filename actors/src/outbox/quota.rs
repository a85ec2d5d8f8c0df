//! What a tenant may still send today (I7), and spend today and this month. Fails closed: while the store has not said
//! what went out before, nothing goes. A used-up day keeps everything back but what is owed to whoever asks for it
//! ([`crate::domain::message::OutboundKind::QUOTA_EXEMPT`]).
//!
//! A node that has its store for itself asks once and counts on. Nodes that share one take reserves ([`super::quota_lease`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::gauge;
use tracing::warn;

use super::quota_lease::{LeaseCharge, LeasedQuota};
use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, BudgetPolicy, MoneyBook, Usage};
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::quota_lease::QuotaLimits;
use crate::domain::rate_limit::DayBudget;
use crate::ports::{PortError, PortErrorKind};
use crate::runtime::{ActorContext, TenantProfile, metric};

/// The allowance of one tenant on this node.
pub(super) enum Quota {
    /// Nobody else sends for the tenant.
    LocalQuota(Box<LocalQuota>),
    /// Other nodes do.
    LeasedQuota(Arc<LeasedQuota>),
}

/// Whether one message more may go.
#[derive(Debug)]
pub(super) enum QuotaDecision {
    /// Yes; it is counted.
    Yes(QuotaCharge),
    /// Not before then, because the budget is spent; what is urgent may.
    Held(Timestamp),
    /// Not before then, and why.
    NotBefore(Timestamp, &'static str),
}

/// What a message took. To be told what came of it; dropped without a word, it may have gone out.
#[derive(Debug)]
pub(super) enum QuotaCharge {
    /// Out of a book of this process: what it cost.
    LocalQuota(i64),
    /// Out of the node's reserve.
    LeasedQuota(LeaseCharge),
}

impl Quota {
    pub(super) fn new(tenant: &TenantId, profile: &TenantProfile, context: &ActorContext) -> Self {
        if context.ports.quota_leases.is_none() {
            return Self::LocalQuota(Box::new(LocalQuota::new(tenant.clone(), profile)));
        }
        let costs = profile.channels.values().map(|channel| channel.cost_micros);
        let limits = QuotaLimits {
            per_day: u64::from(profile.per_day),
            budget: profile.budget.clone(),
            tz: profile.timezone,
            dearest_micros: costs.max().unwrap_or_default(),
        };
        Self::LeasedQuota(LeasedQuota::new(tenant.clone(), limits, context.now()))
    }

    /// Takes one message out of the budget and the day. Its row is leased until then.
    pub(super) async fn take(
        &self,
        context: &Arc<ActorContext>,
        message: &Outbound,
        cost_micros: i64,
        lease_until: Timestamp,
    ) -> Result<QuotaDecision, PortError> {
        match self {
            Self::LocalQuota(alone) => alone.take(context, message, cost_micros).await,
            Self::LeasedQuota(shared) => shared.take(context, message, cost_micros, lease_until).await,
        }
    }

    /// Gives a message back that surely did not go out.
    pub(super) fn give_back(&self, counted: QuotaCharge) {
        match (self, counted) {
            (Self::LocalQuota(alone), QuotaCharge::LocalQuota(cost_micros)) => alone.give_back(cost_micros),
            (_, QuotaCharge::LeasedQuota(on_the_wire)) => on_the_wire.give_back(),
            (Self::LeasedQuota(_), QuotaCharge::LocalQuota(_)) => {}
        }
    }

    /// Until when nothing of the day is to be had, as far as is known.
    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::LocalQuota(alone) => alone.lock().as_ref().and_then(|books| books.day.spent_until(now)),
            Self::LeasedQuota(shared) => shared.used_up_until(now),
        }
    }

    /// Shows what is used of the day and of the budget.
    pub(super) fn publish(&self, now: Timestamp) {
        match self {
            Self::LocalQuota(alone) => alone.publish(now),
            Self::LeasedQuota(shared) => shared.publish(now),
        }
    }

    /// It, where it is shared.
    pub(super) const fn shared(&self) -> Option<&Arc<LeasedQuota>> {
        match self {
            Self::LocalQuota(_) => None,
            Self::LeasedQuota(shared) => Some(shared),
        }
    }
}

impl QuotaCharge {
    /// What came of the message is written down.
    pub(super) fn settled(self) {
        if let Self::LeasedQuota(on_the_wire) = self {
            on_the_wire.settled();
        }
    }
}

/// Shows how much of a period's budget a tenant has used.
pub(super) fn show_budget(tenant: &TenantId, period: BudgetPeriod, used: f64, alerts: bool) {
    let name = || tenant.as_str().to_owned();
    gauge!(metric::BUDGET_USED, "tenant" => name(), "period" => period.as_str()).set(used);
    gauge!(metric::BUDGET_ALERT, "tenant" => name(), "period" => period.as_str()).set(if alerts { 1.0 } else { 0.0 });
}

/// Shows how much of its day a tenant has used.
pub(super) fn show_day(tenant: &TenantId, used: f64) {
    gauge!(metric::DAY_USED, "tenant" => tenant.as_str().to_owned()).set(used);
}

/// Says that a tenant's day is used up.
pub(super) fn tell_used_up(tenant: &TenantId, per_day: u64, until: Timestamp) {
    warn!(tenant.id = %tenant, limits.per_day = per_day, until = %until, "the tenant's messages of the day are used up, what else is written waits until then");
}

/// Books of one process.
pub(super) struct LocalQuota {
    tenant: TenantId,
    timezone: chrono_tz::Tz,
    per_day: u32,
    budget: BudgetPolicy,
    books: Mutex<Option<LocalLedger>>,
    /// Only one sender at a time asks the store for what went out before.
    counting: tokio::sync::Mutex<()>,
}

struct LocalLedger {
    day: DayBudget,
    money: MoneyBook,
    /// The end of the last day of which it was said that it is used up.
    told_until: Timestamp,
}

impl LocalQuota {
    fn new(tenant: TenantId, profile: &TenantProfile) -> Self {
        Self {
            tenant,
            timezone: profile.timezone,
            per_day: profile.per_day,
            budget: profile.budget.clone(),
            books: Mutex::new(None),
            counting: tokio::sync::Mutex::new(()),
        }
    }

    /// The first of a process asks the store what went out already, so that a restart does not open a second day.
    async fn take(
        &self,
        context: &ActorContext,
        message: &Outbound,
        cost_micros: i64,
    ) -> Result<QuotaDecision, PortError> {
        if let Some(answer) = self.try_take(message, cost_micros, context.now()) {
            return Ok(answer);
        }
        let _only = self.counting.lock().await;
        if let Some(answer) = self.try_take(message, cost_micros, context.now()) {
            return Ok(answer);
        }
        let now = context.now();
        let has_month = self.budget.per_month_micros.is_some();
        let (day, month) = usage(context, &self.tenant, self.timezone, has_month, now).await?;
        *self.lock() = Some(LocalLedger {
            day: DayBudget::new(self.per_day, self.timezone, day.messages, now),
            money: MoneyBook::new(self.budget.clone(), self.timezone, day.cost_micros, month.cost_micros, now),
            told_until: Timestamp::default(),
        });
        let answer = self.try_take(message, cost_micros, context.now());
        answer.ok_or_else(|| PortErrorKind::Corrupt.into())
    }

    fn give_back(&self, cost_micros: i64) {
        if let Some(books) = self.lock().as_mut() {
            books.day.give_back();
            books.money.give_back(cost_micros);
        }
    }

    fn publish(&self, now: Timestamp) {
        let books = self.lock();
        let Some(books) = books.as_ref() else { return };
        show_day(&self.tenant, books.day.used_ratio(now));
        for period in BudgetPeriod::ALL {
            let Some(used) = books.money.used_ratio(*period, now) else { continue };
            show_budget(&self.tenant, *period, used, books.money.alerts(*period, now));
        }
    }

    fn try_take(&self, message: &Outbound, cost_micros: i64, now: Timestamp) -> Option<QuotaDecision> {
        let mut books = self.lock();
        let books = books.as_mut()?;
        let answer = books.take(message, cost_micros, now);
        if let Some(until) = books.day.spent_until(now).filter(|until| *until > books.told_until) {
            books.told_until = until;
            tell_used_up(&self.tenant, u64::from(self.per_day), until);
        }
        Some(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Option<LocalLedger>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a tenant handed over in its day and, where that is asked for, in its month.
pub(super) async fn usage(
    context: &ActorContext,
    tenant: &TenantId,
    tz: chrono_tz::Tz,
    has_month: bool,
    now: Timestamp,
) -> Result<(Usage, Usage), PortError> {
    let since =
        |period: BudgetPeriod| context.within_deadline(context.ports.outbox.usage(tenant, period.start(now, tz)));
    let day = since(BudgetPeriod::Day).await?;
    let month = if has_month { since(BudgetPeriod::Month).await? } else { day };
    Ok((day, month))
}

impl LocalLedger {
    fn take(&mut self, message: &Outbound, cost_micros: i64, now: Timestamp) -> QuotaDecision {
        if let Err(until) = self.money.spend(cost_micros, message.urgent, now) {
            return QuotaDecision::Held(until);
        }
        if message.kind.is_quota_exempt() {
            self.day.count(now);
            return QuotaDecision::Yes(QuotaCharge::LocalQuota(cost_micros));
        }
        match self.day.take(now) {
            Ok(()) => QuotaDecision::Yes(QuotaCharge::LocalQuota(cost_micros)),
            Err(until) => {
                self.money.give_back(cost_micros);
                QuotaDecision::NotBefore(until, "per_day")
            }
        }
    }
}
