//! Matches replies to messages: finds lost, repeated and reordered ones.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A message of this run, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence(pub(super) u32);

/// How a reply finds its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    /// The reply repeats the message's token.
    ByToken,
    /// Replies carry no token: a conversation's replies belong to its messages in the order in which they were posted. That
    /// finds lost and surplus replies; it cannot see their order.
    InOrder,
}

/// Every message of a run. All times count from its beginning.
#[derive(Debug)]
pub(super) struct Ledger {
    matching: Matching,
    messages: Vec<Message>,
    /// By conversation, when replies are matched in order.
    unanswered: HashMap<u32, VecDeque<Sequence>>,
    /// By conversation: when the latest-posted message that has its reply was posted.
    answered_up_to: Vec<Option<Duration>>,
    count: Count,
}

#[derive(Debug)]
struct Message {
    conversation: u32,
    due: Duration,
    posted: Option<Duration>,
    accepted: Option<Duration>,
    replies: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Messages that were answered with 200, in whichever copy.
    pub(super) accepted: u64,
    /// Messages that got a reply.
    pub(super) replied: u64,
    /// Accepted messages without a reply, yet.
    pub(super) waiting: u64,
    /// Replies beyond a message's first.
    pub(super) repeated: u64,
    /// Replies that came after the reply to a message that was posted when theirs had been accepted already.
    pub(super) out_of_order: u64,
    /// Sends that belong to no message of this run.
    pub(super) foreign: u64,
}

/// What a send was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A message's first reply.
    Reply {
        /// When the message was due.
        due: Duration,
    },
    Repeated,
    Foreign,
}

impl Ledger {
    pub(super) fn new(matching: Matching) -> Self {
        Self {
            matching,
            messages: Vec::new(),
            unanswered: HashMap::new(),
            answered_up_to: Vec::new(),
            count: Count::default(),
        }
    }

    /// How replies find their messages.
    pub(super) fn matching(&self) -> Matching {
        self.matching
    }

    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// A fresh message. `None` when there are 2³² already.
    pub(super) fn add(&mut self, conversation: u32, due: Duration) -> Option<Sequence> {
        let sequence = Sequence(u32::try_from(self.messages.len()).ok()?);
        self.messages.push(Message { conversation, due, posted: None, accepted: None, replies: 0 });
        if self.matching == Matching::InOrder {
            self.unanswered.entry(conversation).or_default().push_back(sequence);
        }
        Some(sequence)
    }

    /// The message that was added so many messages ago (1: the latest), with its conversation.
    pub(super) fn back(&self, back: u64) -> Option<(Sequence, u32)> {
        let at = self.messages.len().checked_sub(usize::try_from(back).ok()?)?;
        let message = self.messages.get(at)?;
        Some((Sequence(u32::try_from(at).ok()?), message.conversation))
    }

    /// A copy of it is about to be written.
    pub(super) fn posted(&mut self, sequence: Sequence, at: Duration) {
        if let Some(message) = self.message(sequence) {
            message.posted.get_or_insert(at);
        }
    }

    /// A copy of it was answered with 200.
    pub(super) fn accepted(&mut self, sequence: Sequence, at: Duration) {
        let Some(message) = self.message(sequence) else { return };
        if message.accepted.is_some() {
            return;
        }
        message.accepted = Some(at);
        let waits = message.replies == 0;
        self.count.accepted += 1;
        self.count.waiting += u64::from(waits);
    }

    /// A copy of it was refused or got no answer. No reply is expected then, though one may come: the daemon may have
    /// accepted what we did not see it accept.
    pub(super) fn not_accepted(&mut self, sequence: Sequence) {
        let Some(message) = self.message(sequence) else { return };
        let conversation = message.conversation;
        if message.accepted.is_none()
            && let Some(unanswered) = self.unanswered.get_mut(&conversation)
        {
            unanswered.retain(|other| *other != sequence);
        }
    }

    /// A send that carries a message's token.
    pub(super) fn replied(&mut self, sequence: Sequence, at: Duration) -> Verdict {
        let Some(message) = self.message(sequence).filter(|message| message.posted.is_some()) else {
            return self.foreign();
        };
        message.replies += 1;
        if message.replies > 1 {
            self.count.repeated += 1;
            return Verdict::Repeated;
        }
        let (conversation, due, posted, accepted) =
            (message.conversation, message.due, message.posted, message.accepted);
        self.count.replied += 1;
        self.count.waiting -= u64::from(accepted.is_some());
        self.count.out_of_order += u64::from(self.is_overtaken(conversation, posted, accepted));
        debug_assert!(at >= due, "answered before it was due");
        Verdict::Reply { due }
    }

    /// A send to a conversation's contact, without a token.
    pub(super) fn replied_in(&mut self, conversation: u32, at: Duration) -> Verdict {
        let next = self.unanswered.get_mut(&conversation).map(VecDeque::pop_front);
        match next {
            Some(Some(sequence)) => self.replied(sequence, at),
            Some(None) => {
                self.count.repeated += 1;
                Verdict::Repeated
            }
            None => self.foreign(),
        }
    }

    /// A send that belongs to no message of this run.
    pub(super) fn foreign(&mut self) -> Verdict {
        self.count.foreign += 1;
        Verdict::Foreign
    }

    /// Whether a later message of the conversation has its reply already. Two messages whose posts overlapped in time
    /// have no order that could be broken; a message whose acceptance we have not read yet is taken to overlap.
    fn is_overtaken(&mut self, conversation: u32, posted: Option<Duration>, accepted: Option<Duration>) -> bool {
        let at = conversation as usize;
        if self.answered_up_to.len() <= at {
            self.answered_up_to.resize(at + 1, None);
        }
        let Some(up_to) = self.answered_up_to.get_mut(at) else { return false };
        let overtaken = accepted.zip(*up_to).is_some_and(|(accepted, up_to)| accepted < up_to);
        *up_to = (*up_to).max(posted);
        overtaken
    }

    fn message(&mut self, sequence: Sequence) -> Option<&mut Message> {
        self.messages.get_mut(sequence.0 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A message that was posted and accepted at these times.
    fn accepted(ledger: &mut Ledger, conversation: u32, posted_ms: u64, accepted_ms: u64) -> Sequence {
        let sequence = ledger.add(conversation, ms(posted_ms)).unwrap();
        ledger.posted(sequence, ms(posted_ms));
        ledger.accepted(sequence, ms(accepted_ms));
        sequence
    }

    #[test]
    fn a_reply_each_is_all_well() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        let second = accepted(&mut ledger, 0, 2, 3);
        assert_eq!(ledger.count().waiting, 2);
        assert_eq!(ledger.replied(first, ms(4)), Verdict::Reply { due: ms(0) });
        assert_eq!(ledger.replied(second, ms(5)), Verdict::Reply { due: ms(2) });
        assert_eq!(ledger.count(), Count { accepted: 2, replied: 2, ..Count::default() });
    }

    #[test]
    fn a_reply_may_come_before_the_answer() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let sequence = ledger.add(0, ms(0)).unwrap();
        ledger.posted(sequence, ms(0));
        ledger.replied(sequence, ms(1));
        ledger.accepted(sequence, ms(2));
        assert_eq!(ledger.count(), Count { accepted: 1, replied: 1, ..Count::default() });
    }

    #[test]
    fn sees_a_lost_reply() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        accepted(&mut ledger, 1, 0, 1);
        ledger.replied(first, ms(2));
        assert_eq!(ledger.count().waiting, 1);
    }

    #[test]
    fn what_was_refused_is_not_waited_for() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let refused = ledger.add(0, ms(0)).unwrap();
        ledger.posted(refused, ms(0));
        ledger.not_accepted(refused);
        assert_eq!(ledger.count(), Count::default());
        // It had been accepted after all: nothing is wrong with that.
        assert_eq!(ledger.replied(refused, ms(9)), Verdict::Reply { due: ms(0) });
        assert_eq!(ledger.count(), Count { replied: 1, ..Count::default() });
    }

    #[test]
    fn sees_a_second_reply() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        ledger.replied(first, ms(2));
        assert_eq!(ledger.replied(first, ms(3)), Verdict::Repeated);
        assert_eq!(ledger.count().repeated, 1);
    }

    #[test]
    fn a_message_posted_twice_has_one_reply() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        assert_eq!(ledger.back(1), Some((first, 0)));
        ledger.posted(first, ms(5));
        ledger.accepted(first, ms(6));
        assert_eq!(ledger.count().accepted, 1);
        ledger.replied(first, ms(7));
        assert_eq!(ledger.count().waiting, 0);
        ledger.replied(first, ms(8));
        assert_eq!(ledger.count().repeated, 1);
    }

    #[test]
    fn a_copy_that_is_accepted_counts_when_the_first_was_refused() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let sequence = ledger.add(0, ms(0)).unwrap();
        ledger.posted(sequence, ms(0));
        ledger.not_accepted(sequence);
        ledger.posted(sequence, ms(5));
        ledger.accepted(sequence, ms(6));
        assert_eq!(ledger.count().waiting, 1);
    }

    #[test]
    fn sees_replies_out_of_order() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        let second = accepted(&mut ledger, 0, 2, 3);
        let third = accepted(&mut ledger, 0, 4, 5);
        ledger.replied(third, ms(6));
        ledger.replied(first, ms(7));
        ledger.replied(second, ms(8));
        assert_eq!(ledger.count().out_of_order, 2);
    }

    #[test]
    fn posts_that_overlap_have_no_order() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 3);
        let second = accepted(&mut ledger, 0, 2, 5);
        ledger.replied(second, ms(6));
        ledger.replied(first, ms(7));
        assert_eq!(ledger.count().out_of_order, 0);
    }

    #[test]
    fn conversations_have_no_order_among_each_other() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let first = accepted(&mut ledger, 0, 0, 1);
        let second = accepted(&mut ledger, 9, 2, 3);
        ledger.replied(second, ms(4));
        ledger.replied(first, ms(5));
        assert_eq!(ledger.count().out_of_order, 0);
    }

    #[test]
    fn strangers_are_told_apart() {
        let mut ledger = Ledger::new(Matching::ByToken);
        let never_posted = ledger.add(0, ms(0)).unwrap();
        assert_eq!(ledger.replied(Sequence(77), ms(1)), Verdict::Foreign);
        assert_eq!(ledger.replied(never_posted, ms(1)), Verdict::Foreign);
        assert_eq!(ledger.replied_in(5, ms(1)), Verdict::Foreign);
        assert_eq!(ledger.count(), Count { foreign: 3, ..Count::default() });
    }

    #[test]
    fn without_tokens_a_conversation_is_matched_in_order() {
        let mut ledger = Ledger::new(Matching::InOrder);
        accepted(&mut ledger, 0, 0, 1);
        accepted(&mut ledger, 0, 2, 3);
        accepted(&mut ledger, 1, 10, 11);
        assert_eq!(ledger.replied_in(0, ms(12)), Verdict::Reply { due: ms(0) });
        assert_eq!(ledger.replied_in(1, ms(12)), Verdict::Reply { due: ms(10) });
        assert_eq!(ledger.replied_in(1, ms(12)), Verdict::Repeated);
        assert_eq!(ledger.count(), Count { accepted: 3, replied: 2, waiting: 1, repeated: 1, ..Count::default() });
    }

    #[test]
    fn without_tokens_a_refused_message_takes_nobodys_reply() {
        let mut ledger = Ledger::new(Matching::InOrder);
        let refused = ledger.add(0, ms(0)).unwrap();
        ledger.posted(refused, ms(0));
        ledger.not_accepted(refused);
        accepted(&mut ledger, 0, 2, 3);
        assert_eq!(ledger.replied_in(0, ms(4)), Verdict::Reply { due: ms(2) });
        assert_eq!(ledger.count().waiting, 0);
    }
}
