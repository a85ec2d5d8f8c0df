//! Presence of Redis: one failure marks it as away, one answer as present.
//!
//! In between the server is only probed, so that no message waits for a server that does not answer.

use std::time::{Duration, Instant};

use palabre_actors::domain::Timestamp;

use super::RedisStatus;

/// How often a server that answers is probed when no message asks it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon one that is away is probed.
const SOON: Duration = Duration::from_millis(250);
/// The longest time between two probes.
const LATE: Duration = Duration::from_secs(8);
/// A server that fails sooner than this after it came back is probed half as often as before.
const STEADY: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Presence {
    /// `None` before the first probe.
    up: Option<bool>,
    since: Timestamp,
    turned_at: Instant,
    look_interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateChange {
    Yes,
    No,
}

impl Presence {
    pub(super) const fn new(at: Instant, now: Timestamp) -> Self {
        Self { up: None, since: now, turned_at: at, look_interval: SOON }
    }

    pub(super) fn status(&self) -> RedisStatus {
        RedisStatus { up: self.up == Some(true), since: self.since }
    }

    /// The server answered.
    pub(super) fn answered(&mut self, at: Instant, now: Timestamp) -> StateChange {
        self.turn(true, at, now)
    }

    /// The server failed a question of `asked_at`. A question from before it came back says nothing about it now.
    pub(super) fn failed(&mut self, asked_at: Instant, at: Instant, now: Timestamp) -> StateChange {
        if self.up == Some(true) {
            if asked_at < self.turned_at {
                return StateChange::No;
            }
            let steady = at.duration_since(self.turned_at) >= STEADY;
            self.look_interval = if steady { SOON } else { (self.look_interval * 2).min(LATE) };
        }
        self.turn(false, at, now)
    }

    /// When to probe again.
    pub(super) fn look_again_after(&self) -> Duration {
        if self.up == Some(true) { LOOK_EVERY } else { self.look_interval }
    }

    fn turn(&mut self, up: bool, at: Instant, now: Timestamp) -> StateChange {
        if self.up == Some(up) {
            return StateChange::No;
        }
        *self = Self { up: Some(up), since: now, turned_at: at, look_interval: self.look_interval };
        StateChange::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_turns_once_however_many_notice() {
        let (at, now) = (Instant::now(), Timestamp::default());
        let mut presence = Presence::new(at, now);
        assert!(!presence.status().up, "nobody answered yet");
        let told: Vec<StateChange> = (0..3).map(|_| presence.failed(at, at, now)).collect();
        assert_eq!(told, [StateChange::Yes, StateChange::No, StateChange::No]);
        let later = now + STEADY;
        assert_eq!((presence.answered(at, later), presence.answered(at, now)), (StateChange::Yes, StateChange::No));
        assert_eq!(presence.status(), RedisStatus { up: true, since: later });
    }

    #[test]
    fn a_question_from_before_says_nothing_about_now() {
        let (at, now) = (Instant::now(), Timestamp::default());
        let mut presence = Presence::new(at, now);
        presence.answered(at + SOON, now);
        assert_eq!(presence.failed(at, at + SOON * 2, now), StateChange::No);
        assert_eq!(presence.failed(at + SOON, at + SOON * 2, now), StateChange::Yes);
    }

    #[test]
    fn one_that_comes_and_goes_is_looked_for_less_often() {
        let (mut at, now) = (Instant::now(), Timestamp::default());
        let mut presence = Presence::new(at, now);
        presence.answered(at, now);
        let mut waits = Vec::new();
        for _ in 0..7 {
            at += Duration::from_secs(1);
            presence.failed(at, at, now);
            waits.push(presence.look_again_after().as_millis());
            presence.answered(at, now);
            assert_eq!(presence.look_again_after(), LOOK_EVERY);
        }
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        presence.failed(at + STEADY, at + STEADY, now);
        assert_eq!(presence.look_again_after(), SOON, "a steady one is looked for at once");
    }
}
