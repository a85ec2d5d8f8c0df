//! Write scheduler: who may write while too many webhooks come in.
//!
//! Providers give up on a webhook after seconds, and nothing else has such a deadline. When many messages wait to be
//! accepted (overload), all other rows get a share of the database.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Other rows in one transaction at most: webhooks that come meanwhile wait for its end.
pub(super) const OTHERS_AT_ONCE: usize = 128;
/// The same on a shard's own connection, on which no webhook waits.
const OTHERS_ALONE: usize = 1024;
/// The share under overload: so many rows for each transaction that accepts, divided by the messages that it accepts.
/// The higher the load, the smaller the share.
const SHARE: usize = 1024;
/// A shard writes under overload when its shares add up to so many rows: a transaction costs the same for one row as
/// for this quantum.
const QUANTUM: usize = 64;
/// The longest that a shard waits for its quantum. When nothing is accepted meanwhile, the load is taken to fall.
const QUANTUM_WAIT: Duration = Duration::from_millis(20);

/// What the writers of a database share.
#[derive(Debug)]
pub(super) struct WriteScheduler {
    /// With so many messages in one transaction it is overload.
    overload_rows: usize,
    /// Messages that a transaction accepts, decaying by a quarter with each transaction, so that one small batch does
    /// not end an overload.
    load: AtomicUsize,
    /// Transactions of the writer that accepts.
    transactions: AtomicUsize,
    /// Rows granted to the other writers and not written yet, under overload.
    granted: AtomicUsize,
    granted_more: Notify,
}

impl WriteScheduler {
    pub fn new(overload_rows: usize) -> Self {
        Self {
            overload_rows,
            load: AtomicUsize::new(0),
            transactions: AtomicUsize::new(0),
            granted: AtomicUsize::new(0),
            granted_more: Notify::new(),
        }
    }

    pub fn is_overloaded(&self) -> bool {
        self.load() >= self.overload_rows
    }

    fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Notes how many messages a transaction accepts. Returns how many other rows go with them.
    pub fn note(&self, accepted: usize) -> usize {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        let before = self.load();
        let load = accepted.max(before - before.div_ceil(4));
        self.load.store(load, Ordering::Relaxed);
        if load < self.overload_rows {
            self.granted_more.notify_waiters();
            return OTHERS_AT_ONCE;
        }
        let share = (SHARE / load).max(1);
        if self.granted.fetch_add(share, Ordering::Relaxed) + share >= QUANTUM {
            self.granted_more.notify_waiters();
        }
        share
    }

    /// How many rows a shard may write; under overload it waits for its quantum.
    pub async fn quantum(&self) -> usize {
        loop {
            let notified = self.granted_more.notified();
            if !self.is_overloaded() {
                return OTHERS_ALONE;
            }
            let granted = self.granted.swap(0, Ordering::Relaxed);
            if granted >= QUANTUM {
                return granted.min(OTHERS_AT_ONCE);
            }
            self.granted.fetch_add(granted, Ordering::Relaxed);
            let transactions = self.transactions.load(Ordering::Relaxed);
            if tokio::time::timeout(QUANTUM_WAIT, notified).await.is_err()
                && transactions == self.transactions.load(Ordering::Relaxed)
            {
                self.note(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    const OVERLOAD: usize = 64;

    #[test]
    fn under_overload_other_rows_get_less_the_higher_the_load_is() {
        let scheduler = WriteScheduler::new(OVERLOAD);
        assert_eq!((scheduler.note(OVERLOAD - 1), scheduler.is_overloaded()), (OTHERS_AT_ONCE, false));
        assert_eq!((scheduler.note(OVERLOAD), scheduler.is_overloaded()), (16, true));
        assert_eq!(scheduler.note(256), 4);
        assert_eq!(scheduler.note(5_000), 1);
        // One small batch does not end the overload.
        assert_eq!((scheduler.note(1), scheduler.is_overloaded()), (1, true));
        let mut transactions = 0;
        while scheduler.note(0) < OTHERS_AT_ONCE {
            transactions += 1;
        }
        assert!((10..20).contains(&transactions), "{transactions}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_waits_until_its_shares_make_a_quantum() {
        let scheduler = WriteScheduler::new(OVERLOAD);
        assert_eq!(scheduler.quantum().await, OTHERS_ALONE);
        assert_eq!(scheduler.note(256), 4);
        let mut quantum = std::pin::pin!(scheduler.quantum());
        for _ in 0..QUANTUM / 4 - 2 {
            assert!(poll!(&mut quantum).is_pending());
            scheduler.note(256);
        }
        assert!(poll!(&mut quantum).is_pending());
        scheduler.note(256);
        assert_eq!(quantum.await, QUANTUM);
        // The granted rows are used up.
        let mut quantum = std::pin::pin!(scheduler.quantum());
        assert!(poll!(&mut quantum).is_pending());
        scheduler.note(0);
        while scheduler.is_overloaded() {
            scheduler.note(0);
        }
        assert_eq!(quantum.await, OTHERS_ALONE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_overload_ends_when_no_more_messages_come() {
        let scheduler = WriteScheduler::new(OVERLOAD);
        scheduler.note(1_000);
        let begun = tokio::time::Instant::now();
        // The accepting writer stands still: its database does not answer it.
        while scheduler.quantum().await < OTHERS_ALONE {}
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
