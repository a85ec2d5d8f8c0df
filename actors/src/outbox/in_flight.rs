//! What a conversation knows of its messages that are with senders, without asking them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many messages of a conversation are with senders, and what became of those that are not any more.
#[derive(Clone, Debug, Default)]
pub struct InFlightCounter(Arc<InFlight>);

#[derive(Debug, Default)]
struct InFlight {
    count: AtomicUsize,
    settled: Notify,
    requeued: AtomicBool,
    deferred: AtomicBool,
}

/// One of them. Dropped without a word, its sender ended before its row was settled: then it counts as handed back.
#[derive(Debug)]
pub struct InFlightGuard {
    counter: Arc<InFlight>,
    left: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Requeued,
    Deferred,
    Done,
}

impl InFlightCounter {
    /// One more.
    #[must_use]
    pub fn start(&self) -> InFlightGuard {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        InFlightGuard { counter: Arc::clone(&self.0), left: Ending::Requeued }
    }

    /// Whether none is with a sender.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Resolves when none is with a sender. For one at a time to await.
    pub async fn settled(&self) {
        while !self.is_zero() {
            // Whoever settles in between leaves word.
            self.0.settled.notified().await;
        }
    }

    /// Whether one came back since this was asked last. Ask it after [`InFlightCounter::is_zero`].
    #[must_use]
    pub fn take_requeued(&self) -> bool {
        self.0.requeued.swap(false, Ordering::AcqRel)
    }

    /// Whether one began to wait for the contact since this was asked last.
    #[must_use]
    pub fn take_deferred(&self) -> bool {
        self.0.deferred.swap(false, Ordering::AcqRel)
    }
}

impl InFlightGuard {
    /// Nothing more will happen with its row by itself.
    pub(super) fn done(mut self) {
        self.left = Ending::Done;
    }

    /// Its row waits in the store for another attempt or another look: what comes next must queue behind it.
    pub(super) fn requeue(mut self) {
        self.left = Ending::Requeued;
    }

    /// Its row waits for the contact, out of line.
    pub(super) fn defer(mut self) {
        self.left = Ending::Deferred;
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        match self.left {
            Ending::Requeued => self.counter.requeued.store(true, Ordering::Release),
            Ending::Deferred => self.counter.deferred.store(true, Ordering::Release),
            Ending::Done => {}
        }
        if self.counter.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.counter.settled.notify_one();
        }
    }
}
