//! Circuit breaker per tenant's assistant: an endpoint that fails is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::breaker::{Attempt, Breaker, Verdict};
use palabre_actors::domain::channel::BreakerPolicy;

/// Three that fail in a row are enough: each made a customer wait for the whole deadline.
const FAILURES: u32 = 3;
const OPEN_FOR: Duration = Duration::from_secs(30);

pub(super) struct AssistantBreaker(Mutex<Breaker>);

/// One question under way. Given up, it says nothing about the endpoint.
pub(super) struct AssistantAttempt<'a> {
    breaker: &'a AssistantBreaker,
    attempt: Option<Attempt>,
    begun: Timestamp,
}

impl Default for AssistantBreaker {
    fn default() -> Self {
        let policy = BreakerPolicy { consecutive_failures: FAILURES, open_for: OPEN_FOR, ..BreakerPolicy::default() };
        Self(Mutex::new(Breaker::new(policy)))
    }
}

impl AssistantBreaker {
    /// `None`: not now.
    pub(super) fn begin(&self, now: Timestamp) -> Option<AssistantAttempt<'_>> {
        let attempt = self.lock().begin(now).ok()?;
        Some(AssistantAttempt { breaker: self, attempt: Some(attempt), begun: now })
    }

    fn end(&self, attempt: Attempt, verdict: Verdict, now: Timestamp) {
        let mut breaker = self.lock();
        if breaker.end(attempt, verdict, now) {
            tracing::info!(breaker.state = breaker.state(now).as_str(), "circuit breaker of an assistant changed");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AssistantAttempt<'_> {
    /// Whether the endpoint works.
    pub(super) fn end(mut self, works: bool, now: Timestamp) {
        if let Some(attempt) = self.attempt.take() {
            self.breaker.end(attempt, if works { Verdict::Works } else { Verdict::Fails }, now);
        }
    }
}

impl Drop for AssistantAttempt<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.breaker.end(attempt, Verdict::Silent, self.begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_is_given_up_leaves_room_for_the_next() {
        let breaker = AssistantBreaker::default();
        let at = |seconds: i64| Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        for _ in 0..FAILURES {
            breaker.begin(at(0)).unwrap().end(false, at(0));
        }
        assert!(breaker.begin(at(1)).is_none(), "it is left alone");
        // The one question that tries the endpoint again is given up for a STOP.
        drop(breaker.begin(at(31)).unwrap());
        breaker.begin(at(32)).unwrap().end(true, at(32));
        assert!(breaker.begin(at(33)).is_some());
    }
}
