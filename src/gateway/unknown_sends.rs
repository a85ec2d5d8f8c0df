//! Since when this process knows that the outcome of a send is unknown.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use palabre_actors::domain::ids::OutboundId;

/// Sends that are remembered at once; beyond, the oldest is forgotten, and waited for longer than need be.
const MOST: usize = 10_000;

/// The sends of one channel.
#[derive(Debug, Default)]
pub(super) struct UnknownSends(Mutex<HashMap<OutboundId, Instant>>);

impl UnknownSends {
    /// The outcome becomes unknown now.
    pub fn begin(&self, id: OutboundId) {
        self.since(id, true);
    }

    /// For how long the outcome has been unknown, as far as this process knows: it begins with the first question.
    pub fn waited(&self, id: OutboundId) -> Duration {
        self.since(id, false).elapsed()
    }

    /// Nobody waits for the outcome any more.
    pub fn end(&self, id: OutboundId) {
        self.lock().remove(&id);
    }

    fn since(&self, id: OutboundId, anew: bool) -> Instant {
        let now = Instant::now();
        let mut known = self.lock();
        if known.len() >= MOST && !known.contains_key(&id) {
            let oldest = known.iter().min_by_key(|(_, since)| **since).map(|(id, _)| *id);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let since = known.entry(id).or_insert(now);
        if anew {
            *since = now;
        }
        *since
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OutboundId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
