//! Loop watch: notices a contact that is a robot and answers each of our answers.
//!
//! It lives in memory with its conversation. A conversation that leaves memory forgets it, and only one that is quiet leaves.

use std::time::Duration;

use chrono::TimeDelta;

use super::Timestamp;

/// When a contact counts as a robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopPolicy {
    /// A message that comes so soon after our last answer answers it.
    pub within: Duration,
    /// So often the same words are answered; the next time they are not.
    pub same_words: u32,
    /// So many messages in a row that answer our answers are answered, whatever they say.
    pub turns: u32,
    /// A contact that was quiet for this long is answered again.
    pub forget_after: Duration,
}

impl Default for LoopPolicy {
    /// The same words five times, or forty answers to answers, each within 30 s; an hour.
    fn default() -> Self {
        Self { within: Duration::from_secs(30), same_words: 5, turns: 40, forget_after: Duration::from_secs(60 * 60) }
    }
}

/// What a conversation remembers of how its contact answers. It keeps no text (I10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoopWatch {
    /// A hash of the last words.
    words: u64,
    /// When the contact said the last words; none before the first.
    said_at: Option<Timestamp>,
    /// How often they were said in a row, as answers to answers but for the first time.
    same: u32,
    /// How many messages in a row answered our answers.
    turns: u32,
    silent: Option<Loop>,
}

/// What shows that a contact is a robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// It says the same words again and again.
    SameWords,
    /// It answers whatever we say, at once, dozens of times.
    PingPong,
}

impl Loop {
    /// As it stands in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameWords => "same_words",
            Self::PingPong => "ping_pong",
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopVerdict {
    /// It may be answered.
    None,
    /// From this message on nothing is answered.
    Begins(Loop),
    /// Nothing is answered still.
    GoesOn,
}

impl LoopWatch {
    /// Hears a message, `folded`, that came in then; `answered_at` is when we last answered.
    pub fn hear(
        &mut self,
        policy: &LoopPolicy,
        folded: &str,
        said_at: Timestamp,
        answered_at: Option<Timestamp>,
    ) -> LoopVerdict {
        let words = hash(folded);
        let is_within = |span: TimeDelta, most: Duration| span.to_std().unwrap_or(Duration::ZERO) <= most;
        let is_quick = answered_at.is_some_and(|at| is_within(said_at - at, policy.within));
        // Said before our last answer: whoever does so does not wait for our answers.
        let crossed = answered_at.is_some_and(|at| said_at < at);
        let was_quiet = self.said_at.is_some_and(|last| !is_within(said_at - last, policy.forget_after));
        let (before, same_words) = (*self, self.words == words && self.said_at.is_some());
        (self.words, self.said_at) = (words, Some(said_at));
        match before.silent {
            Some(Loop::SameWords) if same_words && !was_quiet => return LoopVerdict::GoesOn,
            Some(Loop::PingPong) if !was_quiet => return LoopVerdict::GoesOn,
            _ => self.silent = None,
        }
        let begins_anew = before.silent.is_some();
        self.same = if same_words && is_quick && !begins_anew { before.same.saturating_add(1) } else { 1 };
        self.turns = match () {
            () if begins_anew || !is_quick || crossed => 0,
            () => before.turns.saturating_add(1),
        };
        self.silent = if self.same > policy.same_words {
            Some(Loop::SameWords)
        } else if self.turns > policy.turns {
            Some(Loop::PingPong)
        } else {
            None
        };
        self.silent.map_or(LoopVerdict::None, LoopVerdict::Begins)
    }
}

/// FNV-1a. Two texts with one hash would have to follow upon each other to be taken for one.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::harness::noon;

    fn at(seconds: i64) -> Timestamp {
        noon() + TimeDelta::seconds(seconds)
    }

    /// A conversation whose every message is answered at once, as long as it may be. Answers which messages were answered.
    fn answered(policy: &LoopPolicy, said: &[(i64, &str)]) -> Vec<bool> {
        let (mut watch, mut last) = (LoopWatch::default(), None);
        let hear = |&(seconds, words): &(i64, &str)| {
            let may = watch.hear(policy, words, at(seconds), last) == LoopVerdict::None;
            if may {
                last = Some(at(seconds));
            }
            may
        };
        said.iter().map(hear).collect()
    }

    #[test]
    fn the_same_words_are_answered_five_times() {
        let robot: Vec<_> = (0..20).map(|n| (n * 12, "JE SUIS ABSENT")).collect();
        let answers = answered(&LoopPolicy::default(), &robot);
        assert_eq!(answers.iter().filter(|answered| **answered).count(), 5);
        assert!(answers[..5].iter().all(|answered| *answered));
        // Another word ends it, and the old one may be said again.
        let mut robot = robot;
        robot.extend([(300, "BONJOUR"), (303, "JE SUIS ABSENT")]);
        assert_eq!(answered(&LoopPolicy::default(), &robot)[20..], [true, true]);
    }

    #[test]
    fn ping_pong_ends_after_dozens_of_turns_until_there_is_a_pause() {
        let policy = LoopPolicy { turns: 10, ..LoopPolicy::default() };
        let words: Vec<String> = (0..40).map(|n| format!("TICKET {n}")).collect();
        let mut robot: Vec<_> = (0..).map(|n| n * 5).zip(words.iter().map(String::as_str)).collect();
        assert_eq!(answered(&policy, &robot).iter().filter(|answered| **answered).count(), 11);
        robot.push((40 * 5 + 3_601, "TICKET 99"));
        assert_eq!(answered(&policy, &robot).last(), Some(&true));
    }

    #[test]
    fn who_writes_much_at_once_answers_none_of_our_answers() {
        let (policy, mut watch) = (LoopPolicy::default(), LoopWatch::default());
        for n in 0..500 {
            let answered_at = (n > 0).then(|| at(60 + n));
            assert_eq!(watch.hear(&policy, &format!("N{n}"), at(n / 10), answered_at), LoopVerdict::None);
        }
    }

    #[test]
    fn people_are_answered() {
        let policy = LoopPolicy::default();
        let hurried = [(0, "BONJOUR"), (4, "BONJOUR"), (9, "BONJOUR ?"), (12, "BONJOUR"), (15, "ALLO"), (19, "ALLO")];
        assert!(answered(&policy, &hurried).iter().all(|answered| *answered));
        // The same question every few minutes is slow, and so is nobody's echo.
        let slow: Vec<_> = (0..50).map(|n| (n * 120, "MON COLIS")).collect();
        assert!(answered(&policy, &slow).iter().all(|answered| *answered));
        // A long conversation has pauses.
        let words: Vec<String> = (0..200).map(|n| format!("{n}")).collect();
        let mut seconds = 0;
        let long = words.iter().enumerate().map(|(n, words)| {
            seconds += if n % 20 == 19 { 45 } else { 8 };
            (seconds, words.as_str())
        });
        let long: Vec<_> = long.collect();
        assert!(answered(&policy, &long).iter().all(|answered| *answered));
    }

    proptest! {
        /// However a contact writes, it gets at most so many answers to the same words in a row, unless it was slow.
        #[test]
        fn a_robot_gets_a_bounded_number_of_answers(gaps in proptest::collection::vec(0_i64..30, 1..200)) {
            let policy = LoopPolicy::default();
            let mut seconds = 0;
            let said: Vec<_> = gaps.iter().map(|gap| { seconds += gap; (seconds, "X") }).collect();
            let answers = answered(&policy, &said);
            prop_assert!(answers.iter().filter(|answered| **answered).count() <= 5);
        }

        #[test]
        fn hearing_never_panics(
            said in proptest::collection::vec((any::<i32>(), ".{0,3}", proptest::option::of(any::<i32>())), 0..40),
        ) {
            let mut watch = LoopWatch::default();
            for (seconds, words, answered) in said {
                watch.hear(&LoopPolicy::default(), &words, at(seconds.into()), answered.map(|at_| at(at_.into())));
            }
        }
    }
}
