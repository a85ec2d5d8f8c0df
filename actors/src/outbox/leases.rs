//! The leases that this process has: which rows its senders have in hand, and which leases nobody will ever send on.
//!
//! A lease is a promise by the clock, and a process may stand still: a machine that sleeps, a debugger, a page that comes
//! from a disk. So nobody begins on a lease that is not long enough any more, and what is in hand is not taken away by the
//! process that has it. A claim, or a turn, whose answer was lost may have leased rows that nobody knows of: nobody waits
//! until those leases run out.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::ids::{NodeId, OutboundId};
use crate::ports::EndedLeases;
use crate::runtime::ActorContext;

/// The book of a node.
#[derive(Debug)]
pub(crate) struct Leases {
    /// What must be left of a lease right before the wire: no call lasts longer than half of one.
    least: Duration,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    held: HashSet<OutboundId>,
    /// The ends of leases whose answer was lost.
    lost: BTreeSet<Timestamp>,
    /// Leases that end by then were given up.
    over: Timestamp,
}

/// A row that a sender has in hand, from right before the wire until its outcome is written down.
#[derive(Debug)]
pub(super) struct InHand {
    leases: Arc<Leases>,
    id: OutboundId,
}

impl Leases {
    /// A book for leases of this length.
    pub(super) fn new(lease: Duration) -> Arc<Self> {
        Arc::new(Self { least: lease / 2, book: Mutex::default() })
    }

    /// Takes a row in hand. `None` when its lease may be over before a call is: it must not be sent.
    pub(super) fn take(self: &Arc<Self>, id: OutboundId, lease_until: Timestamp, now: Timestamp) -> Option<InHand> {
        let mut book = self.lock();
        let too_short = lease_until < ActorContext::later(now, self.least);
        if too_short || lease_until <= book.over || book.lost.contains(&lease_until) {
            return None;
        }
        book.held.insert(id);
        Some(InHand { leases: Arc::clone(self), id })
    }

    /// Whether rows were leased until then is not known, and nobody has begun on them.
    pub(crate) fn lose(&self, lease_until: Timestamp) {
        self.lock().lost.insert(lease_until);
    }

    /// Which leases are over. Whoever comes to [`Leases::take`] later with one of these gets nothing.
    pub(super) fn over(&self, node: NodeId, now: Timestamp) -> EndedLeases {
        let mut book = self.lock();
        book.over = book.over.max(now);
        // A lost claim may be written after we have looked, so it is looked for as long as its lease lasts.
        book.lost = book.lost.split_off(&now);
        let (lost, held) = (book.lost.iter().copied().collect(), book.held.iter().copied().collect());
        EndedLeases { node, now, lost, held }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHand {
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
        let in_hand = leases.take(id, at(60), at(0)).expect("it is ours");
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
