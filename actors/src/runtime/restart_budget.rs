//! Restart budget: how often a child may be rebuilt before its parent quarantines it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most so many restarts in a window; each waits longer than the one before.
#[derive(Clone, Debug)]
pub struct RestartBudget {
    restarts: VecDeque<Instant>,
    limit: usize,
    window: Duration,
}

/// What the budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartDecision {
    /// Rebuild after this wait.
    Restart {
        /// How long to wait, jittered.
        after: Duration,
    },
    /// Too many: leave it alone for this long.
    Quarantine {
        /// How long.
        after: Duration,
    },
}

impl Default for RestartBudget {
    /// Five restarts in thirty seconds.
    fn default() -> Self {
        Self::new(5, Duration::from_secs(30))
    }
}

impl RestartBudget {
    /// A budget of `limit` restarts in any `window`.
    #[must_use]
    pub fn new(limit: usize, window: Duration) -> Self {
        Self { restarts: VecDeque::new(), limit, window }
    }

    /// Notes a restart at `now` and answers what to do.
    pub fn spend(&mut self, now: Instant) -> RestartDecision {
        while self.restarts.front().is_some_and(|&at| now.duration_since(at) >= self.window) {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.limit {
            return RestartDecision::Quarantine { after: self.window };
        }
        self.restarts.push_back(now);
        let base = Duration::from_millis(10 << self.restarts.len().min(8));
        // A cheap jitter: the low bits of a fresh UUID.
        let jitter = u32::from(uuid::Uuid::now_v7().as_bytes()[15]);
        RestartDecision::Restart { after: base / 2 + base * jitter / 512 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_panics_ends_in_quarantine_and_time_refills_the_budget() {
        let mut budget = RestartBudget::new(3, Duration::from_secs(30));
        let start = Instant::now();
        for _ in 0..3 {
            assert!(matches!(budget.spend(start), RestartDecision::Restart { .. }));
        }
        assert_eq!(budget.spend(start), RestartDecision::Quarantine { after: Duration::from_secs(30) });
        assert!(matches!(budget.spend(start + Duration::from_secs(30)), RestartDecision::Restart { .. }));
    }

    #[test]
    fn each_wait_is_longer_than_half_of_twice_the_one_before() {
        let mut budget = RestartBudget::default();
        let now = Instant::now();
        for n in 1..=5_u32 {
            let RestartDecision::Restart { after } = budget.spend(now) else { unreachable!("within the budget") };
            let base = Duration::from_millis(10 << n);
            assert!(after >= base / 2 && after <= base, "{after:?} outside of {base:?}");
        }
    }
}
