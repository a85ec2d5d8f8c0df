//! Keyed rate limiter: takes permits of several limits at once, all of them or none.
//!
//! governor decides (GCRA): a limit has no permit while its theoretical arrival time is further ahead than its burst allows.
//! governor's own stores cannot take several permits as one, so the state is kept here: each check gets a limiter over a
//! store that only stages what would be written, and the staged times are written when every limit has a permit.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota as GovernorQuota, RateLimiter};

use crate::domain::Timestamp;
use crate::domain::channel::RateLimit;

/// The longest time between two permits; longer ones count as this.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The number of keys from which idle ones are removed.
const SWEEP_FROM: usize = 1_024;

/// The state of all limits, by key. A key that was idle until its limit was full again is forgotten, so memory is bounded by
/// the keys in use.
#[derive(Debug)]
pub struct KeyedLimiter<K> {
    inner: Mutex<Inner<K>>,
}

#[derive(Debug)]
struct Inner<K> {
    /// Theoretical arrival times, nanoseconds since 1970.
    arrivals: HashMap<K, u64>,
    /// The latest time seen: a clock that goes back grants nothing.
    latest: u64,
    sweep_at: usize,
}

impl<K> Default for KeyedLimiter<K> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { arrivals: HashMap::new(), latest: 0, sweep_at: SWEEP_FROM }) }
    }
}

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    /// Takes a permit of every limit, or of none. Naming one key twice takes it once.
    ///
    /// # Errors
    /// The longest of the limits' waits from `now`. There is no reservation: all who wait are told the same.
    pub fn take<'a>(
        &self,
        limits: impl Iterator<Item = (&'a K, RateLimit)> + Clone,
        now: Timestamp,
    ) -> Result<(), Duration>
    where
        K: 'a,
    {
        let shown = nanos(now);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.latest = inner.latest.max(shown);
        let latest = inner.latest;
        let mut longest: Option<Duration> = None;
        for (key, limit) in limits.clone() {
            if let Err(wait) = next_arrival(inner.arrivals.get(key).copied(), limit, latest) {
                longest = longest.max(Some(wait));
            }
        }
        if let Some(wait) = longest {
            return Err(wait.saturating_add(Duration::from_nanos(latest - shown)));
        }
        for (key, limit) in limits {
            let Ok(next) = next_arrival(inner.arrivals.get(key).copied(), limit, latest) else { continue };
            match inner.arrivals.get_mut(key) {
                Some(arrival) => *arrival = next,
                None => drop(inner.arrivals.insert(key.clone(), next)),
            }
        }
        inner.sweep();
        Ok(())
    }

    /// Counts permits that another limiter granted, whether this one has them or not. No limit waits longer for it than when
    /// its burst is used up at once.
    pub fn note<'a>(&self, limits: impl Iterator<Item = (&'a K, RateLimit)>, now: Timestamp)
    where
        K: 'a,
    {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.latest = inner.latest.max(nanos(now));
        let latest = inner.latest;
        for (key, limit) in limits {
            let (every, burst) = bounded(limit);
            let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
            let most = latest.saturating_add(every.saturating_mul(u64::from(burst.get())));
            let known = inner.arrivals.get(key).copied().unwrap_or(0);
            let next = known.max(latest).saturating_add(every).min(most).max(known);
            match inner.arrivals.get_mut(key) {
                Some(arrival) => *arrival = next,
                None => drop(inner.arrivals.insert(key.clone(), next)),
            }
        }
        inner.sweep();
    }

    /// How far ahead of now the permits of a key are granted: zero when its limit is full.
    pub fn ahead(&self, key: &K, now: Timestamp) -> Duration {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.latest.max(nanos(now));
        Duration::from_nanos(inner.arrivals.get(key).map_or(0, |arrival| arrival.saturating_sub(now)))
    }

    /// Number of keys that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).arrivals.len()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq> Inner<K> {
    /// Sweeps when the number of keys has doubled, so the cost per new key is constant.
    fn sweep(&mut self) {
        if self.arrivals.len() < self.sweep_at {
            return;
        }
        let latest = self.latest;
        self.arrivals.retain(|_, arrival| *arrival > latest);
        self.sweep_at = (self.arrivals.len() * 2).max(SWEEP_FROM);
    }
}

/// Whole microseconds, as both databases keep them.
fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.timestamp_micros()).unwrap_or(0).saturating_mul(1_000)
}

/// governor multiplies the two in nanoseconds: kept below what 64 bits hold.
fn bounded(limit: RateLimit) -> (Duration, NonZeroU32) {
    let every = limit.every.clamp(Duration::from_nanos(1), LONGEST);
    let most = u64::MAX / 4 / u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
    let burst = limit.burst.min(u32::try_from(most).unwrap_or(u32::MAX));
    (every, NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

/// What governor says of one limit: its next theoretical arrival, or how long to wait.
fn next_arrival(arrival: Option<u64>, limit: RateLimit, now: u64) -> Result<u64, Duration> {
    let (every, burst) = bounded(limit);
    let limit = GovernorQuota::with_period(every).unwrap_or(GovernorQuota::per_second(NonZeroU32::MIN));
    // governor counts from the time at which a limiter was made, so each check happens at zero.
    let stage = Stage { arrival: arrival.map(|at| at.saturating_sub(now)), next: Cell::new(0) };
    let limiter = RateLimiter::<(), _, _, NoOpMiddleware<Duration>>::new(limit.allow_burst(burst), stage, Zero);
    limiter.check_key(&()).map_err(|until| until.wait_time_from(Duration::ZERO))?;
    Ok(now.saturating_add(limiter.into_state_store().next.get()))
}

/// A state store that keeps what was written last.
struct Stage {
    arrival: Option<u64>,
    next: Cell<u64>,
}

impl StateStore for Stage {
    type Key = ();

    fn measure_and_replace<T, F, E>(&self, _: &(), decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, next) = decide(self.arrival.map(Nanos::new))?;
        self.next.set(next.as_u64());
        Ok(outcome)
    }
}

#[derive(Clone, Copy, Debug)]
struct Zero;

impl Clock for Zero {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
