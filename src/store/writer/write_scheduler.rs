//! How many messages come in. Providers give up on a webhook after seconds, and nobody else does: when many wait to be
//! accepted, what else there is to write gets a share of the database and no more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Everything else in one transaction: webhooks that come meanwhile wait for its end.
pub(super) const OTHERS_AT_ONCE: usize = 128;
/// The same on a connection of its own, on which no webhook waits.
const OTHERS_ALONE: usize = 1024;
/// The share in a flood: so many rows for each transaction that accepts, divided by how many messages it accepts. The higher
/// the flood, the less of it.
const SHARE: usize = 1024;
/// What a connection of its own saves up for before it writes: a transaction costs the same for one row as for so many.
const PORTION: usize = 64;
/// The longest that it saves up for. When nobody accepts anything meanwhile, the flood falls.
const SAVING: Duration = Duration::from_millis(20);

/// What all writers of a database know of it.
#[derive(Debug)]
pub(super) struct WriteScheduler {
    /// From so many messages in one transaction on, it is a flood.
    flood: usize,
    /// How many messages transactions accept these days: a quarter of it is forgotten with each, so that one small batch in
    /// a flood does not count as the end of it.
    height: AtomicUsize,
    /// How many transactions accepted something, or could have.
    beats: AtomicUsize,
    /// Rows that others may write, in a flood.
    saved: AtomicUsize,
    saving: Notify,
}

impl WriteScheduler {
    pub fn new(flood: usize) -> Self {
        Self {
            flood,
            height: AtomicUsize::new(0),
            beats: AtomicUsize::new(0),
            saved: AtomicUsize::new(0),
            saving: Notify::new(),
        }
    }

    pub fn is_flood(&self) -> bool {
        self.height() >= self.flood
    }

    fn height(&self) -> usize {
        self.height.load(Ordering::Relaxed)
    }

    /// A transaction accepts so many messages. Answers how many other rows go with them.
    pub fn note(&self, accepted: usize) -> usize {
        self.beats.fetch_add(1, Ordering::Relaxed);
        let before = self.height();
        let height = accepted.max(before - before.div_ceil(4));
        self.height.store(height, Ordering::Relaxed);
        if height < self.flood {
            self.saving.notify_waiters();
            return OTHERS_AT_ONCE;
        }
        let share = (SHARE / height).max(1);
        if self.saved.fetch_add(share, Ordering::Relaxed) + share >= PORTION {
            self.saving.notify_waiters();
        }
        share
    }

    /// How many rows a connection may write on which nothing is accepted; in a flood it waits for them.
    pub async fn portion(&self) -> usize {
        loop {
            let told = self.saving.notified();
            if !self.is_flood() {
                return OTHERS_ALONE;
            }
            let saved = self.saved.swap(0, Ordering::Relaxed);
            if saved >= PORTION {
                return saved.min(OTHERS_AT_ONCE);
            }
            self.saved.fetch_add(saved, Ordering::Relaxed);
            let beats = self.beats.load(Ordering::Relaxed);
            if tokio::time::timeout(SAVING, told).await.is_err() && beats == self.beats.load(Ordering::Relaxed) {
                self.note(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    const FLOOD: usize = 64;

    #[test]
    fn in_a_flood_the_rest_gets_the_less_the_higher_it_is() {
        let scheduler = WriteScheduler::new(FLOOD);
        assert_eq!((scheduler.note(FLOOD - 1), scheduler.is_flood()), (OTHERS_AT_ONCE, false));
        assert_eq!((scheduler.note(FLOOD), scheduler.is_flood()), (16, true));
        assert_eq!(scheduler.note(256), 4);
        assert_eq!(scheduler.note(5_000), 1);
        // One small batch is not the end of it.
        assert_eq!((scheduler.note(1), scheduler.is_flood()), (1, true));
        let mut beats = 0;
        while scheduler.note(0) < OTHERS_AT_ONCE {
            beats += 1;
        }
        assert!((10..20).contains(&beats), "{beats}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_its_own_saves_its_shares_up() {
        let scheduler = WriteScheduler::new(FLOOD);
        assert_eq!(scheduler.portion().await, OTHERS_ALONE);
        assert_eq!(scheduler.note(256), 4);
        let mut portion = std::pin::pin!(scheduler.portion());
        for _ in 0..PORTION / 4 - 2 {
            assert!(poll!(&mut portion).is_pending());
            scheduler.note(256);
        }
        assert!(poll!(&mut portion).is_pending());
        scheduler.note(256);
        assert_eq!(portion.await, PORTION);
        // What was saved is spent.
        let mut portion = std::pin::pin!(scheduler.portion());
        assert!(poll!(&mut portion).is_pending());
        scheduler.note(0);
        while scheduler.is_flood() {
            scheduler.note(0);
        }
        assert_eq!(portion.await, OTHERS_ALONE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_which_nothing_comes_any_more_falls_by_itself() {
        let scheduler = WriteScheduler::new(FLOOD);
        scheduler.note(1_000);
        let begun = tokio::time::Instant::now();
        // The one that accepts stands still: its database does not answer it.
        while scheduler.portion().await < OTHERS_ALONE {}
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
