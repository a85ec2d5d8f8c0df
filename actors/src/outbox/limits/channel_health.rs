//! Health of a sender account on this node: its circuit breaker and its pause.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tracing::{info, warn};

use super::channel_counters::ChannelCounters;
use super::channel_failure::{ChannelFailure, FailingChannel, is_about_the_message};
use crate::domain::Timestamp;
use crate::domain::breaker::{Attempt, Breaker, BreakerDecision, BreakerState, Verdict};
use crate::domain::channel::ChannelProfile;
use crate::domain::send::{Receipt, SendError};
use crate::domain::turn::Outcome;
use crate::ports::{ChannelKey, Via};
use crate::runtime::{ActorContext, metric};

/// How long a message waits while another one probes a half-open breaker: the probe is usually over sooner.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// How long at most a message waits that finds the channel paused. A pause may have no end until an operator resumes the
/// channel, so the row must not carry an end that lies years ahead.
const PAUSE_WAIT: Duration = Duration::from_secs(5);

/// One channel's sender account.
pub(crate) struct ChannelHealth {
    pub(crate) channel_key: ChannelKey,
    pub(crate) profile: Arc<ChannelProfile>,
    counters: ChannelCounters,
    failure: ChannelFailure,
    breaker: Mutex<Breaker>,
    /// Whether the breaker is closed: a copy that is read without its lock.
    closed: AtomicBool,
    /// Whether the channel became unavailable since failover last handled it.
    failover_due: AtomicBool,
    /// Microseconds since 1970; 0 when not paused.
    paused_until: AtomicI64,
    /// Microseconds since 1970 at which a pause of this process was written; `i64::MAX` while it is not. What was read
    /// from the store earlier says nothing about that pause.
    written_at: AtomicI64,
}

/// What a channel may send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Any number of messages.
    Ready,
    /// One message, which probes the half-open breaker.
    One,
    /// Nothing until then, and the reason.
    Shut(Timestamp, &'static str),
}

/// The right to one attempt. Dropped without a verdict, it leaves the breaker as it was.
pub(crate) struct BreakerPermit {
    health: Arc<ChannelHealth>,
    /// `None` when the attempt began with a closed breaker, which takes no lock, or was judged already.
    attempt: Option<Attempt>,
}

impl ChannelHealth {
    pub(super) fn new(channel_key: ChannelKey, profile: Arc<ChannelProfile>) -> Arc<Self> {
        let breaker = Mutex::new(Breaker::new(profile.breaker.clone()));
        Arc::new(Self {
            counters: ChannelCounters::new(&channel_key),
            failure: ChannelFailure::default(),
            channel_key,
            profile,
            breaker,
            closed: AtomicBool::new(true),
            failover_due: AtomicBool::new(false),
            paused_until: AtomicI64::new(0),
            written_at: AtomicI64::new(0),
        })
    }

    /// The channel with another profile. A pause goes on; failures are counted anew.
    pub(super) fn succeeding(before: &Self, profile: Arc<ChannelProfile>) -> Arc<Self> {
        let health = Self::new(before.channel_key.clone(), profile);
        for (own, known) in [(&health.paused_until, &before.paused_until), (&health.written_at, &before.written_at)] {
            own.store(known.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        health
    }

    /// This channel, as the fallback that a message left through.
    pub(crate) fn as_via(&self) -> Via {
        Via { channel: self.channel_key.channel.clone(), scheme: self.profile.scheme }
    }

    /// Counts an attempt, and notes what it says about the channel.
    pub(crate) fn note_send(&self, sent: &Result<Receipt, SendError>, now: Timestamp) {
        self.counters.count_send(sent.as_ref().err().map(|error| error.class));
        match sent {
            Err(error) if !is_about_the_message(error) => self.failure.fails(&self.channel_key, error, now),
            Ok(_) | Err(_) => self.failure.works(&self.channel_key),
        }
    }

    /// How long the provider shows that somebody is typing, while the channel may send.
    pub(crate) fn typing(&self, now: Timestamp) -> Option<Duration> {
        self.profile.typing.filter(|_| self.availability(now) == Availability::Ready)
    }

    /// Counts a message that the contact has.
    pub(crate) fn count_delivered(&self) {
        self.counters.count_delivered();
    }

    /// Counts a message that had its turn.
    pub(crate) fn count_turn(&self, outcome: Outcome) {
        self.counters.count_turn(outcome);
    }

    /// Why its provider does not serve it, when that is so.
    pub(crate) fn failing(&self) -> Option<FailingChannel> {
        self.failure.failing()
    }

    /// What the channel may send now. Reserves nothing.
    pub(crate) fn availability(&self, now: Timestamp) -> Availability {
        if let Some((until, reason)) = self.pause(now) {
            return Availability::Shut(until, reason);
        }
        if self.closed.load(Ordering::Acquire) {
            return Availability::Ready;
        }
        match self.lock().decision(now) {
            BreakerDecision::Free => Availability::Ready,
            BreakerDecision::One => Availability::One,
            shut => {
                let (until, reason) = refusal(&shut, now);
                Availability::Shut(until, reason)
            }
        }
    }

    /// Whether the breaker opened, or a pause began, since [`ChannelHealth::failover_done`].
    pub(crate) fn failover_is_due(&self) -> bool {
        self.failover_due.load(Ordering::Acquire)
    }

    /// Failover was handled, or, with `false`, could not be.
    pub(crate) fn failover_done(&self, done: bool) {
        self.failover_due.store(!done, Ordering::Release);
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// When the message may be looked at again, and the reason. A pause holds up the channel rather than the row, so
    /// ending it needs no knowledge of the rows that wait.
    pub(crate) fn begin(self: &Arc<Self>, now: Timestamp) -> Result<BreakerPermit, (Timestamp, &'static str)> {
        if let Some(pause) = self.pause(now) {
            return Err(pause);
        }
        if self.closed.load(Ordering::Acquire) {
            return Ok(BreakerPermit { health: Arc::clone(self), attempt: None });
        }
        let attempt = self.lock().begin(now).map_err(|shut| refusal(&shut, now))?;
        Ok(BreakerPermit { health: Arc::clone(self), attempt: Some(attempt) })
    }

    /// When a message that finds the channel paused may be looked at again.
    fn pause(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        self.paused_until(now).map(|until| (until.min(ActorContext::later(now, PAUSE_WAIT)), "paused"))
    }

    /// The provider suspended the channel until then. Call [`ChannelHealth::pause_is_written`] afterwards.
    pub(crate) fn suspend_until(&self, until: Timestamp) {
        self.written_at.store(i64::MAX, Ordering::SeqCst);
        self.pause_until(until);
    }

    /// The pause is written to the store, or its write was given up.
    pub(crate) fn pause_is_written(&self, now: Timestamp) {
        self.written_at.store(now.timestamp_micros(), Ordering::SeqCst);
    }

    /// Takes over what the store answered when it was asked at `asked_at`, unless this process has paused the channel
    /// since.
    pub(super) fn adopt_pause(&self, until: Timestamp, asked_at: Timestamp) {
        if self.written_at.load(Ordering::SeqCst) < asked_at.timestamp_micros() {
            self.pause_until(until);
        }
    }

    /// Pauses the channel; a time in the past ends the pause.
    fn pause_until(&self, until: Timestamp) {
        let before = self.paused_until.swap(until.timestamp_micros(), Ordering::AcqRel);
        if until.timestamp_micros() > before {
            self.failover_due.store(true, Ordering::Release);
        }
    }

    fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.paused_until.load(Ordering::Acquire);
        if until <= now.timestamp_micros() { None } else { Timestamp::from_timestamp_micros(until) }
    }

    fn end(&self, attempt: Option<Attempt>, verdict: Verdict, now: Timestamp) {
        let (changed, state) = {
            let mut breaker = self.lock();
            let attempt = match attempt {
                Some(attempt) => attempt,
                // The attempt began with a closed breaker. When it is not closed any more, this result says nothing new.
                None if breaker.state(now) == BreakerState::Closed => match breaker.begin(now) {
                    Ok(attempt) => attempt,
                    Err(_) => return,
                },
                None => return,
            };
            let was_closed = breaker.state(now) == BreakerState::Closed;
            let changed = breaker.end(attempt, verdict, now);
            let state = breaker.state(now);
            self.closed.store(state == BreakerState::Closed, Ordering::Release);
            if was_closed && state != BreakerState::Closed {
                self.failover_due.store(true, Ordering::Release);
            }
            (changed, state)
        };
        if changed {
            let (tenant, channel) = (&self.channel_key.tenant, &self.channel_key.channel);
            if state == BreakerState::Closed {
                info!(tenant.id = %tenant, channel.id = %channel, "circuit breaker closed");
            } else {
                warn!(tenant.id = %tenant, channel.id = %channel, "circuit breaker opened");
            }
            self.publish(now);
        }
    }

    /// Sets the gauge of the channel's state.
    pub(crate) fn publish(&self, now: Timestamp) {
        let breaker = self.lock().state(now).as_str();
        let shown = if self.paused_until(now).is_some() { "paused" } else { breaker };
        for state in BreakerState::ALL.iter().map(|state| state.as_str()).chain(["paused"]) {
            let (tenant, channel) =
                (self.channel_key.tenant.as_str().to_owned(), self.channel_key.channel.as_str().to_owned());
            let value = if state == shown { 1.0 } else { 0.0 };
            gauge!(metric::CHANNEL_STATE, "tenant" => tenant, "channel" => channel, "state" => state).set(value);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BreakerPermit {
    pub(crate) fn health(&self) -> &Arc<ChannelHealth> {
        &self.health
    }

    /// Reports the attempt's result to the breaker.
    pub(crate) fn judge(mut self, verdict: Verdict, now: Timestamp) {
        let attempt = self.attempt.take();
        self.health.end(attempt, verdict, now);
    }
}

/// When a message that a breaker refuses may be looked at again, and the reason.
fn refusal(decision: &BreakerDecision, now: Timestamp) -> (Timestamp, &'static str) {
    match decision {
        BreakerDecision::Shut(until) => (*until, "breaker_open"),
        BreakerDecision::Free | BreakerDecision::One | BreakerDecision::Probing => {
            (ActorContext::later(now, PROBE_WAIT), "breaker_half_open")
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            // A silent verdict changes no state, so the time does not matter.
            let _ = self.health.lock().end(attempt, Verdict::Silent, Timestamp::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChannelId, TenantId};
    use crate::testing::harness::noon;

    #[test]
    fn no_message_waits_for_a_pause_without_an_end() {
        let channel_key = ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") };
        let health = ChannelHealth::new(channel_key, Arc::default());
        let (now, soon) = (noon(), ActorContext::later(noon(), PAUSE_WAIT));
        health.pause_until(Timestamp::from_timestamp(253_402_300_799, 0).unwrap());
        assert_eq!(health.availability(now), Availability::Shut(soon, "paused"));
        assert!(matches!(health.begin(now), Err((at, "paused")) if at == soon));
        let end = ActorContext::later(now, Duration::from_secs(1));
        health.pause_until(end);
        assert!(matches!(health.begin(now), Err((at, "paused")) if at == end), "one that ends sooner is waited for");
        health.pause_until(Timestamp::default());
        assert_eq!(health.availability(now), Availability::Ready);
    }

    #[test]
    fn what_was_read_before_a_suspension_does_not_end_it() {
        let health =
            ChannelHealth::new(ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") }, Arc::default());
        let at = |seconds| ActorContext::later(noon(), Duration::from_secs(seconds));
        health.suspend_until(at(3_600));
        health.adopt_pause(Timestamp::default(), at(1));
        assert!(health.paused_until(at(1)).is_some(), "the pause is not written yet");
        health.pause_is_written(at(2));
        health.adopt_pause(Timestamp::default(), at(2));
        assert!(health.paused_until(at(2)).is_some(), "the store was asked before the pause was written");
        health.adopt_pause(Timestamp::default(), at(3));
        assert_eq!(health.paused_until(at(3)), None, "somebody ended it");
    }
}
