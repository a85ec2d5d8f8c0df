//! A tenant's day and budget on one of several nodes (I7): sends go from the node's reserve, which is filled up from the
//! store, many messages at a time, and given back when others want it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::allowance::{self, Allowed, show_budget, show_day, tell_used_up};
use super::desk::Desk;
use crate::domain::Timestamp;
use crate::domain::budget::BudgetPeriod;
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::reserve::{Counted, Limits, Pass, Refused, Reserve, Taken, Wish};
use crate::kit::Outside;
use crate::ports::{Ask, PortError, PortErrorKind};

/// Nodes' clocks agree within this: others have begun to look into a row whose lease ran out so long ago.
const CLOCKS: TimeDelta = TimeDelta::seconds(2);
/// What others sent is read anew for people once in so many sweeps.
const SWEEPS_PER_COUNT: u32 = 5;

/// The allowance of a tenant that other nodes send for too.
pub(super) struct Shared {
    tenant: TenantId,
    limits: Limits,
    book: Arc<Mutex<Book>>,
    /// Only one sender at a time asks the store for more.
    asking: tokio::sync::Mutex<()>,
}

struct Book {
    reserve: Reserve,
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
pub(super) struct OnTheWire {
    book: Arc<Mutex<Book>>,
    taken: Option<Taken>,
    lease_until: Timestamp,
}

impl Shared {
    pub(super) fn new(tenant: TenantId, limits: Limits, now: Timestamp) -> Arc<Self> {
        let book = Book {
            reserve: Reserve::new(limits.clone(), now),
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
        outside: &Arc<Outside>,
        message: &Outbound,
        cost_micros: i64,
        lease_until: Timestamp,
    ) -> Result<Allowed, PortError> {
        let pass = Pass { duty: message.kind.is_duty(), urgent: message.urgent, cost_micros };
        if let Some(answer) = self.try_take(outside, pass, lease_until) {
            self.fill_up_in_time(outside);
            return Ok(answer);
        }
        let _only = self.asking.lock().await;
        if let Some(answer) = self.try_take(outside, pass, lease_until) {
            return Ok(answer);
        }
        self.ask(outside, |book, now| book.reserve.wish(Some(pass), now)).await?;
        // Nothing even so: the others may believe that this node is gone.
        self.try_take(outside, pass, lease_until).ok_or_else(|| PortErrorKind::Unavailable.into())
    }

    fn try_take(&self, outside: &Outside, pass: Pass, lease_until: Timestamp) -> Option<Allowed> {
        let now = outside.now();
        let mut book = lock(&self.book);
        Some(match book.reserve.take(pass, outside.nodes.tenure(), now) {
            Ok(taken) => {
                book.stale = true;
                let book = Arc::clone(&self.book);
                Allowed::Yes(allowance::Counted::Shared(OnTheWire { book, taken: Some(taken), lease_until }))
            }
            Err(Refused::Ask) => return None,
            Err(Refused::Held(until)) => Allowed::Held(until),
            Err(Refused::NotBefore(until)) => Allowed::NotBefore(until, "per_day"),
        })
    }

    /// Asks for more before the reserve is empty, so that nobody waits for it.
    fn fill_up_in_time(self: &Arc<Self>, outside: &Arc<Outside>) {
        if !lock(&self.book).reserve.runs_low(outside.now()) {
            return;
        }
        let (shared, outside) = (Arc::clone(self), Arc::clone(outside));
        let io = outside.io.clone();
        io.spawn(async move {
            let Ok(_only) = shared.asking.try_lock() else { return };
            // Another one may have been before us; and whoever needs it meets the error again.
            if lock(&shared.book).reserve.runs_low(outside.now()) {
                let _ = shared.ask(&outside, |book, now| book.reserve.wish(None, now)).await;
            }
        });
    }

    /// Asks the store, for whoever has `asking`.
    async fn ask(&self, outside: &Outside, wish: impl FnOnce(&mut Book, Timestamp) -> Wish) -> Result<(), PortError> {
        let Some(reserves) = &outside.ports.reserves else { return Err(PortErrorKind::Unavailable.into()) };
        // Before the question: what is given counts in the tenure that was then.
        let (tenure, now) = (outside.nodes.tenure(), outside.now());
        let wish = wish(&mut lock(&self.book), now);
        let ask = Ask {
            tenant: self.tenant.clone(),
            node: outside.node.clone(),
            limits: self.limits.clone(),
            wish,
            now,
            lease: outside.settings.lease,
        };
        let reserved = outside.within_deadline(reserves.reserve(ask)).await?;
        let now = outside.now();
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
    async fn hand_back(&self, outside: &Outside) -> Result<(), PortError> {
        let _only = self.asking.lock().await;
        self.ask(outside, |book, now| book.reserve.hand_back(now)).await
    }

    /// Reads, for people, what others have sent since this node asked last; where a day or a budget is watched.
    async fn count(&self, outside: &Outside) -> Result<(), PortError> {
        let now = outside.now();
        let often = outside.settings.sweep_every * SWEEPS_PER_COUNT;
        {
            let mut book = lock(&self.book);
            let matters = self.limits.budget.is_set()
                || book.reserve.used(BudgetPeriod::Day, now).messages >= self.limits.per_day / 2;
            if !book.stale || !matters || now < Outside::later(book.counted_at, often) {
                return Ok(());
            }
            (book.stale, book.counted_at) = (false, now);
        }
        let has_month = self.limits.budget.per_month_micros.is_some();
        let (day, month) = allowance::usage(outside, &self.tenant, self.limits.tz, has_month, now).await?;
        let mut book = lock(&self.book);
        book.reserve.counted(&Counted { day, month, ..Counted::default() }, now);
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

impl OnTheWire {
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

impl Drop for OnTheWire {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            lock(&self.book).reserve.lose(taken, self.lease_until + CLOCKS);
        }
    }
}

impl fmt::Debug for OnTheWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnTheWire").field("taken", &self.taken).finish_non_exhaustive()
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node does for all its tenants at each sweep: gives back what others want, and reads what they sent.
pub(super) async fn tend(outside: &Outside, desk: &Desk) -> Result<(), PortError> {
    let Some(reserves) = &outside.ports.reserves else { return Ok(()) };
    let wanted = outside.within_deadline(reserves.wanted(&outside.node)).await?;
    for shared in wanted.iter().filter_map(|tenant| desk.page(tenant)?.allowance.shared()) {
        shared.hand_back(outside).await?;
    }
    for shared in desk.pages().filter_map(|page| page.allowance.shared()) {
        shared.count(outside).await?;
    }
    Ok(())
}
