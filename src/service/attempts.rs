//! How often something may be tried, by key: by account, by address, by both.
//!
//! The counts are this node's, and are gone when it restarts.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Keys that are remembered at once; beyond it those that were quiet are forgotten.
const MOST_KEYS: usize = 65_536;

/// Attempts that are free, and how long each takes to come back.
pub(super) struct Pace {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// The attempts of all keys.
pub(super) struct AttemptLimit<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, HashMapStateStore<K>, MonotonicClock, NoOpMiddleware<Instant>>,
    clock: MonotonicClock,
}

impl<K: Clone + Eq + Hash> AttemptLimit<K> {
    pub(super) fn new(pace: &Pace) -> Self {
        let quota = Quota::with_period(pace.every).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let quota = quota.allow_burst(NonZeroU32::new(pace.burst).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::hashmap_with_clock(quota, MonotonicClock), clock: MonotonicClock }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// After how long the next one is free: this one counts for nothing.
    pub(super) fn attempt(&self, key: &K) -> Result<(), Duration> {
        if self.limiter.len() >= MOST_KEYS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|wait| wait.wait_time_from(self.clock.now()))
    }
}
