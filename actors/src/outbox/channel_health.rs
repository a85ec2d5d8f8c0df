//! A sender account on this node: whether it may send, and what of it is broken.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tracing::{info, warn};

use crate::domain::Timestamp;
use crate::domain::breaker::{Attempt, Breaker, BreakerDecision, BreakerState, Verdict};
use crate::domain::channel::ChannelProfile;
use crate::ports::{ChannelKey, Via};
use crate::runtime::{ActorContext, metric};

/// How long those wait who find another message trying the way: what comes of it is known sooner, as a rule.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// How long at most those wait who find the account paused. A pause may have no end but the one that an operator gives
/// it, and then what met it must not wait for an end of time that was written into its row.
const PAUSE_WAIT: Duration = Duration::from_secs(5);

/// One sender account.
pub(super) struct ChannelHealth {
    pub(super) channel_key: ChannelKey,
    pub(super) profile: Arc<ChannelProfile>,
    breaker: Mutex<Breaker>,
    /// The breaker is closed: read without its lock by those who only look.
    closed: AtomicBool,
    /// It has shut since anybody looked: what waits for another attempt of it may take another way.
    shut_anew: AtomicBool,
    /// Microseconds since 1970; 0: not paused.
    paused_until: AtomicI64,
    /// Microseconds since 1970 at which a pause of this process was written down; the greatest number while it is not.
    /// What was read from the store before says nothing about it.
    written_at: AtomicI64,
}

/// What an account lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Availability {
    /// Anything.
    Ready,
    /// One message, to try whether it works again.
    One,
    /// Nothing before then, and why.
    Shut(Timestamp, &'static str),
}

/// The right to one attempt; dropped without a verdict, nothing was learnt.
pub(super) struct BreakerPermit {
    account: Arc<ChannelHealth>,
    /// `None`: begun while everything passed, which took no lock; or judged already.
    attempt: Option<Attempt>,
}

impl ChannelHealth {
    pub(super) fn new(channel_key: ChannelKey, profile: Arc<ChannelProfile>) -> Arc<Self> {
        let breaker = Mutex::new(Breaker::new(profile.breaker.clone()));
        Arc::new(Self {
            channel_key,
            profile,
            breaker,
            closed: AtomicBool::new(true),
            shut_anew: AtomicBool::new(false),
            paused_until: AtomicI64::new(0),
            written_at: AtomicI64::new(0),
        })
    }

    /// It, as the one that took over.
    pub(super) fn as_via(&self) -> Via {
        Via { channel: self.channel_key.channel.clone(), scheme: self.profile.scheme }
    }

    /// What it lets through now, without taking anything.
    pub(super) fn availability(&self, now: Timestamp) -> Availability {
        if let Some((until, reason)) = self.pause(now) {
            return Availability::Shut(until, reason);
        }
        if self.closed.load(Ordering::Acquire) {
            return Availability::Ready;
        }
        match self.lock().passage(now) {
            BreakerDecision::Free => Availability::Ready,
            BreakerDecision::One => Availability::One,
            shut => {
                let (until, reason) = refusal(&shut, now);
                Availability::Shut(until, reason)
            }
        }
    }

    /// Whether it has shut since [`ChannelHealth::has_been_seen_to`].
    pub(super) fn has_shut_anew(&self) -> bool {
        self.shut_anew.load(Ordering::Acquire)
    }

    /// What its shutting brings was done, or, with `false`, could not be done.
    pub(super) fn has_been_seen_to(&self, done: bool) {
        self.shut_anew.store(!done, Ordering::Release);
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// When its message may be looked at again, and why. A pause holds the lane up rather than the row: whoever ends it
    /// need not know what waits.
    pub(super) fn begin(self: &Arc<Self>, now: Timestamp) -> Result<BreakerPermit, (Timestamp, &'static str)> {
        if let Some(pause) = self.pause(now) {
            return Err(pause);
        }
        if self.closed.load(Ordering::Acquire) {
            return Ok(BreakerPermit { account: Arc::clone(self), attempt: None });
        }
        let attempt = self.lock().begin(now).map_err(|shut| refusal(&shut, now))?;
        Ok(BreakerPermit { account: Arc::clone(self), attempt: Some(attempt) })
    }

    /// When those who find it paused may look again.
    fn pause(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        self.paused_until(now).map(|until| (until.min(ActorContext::later(now, PAUSE_WAIT)), "paused"))
    }

    /// The provider keeps it from sending until then. To be followed by [`ChannelHealth::pause_is_written`].
    pub(super) fn suspend_until(&self, until: Timestamp) {
        self.written_at.store(i64::MAX, Ordering::SeqCst);
        self.pause_until(until);
    }

    /// The store has heard of the pause, or never will.
    pub(super) fn pause_is_written(&self, now: Timestamp) {
        self.written_at.store(now.timestamp_micros(), Ordering::SeqCst);
    }

    /// Takes over what the store said when it was asked at `asked_at`, unless this process has paused it since.
    pub(super) fn adopt_pause(&self, until: Timestamp, asked_at: Timestamp) {
        if self.written_at.load(Ordering::SeqCst) < asked_at.timestamp_micros() {
            self.pause_until(until);
        }
    }

    /// Sends nothing until then; a moment that has passed ends that.
    fn pause_until(&self, until: Timestamp) {
        let before = self.paused_until.swap(until.timestamp_micros(), Ordering::AcqRel);
        if until.timestamp_micros() > before {
            self.shut_anew.store(true, Ordering::Release);
        }
    }

    pub(super) fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.paused_until.load(Ordering::Acquire);
        if until <= now.timestamp_micros() { None } else { Timestamp::from_timestamp_micros(until) }
    }

    fn end(&self, attempt: Option<Attempt>, verdict: Verdict, now: Timestamp) {
        let (changed, state) = {
            let mut breaker = self.lock();
            let attempt = match attempt {
                Some(attempt) => attempt,
                // Begun while everything passed. When it does not any more, this one says nothing new.
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
                self.shut_anew.store(true, Ordering::Release);
            }
            (changed, state)
        };
        if changed {
            let (tenant, channel) = (&self.channel_key.tenant, &self.channel_key.channel);
            if state == BreakerState::Closed {
                info!(tenant.id = %tenant, channel.id = %channel, "the channel works again");
            } else {
                warn!(tenant.id = %tenant, channel.id = %channel, "the channel fails too often, it rests before one message tries again");
            }
            self.publish(now);
        }
    }

    /// Shows how it stands.
    pub(super) fn publish(&self, now: Timestamp) {
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
    pub(super) fn account(&self) -> &Arc<ChannelHealth> {
        &self.account
    }

    /// Says what was learnt of the account.
    pub(super) fn judge(mut self, verdict: Verdict, now: Timestamp) {
        let attempt = self.attempt.take();
        self.account.end(attempt, verdict, now);
    }
}

/// When a message that a breaker does not let through may be looked at again, and why.
fn refusal(passage: &BreakerDecision, now: Timestamp) -> (Timestamp, &'static str) {
    match passage {
        BreakerDecision::Shut(until) => (*until, "breaker_open"),
        BreakerDecision::Free | BreakerDecision::One | BreakerDecision::Probing => {
            (ActorContext::later(now, PROBE_WAIT), "breaker_half_open")
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            // Nothing was learnt, so the time does not matter.
            let _ = self.account.lock().end(attempt, Verdict::Silent, Timestamp::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChannelId, TenantId};
    use crate::testing::harness::noon;

    #[test]
    fn nobody_is_told_to_wait_for_a_pause_without_an_end() {
        let channel_key = ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") };
        let account = ChannelHealth::new(channel_key, Arc::default());
        let (now, soon) = (noon(), ActorContext::later(noon(), PAUSE_WAIT));
        account.pause_until(Timestamp::from_timestamp(253_402_300_799, 0).unwrap());
        assert_eq!(account.availability(now), Availability::Shut(soon, "paused"));
        assert!(matches!(account.begin(now), Err((at, "paused")) if at == soon));
        let end = ActorContext::later(now, Duration::from_secs(1));
        account.pause_until(end);
        assert!(matches!(account.begin(now), Err((at, "paused")) if at == end), "one that ends sooner is waited for");
        account.pause_until(Timestamp::default());
        assert_eq!(account.availability(now), Availability::Ready);
    }

    #[test]
    fn what_was_read_before_a_suspension_does_not_end_it() {
        let account =
            ChannelHealth::new(ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") }, Arc::default());
        let moment = |seconds| ActorContext::later(noon(), Duration::from_secs(seconds));
        account.suspend_until(moment(3_600));
        account.adopt_pause(Timestamp::default(), moment(1));
        assert!(account.paused_until(moment(1)).is_some(), "the store has not heard of it yet");
        account.pause_is_written(moment(2));
        account.adopt_pause(Timestamp::default(), moment(2));
        assert!(account.paused_until(moment(2)).is_some(), "the question was older than the answer");
        account.adopt_pause(Timestamp::default(), moment(3));
        assert_eq!(account.paused_until(moment(3)), None, "somebody ended it");
    }
}
