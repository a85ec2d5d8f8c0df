//! In-flight counter: how many messages of a conversation are being sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts a conversation's messages that are being sent, and notes how the others ended. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct InFlightCounter(Arc<InFlight>);

#[derive(Debug, Default)]
struct InFlight {
    count: AtomicUsize,
    settled: Notify,
    requeued: AtomicBool,
    deferred: AtomicBool,
}

/// One message that is being sent. Dropped without a result, it counts as requeued: its sender ended before the row was
/// settled.
#[derive(Debug)]
pub struct InFlightGuard {
    counter: Arc<InFlight>,
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Requeued,
    Deferred,
    Done,
}

impl InFlightCounter {
    /// Counts one more.
    #[must_use]
    pub fn start(&self) -> InFlightGuard {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        InFlightGuard { counter: Arc::clone(&self.0), ending: Ending::Requeued }
    }

    /// Whether none is being sent.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Resolves when none is being sent. One task at a time may await it.
    pub async fn settled(&self) {
        while !self.is_zero() {
            // A settlement between the check and the wait has left its notification.
            self.0.settled.notified().await;
        }
    }

    /// Whether one was requeued since the last call. Call it after [`InFlightCounter::is_zero`].
    #[must_use]
    pub fn take_requeued(&self) -> bool {
        self.0.requeued.swap(false, Ordering::AcqRel)
    }

    /// Whether one was deferred since the last call.
    #[must_use]
    pub fn take_deferred(&self) -> bool {
        self.0.deferred.swap(false, Ordering::AcqRel)
    }
}

impl InFlightGuard {
    /// Its row is settled for good.
    pub(super) fn done(mut self) {
        self.ending = Ending::Done;
    }

    /// Its row waits in the store for another attempt or for reconciliation: later messages must queue behind it.
    pub(super) fn requeue(mut self) {
        self.ending = Ending::Requeued;
    }

    /// Its row waits for the contact, outside of the conversation queue.
    pub(super) fn defer(mut self) {
        self.ending = Ending::Deferred;
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        match self.ending {
            Ending::Requeued => self.counter.requeued.store(true, Ordering::Release),
            Ending::Deferred => self.counter.deferred.store(true, Ordering::Release),
            Ending::Done => {}
        }
        if self.counter.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.counter.settled.notify_one();
        }
    }
}
