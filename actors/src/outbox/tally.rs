//! What a conversation knows of its messages that are with senders, without asking them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many messages of a conversation are with senders, and what became of those that are not any more.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Tallied>);

#[derive(Debug, Default)]
struct Tallied {
    count: AtomicUsize,
    settled: Notify,
    handed_back: AtomicBool,
    stepped_out: AtomicBool,
}

/// One of them. Dropped without a word, its sender ended before its row was settled: then it counts as handed back.
#[derive(Debug)]
pub struct Unsettled {
    tallied: Arc<Tallied>,
    left: Left,
}

#[derive(Clone, Copy, Debug)]
enum Left {
    HandedBack,
    SteppedOut,
    Done,
}

impl Tally {
    /// One more.
    #[must_use]
    pub fn count_one(&self) -> Unsettled {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Unsettled { tallied: Arc::clone(&self.0), left: Left::HandedBack }
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

    /// Whether one came back since this was asked last. Ask it after [`Tally::is_zero`].
    #[must_use]
    pub fn take_handed_back(&self) -> bool {
        self.0.handed_back.swap(false, Ordering::AcqRel)
    }

    /// Whether one began to wait for the contact since this was asked last.
    #[must_use]
    pub fn take_stepped_out(&self) -> bool {
        self.0.stepped_out.swap(false, Ordering::AcqRel)
    }
}

impl Unsettled {
    /// Nothing more will happen with its row by itself.
    pub(super) fn done(mut self) {
        self.left = Left::Done;
    }

    /// Its row waits in the store for another attempt or another look: what comes next must queue behind it.
    pub(super) fn hand_back(mut self) {
        self.left = Left::HandedBack;
    }

    /// Its row waits for the contact, out of line.
    pub(super) fn step_out(mut self) {
        self.left = Left::SteppedOut;
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        match self.left {
            Left::HandedBack => self.tallied.handed_back.store(true, Ordering::Release),
            Left::SteppedOut => self.tallied.stepped_out.store(true, Ordering::Release),
            Left::Done => {}
        }
        if self.tallied.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tallied.settled.notify_one();
        }
    }
}
