//! Pauses of the whole machine, which a check must not blame on the daemon.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

const TICK: Duration = Duration::from_millis(50);
/// From here on, a late tick is a stall.
const LATE: TimeDelta = TimeDelta::milliseconds(150);

/// A stretch of time in which this process, and so likely the daemon, did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    /// When it began.
    pub(super) from: DateTime<Utc>,
    /// How long it was.
    pub(super) length: TimeDelta,
}

/// Watches for stalls until it is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Stalls(Arc<Mutex<Vec<Stall>>>);

impl Stalls {
    /// Looks at the clock for as long as it is polled.
    pub(super) async fn watch(self) {
        let mut last = Utc::now();
        loop {
            tokio::time::sleep(TICK).await;
            let now = Utc::now();
            if now - last > LATE {
                let stall = Stall { from: last, length: now - last };
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(stall);
            }
            last = now;
        }
    }

    /// All of them so far.
    pub(super) fn seen(&self) -> Vec<Stall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
