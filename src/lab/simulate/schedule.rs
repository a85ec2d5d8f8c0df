//! When webhooks are due, and which conversation each belongs to.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Notify;

/// Repeats come from among so many of the latest messages: some race their original, some come after its turn.
const REPEATED_FROM: u64 = 64;

/// Arrivals at a constant rate. They are due whether or not earlier ones were answered: what waits behind a slow answer
/// is late, and that lateness is measured (no coordinated omission).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    per_second: f64,
}

impl Schedule {
    /// `None` when the rate is no positive number.
    pub(crate) fn new(per_second: f64) -> Option<Self> {
        (per_second.is_finite() && per_second > 0.0).then_some(Self { per_second })
    }

    /// When an arrival is due, counted from the beginning; saturates.
    pub(super) fn instant_of(self, arrival: u64) -> Duration {
        Duration::try_from_secs_f64(arrival as f64 / self.per_second).unwrap_or(Duration::MAX)
    }
}

/// What an arrival is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// A message that was not there before, in this conversation.
    Fresh {
        /// Counted from 0.
        conversation: u32,
    },
    /// The very message that was made so many fresh ones ago; 1 is the latest.
    Repeat {
        /// From 1.
        back: u64,
    },
}

/// Which conversation each message belongs to, and which are repeats. The same seed draws the same.
#[derive(Debug)]
pub(super) struct Draw {
    random: fastrand::Rng,
    conversations: u32,
    repeats: f64,
    once: bool,
    fresh: u64,
}

impl Draw {
    /// `repeats` is the share of all webhooks that repeat an earlier one, from 0 to below 1. With `once` every
    /// conversation gets one message, in order, and then there are no more.
    pub(super) fn new(seed: u64, conversations: u32, repeats: f64, once: bool) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), conversations: conversations.max(1), repeats, once, fresh: 0 }
    }

    /// The next one; `None` when every conversation had its message.
    pub(super) fn next(&mut self) -> Option<Pick> {
        if self.fresh > 0 && self.random.f64() < self.repeats {
            return Some(Pick::Repeat { back: self.random.u64(1..=self.fresh.min(REPEATED_FROM)) });
        }
        let conversation = if self.once {
            u32::try_from(self.fresh).ok().filter(|next| *next < self.conversations)?
        } else {
            self.random.u32(0..self.conversations)
        };
        self.fresh += 1;
        Some(Pick::Fresh { conversation })
    }
}

/// A webhook to be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// What it is.
    pub(super) pick: Pick,
    /// When it was due, counted from the beginning.
    pub(super) due: Duration,
}

/// What is due and not yet taken by a connection. Belongs to one thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: std::cell::RefCell<VecDeque<Arrival>>,
    closed: std::cell::Cell<bool>,
    arrived: Notify,
}

impl Queue {
    /// Adds one.
    pub(super) fn push(&self, arrival: Arrival) {
        self.waiting.borrow_mut().push_back(arrival);
        // The connection that rested last is the warm one; the others stay closed until they are needed.
        self.arrived.notify_last();
    }

    /// There will be no more.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.arrived.notify_waiters();
    }

    /// The oldest one, as soon as there is one; `None` when it is closed and empty.
    pub(super) async fn next(&self) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.waiting.borrow_mut().pop_front() {
                return Some(arrival);
            }
            if self.closed.get() {
                return None;
            }
            self.arrived.notified().await;
        }
    }

    /// How many wait for a connection.
    pub(super) fn len(&self) -> usize {
        self.waiting.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_evenly_spaced() {
        let schedule = Schedule::new(200.0).unwrap();
        for (arrival, expected_ms) in [(0, 0), (1, 5), (200, 1_000), (6_000, 30_000)] {
            assert_eq!(schedule.instant_of(arrival), Duration::from_millis(expected_ms));
        }
    }

    #[test]
    fn a_rate_is_positive() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Schedule::new(rate).is_none(), "{rate}");
        }
    }

    #[test]
    fn a_schedule_far_away_saturates() {
        assert_eq!(Schedule::new(f64::MIN_POSITIVE).unwrap().instant_of(u64::MAX), Duration::MAX);
    }

    #[test]
    fn once_touches_every_conversation_once_and_ends() {
        let mut draw = Draw::new(7, 1_000, 0.1, true);
        let picks: Vec<Pick> = std::iter::from_fn(|| draw.next()).collect();
        let fresh = picks.iter().filter_map(|pick| match pick {
            Pick::Fresh { conversation } => Some(*conversation),
            Pick::Repeat { .. } => None,
        });
        assert!(fresh.eq(0..1_000));
        assert!(picks.len() > 1_000, "repeats come on top");
    }

    #[test]
    fn the_share_of_repeats_is_kept_and_they_repeat_what_was_made() {
        let mut draw = Draw::new(7, 10, 0.25, false);
        let (mut fresh, mut repeats) = (0, 0);
        for _ in 0..20_000 {
            match draw.next().unwrap() {
                Pick::Fresh { conversation } => {
                    assert!(conversation < 10);
                    fresh += 1;
                }
                Pick::Repeat { back } => {
                    assert!((1..=fresh).contains(&back));
                    repeats += 1;
                }
            }
        }
        assert!((4_500..5_500).contains(&repeats), "{repeats}");
    }

    #[test]
    fn without_repeats_there_are_none() {
        let mut draw = Draw::new(7, 10, 0.0, false);
        assert!((0..1_000).all(|_| matches!(draw.next(), Some(Pick::Fresh { .. }))));
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_first() {
        let queue = Queue::default();
        let arrival = Arrival { pick: Pick::Fresh { conversation: 3 }, due: Duration::ZERO };
        queue.push(arrival);
        queue.close();
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.next().await, Some(arrival));
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn everyone_who_waits_learns_that_it_is_closed() {
        let queue = Queue::default();
        let (one, other, ()) = tokio::join!(queue.next(), queue.next(), async { queue.close() });
        assert_eq!((one, other), (None, None));
    }
}
