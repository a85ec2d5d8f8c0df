//! How often we may write (I7): to one contact, from one sender account, for one tenant in any second and in a day.
//!
//! Two limiters, because they promise different things. Automatic answers to a contact may come in a burst, so their
//! window is kept exactly: the moments of the latest answers stand in the conversation's row and survive a restart. What
//! leaves is spread by governor's GCRA ([`permits`]), which needs one number per gate. (GCRA with a burst of N would let
//! nearly 2 N into one window, so it cannot do the first; gates of so many a second have a burst of one.)

use std::time::Duration;

use chrono::{Days, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::Timestamp;
use super::channel::RateLimit;

pub mod keyed;

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

/// So many in any second, wherever it begins, spread evenly. 0 is read as 1: the configuration refuses 0.
#[must_use]
pub fn per_second(count: u32) -> RateLimit {
    // Rounded up: a spacing a nanosecond too short would let one too many into a window.
    let every = Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(count.max(1))));
    RateLimit { every, burst: 1 }
}

/// One node's share of a quota that so many nodes are under without knowing of each other's permits: its time and its
/// burst divided among them. Together they give no more in the long run; a burst of fewer than there are nodes stays one
/// for each, so a window may hold one permit more for each other node.
#[must_use]
pub fn share_of(limit: RateLimit, nodes: u32) -> RateLimit {
    let nodes = nodes.max(1);
    RateLimit { every: limit.every.saturating_mul(nodes), burst: (limit.burst / nodes).max(1) }
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
        self.turn_page(now);
        if self.used >= u64::from(self.per_day) {
            return Err(self.ends_at);
        }
        self.used += 1;
        Ok(())
    }

    /// Counts one send that goes whatever is left ([`super::message::OutboundKind::QUOTA_EXEMPT`]).
    pub fn count(&mut self, now: Timestamp) {
        self.turn_page(now);
        self.used += 1;
    }

    /// Which share of the day is used, from 0; above 1 by what went all the same.
    #[must_use]
    pub fn used_ratio(&self, now: Timestamp) -> f64 {
        let used = if now < self.ends_at { self.used } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        let used = used as f64;
        used / f64::from(self.per_day.max(1))
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

    fn turn_page(&mut self, now: Timestamp) {
        if now >= self.ends_at {
            self.used = 0;
            self.ends_at = next_midnight(now, self.tz);
        }
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
