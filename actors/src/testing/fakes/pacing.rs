//! Pacing that goes by the real gates, and can be told to break.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;
use crate::outbox::LocalPacing;
use crate::ports::{Gate, Pacing, Pass, Pending, PortError, PortErrorKind};

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
pub struct FakePacing(Arc<Inner>);

#[derive(Default)]
struct Inner {
    gates: LocalPacing,
    script: Mutex<VecDeque<Unpaced>>,
    taken: Mutex<Vec<(Vec<Gate>, Timestamp)>>,
}

impl FakePacing {
    /// The next questions go wrong like this.
    pub fn script(&self, faults: impl IntoIterator<Item = Unpaced>) {
        lock(&self.0.script).extend(faults);
    }

    /// The permits that were taken together, and when.
    #[must_use]
    pub fn taken(&self) -> Vec<(Vec<Gate>, Timestamp)> {
        lock(&self.0.taken).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for FakePacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakePacing").finish_non_exhaustive()
    }
}

impl Pacing for FakePacing {
    #[expect(clippy::panic, reason = "the script asks for it")]
    fn take<'a>(&'a self, gates: &'a [Gate], now: Timestamp) -> Pending<'a, Result<Pass, PortError>> {
        Box::pin(async move {
            let fault = lock(&self.0.script).pop_front();
            match fault {
                Some(Unpaced::Fail(kind)) => return Err(kind.into()),
                Some(Unpaced::Panic) => panic!("scripted panic"),
                None => {}
            }
            let pass = self.0.gates.take(gates, now).await?;
            if pass == Pass::Go {
                lock(&self.0.taken).push((gates.to_vec(), now));
            }
            Ok(pass)
        })
    }
}
