//! Rate limits (I7): per contact, per sender account, and per tenant in any second and in a day.
//!
//! There are two limiters, because they promise different things. Automatic answers to a contact may come in a burst, so
//! their window is exact: the times of the latest answers are kept in the conversation's row and survive a restart. Sends
//! are spread by governor's GCRA ([`keyed`]), which keeps one number per limit. (GCRA with a burst of N would let nearly 2 N
//! into one window, so it cannot do the first; limits of so many a second have a burst of one.)

use std::time::Duration;

use chrono::{Days, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::Timestamp;
use super::channel::RateLimit;

pub mod keyed;

/// The window of `per_contact_per_minute`.
pub const CONTACT_WINDOW: TimeDelta = TimeDelta::seconds(60);

/// Whether one more automatic answer may be written now: fewer than `limit` are in the window that ends now. An answer from
/// the future (another node's clock runs ahead) counts too: this fails closed.
#[must_use]
pub fn may_answer(recent: &[Timestamp], limit: u32, now: Timestamp) -> bool {
    let in_window = recent.iter().filter(|at| is_in_window(**at, now)).count();
    in_window < limit as usize
}

/// Notes an answer, and forgets those that no later window counts.
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

/// At most `count` in any second, spread evenly. 0 is read as 1: the configuration refuses 0.
#[must_use]
pub fn per_second(count: u32) -> RateLimit {
    // Rounded up: a spacing a nanosecond too short would let one too many into a window.
    let every = Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(count.max(1))));
    RateLimit { every, burst: 1 }
}

/// One node's share of a limit that several nodes are under without knowing of each other's permits: its rate and its burst
/// divided by their number. Together they grant no more in the long run. A burst of fewer than there are nodes stays one for
/// each, so a window may hold one permit more for each other node.
#[must_use]
pub fn share_of(limit: RateLimit, nodes: u32) -> RateLimit {
    let nodes = nodes.max(1);
    RateLimit { every: limit.every.saturating_mul(nodes), burst: (limit.burst / nodes).max(1) }
}

/// A tenant's daily quota; the day is that of its time zone.
#[derive(Clone, Debug)]
pub struct DayBudget {
    per_day: u32,
    tz: Tz,
    used: u64,
    ends_at: Timestamp,
}

impl DayBudget {
    /// A quota for the day that `now` is in, of which `used` were sent already: ask the store how many were sent since
    /// [`day_start`].
    #[must_use]
    pub fn new(per_day: u32, tz: Tz, used: u64, now: Timestamp) -> Self {
        Self { per_day, tz, used, ends_at: next_midnight(now, tz) }
    }

    /// Takes one send out of the quota.
    ///
    /// # Errors
    /// When the quota is used up: when the next day begins.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.start_day(now);
        if self.used >= u64::from(self.per_day) {
            return Err(self.ends_at);
        }
        self.used += 1;
        Ok(())
    }

    /// Counts one quota-exempt send ([`super::message::OutboundKind::QUOTA_EXEMPT`]).
    pub fn count(&mut self, now: Timestamp) {
        self.start_day(now);
        self.used += 1;
    }

    /// The used share of the quota, from 0; above 1 by quota-exempt sends.
    #[must_use]
    pub fn used_ratio(&self, now: Timestamp) -> f64 {
        let used = if now < self.ends_at { self.used } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a ratio for a gauge")]
        let used = used as f64;
        used / f64::from(self.per_day.max(1))
    }

    /// When the quota is used up: when the next day begins.
    #[must_use]
    pub fn spent_until(&self, now: Timestamp) -> Option<Timestamp> {
        (now < self.ends_at && self.used >= u64::from(self.per_day)).then_some(self.ends_at)
    }

    /// Gives one send back that did not go out.
    pub fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    fn start_day(&mut self, now: Timestamp) {
        if now >= self.ends_at {
            self.used = 0;
            self.ends_at = next_midnight(now, self.tz);
        }
    }
}

/// When the next calendar day begins in the time zone. Where midnight does not exist (clocks jump over it), the day begins
/// after the jump.
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

/// The times at which clocks show this time, earliest first; when they jump over it, the time after the jump. A jump is a
/// day at most (Samoa left out 30 December 2011).
pub(super) fn beginnings(midnight: NaiveDateTime, tz: Tz) -> impl Iterator<Item = Timestamp> {
    let found = (0..=100)
        .map(|quarters| tz.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarters))))
        .find(|local| local.earliest().is_some());
    let (first, second) = found.map_or((None, None), |local| (local.earliest(), local.latest()));
    let second = if second == first { None } else { second };
    first.into_iter().chain(second).map(|at| at.to_utc())
}

#[cfg(test)]
mod tests;
