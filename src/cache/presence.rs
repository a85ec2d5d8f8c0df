//! Whether the server is there: one failure, and it is not; one answer, and it is again. In between it is only looked for,
//! so that no message waits for a server that does not answer.

use std::time::{Duration, Instant};

use palabre_actors::domain::Timestamp;

use super::Standing;

/// How often a server that is there is looked at, when nobody else asks it anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon one that is away is looked for.
const SOON: Duration = Duration::from_millis(250);
/// And how late at most.
const LATE: Duration = Duration::from_secs(8);
/// One that went sooner than this after it came is looked for half as often as before.
const STEADY: Duration = Duration::from_secs(30);

/// What is known.
#[derive(Debug)]
pub(super) struct Presence {
    /// `None` before the first look.
    up: Option<bool>,
    since: Timestamp,
    turned_at: Instant,
    patience: Duration,
}

/// Whether it is otherwise than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Yes,
    No,
}

impl Presence {
    pub(super) const fn new(at: Instant, now: Timestamp) -> Self {
        Self { up: None, since: now, turned_at: at, patience: SOON }
    }

    pub(super) fn recipient_status(&self) -> Standing {
        Standing { up: self.up == Some(true), since: self.since }
    }

    /// The server answered.
    pub(super) fn answered(&mut self, at: Instant, now: Timestamp) -> Turned {
        self.turn(true, at, now)
    }

    /// It did not, or refused, who was asked then: what was asked before it came back says nothing about it now.
    pub(super) fn failed(&mut self, asked_at: Instant, at: Instant, now: Timestamp) -> Turned {
        if self.up == Some(true) {
            if asked_at < self.turned_at {
                return Turned::No;
            }
            let steady = at.duration_since(self.turned_at) >= STEADY;
            self.patience = if steady { SOON } else { (self.patience * 2).min(LATE) };
        }
        self.turn(false, at, now)
    }

    /// When to look again.
    pub(super) fn look_again_after(&self) -> Duration {
        if self.up == Some(true) { LOOK_EVERY } else { self.patience }
    }

    fn turn(&mut self, up: bool, at: Instant, now: Timestamp) -> Turned {
        if self.up == Some(up) {
            return Turned::No;
        }
        *self = Self { up: Some(up), since: now, turned_at: at, patience: self.patience };
        Turned::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_turns_once_however_many_notice() {
        let (at, now) = (Instant::now(), Timestamp::default());
        let mut presence = Presence::new(at, now);
        assert!(!presence.recipient_status().up, "nobody answered yet");
        let told: Vec<Turned> = (0..3).map(|_| presence.failed(at, at, now)).collect();
        assert_eq!(told, [Turned::Yes, Turned::No, Turned::No]);
        let later = now + STEADY;
        assert_eq!((presence.answered(at, later), presence.answered(at, now)), (Turned::Yes, Turned::No));
        assert_eq!(presence.recipient_status(), Standing { up: true, since: later });
    }

    #[test]
    fn a_question_from_before_says_nothing_about_now() {
        let (at, now) = (Instant::now(), Timestamp::default());
        let mut presence = Presence::new(at, now);
        presence.answered(at + SOON, now);
        assert_eq!(presence.failed(at, at + SOON * 2, now), Turned::No);
        assert_eq!(presence.failed(at + SOON, at + SOON * 2, now), Turned::Yes);
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
