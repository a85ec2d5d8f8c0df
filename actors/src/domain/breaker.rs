//! Circuit breaker per sender account.
//!
//! While it is closed, every message may be sent. After too many failures it opens, and nothing is sent for a while. Then it
//! is half-open: one message probes the provider, and its result closes or opens the breaker again. Time is an argument, so
//! every path is tested by a table.

use chrono::TimeDelta;

use super::Timestamp;
use super::channel::BreakerPolicy;

/// The error rate is counted over so many slices of its period, the running one included.
const SLICES: usize = 10;

/// A sender account's breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    phase: Phase,
    /// The number of the phase: an attempt that began in an earlier phase says nothing about this one.
    phase_number: u64,
}

#[derive(Clone, Debug)]
enum Phase {
    Closed { in_a_row: u32, recent: Recent },
    Open { until: Timestamp },
    HalfOpen { probing: bool },
}

/// The state of a breaker, for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Every message may be sent.
    Closed,
    /// Nothing is sent.
    Open,
    /// One message probes the provider.
    HalfOpen,
}

impl BreakerState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Closed, Self::Open, Self::HalfOpen];

    /// The state as a word, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What a breaker allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerDecision {
    /// Any number of messages.
    Free,
    /// One message, as a probe.
    One,
    /// Nothing until then.
    Shut(Timestamp),
    /// Nothing while the probe is under way.
    Probing,
}

/// The right to one attempt: give it back with its result.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Attempt {
    phase_number: u64,
    probe: bool,
}

/// What an attempt says about the sender account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider answered, whatever it said about the message.
    Works,
    /// The provider did not answer, or would have refused any message.
    Fails,
    /// The attempt says nothing.
    Silent,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, phase: Phase::closed(), phase_number: 0 }
    }

    /// The state at that time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if now < until => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What is allowed now. Begins nothing.
    #[must_use]
    pub fn decision(&self, now: Timestamp) -> BreakerDecision {
        match self.phase {
            Phase::Closed { .. } => BreakerDecision::Free,
            Phase::Open { until } if now < until => BreakerDecision::Shut(until),
            Phase::Open { .. } | Phase::HalfOpen { probing: false } => BreakerDecision::One,
            Phase::HalfOpen { probing: true } => BreakerDecision::Probing,
        }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// What [`Breaker::decision`] says: [`BreakerDecision::Shut`] or [`BreakerDecision::Probing`].
    pub fn begin(&mut self, now: Timestamp) -> Result<Attempt, BreakerDecision> {
        match self.decision(now) {
            BreakerDecision::Free => Ok(Attempt { phase_number: self.phase_number, probe: false }),
            BreakerDecision::One => {
                if matches!(self.phase, Phase::Open { .. }) {
                    self.phase_number += 1;
                }
                self.phase = Phase::HalfOpen { probing: true };
                Ok(Attempt { phase_number: self.phase_number, probe: true })
            }
            shut => Err(shut),
        }
    }

    /// Ends an attempt. Answers whether the breaker changed.
    pub fn end(&mut self, attempt: Attempt, verdict: Verdict, now: Timestamp) -> bool {
        if attempt.phase_number != self.phase_number {
            return false;
        }
        match (&mut self.phase, verdict) {
            (Phase::Closed { in_a_row, recent }, Verdict::Works) => {
                *in_a_row = 0;
                recent.note(false, &self.policy, now);
                false
            }
            (Phase::Closed { in_a_row, recent }, Verdict::Fails) => {
                *in_a_row = in_a_row.saturating_add(1);
                recent.note(true, &self.policy, now);
                let broken = *in_a_row >= self.policy.consecutive_failures.max(1) || recent.is_bad(&self.policy);
                if broken {
                    self.open(now);
                }
                broken
            }
            (Phase::HalfOpen { .. }, Verdict::Works) if attempt.probe => {
                self.phase = Phase::closed();
                self.phase_number += 1;
                true
            }
            (Phase::HalfOpen { .. }, Verdict::Fails) if attempt.probe => {
                self.open(now);
                true
            }
            (Phase::HalfOpen { probing }, Verdict::Silent) if attempt.probe => {
                *probing = false;
                false
            }
            _ => false,
        }
    }

    fn open(&mut self, now: Timestamp) {
        let open_for = TimeDelta::from_std(self.policy.open_for).unwrap_or(TimeDelta::days(1));
        self.phase = Phase::Open { until: now.checked_add_signed(open_for).unwrap_or(now) };
        self.phase_number += 1;
    }
}

impl Phase {
    fn closed() -> Self {
        Self::Closed { in_a_row: 0, recent: Recent::default() }
    }
}

/// Attempts of the latest period, counted by slices of it: bounded, however many there are.
#[derive(Clone, Debug, Default)]
struct Recent {
    /// Number of the latest slice since 1970.
    latest: i64,
    /// Failures and attempts of each slice, at its number modulo [`SLICES`].
    slices: [(u32, u32); SLICES],
}

impl Recent {
    fn note(&mut self, failed: bool, policy: &BreakerPolicy, now: Timestamp) {
        let slices = i64::try_from(SLICES).unwrap_or(1);
        let length_us = i64::try_from(policy.period.as_micros()).unwrap_or(i64::MAX).max(slices) / slices;
        // A clock that goes back stays in the slice that it was in.
        let slice = (now.timestamp_micros() / length_us).max(self.latest);
        for passed in (self.latest + 1..=slice).rev().take(SLICES) {
            self.slices[Self::place(passed)] = (0, 0);
        }
        self.latest = slice;
        let (failures, attempts) = &mut self.slices[Self::place(slice)];
        *failures = failures.saturating_add(u32::from(failed));
        *attempts = attempts.saturating_add(1);
    }

    fn place(slice: i64) -> usize {
        usize::try_from(slice).unwrap_or(0) % SLICES
    }

    /// Asked right after [`Recent::note`], so that every slice belongs to the period.
    fn is_bad(&self, policy: &BreakerPolicy) -> bool {
        let (failures, attempts) = self
            .slices
            .iter()
            .fold((0_u32, 0_u32), |sum, slice| (sum.0.saturating_add(slice.0), sum.1.saturating_add(slice.1)));
        attempts >= policy.sample.max(1) && f64::from(failures) >= policy.error_rate * f64::from(attempts)
    }
}

#[cfg(test)]
mod tests;
