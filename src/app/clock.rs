//! The system's clock.

use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Clock;

/// The time of day, cut to the microseconds that both databases keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now();
        Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}
