//! Circuit breaker per tenant's assistant: an endpoint that fails is left alone for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::breaker::{Attempt, Breaker, Verdict};
use palabre_actors::domain::channel::BreakerPolicy;

/// Three that fail in a row are enough: each made a customer wait for the whole deadline.
const FAILURES: u32 = 3;
const OPEN_FOR: Duration = Duration::from_secs(30);

pub(super) struct AssistantBreaker(Mutex<Breaker>);

impl Default for AssistantBreaker {
    fn default() -> Self {
        let policy = BreakerPolicy { consecutive_failures: FAILURES, open_for: OPEN_FOR, ..BreakerPolicy::default() };
        Self(Mutex::new(Breaker::new(policy)))
    }
}

impl AssistantBreaker {
    /// `None`: not now.
    pub(super) fn begin(&self, now: Timestamp) -> Option<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).begin(now).ok()
    }

    /// `works`: what the attempt says of the endpoint, if anything.
    pub(super) fn end(&self, attempt: Attempt, works: Option<bool>, now: Timestamp) {
        let verdict = match works {
            Some(true) => Verdict::Works,
            Some(false) => Verdict::Fails,
            None => Verdict::Silent,
        };
        let mut breaker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if breaker.end(attempt, verdict, now) {
            tracing::info!(breaker.state = breaker.state(now).as_str(), "circuit breaker of an assistant changed");
        }
    }
}
