//! Ledger of a node's quota lease of one tenant.

use super::{Epoch, QuotaDemand, QuotaLimits, QuotaUsage};
use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, Usage};
use chrono::TimeDelta;

/// Messages demanded at once: at first, and at most. A demand is one transaction of the store.
const CHUNK: (u64, u64) = (64, 4_096);
/// A demand within this time of the last one doubles the number.
const SOON: TimeDelta = TimeDelta::seconds(2);
/// How long the node waits while other nodes hold what is left: they are asked to give it back.
const HELD_BY_OTHERS: TimeDelta = TimeDelta::seconds(2);
/// How long it waits while messages with an unknown outcome may have used the rest of the day.
const UNSURE: TimeDelta = TimeDelta::seconds(30);

/// One message to be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// Whether it may be sent on a used-up day ([`crate::domain::message::OutboundKind::QUOTA_EXEMPT`]).
    pub quota_exempt: bool,
    /// Whether it may be sent when the budget is spent.
    pub urgent: bool,
    /// Its cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
}

/// Why a message cannot be charged to the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeRefusal {
    /// The lease has not enough: demand more ([`QuotaLease::demand`]), then try again.
    LeaseMore,
    /// Not before then: the day is used up, or other nodes hold what is left of it.
    NotBefore(Timestamp),
    /// Not before then: the budget is spent, or other nodes hold what is left of it.
    Held(Timestamp),
}

/// What a message took of a lease. The message counts as being sent until its outcome is reported.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Charge {
    amount: Usage,
    /// How much of it came out of the lease: a quota-exempt or urgent message may go without.
    reserved: Usage,
    lease_number: u64,
}

/// What a node may send of a tenant's day and budget, and what it is sending.
#[derive(Clone, Debug)]
pub struct QuotaLease {
    limits: QuotaLimits,
    day: Period,
    month: Period,
    left: Usage,
    out: Usage,
    /// Messages whose outcome was not reported, each with the time from which the store counts it.
    lost: Vec<(Timestamp, Usage)>,
    /// Grows when the lease is given up: a charge to an earlier lease does not come back into this one.
    lease_number: u64,
    epoch: Option<u64>,
    chunk: u64,
    given: Usage,
    asked_at: Timestamp,
    /// Until when the node does not demand again: messages, money.
    waits: (Timestamp, Timestamp),
    dearest_seen: i64,
}

#[derive(Clone, Copy, Debug)]
struct Period {
    /// What the store counted.
    known: Usage,
    /// That and what was charged since, for the gauges.
    shown: Usage,
    ends_at: Timestamp,
}

impl QuotaLease {
    /// An empty lease.
    #[must_use]
    pub fn new(limits: QuotaLimits, now: Timestamp) -> Self {
        let empty = |period: BudgetPeriod| Period {
            known: Usage::default(),
            shown: Usage::default(),
            ends_at: period.end(now, limits.tz),
        };
        Self {
            day: empty(BudgetPeriod::Day),
            month: empty(BudgetPeriod::Month),
            limits,
            left: Usage::default(),
            out: Usage::default(),
            lost: Vec::new(),
            lease_number: 0,
            epoch: None,
            chunk: 0,
            given: Usage::default(),
            asked_at: Timestamp::default(),
            waits: (Timestamp::default(), Timestamp::default()),
            dearest_seen: 0,
        }
    }

    /// Charges one message.
    ///
    /// # Errors
    /// [`ChargeRefusal`]; nothing was charged.
    pub fn take(&mut self, request: ChargeRequest, epoch: Epoch, now: Timestamp) -> Result<Charge, ChargeRefusal> {
        self.start_periods(now);
        if self.epoch != Some(epoch.number) || now >= epoch.until {
            self.void();
        }
        self.dearest_seen = self.dearest_seen.max(request.cost_micros);
        let need = self.need(request);
        if need.cost_micros > 0 {
            if let Some(until) = self.spent_until(need.cost_micros) {
                return Err(ChargeRefusal::Held(until));
            }
            if self.left.cost_micros < need.cost_micros {
                return Err(if now < self.waits.1 {
                    ChargeRefusal::Held(self.waits.1)
                } else {
                    ChargeRefusal::LeaseMore
                });
            }
        }
        if need.messages > 0 {
            if let Some(until) = self.used_up_until(now) {
                return Err(ChargeRefusal::NotBefore(until));
            }
            if self.left.messages < need.messages {
                return Err(ChargeRefusal::LeaseMore);
            }
        }
        let amount = Usage { messages: 1, cost_micros: request.cost_micros };
        let covered = self.limits.stop() && request.cost_micros <= self.left.cost_micros;
        let reserved =
            Usage { messages: self.left.messages.min(1), cost_micros: if covered { request.cost_micros } else { 0 } };
        self.left = self.left.less(reserved);
        self.out = self.out.and(amount);
        for period in [&mut self.day, &mut self.month] {
            period.shown = period.shown.and(amount);
        }
        Ok(Charge { amount, reserved, lease_number: self.lease_number })
    }

    /// The message surely did not go out.
    pub fn give_back(&mut self, taken: Charge) {
        self.out = self.out.less(taken.amount);
        for period in [&mut self.day, &mut self.month] {
            period.shown = period.shown.less(taken.amount);
        }
        if taken.lease_number == self.lease_number {
            self.left = self.left.and(taken.reserved);
        }
    }

    /// The message's outcome is written: the store counts it.
    pub fn settled(&mut self, taken: Charge) {
        self.out = self.out.less(taken.amount);
    }

    /// The message's outcome will not be reported. The store counts it from `until` on.
    pub fn lose(&mut self, taken: Charge, until: Timestamp) {
        self.out = self.out.less(taken.amount);
        self.lost.push((until, taken.amount));
    }

    /// What to demand of the store for this message and later ones; `None` for later ones alone.
    pub fn demand(&mut self, request: Option<ChargeRequest>, now: Timestamp) -> QuotaDemand {
        self.start_periods(now);
        let soon = now - self.asked_at < SOON;
        self.chunk = if soon { self.chunk * 2 } else { self.chunk / 2 }.clamp(CHUNK.0, CHUNK.1);
        self.asked_at = now;
        let money = if self.limits.stop() { self.dearest_seen } else { 0 };
        let chunk = i64::try_from(self.chunk).unwrap_or(i64::MAX);
        let want = Usage { messages: self.chunk, cost_micros: money.saturating_mul(chunk) };
        let lacks = request.map(|request| self.need(request).less(self.left)).unwrap_or_default();
        QuotaDemand { need: lacks, want, held: self.held(now) }
    }

    /// Gives up what is left, for other nodes. The answer tells the store what is still held, and demands nothing.
    pub fn release(&mut self, now: Timestamp) -> QuotaDemand {
        self.left = Usage::default();
        self.given = Usage::default();
        // Messages that are being sent do not come back into the lease either.
        self.lease_number += 1;
        QuotaDemand { held: self.held(now), ..QuotaDemand::default() }
    }

    /// The store's answer: what it counted, and what it granted, in the epoch of the question.
    pub fn granted(&mut self, demand: &QuotaDemand, counted: &QuotaUsage, given: Usage, epoch: Epoch, now: Timestamp) {
        self.counted(counted, now);
        if self.epoch != Some(epoch.number) {
            self.void();
            self.epoch = Some(epoch.number);
        }
        self.left = self.left.and(given);
        self.given = given;
        let unsure = self.day.known.messages.saturating_add(counted.unsure) >= self.limits.per_day;
        let wait = now + if unsure { UNSURE } else { HELD_BY_OTHERS };
        if given.messages < demand.need.messages {
            self.waits.0 = wait;
        }
        if given.cost_micros < demand.need.cost_micros {
            self.waits.1 = if counted.unsure > 0 { wait } else { now + HELD_BY_OTHERS };
        }
    }

    /// What was sent so far, as the store counted.
    pub fn counted(&mut self, counted: &QuotaUsage, now: Timestamp) {
        self.start_periods(now);
        for (period, known) in [(&mut self.day, counted.day), (&mut self.month, counted.month)] {
            period.known = known;
            period.shown = known.and(self.out);
        }
    }

    /// Whether to demand more now, so that no message waits for it.
    #[must_use]
    pub fn runs_low(&self, now: Timestamp) -> bool {
        let few = |left: i64, given: i64| given >= 8 && left < given / 4;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let messages = few(number(self.left.messages), number(self.given.messages));
        let money = few(self.left.cost_micros, self.given.cost_micros);
        (messages || money) && now >= self.waits.0.max(self.waits.1) && self.used_up_until(now).is_none()
    }

    /// Whether anything is being sent.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.out.messages > 0 || !self.lost.is_empty()
    }

    /// The lease, the messages that are being sent, and those whose outcome is lost and still counted here.
    #[must_use]
    pub fn held(&mut self, now: Timestamp) -> Usage {
        self.lost.retain(|(until, _)| now < *until);
        let lost = self.lost.iter().fold(Usage::default(), |sum, (_, amount)| sum.and(*amount));
        self.left.and(self.out).and(lost)
    }

    /// Until when the lease has no message left.
    #[must_use]
    pub fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.left.messages > 0 {
            return None;
        }
        self.day_is_over(now).or((now < self.waits.0).then_some(self.waits.0))
    }

    /// When the next day begins, if this one is used up for sure.
    #[must_use]
    pub fn day_is_over(&self, now: Timestamp) -> Option<Timestamp> {
        (now < self.day.ends_at && self.day.known.messages >= self.limits.per_day).then_some(self.day.ends_at)
    }

    /// What was used of a period, with the messages that are being sent.
    #[must_use]
    pub fn used(&self, period: BudgetPeriod, now: Timestamp) -> Usage {
        let used = match period {
            BudgetPeriod::Day => self.day,
            BudgetPeriod::Month => self.month,
        };
        if now < used.ends_at { used.shown } else { Usage::default() }
    }

    fn need(&self, request: ChargeRequest) -> Usage {
        let stopped = self.limits.stop() && !request.urgent && request.cost_micros > 0;
        Usage { messages: u64::from(!request.quota_exempt), cost_micros: if stopped { request.cost_micros } else { 0 } }
    }

    /// When every budget begins anew that has less than that left.
    fn spent_until(&self, cost_micros: i64) -> Option<Timestamp> {
        let spent = self.limits.budgets().filter_map(|(period, limit)| {
            let period = match period {
                BudgetPeriod::Day => &self.day,
                BudgetPeriod::Month => &self.month,
            };
            (period.known.cost_micros.saturating_add(cost_micros) > limit).then_some(period.ends_at)
        });
        spent.max()
    }

    /// Drops the lease: other nodes may have it.
    fn void(&mut self) {
        self.left = Usage::default();
        self.given = Usage::default();
        self.lease_number += 1;
        self.epoch = None;
    }

    fn start_periods(&mut self, now: Timestamp) {
        let tz = self.limits.tz;
        for (kind, period) in [(BudgetPeriod::Day, &mut self.day), (BudgetPeriod::Month, &mut self.month)] {
            if now >= period.ends_at {
                *period = Period { known: Usage::default(), shown: Usage::default(), ends_at: kind.end(now, tz) };
                self.waits = (Timestamp::default(), Timestamp::default());
            }
        }
    }
}
