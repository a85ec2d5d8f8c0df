//! Live nodes: how many share the store, and until when this one counts as alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use crate::domain::Timestamp;
use crate::domain::quota_lease::Epoch;

/// The number of live nodes, and until when the other nodes surely count this one as alive. Clones share it.
#[derive(Clone, Debug)]
pub struct LiveNodes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    count: AtomicU32,
    epoch: AtomicU64,
    /// Microseconds since 1970.
    until: AtomicI64,
}

impl Default for LiveNodes {
    /// A node alone.
    fn default() -> Self {
        Self::until(i64::MAX)
    }
}

impl LiveNodes {
    /// One of several nodes, which the others do not know yet.
    #[must_use]
    pub fn of_several() -> Self {
        Self::until(i64::MIN)
    }

    fn until(until: i64) -> Self {
        let (count, epoch) = (AtomicU32::new(1), AtomicU64::new(0));
        Self(Arc::new(Inner { count, epoch, until: AtomicI64::new(until) }))
    }

    /// The number of live nodes, one at least.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.count.load(Ordering::Relaxed).max(1)
    }

    /// Sets the number of live nodes.
    pub fn seen(&self, count: u32) {
        self.0.count.store(count.max(1), Ordering::Relaxed);
    }

    /// The other nodes count this one as alive until then. When they may have given it up before, another epoch begins.
    pub fn believed_until(&self, until: Timestamp, now: Timestamp) {
        if self.0.until.load(Ordering::Acquire) < now.timestamp_micros() {
            self.0.epoch.fetch_add(1, Ordering::AcqRel);
        }
        // Stored after the number: a reader of the new end reads the new number too.
        self.0.until.store(until.timestamp_micros(), Ordering::Release);
    }

    /// The epoch in which this node may use its quota leases.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        let until = self.0.until.load(Ordering::Acquire);
        let number = self.0.epoch.load(Ordering::Acquire);
        let least = if until < 0 { Timestamp::default() } else { Timestamp::MAX_UTC };
        Epoch { number, until: Timestamp::from_timestamp_micros(until).unwrap_or(least) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::harness::noon;

    #[test]
    fn a_node_that_may_have_been_given_up_begins_another_epoch() {
        let nodes = LiveNodes::of_several();
        let at = |seconds| noon() + TimeDelta::seconds(seconds);
        assert!(nodes.epoch().until <= at(0));
        // now, until -> number
        for (now, until, number) in [(0, 9, 1), (3, 12, 1), (12, 21, 1), (22, 31, 2), (25, 34, 2), (900, 909, 3)] {
            nodes.believed_until(at(until), at(now));
            assert_eq!(nodes.epoch(), Epoch { number, until: at(until) });
        }
        assert_eq!(LiveNodes::default().epoch(), Epoch { number: 0, until: Timestamp::MAX_UTC });
    }
}
