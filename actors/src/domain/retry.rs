//! Retry policy: when a failed send is tried again. The only file that names the `backoff` crate.

use std::time::{Duration, Instant};

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use chrono::TimeDelta;

use super::Timestamp;
use super::message::Generation;

/// Exponential waits with full jitter, up to a cap, for a number of attempts and a time.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The longest wait after the first failure.
    pub initial: Duration,
    /// What the longest wait is multiplied by after each further failure; at least 1.
    pub multiplier: f64,
    /// The longest wait of all. A provider that asks for more gets more.
    pub cap: Duration,
    /// Attempts of one generation of a message, the first one included.
    pub max_attempts: u32,
    /// No attempt begins later than this after the message's generation began.
    pub max_age: Duration,
}

impl Default for RetryPolicy {
    /// Up to 2 s, 4 s, 8 s … 30 minutes; 30 attempts, a day at most.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(2),
            multiplier: 2.0,
            cap: Duration::from_secs(30 * 60),
            max_attempts: 30,
            max_age: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The shortest wait: full jitter begins at zero, and a provider that failed just now needs a moment.
const SHORTEST: Duration = Duration::from_millis(500);

/// What to do with a row whose attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again at that time.
    At(Timestamp),
    /// Not again: it becomes a dead letter.
    Exhausted,
}

impl RetryPolicy {
    /// When a message is tried again after `attempts` of all its generations (1 or more), the last of which failed: at random
    /// between [`SHORTEST`] and the scheduled wait, so that messages that failed together do not return together. Age and
    /// attempts count from the beginning of the present generation. Never earlier than the provider asked for (`Retry-After`).
    #[must_use]
    pub fn next(
        &self,
        generation: Generation,
        attempts: u32,
        now: Timestamp,
        provider_after: Option<Duration>,
    ) -> Retry {
        let attempts = attempts.saturating_sub(generation.attempts_before);
        if attempts >= self.max_attempts {
            return Retry::Exhausted;
        }
        let wait = self.jittered(attempts).max(provider_after.unwrap_or(Duration::ZERO));
        let age = (now - generation.since).to_std().unwrap_or(Duration::ZERO);
        if age.saturating_add(wait) > self.max_age {
            return Retry::Exhausted;
        }
        let at = rounded_up(wait).and_then(|wait| now.checked_add_signed(wait));
        at.map_or(Retry::Exhausted, Retry::At)
    }

    /// Uniformly between zero and the scheduled wait, [`SHORTEST`] at least.
    fn jittered(&self, attempts: u32) -> Duration {
        // The crate varies a wait by a share of it: half of the longest wait, varied by all of it, is full jitter.
        let mut schedule = self.schedule(0.5);
        schedule.randomization_factor = 1.0;
        self.walk(schedule, attempts, 0.5).max(SHORTEST.min(self.cap))
    }

    fn walk(&self, mut schedule: ExponentialBackoff<Stopped>, attempts: u32, share: f64) -> Duration {
        // The schedule keeps its position in memory, and the row keeps a count: walk to it.
        for _ in 1..attempts {
            if schedule.current_interval >= self.cap.mul_f64(share) {
                break;
            }
            schedule.next_backoff();
        }
        schedule.next_backoff().map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// The crate's schedule, with a share of every wait.
    fn schedule(&self, share: f64) -> ExponentialBackoff<Stopped> {
        let initial = self.initial.min(self.cap).mul_f64(share);
        let start = Instant::now();
        ExponentialBackoff {
            current_interval: initial,
            initial_interval: initial,
            randomization_factor: 0.0,
            multiplier: self.multiplier.max(1.0),
            max_interval: self.cap.mul_f64(share),
            start_time: start,
            // Age is checked above, by the row's own times.
            max_elapsed_time: None,
            clock: Stopped(start),
        }
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

    fn first() -> Generation {
        Generation::first(written())
    }

    /// The longest wait after so many attempts.
    fn scheduled(policy: &RetryPolicy, attempts: u32) -> Duration {
        policy.walk(policy.schedule(1.0), attempts, 1.0)
    }

    #[test]
    fn the_longest_waits_double_up_to_the_cap() {
        let waits: Vec<u64> = (1..14).map(|attempts| scheduled(&RetryPolicy::default(), attempts).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800]);
    }

    #[test]
    fn it_ends() {
        let policy = RetryPolicy::default();
        let day_later = written() + TimeDelta::days(1);
        let after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(policy.next(first(), 30, written(), None), Retry::Exhausted, "attempts");
        assert_eq!(policy.next(first(), u32::MAX, written(), None), Retry::Exhausted);
        assert_eq!(policy.next(first(), 1, day_later, None), Retry::Exhausted, "age");
        assert_eq!(policy.next(first(), 1, written(), after(86_401)), Retry::Exhausted, "asked for too long");
        assert_eq!(policy.next(first(), 1, written(), Some(Duration::MAX)), Retry::Exhausted);
        assert_eq!(
            policy.next(first(), 1, written(), after(3600)),
            Retry::At(written() + TimeDelta::hours(1)),
            "longer than the cap, because the provider asked"
        );
    }

    #[test]
    fn a_new_generation_counts_anew() {
        let policy = RetryPolicy::default();
        let reborn = written() + TimeDelta::days(3);
        let second = Generation { number: 1, since: reborn, attempts_before: 30 };
        assert!(matches!(policy.next(second, 31, reborn, None), Retry::At(at) if at <= reborn + TimeDelta::seconds(2)));
        assert!(matches!(policy.next(second, 59, reborn, None), Retry::At(_)));
        assert_eq!(policy.next(second, 60, reborn, None), Retry::Exhausted);
        assert_eq!(policy.next(second, 31, reborn + TimeDelta::days(1), None), Retry::Exhausted);
    }

    #[test]
    fn jitter_uses_the_whole_of_the_wait() {
        let policy = RetryPolicy::default();
        let waits: Vec<Duration> = (0..400).map(|_| policy.jittered(6)).collect();
        let quarter = |n: u32| waits.iter().filter(|wait| (**wait / 16).as_secs() == u64::from(n)).count();
        // 400 waits of up to 64 s: each quarter of it gets 100 of them, give or take; fewer than 40 is one in 10^15.
        for n in 0..4 {
            assert!(quarter(n) > 40, "quarter {n} got {}", quarter(n));
        }
    }

    proptest! {
        #[test]
        fn a_retry_is_ahead_bounded_and_not_before_the_provider_wants_it(
            attempts in 0_u32..60,
            before in 0_u32..30,
            age_ms in -5_000_i64..90_000_000,
            after_ms in proptest::option::of(0_u64..100_000_000),
            initial_ms in 1_u64..60_000,
            cap_ms in 1_u64..4_000_000,
            multiplier in 0.5_f64..5.0,
        ) {
            let policy = RetryPolicy {
                initial: Duration::from_millis(initial_ms),
                cap: Duration::from_millis(cap_ms),
                multiplier,
                ..RetryPolicy::default()
            };
            let now = written() + TimeDelta::milliseconds(age_ms);
            let after = after_ms.map(Duration::from_millis);
            let generation = Generation { number: 1, since: written(), attempts_before: before };
            let of_this_generation = attempts.saturating_sub(before);
            let longest = scheduled(&policy, of_this_generation).max(SHORTEST.min(policy.cap)).max(after.unwrap_or_default());
            match policy.next(generation, attempts, now, after) {
                Retry::At(at) => {
                    let wait = (at - now).to_std().unwrap();
                    prop_assert!(of_this_generation < policy.max_attempts);
                    prop_assert!(wait >= after.unwrap_or_default());
                    prop_assert!(wait >= SHORTEST.min(policy.cap));
                    prop_assert!(wait <= longest + Duration::from_micros(1));
                    prop_assert!(at - written().min(now) <= TimeDelta::days(1) + TimeDelta::microseconds(1));
                }
                Retry::Exhausted => {
                    let too_old = now - written() + TimeDelta::from_std(longest).unwrap() > TimeDelta::days(1);
                    prop_assert!(of_this_generation >= policy.max_attempts || too_old);
                }
            }
        }
    }
}
