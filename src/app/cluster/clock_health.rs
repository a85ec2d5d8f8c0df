//! Health of this node's clock, by the database's.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use metrics::gauge;
use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Pending;
use serde_json::{Map, Value};
use tracing::{info, warn};

use crate::http::health::{Condition, HealthSource};
use crate::telemetry::metrics as names;

/// From here on a clock is wrong: leases, days and ids of nodes are compared.
const CLOCK_WRONG_MS: u64 = 5_000;

/// How far this node's clock is from the database's, which all nodes share.
#[derive(Debug, Default)]
pub(super) struct ClockHealth {
    ahead_ms: AtomicI64,
}

impl ClockHealth {
    /// The database told its time between these two moments of ours.
    pub(super) fn compare(&self, told: Option<Timestamp>, (begun, ended): (Timestamp, Timestamp)) {
        let Some(told) = told else { return };
        let ahead = clock_ahead(told, (begun, ended));
        gauge!(names::CLOCK_AHEAD_SECONDS).set(ahead.as_seconds_f64());
        let ahead_ms = ahead.num_milliseconds();
        let was_wrong = is_clock_wrong(self.ahead_ms.swap(ahead_ms, Ordering::Relaxed));
        match (was_wrong, is_clock_wrong(ahead_ms)) {
            (false, true) => warn!(clock.ahead_ms = ahead_ms, "this node's clock is not the database's"),
            (true, false) => info!("this node's clock is right again"),
            _ => {}
        }
    }
}

impl HealthSource for ClockHealth {
    fn check(&self) -> Pending<'_, Condition> {
        let condition = match is_clock_wrong(self.ahead_ms.load(Ordering::Relaxed)) {
            true => Condition::Degraded("this node's clock is seconds from the database's"),
            false => Condition::Up,
        };
        Box::pin(std::future::ready(condition))
    }

    fn facts(&self, _: Condition) -> Map<String, Value> {
        Map::from_iter([("ahead_ms".to_owned(), self.ahead_ms.load(Ordering::Relaxed).into())])
    }
}

fn is_clock_wrong(ahead_ms: i64) -> bool {
    ahead_ms.unsigned_abs() >= CLOCK_WRONG_MS
}

/// How far our clock is ahead of the one that told its time between two moments of ours. How long the answer took is no
/// difference.
fn clock_ahead(told: Timestamp, (begun, ended): (Timestamp, Timestamp)) -> TimeDelta {
    if told < begun {
        begun - told
    } else if told > ended {
        ended - told
    } else {
        TimeDelta::zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_time_of_the_answer() {
        let at = |second: i64| Timestamp::from_timestamp_micros(second * 1_000_000).unwrap_or_default();
        for (told, begun, ended, ahead) in
            [(100, 100, 101, 0), (100, 98, 103, 0), (100, 140, 141, 40), (100, 60, 61, -39), (100, 101, 101, 1)]
        {
            let found = clock_ahead(at(told), (at(begun), at(ended)));
            assert_eq!(found, TimeDelta::seconds(ahead), "{told} between {begun} and {ended}");
        }
        let wrong: Vec<bool> = [0, 4_999, 5_000, -5_000].into_iter().map(is_clock_wrong).collect();
        assert_eq!(wrong, [false, false, true, true]);
    }
}
