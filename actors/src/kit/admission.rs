//! Admission: how many accepted messages may be in memory. A mailbox's capacity does not bound it (`do_send` ignores
//! that), so a permit travels inside each message until its turn ends. What gets no permit waits in the store, which
//! fails open for the webhook and closed for memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The node's places for messages in memory.
#[derive(Clone, Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    total: u32,
}

impl Admission {
    /// As many places as given.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let total =
            u32::try_from(places).unwrap_or(u32::MAX).min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { places: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// A place for one message of a lane, if both the node and the lane have one.
    #[must_use]
    pub fn try_admit(&self, lane: &Arc<LaneGauge>) -> Option<Permit> {
        if lane.used.load(Ordering::Relaxed) >= lane.limit {
            return None;
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                lane.used.fetch_add(1, Ordering::Relaxed);
                Some(Permit { lane: Arc::clone(lane), _place: place })
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => None,
        }
    }

    /// Resolves when no message is in memory.
    pub async fn drained(&self) {
        // The semaphore is never closed, so the error cannot come; either way nothing is left to wait for.
        drop(self.places.acquire_many(self.total).await);
    }
}

/// One tenant's share of the places.
pub struct LaneGauge {
    used: AtomicUsize,
    limit: usize,
    wanted: AtomicBool,
    on_room: Box<dyn Fn() + Send + Sync>,
}

impl LaneGauge {
    /// A lane of at most `limit` messages. While room is wanted, `on_room` runs when the lane falls to half of it, and
    /// when it is empty; it must be cheap and must not panic.
    #[must_use]
    pub fn new(limit: usize, on_room: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit: limit.max(1), wanted: AtomicBool::new(false), on_room })
    }

    /// Says whether anyone waits for room.
    pub fn want_room(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Messages in memory.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for LaneGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LaneGauge({}/{})", self.used(), self.limit)
    }
}

/// A message's place in memory, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    lane: Arc<LaneGauge>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let left = self.lane.used.fetch_sub(1, Ordering::Relaxed) - 1;
        if (left == self.lane.limit / 2 || left == 0) && self.lane.wanted.load(Ordering::Relaxed) {
            (self.lane.on_room)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(limit: usize) -> (Arc<LaneGauge>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&calls);
        (
            LaneGauge::new(
                limit,
                Box::new(move || {
                    seen.fetch_add(1, Ordering::Relaxed);
                }),
            ),
            calls,
        )
    }

    #[test]
    fn one_tenant_cannot_take_every_place() {
        let admission = Admission::new(10);
        let (greedy, _) = lane(4);
        let (modest, _) = lane(4);
        let held: Vec<_> = std::iter::from_fn(|| admission.try_admit(&greedy)).collect();
        assert_eq!(held.len(), 4);
        assert!(admission.try_admit(&modest).is_some());
    }

    #[test]
    fn room_is_announced_at_half_and_when_empty() {
        let admission = Admission::new(10);
        let (lane, calls) = lane(4);
        lane.want_room(true);
        let mut held: Vec<_> = std::iter::from_fn(|| admission.try_admit(&lane)).collect();
        held.truncate(3);
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        held.truncate(2);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        held.clear();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert_eq!(lane.used(), 0);
    }
}
