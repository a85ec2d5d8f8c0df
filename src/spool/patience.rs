//! How long the database is asked before something is kept.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// How long a webhook waits for the database before it is kept here: Twilio gives up after 15 seconds in all, and nginx asks
/// another node after 5. A line that was cut, and most restarts, are over by then; what other nodes take meanwhile is in the
/// one order that the database gives, and what is kept here is not.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries of a database that refuses at once: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// How long somebody waits, and how long between two tries.
pub(super) struct Patience {
    end: Instant,
    wait: Duration,
}

impl Patience {
    pub(super) fn begin() -> Self {
        Self { end: Instant::now() + PATIENCE, wait: AGAIN.0 }
    }

    pub(super) async fn with<T>(&self, asked: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout_at(self.end, asked).await
    }

    /// Waits before another try. `false`: there is no time for one.
    pub(super) async fn lasts(&mut self) -> bool {
        let next = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(AGAIN.1);
        if next < self.end {
            tokio::time::sleep_until(next).await;
        }
        next < self.end
    }
}
