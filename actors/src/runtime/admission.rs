//! Admission: how many accepted messages may be in memory.
//!
//! A mailbox's capacity does not bound that (`do_send` ignores it), so a permit travels inside each message until its turn
//! ends. A message without a permit waits in the store: admission fails open for the webhook and closed for memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Room is announced each time that so many permits were given back.
pub const ROOM_EVERY: usize = 64;

/// Permits of a node for messages in memory.
#[derive(Clone, Debug)]
pub struct Admission {
    permits: Arc<Semaphore>,
    total: u32,
}

impl Admission {
    /// Admission of at most `limit` messages.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let total =
            u32::try_from(limit).unwrap_or(u32::MAX).min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { permits: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// A permit for one message of a tenant, if both the node and the tenant have one.
    #[must_use]
    pub fn try_admit(&self, gauge: &Arc<TenantGauge>) -> Option<Permit> {
        if gauge.used.load(Ordering::Relaxed) >= gauge.limit {
            return None;
        }
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => {
                gauge.used.fetch_add(1, Ordering::Relaxed);
                Some(Permit { gauge: Arc::clone(gauge), _permit: permit })
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => None,
        }
    }

    /// Number of free permits.
    #[must_use]
    pub fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Resolves when no message is in memory.
    pub async fn drained(&self) {
        // The semaphore is never closed, so the error cannot come; either way nothing is left to wait for.
        drop(self.permits.acquire_many(self.total).await);
    }
}

/// One tenant's messages in memory.
pub struct TenantGauge {
    used: AtomicUsize,
    limit: usize,
    wanted: AtomicBool,
    on_room: Box<dyn Fn() + Send + Sync>,
}

impl TenantGauge {
    /// A gauge for at most `limit` messages. While room is wanted, `on_room` runs each time that [`ROOM_EVERY`] permits were
    /// given back, and when no message is left; it must be cheap and must not panic.
    #[must_use]
    pub fn new(limit: usize, on_room: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit: limit.max(1), wanted: AtomicBool::new(false), on_room })
    }

    /// Sets whether messages wait for room.
    pub fn want_room(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Number of messages that may still be admitted.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.used())
    }

    /// Number of messages in memory.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for TenantGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantGauge({}/{})", self.used(), self.limit)
    }
}

/// The right of one message to be in memory; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    gauge: Arc<TenantGauge>,
    _permit: OwnedSemaphorePermit,
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
    fn one_tenant_cannot_take_every_permit() {
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
        assert_eq!(calls.load(Ordering::Relaxed), 0, "room is not wanted");
        gauge.want_room(true);
        held.clear();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!((gauge.used(), admission.free()), (0, 1_000));
    }
}
