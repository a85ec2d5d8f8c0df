//! How often we may write (I7): to one contact, for one tenant in any second, for one tenant in a day.
//!
//! Two limiters, because they promise different things. Automatic answers to a contact may come in a burst, so their
//! window is kept exactly: the moments of the latest answers stand in the conversation's row and survive a restart. A
//! tenant's sends are spread evenly by governor's GCRA with a burst of one, which needs one number per tenant. (GCRA
//! with a burst of N would let nearly 2 N into one window, so it cannot do the first.)

use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{Days, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::Timestamp;

/// The window of `per_contact_per_minute`.
pub const CONTACT_WINDOW: TimeDelta = TimeDelta::seconds(60);

/// Whether one more automatic answer may be written now: fewer than `limit` stand in the window that ends now. An answer
/// from the future (another node's clock runs ahead) counts too: this fails closed.
#[must_use]
pub fn may_answer(recent: &[Timestamp], limit: u32, now: Timestamp) -> bool {
    let in_window = recent.iter().filter(|at| is_in_window(**at, now)).count();
    in_window < limit as usize
}

/// Notes an answer, and forgets those that no window will count again.
pub fn note_answer(recent: &mut Vec<Timestamp>, limit: u32, now: Timestamp) {
    recent.retain(|at| is_in_window(*at, now));
    recent.push(now);
    recent.sort_unstable();
    let surplus = recent.len().saturating_sub(limit as usize);
    recent.drain(..surplus);
}

fn is_in_window(at: Timestamp, now: Timestamp) -> bool {
    now.signed_duration_since(at) < CONTACT_WINDOW
}

/// Spreads a tenant's sends evenly: no window of one second, wherever it begins, holds more than `per_second` of them.
#[derive(Debug)]
pub struct TenantPacer {
    limiter: RateLimiter<NotKeyed, InMemoryState, SteppedClock, NoOpMiddleware<Moment>>,
    clock: SteppedClock,
}

impl TenantPacer {
    /// A pacer that lets the first send through at once. A limit of 0 is read as 1: the configuration refuses 0.
    #[must_use]
    pub fn new(per_second: u32, now: Timestamp) -> Self {
        let per_second = u64::from(per_second.max(1));
        // Rounded up: a spacing a nanosecond too short would let one too many into a window.
        let spacing = Duration::from_nanos(1_000_000_000_u64.div_ceil(per_second));
        let quota = Quota::with_period(spacing).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let clock = SteppedClock::default();
        clock.step_to(now);
        Self { limiter: RateLimiter::direct_with_clock(quota.allow_burst(NonZeroU32::MIN), clock.clone()), clock }
    }

    /// Takes a permit, or says how long to wait for one. There is no reservation: everyone who waits is told the same.
    ///
    /// # Errors
    /// The time from `now` to the next permit.
    pub fn check(&self, now: Timestamp) -> Result<(), Duration> {
        self.clock.step_to(now);
        self.limiter.check().map_err(|not_until| not_until.wait_time_from(Moment::from(now)))
    }
}

/// governor's clock, moved by hand: nanoseconds since 1970. It never goes back.
#[derive(Clone, Debug, Default)]
struct SteppedClock(Arc<AtomicU64>);

impl SteppedClock {
    fn step_to(&self, now: Timestamp) {
        self.0.fetch_max(Moment::from(now).0, Ordering::AcqRel);
    }
}

impl Clock for SteppedClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(u64);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        // Microseconds, as both databases keep them.
        Self(u64::try_from(at.timestamp_micros()).unwrap_or(0).saturating_mul(1_000))
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.as_u64()).unwrap_or(self.0))
    }
}

/// What a tenant may still send today; the day is that of its time zone.
#[derive(Clone, Debug)]
pub struct DayBudget {
    per_day: u32,
    tz: Tz,
    used: u64,
    ends_at: Timestamp,
}

impl DayBudget {
    /// A budget for the day that `now` is in, of which `used` is gone already: ask the store how many were sent since
    /// [`day_start`].
    #[must_use]
    pub fn new(per_day: u32, tz: Tz, used: u64, now: Timestamp) -> Self {
        Self { per_day, tz, used, ends_at: next_midnight(now, tz) }
    }

    /// Takes one send out of the budget.
    ///
    /// # Errors
    /// When the budget is spent: the moment at which the next day begins.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if now >= self.ends_at {
            self.used = 0;
            self.ends_at = next_midnight(now, self.tz);
        }
        if self.used >= u64::from(self.per_day) {
            return Err(self.ends_at);
        }
        self.used += 1;
        Ok(())
    }

    /// When the budget is spent: the moment at which the next day begins.
    #[must_use]
    pub fn spent_until(&self, now: Timestamp) -> Option<Timestamp> {
        (now < self.ends_at && self.used >= u64::from(self.per_day)).then_some(self.ends_at)
    }

    /// Puts one send back that was taken and not made.
    pub fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
    }
}

/// The first moment after `now` at which another calendar day begins in the time zone. Where midnight itself does not
/// exist (clocks jump over it), the day begins when they have jumped.
#[must_use]
pub fn next_midnight(now: Timestamp, tz: Tz) -> Timestamp {
    let today = now.with_timezone(&tz).date_naive();
    (1..=2)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .flat_map(|day| beginnings(day.and_time(NaiveTime::MIN), tz))
        .find(|begin| *begin > now)
        .unwrap_or(now + TimeDelta::days(1))
}

/// When the calendar day that `now` is in began in the time zone.
#[must_use]
pub fn day_start(now: Timestamp, tz: Tz) -> Timestamp {
    let today = now.with_timezone(&tz).date_naive();
    beginnings(today.and_time(NaiveTime::MIN), tz).find(|begin| *begin <= now).unwrap_or(now)
}

/// The moments at which clocks show this time, earliest first; when they jump over it, the moment after the jump. A
/// jump is a day at most (Samoa left out 30 December 2011).
fn beginnings(midnight: NaiveDateTime, tz: Tz) -> impl Iterator<Item = Timestamp> {
    let found = (0..=100)
        .map(|quarters| tz.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarters))))
        .find(|local| local.earliest().is_some());
    let (first, second) = found.map_or((None, None), |local| (local.earliest(), local.latest()));
    let second = if second == first { None } else { second };
    first.into_iter().chain(second).map(|at| at.to_utc())
}

#[cfg(test)]
mod tests;
