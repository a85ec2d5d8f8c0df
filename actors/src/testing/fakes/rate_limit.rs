//! Fake rate limiter: the real one in memory, with scripted failures.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::outbox::LocalRateLimiter;
use crate::ports::{Acquired, KeyedLimit, Pending, PortError, PortErrorKind, RateLimiter};

/// How one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimiterFault {
    /// It answers an error.
    Fail(PortErrorKind),
    /// The code panics, and with it the sender that asked.
    Panic,
}

/// The rate limits of one process. Clones share them.
#[derive(Clone, Default)]
pub struct FakeRateLimiter(Arc<Inner>);

#[derive(Default)]
struct Inner {
    limits: LocalRateLimiter,
    script: Mutex<VecDeque<RateLimiterFault>>,
    taken: Mutex<Vec<(Vec<KeyedLimit>, Timestamp)>>,
}

impl FakeRateLimiter {
    /// The next calls fail like this.
    pub fn script(&self, faults: impl IntoIterator<Item = RateLimiterFault>) {
        lock(&self.0.script).extend(faults);
    }

    /// The permits that were taken together, and when.
    #[must_use]
    pub fn taken(&self) -> Vec<(Vec<KeyedLimit>, Timestamp)> {
        lock(&self.0.taken).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for FakeRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRateLimiter").finish_non_exhaustive()
    }
}

impl RateLimiter for FakeRateLimiter {
    #[expect(clippy::panic, reason = "the script asks for it")]
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>> {
        Box::pin(async move {
            let fault = lock(&self.0.script).pop_front();
            match fault {
                Some(RateLimiterFault::Fail(kind)) => return Err(kind.into()),
                Some(RateLimiterFault::Panic) => panic!("scripted panic"),
                None => {}
            }
            let pass = self.0.limits.acquire(limits, now).await?;
            if pass == Acquired::Granted {
                lock(&self.0.taken).push((limits.to_vec(), now));
            }
            Ok(pass)
        })
    }
}
