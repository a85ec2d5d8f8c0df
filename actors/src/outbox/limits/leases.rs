//! Leases of this process: rows that its senders have in hand, and leases whose answer was lost.
//!
//! A lease ends by the clock, and a process may stand still: a suspended machine, a debugger, a page fault. So no send begins
//! on a lease with less than half of it left, and a row in hand is never given up by the process that holds it. When
//! the answer to a claim or to a turn's commit was lost, rows may be leased that nobody here knows of: they are given up at
//! once, without waiting for the lease to end.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::ids::{NodeId, OutboundId};
use crate::ports::EndedLeases;
use crate::runtime::ActorContext;

/// The leases of a node.
#[derive(Debug)]
pub(crate) struct Leases {
    /// What must be left of a lease right before the gateway is called: no call lasts longer than half of one.
    least: Duration,
    state: Mutex<LeaseState>,
}

#[derive(Debug, Default)]
struct LeaseState {
    held: HashSet<OutboundId>,
    /// The ends of leases whose answer was lost.
    lost: BTreeSet<Timestamp>,
    /// Leases that end by then were given up.
    over: Timestamp,
}

/// A row that a sender has in hand, from right before the gateway is called until its outcome is written.
#[derive(Debug)]
pub(crate) struct RowInHand {
    leases: Arc<Leases>,
    id: OutboundId,
}

impl Leases {
    pub(super) fn new(lease: Duration) -> Arc<Self> {
        Arc::new(Self { least: lease / 2, state: Mutex::default() })
    }

    /// Takes a row in hand. `None` when its lease may end before a call does: it must not be sent.
    pub(crate) fn take(self: &Arc<Self>, id: OutboundId, lease_until: Timestamp, now: Timestamp) -> Option<RowInHand> {
        let mut state = self.lock();
        let too_short = lease_until < ActorContext::later(now, self.least);
        if too_short || lease_until <= state.over || state.lost.contains(&lease_until) {
            return None;
        }
        state.held.insert(id);
        Some(RowInHand { leases: Arc::clone(self), id })
    }

    /// Gives up the leases that end at `lease_until`: whether rows have them is unknown, and no send has begun on them.
    pub(crate) fn lose(&self, lease_until: Timestamp) {
        self.lock().lost.insert(lease_until);
    }

    /// The leases that are over. A later [`Leases::take`] with one of them gets nothing.
    pub(crate) fn over(&self, node: NodeId, now: Timestamp) -> EndedLeases {
        let mut state = self.lock();
        state.over = state.over.max(now);
        // A lost claim may be written after this question, so it is asked about for as long as its lease lasts.
        state.lost = state.lost.split_off(&now);
        let (lost, held) = (state.lost.iter().copied().collect(), state.held.iter().copied().collect());
        EndedLeases { node, now, lost, held }
    }

    fn lock(&self) -> MutexGuard<'_, LeaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RowInHand {
    fn drop(&mut self) {
        self.leases.lock().held.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::harness::{noon, outbound};

    const LEASE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        ActorContext::later(noon(), Duration::from_secs(seconds))
    }

    #[test]
    fn i5_nobody_begins_on_a_lease_that_may_end_before_the_call_does() {
        let (leases, id) = (Leases::new(LEASE), outbound().id);
        for (now, taken) in [(0, true), (30, true), (31, false), (60, false), (90, false)] {
            assert_eq!(leases.take(id, at(60), at(now)).is_some(), taken, "{now}");
        }
    }

    #[test]
    fn i5_what_was_given_up_is_not_begun_and_what_is_in_hand_is_not_given_up() {
        let (leases, id) = (Leases::new(LEASE), outbound().id);
        let node = || NodeId::new("node");
        let in_hand = leases.take(id, at(60), at(0)).expect("the lease is long enough");
        assert_eq!(leases.over(node(), at(100)).held, [id], "however late it is");
        drop(in_hand);
        assert!(leases.over(node(), at(101)).held.is_empty());
        assert!(leases.take(id, at(60), at(0)).is_none(), "even when the clock goes back");
    }

    #[test]
    fn i5_a_lost_lease_is_nobodys_and_is_looked_for_until_it_ends() {
        let (leases, id) = (Leases::new(LEASE), outbound().id);
        leases.lose(at(60));
        assert!(leases.take(id, at(60), at(0)).is_none());
        assert!(leases.take(id, at(61), at(0)).is_some(), "another one is not lost");
        for (now, lost) in [(1, vec![at(60)]), (2, vec![at(60)]), (61, Vec::new())] {
            assert_eq!(leases.over(NodeId::new("node"), at(now)).lost, lost, "{now}");
        }
    }
}
