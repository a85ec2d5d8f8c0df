//! When a failed send is tried again. The only place that knows the `backoff` crate: its schedule, on our clock.

use std::time::{Duration, Instant};

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use chrono::TimeDelta;

use super::Timestamp;

/// How failed sends are repeated: exponential waits with jitter, up to a cap, for so many attempts and so long.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The wait after the first failure, before jitter.
    pub initial: Duration,
    /// What each further wait is multiplied by; at least 1.
    pub multiplier: f64,
    /// The longest wait, jitter included. A provider that asks for more gets more.
    pub cap: Duration,
    /// How far a wait may stray from the schedule, as a share of it: 0.5 gives half to one and a half times.
    pub jitter: f64,
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// No attempt begins later than this after the row was written.
    pub max_age: Duration,
}

impl Default for RetryPolicy {
    /// 2 s, 4 s, 8 s … up to 30 minutes, each give or take a half; 30 attempts, a day at most.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(2),
            multiplier: 2.0,
            cap: Duration::from_secs(30 * 60),
            jitter: 0.5,
            max_attempts: 30,
            max_age: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What to do with a row whose attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again at that moment.
    At(Timestamp),
    /// Never again: it is a dead letter.
    Exhausted,
}

impl RetryPolicy {
    /// When a row is tried again after `attempts` failed ones (1 or more), given when it was written, and how long the
    /// provider asked to be left alone (`Retry-After`): never earlier than that.
    #[must_use]
    pub fn next(&self, attempts: u32, first_at: Timestamp, now: Timestamp, provider_after: Option<Duration>) -> Retry {
        if attempts >= self.max_attempts {
            return Retry::Exhausted;
        }
        let wait = self.scheduled(attempts).max(provider_after.unwrap_or(Duration::ZERO));
        let age = (now - first_at).to_std().unwrap_or(Duration::ZERO);
        if age.saturating_add(wait) > self.max_age {
            return Retry::Exhausted;
        }
        let at = rounded_up(wait).and_then(|wait| now.checked_add_signed(wait));
        at.map_or(Retry::Exhausted, Retry::At)
    }

    fn scheduled(&self, attempts: u32) -> Duration {
        let initial = self.initial.min(self.cap);
        let start = Instant::now();
        let mut schedule = ExponentialBackoff {
            current_interval: initial,
            initial_interval: initial,
            randomization_factor: self.jitter.clamp(0.0, 1.0),
            multiplier: self.multiplier.max(1.0),
            max_interval: self.cap,
            start_time: start,
            // Age is judged above, by the row's own times: here it would be judged before the cap cuts the jitter.
            max_elapsed_time: None,
            clock: Stopped(start),
        };
        // The schedule keeps its place in memory, the row keeps a count: walk there.
        for _ in 1..attempts {
            if schedule.current_interval >= self.cap {
                break;
            }
            schedule.next_backoff();
        }
        schedule.next_backoff().map_or(self.cap, |wait| wait.min(self.cap))
    }
}

/// The tables keep microseconds: cutting the rest off would come a moment too early.
fn rounded_up(wait: Duration) -> Option<TimeDelta> {
    let micros = i64::try_from(wait.as_nanos().div_ceil(1_000)).ok()?;
    Some(TimeDelta::microseconds(micros))
}

/// The schedule needs a clock only to measure age, which it is not asked to.
struct Stopped(Instant);

impl backoff::Clock for Stopped {
    fn now(&self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written() -> Timestamp {
        "2026-01-10T12:00:00Z".parse().unwrap()
    }

    fn steady() -> RetryPolicy {
        RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let waits: Vec<i64> = (1..14)
            .map(|attempts| match steady().next(attempts, written(), written(), None) {
                Retry::At(at) => (at - written()).num_seconds(),
                Retry::Exhausted => -1,
            })
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800]);
    }

    #[test]
    fn it_ends() {
        let policy = steady();
        let day_later = written() + TimeDelta::days(1);
        let after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(policy.next(30, written(), written(), None), Retry::Exhausted, "attempts");
        assert_eq!(policy.next(u32::MAX, written(), written(), None), Retry::Exhausted);
        assert_eq!(policy.next(1, written(), day_later, None), Retry::Exhausted, "age");
        assert_eq!(policy.next(1, written(), written(), after(86_401)), Retry::Exhausted, "asked for too long");
        assert_eq!(policy.next(1, written(), written(), Some(Duration::MAX)), Retry::Exhausted);
        assert_eq!(
            policy.next(1, written(), written(), after(3600)),
            Retry::At(written() + TimeDelta::hours(1)),
            "longer than the cap, because the provider asked"
        );
        assert_eq!(policy.next(0, written(), written(), None), Retry::At(written() + TimeDelta::seconds(2)));
    }

    proptest! {
        #[test]
        fn a_retry_is_ahead_bounded_and_not_before_the_provider_wants_it(
            attempts in 0_u32..60,
            age_ms in -5_000_i64..90_000_000,
            after_ms in proptest::option::of(0_u64..100_000_000),
            initial_ms in 1_u64..60_000,
            cap_ms in 1_u64..4_000_000,
            multiplier in 0.5_f64..5.0,
            jitter in 0.0_f64..1.0,
        ) {
            let policy = RetryPolicy {
                initial: Duration::from_millis(initial_ms),
                cap: Duration::from_millis(cap_ms),
                multiplier,
                jitter,
                ..RetryPolicy::default()
            };
            let now = written() + TimeDelta::milliseconds(age_ms);
            let after = after_ms.map(Duration::from_millis);
            match policy.next(attempts, written(), now, after) {
                Retry::At(at) => {
                    let wait = (at - now).to_std().unwrap();
                    prop_assert!(attempts < policy.max_attempts);
                    prop_assert!(wait >= after.unwrap_or_default());
                    prop_assert!(wait <= policy.cap.max(after.unwrap_or_default()) + Duration::from_micros(1));
                    prop_assert!(at - written().min(now) <= TimeDelta::days(1) + TimeDelta::microseconds(1));
                }
                Retry::Exhausted => {
                    let longest = policy.cap.max(after.unwrap_or_default());
                    let too_old = now - written() + TimeDelta::from_std(longest).unwrap() > TimeDelta::days(1);
                    prop_assert!(attempts >= policy.max_attempts || too_old);
                }
            }
        }

        #[test]
        fn jitter_stays_around_the_schedule(attempts in 1_u32..10) {
            let Retry::At(at) = RetryPolicy::default().next(attempts, written(), written(), None) else {
                return Err(TestCaseError::fail("not exhausted yet"));
            };
            let scheduled = TimeDelta::seconds(1 << attempts);
            prop_assert!(at - written() >= scheduled / 2);
            prop_assert!(at - written() <= scheduled * 3 / 2 + TimeDelta::milliseconds(1));
        }
    }
}
