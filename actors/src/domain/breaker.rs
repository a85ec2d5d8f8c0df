//! When a sender account counts as broken: nobody knocks at a door behind which nobody is.
//!
//! Closed, everything passes. After too many failures it opens, and nothing passes for a while; then one message tries
//! the way (half-open), and what comes of it closes or opens it again. Time is an argument, so every path is a table.

use chrono::TimeDelta;

use super::Timestamp;
use super::channel::BreakerPolicy;

/// The error rate looks back over so many slices of its period, the one that is running included.
const SLICES: usize = 10;

/// One account's breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    phase: Phase,
    /// Grows with every change of phase: what was begun in an earlier one says nothing about this one.
    era: u64,
}

#[derive(Clone, Debug)]
enum Phase {
    Closed { in_a_row: u32, recent: Recent },
    Open { until: Timestamp },
    HalfOpen { probing: bool },
}

/// How it stands, for people and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// Nothing passes.
    Open,
    /// One message tries the way.
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

/// Whether something may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerDecision {
    /// Anything.
    Free,
    /// One message, to try the way.
    One,
    /// Nothing until then.
    Shut(Timestamp),
    /// One message is trying the way: what comes of it tells.
    Probing,
}

/// The right to one attempt: to be given back with what came of it.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Attempt {
    era: u64,
    probe: bool,
}

/// What came of an attempt, as far as it says something about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, whatever it said about the message.
    Works,
    /// It did not, or would have refused any message.
    Fails,
    /// Nothing was learnt.
    Silent,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, phase: Phase::closed(), era: 0 }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if now < until => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What may pass now, without taking it.
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
            BreakerDecision::Free => Ok(Attempt { era: self.era, probe: false }),
            BreakerDecision::One => {
                if matches!(self.phase, Phase::Open { .. }) {
                    self.era += 1;
                }
                self.phase = Phase::HalfOpen { probing: true };
                Ok(Attempt { era: self.era, probe: true })
            }
            shut => Err(shut),
        }
    }

    /// Ends an attempt. Answers whether the breaker changed.
    pub fn end(&mut self, attempt: Attempt, verdict: Verdict, now: Timestamp) -> bool {
        if attempt.era != self.era {
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
                self.era += 1;
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
        self.era += 1;
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
