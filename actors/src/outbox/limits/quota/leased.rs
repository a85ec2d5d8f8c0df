//! Quota of a tenant that several nodes send for (I7).
//!
//! Messages are charged to this node's quota lease, which the store fills up by many messages at a time and takes back when
//! other nodes want it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::decision::QuotaDecision;
use super::usage;
use crate::domain::Timestamp;
use crate::domain::budget::BudgetPeriod;
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::quota_lease::{
    Charge, ChargeRefusal, ChargeRequest, QuotaDemand, QuotaLease, QuotaLimits, QuotaUsage,
};
use crate::ports::{LeaseRequest, PortError, PortErrorKind};
use crate::runtime::ActorContext;

/// Nodes' clocks agree within this. Other nodes look into a row when its lease has run out for longer.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(2);
/// What other nodes sent is read for the gauges once in so many sweeps.
const SWEEPS_PER_COUNT: u32 = 5;

pub(crate) struct LeasedQuota {
    tenant: TenantId,
    limits: QuotaLimits,
    ledger: Arc<Mutex<LeaseLedger>>,
    /// Held by the one sender that asks the store for more.
    asking: tokio::sync::Mutex<()>,
}

struct LeaseLedger {
    lease: QuotaLease,
    /// The end of the last day that was logged as used up.
    logged_until: Timestamp,
    /// Whether the store was ever asked.
    known: bool,
    /// Whether anything was sent since `counted_at`, when what other nodes sent was last read.
    stale: bool,
    counted_at: Timestamp,
}

/// What a message took of the quota lease. When it is dropped, the message may have gone out, and the store counts it once
/// the row's lease is over.
pub(crate) struct LeaseCharge {
    ledger: Arc<Mutex<LeaseLedger>>,
    charge: Option<Charge>,
    lease_until: Timestamp,
}

impl LeasedQuota {
    pub(super) fn new(tenant: TenantId, limits: QuotaLimits, now: Timestamp) -> Arc<Self> {
        let ledger = LeaseLedger {
            lease: QuotaLease::new(limits.clone(), now),
            logged_until: Timestamp::default(),
            known: false,
            stale: false,
            counted_at: Timestamp::default(),
        };
        let ledger = Arc::new(Mutex::new(ledger));
        Arc::new(Self { tenant, limits, ledger, asking: tokio::sync::Mutex::new(()) })
    }

    /// Charges one message to the quota lease, and fills the lease up first when it has to.
    pub(super) async fn charge(
        self: &Arc<Self>,
        context: &Arc<ActorContext>,
        message: &Outbound,
        cost_micros: i64,
        lease_until: Timestamp,
    ) -> Result<QuotaDecision<LeaseCharge>, PortError> {
        let request =
            ChargeRequest { quota_exempt: message.kind.is_quota_exempt(), urgent: message.urgent, cost_micros };
        if let Some(decision) = self.try_charge(context, request, lease_until) {
            self.fill_up_in_time(context);
            return Ok(decision);
        }
        let _only = self.asking.lock().await;
        if let Some(decision) = self.try_charge(context, request, lease_until) {
            return Ok(decision);
        }
        self.ask(context, |ledger, now| ledger.lease.demand(Some(request), now)).await?;
        // Still nothing: the other nodes may believe that this one is gone.
        self.try_charge(context, request, lease_until).ok_or_else(|| PortErrorKind::Unavailable.into())
    }

    fn try_charge(
        &self,
        context: &ActorContext,
        request: ChargeRequest,
        lease_until: Timestamp,
    ) -> Option<QuotaDecision<LeaseCharge>> {
        let now = context.now();
        let mut ledger = lock(&self.ledger);
        Some(match ledger.lease.take(request, context.nodes.epoch(), now) {
            Ok(charge) => {
                ledger.stale = true;
                let ledger = Arc::clone(&self.ledger);
                QuotaDecision::Granted(LeaseCharge { ledger, charge: Some(charge), lease_until })
            }
            Err(ChargeRefusal::LeaseMore) => return None,
            Err(ChargeRefusal::Held(until)) => QuotaDecision::Held(until),
            Err(ChargeRefusal::NotBefore(until)) => QuotaDecision::NotBefore(until, "per_day"),
        })
    }

    /// Asks for more before the lease is empty, so that no message waits for it.
    fn fill_up_in_time(self: &Arc<Self>, context: &Arc<ActorContext>) {
        if !lock(&self.ledger).lease.runs_low(context.now()) {
            return;
        }
        let (quota, context) = (Arc::clone(self), Arc::clone(context));
        let io = context.io.clone();
        io.spawn(async move {
            let Ok(_only) = quota.asking.try_lock() else { return };
            // Another sender may have asked meanwhile. An error is met again by the message that needs the quota.
            if lock(&quota.ledger).lease.runs_low(context.now()) {
                let _ = quota.ask(&context, |ledger, now| ledger.lease.demand(None, now)).await;
            }
        });
    }

    /// Asks the store for more. The caller holds `asking`.
    async fn ask(
        &self,
        context: &ActorContext,
        demand: impl FnOnce(&mut LeaseLedger, Timestamp) -> QuotaDemand,
    ) -> Result<(), PortError> {
        let Some(leases) = &context.ports.quota_leases else { return Err(PortErrorKind::Unavailable.into()) };
        // Read before the question: what is granted counts in the epoch of that time.
        let (epoch, now) = (context.nodes.epoch(), context.now());
        let demand = demand(&mut lock(&self.ledger), now);
        let request = LeaseRequest {
            tenant: self.tenant.clone(),
            node: context.node.clone(),
            limits: self.limits.clone(),
            demand,
            now,
            lease: context.settings.lease,
        };
        let grant = context.within_deadline(leases.lease(request)).await?;
        let now = context.now();
        let mut ledger = lock(&self.ledger);
        ledger.lease.granted(&demand, &grant.counted, grant.given, epoch, now);
        (ledger.known, ledger.stale, ledger.counted_at) = (true, false, now);
        if let Some(until) = ledger.lease.day_is_over(now).filter(|until| *until > ledger.logged_until) {
            ledger.logged_until = until;
            usage::log_day_used_up(&self.tenant, self.limits.per_day, until);
        }
        Ok(())
    }

    /// Gives what is left back to the store, for other nodes.
    pub(super) async fn give_back_lease(&self, context: &ActorContext) -> Result<(), PortError> {
        let _only = self.asking.lock().await;
        self.ask(context, |ledger, now| ledger.lease.release(now)).await
    }

    /// Reads for the gauges what other nodes have sent since this node last asked, where a budget is set or at least half
    /// of the day is used.
    pub(super) async fn count_others(&self, context: &ActorContext) -> Result<(), PortError> {
        let now = context.now();
        let every = context.settings.sweep_every * SWEEPS_PER_COUNT;
        {
            let mut ledger = lock(&self.ledger);
            let is_watched = self.limits.budget.is_set()
                || ledger.lease.used(BudgetPeriod::Day, now).messages >= self.limits.per_day / 2;
            if !ledger.stale || !is_watched || now < ActorContext::later(ledger.counted_at, every) {
                return Ok(());
            }
            (ledger.stale, ledger.counted_at) = (false, now);
        }
        let has_month = self.limits.budget.per_month_micros.is_some();
        let (day, month) = usage::read(context, &self.tenant, self.limits.tz, has_month, now).await?;
        let mut ledger = lock(&self.ledger);
        ledger.lease.counted(&QuotaUsage { day, month, ..QuotaUsage::default() }, now);
        // What is being sent will be counted by a later read.
        ledger.stale |= ledger.lease.is_sending();
        Ok(())
    }

    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        lock(&self.ledger).lease.used_up_until(now)
    }

    pub(super) fn publish(&self, now: Timestamp) {
        let ledger = lock(&self.ledger);
        if !ledger.known {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio for a gauge")]
        let ratio = |used: u64, of: u64| used as f64 / of.max(1) as f64;
        usage::publish_day(
            &self.tenant,
            ratio(ledger.lease.used(BudgetPeriod::Day, now).messages, self.limits.per_day),
        );
        for (period, limit) in self.limits.budgets() {
            let spent = ledger.lease.used(period, now).cost_micros;
            let used = ratio(spent.unsigned_abs(), limit.max(0).unsigned_abs());
            usage::publish_budget(&self.tenant, period, used, used >= self.limits.budget.alert_at);
        }
    }
}

impl LeaseCharge {
    /// The message surely did not go out.
    pub(super) fn give_back(mut self) {
        if let Some(charge) = self.charge.take() {
            lock(&self.ledger).lease.give_back(charge);
        }
    }

    /// The message's outcome is written.
    pub(super) fn settled(mut self) {
        if let Some(charge) = self.charge.take() {
            lock(&self.ledger).lease.settled(charge);
        }
    }
}

impl Drop for LeaseCharge {
    fn drop(&mut self) {
        if let Some(charge) = self.charge.take() {
            lock(&self.ledger).lease.lose(charge, self.lease_until + CLOCK_SKEW);
        }
    }
}

impl fmt::Debug for LeaseCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseCharge").field("charge", &self.charge).finish_non_exhaustive()
    }
}

fn lock(ledger: &Mutex<LeaseLedger>) -> MutexGuard<'_, LeaseLedger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
