//! Pacing that goes by the real gates, and can be told to break.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::outbox::LocalRateLimiter;
use crate::ports::{Acquired, KeyedLimit, Pending, PortError, PortErrorKind, RateLimiter};

/// How one question goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpaced {
    /// It fails.
    Fail(PortErrorKind),
    /// The code panics, and with it the sender that asked.
    Panic,
}

/// A process' own gates. Clones share them.
#[derive(Clone, Default)]
pub struct FakeRateLimiter(Arc<Inner>);

#[derive(Default)]
struct Inner {
    limits: LocalRateLimiter,
    script: Mutex<VecDeque<Unpaced>>,
    taken: Mutex<Vec<(Vec<KeyedLimit>, Timestamp)>>,
}

impl FakeRateLimiter {
    /// The next questions go wrong like this.
    pub fn script(&self, faults: impl IntoIterator<Item = Unpaced>) {
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
        f.debug_struct("FakePacing").finish_non_exhaustive()
    }
}

impl RateLimiter for FakeRateLimiter {
    #[expect(clippy::panic, reason = "the script asks for it")]
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>> {
        Box::pin(async move {
            let fault = lock(&self.0.script).pop_front();
            match fault {
                Some(Unpaced::Fail(kind)) => return Err(kind.into()),
                Some(Unpaced::Panic) => panic!("scripted panic"),
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
