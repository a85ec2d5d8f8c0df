//! Retry deadline: how long the database is asked again before a message is spooled.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// How long a webhook waits for the database before its message is spooled: providers give up after 15 s or later, and
/// nginx asks another node after 5 s. A cut connection, and most restarts, are over by then; what other nodes take
/// meanwhile has the one order that the database gives, and what is spooled has not.
pub const RETRY_WITHIN: Duration = Duration::from_secs(3);
/// Wait between two tries of a database that refuses at once: the first, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

pub(super) struct RetryDeadline {
    end: Instant,
    wait: Duration,
}

impl RetryDeadline {
    pub(super) fn begin() -> Self {
        Self { end: Instant::now() + RETRY_WITHIN, wait: AGAIN.0 }
    }

    pub(super) async fn with<T>(&self, asked: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout_at(self.end, asked).await
    }

    /// Waits before another try. `false`: there is no time for one.
    pub(super) async fn wait_for_retry(&mut self) -> bool {
        let next = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(AGAIN.1);
        if next < self.end {
            tokio::time::sleep_until(next).await;
        }
        next < self.end
    }
}
