//! Admission: how many accepted messages may be in memory. A mailbox's capacity does not bound it (`do_send` ignores
//! that), so a permit travels inside each message until its turn ends. What gets no permit waits in the store, which
//! fails open for the webhook and closed for memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// How much room is worth a word.
pub const ROOM_EVERY: usize = 64;

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
    pub fn try_admit(&self, gauge: &Arc<TenantGauge>) -> Option<Permit> {
        if gauge.used.load(Ordering::Relaxed) >= gauge.limit {
            return None;
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                gauge.used.fetch_add(1, Ordering::Relaxed);
                Some(Permit { gauge: Arc::clone(gauge), _place: place })
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => None,
        }
    }

    /// Places that are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Resolves when no message is in memory.
    pub async fn drained(&self) {
        // The semaphore is never closed, so the error cannot come; either way nothing is left to wait for.
        drop(self.places.acquire_many(self.total).await);
    }
}

/// One tenant's share of the places.
pub struct TenantGauge {
    used: AtomicUsize,
    limit: usize,
    wanted: AtomicBool,
    on_room: Box<dyn Fn() + Send + Sync>,
}

impl TenantGauge {
    /// A lane of at most `limit` messages. While room is wanted, `on_room` runs each time that [`ROOM_EVERY`] places were
    /// given back, and when the lane is empty; it must be cheap and must not panic.
    #[must_use]
    pub fn new(limit: usize, on_room: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit: limit.max(1), wanted: AtomicBool::new(false), on_room })
    }

    /// Says whether anyone waits for room.
    pub fn want_room(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Messages that the lane may still take.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.used())
    }

    /// Messages in memory.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for TenantGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LaneGauge({}/{})", self.used(), self.limit)
    }
}

/// A message's place in memory, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    gauge: Arc<TenantGauge>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let left = self.gauge.used.fetch_sub(1, Ordering::Relaxed) - 1;
        if left.is_multiple_of(ROOM_EVERY) && self.gauge.wanted.load(Ordering::Relaxed) {
            (self.gauge.on_room)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(limit: usize) -> (Arc<TenantGauge>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&calls);
        (
            TenantGauge::new(
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
        let (greedy, _) = gauge(4);
        let (modest, _) = gauge(4);
        let held: Vec<_> = std::iter::from_fn(|| admission.try_admit(&greedy)).collect();
        assert_eq!(held.len(), 4);
        assert!(admission.try_admit(&modest).is_some());
    }

    #[test]
    fn room_is_announced_in_portions_and_when_the_gauge_is_empty() {
        let admission = Admission::new(1_000);
        let (gauge, calls) = gauge(ROOM_EVERY + 10);
        let mut held: Vec<_> = std::iter::from_fn(|| admission.try_admit(&gauge)).collect();
        assert_eq!((held.len(), gauge.room()), (ROOM_EVERY + 10, 0));
        held.truncate(ROOM_EVERY);
        assert_eq!(calls.load(Ordering::Relaxed), 0, "nobody wants to know");
        gauge.want_room(true);
        held.clear();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!((gauge.used(), admission.free()), (0, 1_000));
    }
}
