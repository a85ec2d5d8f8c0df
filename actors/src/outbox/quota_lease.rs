//! A tenant's day and budget on one of several nodes (I7): sends go from the node's reserve, which is filled up from the
//! store, many messages at a time, and given back when others want it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::quota::{self, QuotaDecision, show_budget, show_day, tell_used_up};
use super::sender_pool::SenderPool;
use crate::domain::Timestamp;
use crate::domain::budget::BudgetPeriod;
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::quota_lease::{
    Charge, ChargeRefusal, ChargeRequest, QuotaDemand, QuotaLease, QuotaLimits, QuotaUsage,
};
use crate::ports::{LeaseRequest, PortError, PortErrorKind};
use crate::runtime::ActorContext;

/// Nodes' clocks agree within this: others have begun to look into a row whose lease ran out so long ago.
const CLOCKS: TimeDelta = TimeDelta::seconds(2);
/// What others sent is read anew for people once in so many sweeps.
const SWEEPS_PER_COUNT: u32 = 5;

/// The allowance of a tenant that other nodes send for too.
pub(super) struct LeasedQuota {
    tenant: TenantId,
    limits: QuotaLimits,
    book: Arc<Mutex<LeaseLedger>>,
    /// Only one sender at a time asks the store for more.
    asking: tokio::sync::Mutex<()>,
}

struct LeaseLedger {
    reserve: QuotaLease,
    /// The end of the last day of which it was said that it is used up.
    told_until: Timestamp,
    /// Whether anything was counted yet.
    known: bool,
    /// Whether anything was sent since what others sent was read, and when that was.
    stale: bool,
    counted_at: Timestamp,
}

/// What a message took of the reserve. Dropped without a word, it may have gone out, and the store counts it when its lease
/// is over.
pub(super) struct LeaseCharge {
    book: Arc<Mutex<LeaseLedger>>,
    taken: Option<Charge>,
    lease_until: Timestamp,
}

impl LeasedQuota {
    pub(super) fn new(tenant: TenantId, limits: QuotaLimits, now: Timestamp) -> Arc<Self> {
        let book = LeaseLedger {
            reserve: QuotaLease::new(limits.clone(), now),
            told_until: Timestamp::default(),
            known: false,
            stale: false,
            counted_at: Timestamp::default(),
        };
        let book = Arc::new(Mutex::new(book));
        Arc::new(Self { tenant, limits, book, asking: tokio::sync::Mutex::new(()) })
    }

    /// Takes one message out of the reserve, which is filled up first when it has to be.
    pub(super) async fn take(
        self: &Arc<Self>,
        context: &Arc<ActorContext>,
        message: &Outbound,
        cost_micros: i64,
        lease_until: Timestamp,
    ) -> Result<QuotaDecision, PortError> {
        let pass = ChargeRequest { quota_exempt: message.kind.is_quota_exempt(), urgent: message.urgent, cost_micros };
        if let Some(answer) = self.try_take(context, pass, lease_until) {
            self.fill_up_in_time(context);
            return Ok(answer);
        }
        let _only = self.asking.lock().await;
        if let Some(answer) = self.try_take(context, pass, lease_until) {
            return Ok(answer);
        }
        self.ask(context, |book, now| book.reserve.wish(Some(pass), now)).await?;
        // Nothing even so: the others may believe that this node is gone.
        self.try_take(context, pass, lease_until).ok_or_else(|| PortErrorKind::Unavailable.into())
    }

    fn try_take(&self, context: &ActorContext, pass: ChargeRequest, lease_until: Timestamp) -> Option<QuotaDecision> {
        let now = context.now();
        let mut book = lock(&self.book);
        Some(match book.reserve.take(pass, context.nodes.tenure(), now) {
            Ok(taken) => {
                book.stale = true;
                let book = Arc::clone(&self.book);
                QuotaDecision::Yes(quota::QuotaCharge::LeasedQuota(LeaseCharge {
                    book,
                    taken: Some(taken),
                    lease_until,
                }))
            }
            Err(ChargeRefusal::LeaseRequest) => return None,
            Err(ChargeRefusal::Held(until)) => QuotaDecision::Held(until),
            Err(ChargeRefusal::NotBefore(until)) => QuotaDecision::NotBefore(until, "per_day"),
        })
    }

    /// Asks for more before the reserve is empty, so that nobody waits for it.
    fn fill_up_in_time(self: &Arc<Self>, context: &Arc<ActorContext>) {
        if !lock(&self.book).reserve.runs_low(context.now()) {
            return;
        }
        let (shared, context) = (Arc::clone(self), Arc::clone(context));
        let io = context.io.clone();
        io.spawn(async move {
            let Ok(_only) = shared.asking.try_lock() else { return };
            // Another one may have been before us; and whoever needs it meets the error again.
            if lock(&shared.book).reserve.runs_low(context.now()) {
                let _ = shared.ask(&context, |book, now| book.reserve.wish(None, now)).await;
            }
        });
    }

    /// Asks the store, for whoever has `asking`.
    async fn ask(
        &self,
        context: &ActorContext,
        wish: impl FnOnce(&mut LeaseLedger, Timestamp) -> QuotaDemand,
    ) -> Result<(), PortError> {
        let Some(leases) = &context.ports.quota_leases else { return Err(PortErrorKind::Unavailable.into()) };
        // Before the question: what is given counts in the tenure that was then.
        let (tenure, now) = (context.nodes.tenure(), context.now());
        let wish = wish(&mut lock(&self.book), now);
        let ask = LeaseRequest {
            tenant: self.tenant.clone(),
            node: context.node.clone(),
            limits: self.limits.clone(),
            wish,
            now,
            lease: context.settings.lease,
        };
        let reserved = context.within_deadline(leases.lease(ask)).await?;
        let now = context.now();
        let mut book = lock(&self.book);
        book.reserve.granted(&wish, &reserved.counted, reserved.given, tenure, now);
        (book.known, book.stale, book.counted_at) = (true, false, now);
        if let Some(until) = book.reserve.day_is_over(now).filter(|until| *until > book.told_until) {
            book.told_until = until;
            tell_used_up(&self.tenant, self.limits.per_day, until);
        }
        Ok(())
    }

    /// Gives back what is left, for others who want it.
    async fn hand_back(&self, context: &ActorContext) -> Result<(), PortError> {
        let _only = self.asking.lock().await;
        self.ask(context, |book, now| book.reserve.hand_back(now)).await
    }

    /// Reads, for people, what others have sent since this node asked last; where a day or a budget is watched.
    async fn count(&self, context: &ActorContext) -> Result<(), PortError> {
        let now = context.now();
        let often = context.settings.sweep_every * SWEEPS_PER_COUNT;
        {
            let mut book = lock(&self.book);
            let matters = self.limits.budget.is_set()
                || book.reserve.used(BudgetPeriod::Day, now).messages >= self.limits.per_day / 2;
            if !book.stale || !matters || now < ActorContext::later(book.counted_at, often) {
                return Ok(());
            }
            (book.stale, book.counted_at) = (false, now);
        }
        let has_month = self.limits.budget.per_month_micros.is_some();
        let (day, month) = quota::usage(context, &self.tenant, self.limits.tz, has_month, now).await?;
        let mut book = lock(&self.book);
        book.reserve.counted(&QuotaUsage { day, month, ..QuotaUsage::default() }, now);
        // What is on the wire will be counted elsewhere.
        book.stale |= book.reserve.is_sending();
        Ok(())
    }

    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        lock(&self.book).reserve.used_up_until(now)
    }

    pub(super) fn publish(&self, now: Timestamp) {
        let book = lock(&self.book);
        if !book.known {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        let ratio = |used: u64, of: u64| used as f64 / of.max(1) as f64;
        show_day(&self.tenant, ratio(book.reserve.used(BudgetPeriod::Day, now).messages, self.limits.per_day));
        for (period, limit) in self.limits.budgets() {
            let spent = book.reserve.used(period, now).cost_micros;
            let used = ratio(spent.unsigned_abs(), limit.max(0).unsigned_abs());
            show_budget(&self.tenant, period, used, used >= self.limits.budget.alert_at);
        }
    }
}

impl LeaseCharge {
    /// It surely did not go out.
    pub(super) fn give_back(mut self) {
        if let Some(taken) = self.taken.take() {
            lock(&self.book).reserve.give_back(taken);
        }
    }

    /// What came of it is written down.
    pub(super) fn settled(mut self) {
        if let Some(taken) = self.taken.take() {
            lock(&self.book).reserve.settled(taken);
        }
    }
}

impl Drop for LeaseCharge {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            lock(&self.book).reserve.lose(taken, self.lease_until + CLOCKS);
        }
    }
}

impl fmt::Debug for LeaseCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnTheWire").field("taken", &self.taken).finish_non_exhaustive()
    }
}

fn lock(book: &Mutex<LeaseLedger>) -> MutexGuard<'_, LeaseLedger> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node does for all its tenants at each sweep: gives back what others want, and reads what they sent.
pub(super) async fn maintain(context: &ActorContext, pool: &SenderPool) -> Result<(), PortError> {
    let Some(leases) = &context.ports.quota_leases else { return Ok(()) };
    let wanted = context.within_deadline(leases.wanted(&context.node)).await?;
    for shared in wanted.iter().filter_map(|tenant| pool.tenant(tenant)?.quota.shared()) {
        shared.hand_back(context).await?;
    }
    for shared in pool.tenants().filter_map(|page| page.quota.shared()) {
        shared.count(context).await?;
    }
    Ok(())
}
