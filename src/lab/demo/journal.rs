//! Journal of what customers posted and what reached their phones.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::gateway::simulator::SentMessage;

/// A webhook that was posted.
#[derive(Clone)]
pub(super) struct Post {
    /// The channel in its path.
    pub channel: &'static str,
    pub tenant: &'static str,
    /// The provider's id of the message.
    pub provider_id: String,
    /// Who wrote, as the tables keep it.
    pub from: String,
    pub text: String,
    /// What the post is meant to show.
    pub meant: Meant,
    /// When it was posted.
    pub at: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// The answer; `None` when there was none.
    pub status: Option<u16>,
    /// What the answer said.
    pub answer: String,
    /// Whether another reader of the database found the row right after the 200; `None`: nobody looked.
    pub durable: Option<bool>,
}

/// What a post is meant to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Message,
    /// The message of an earlier post, once more.
    Copy,
    /// A forgery, which must be refused with this status.
    Forgery(u16),
}

/// A status callback that was posted.
#[derive(Clone, Debug)]
pub(super) struct Callback {
    /// Our id of the message it is about.
    pub message: String,
    /// `delivered`
    pub status: &'static str,
    /// The daemon's answer.
    pub answered: Option<u16>,
}

/// What a customer may still be waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Messages that must come.
    pub at_least: usize,
    /// Messages that may come.
    pub at_most: usize,
}

/// A conversation seen from the phone: the sender's address and the customer's, as the tables keep them.
pub(super) type ConversationKey = (String, String);

#[derive(Default)]
pub(super) struct Journal {
    observed: Mutex<Observations>,
    replies: watch::Sender<usize>,
}

#[derive(Clone, Default)]
pub(super) struct Observations {
    /// When the webhook was posted that first carried a message.
    pub begun: HashMap<String, Instant>,
    /// In the order of their answers.
    pub posts: Vec<Post>,
    /// In the order in which the simulator took them.
    pub sends: Vec<SentMessage>,
    /// In the order of their answers.
    pub callbacks: Vec<Callback>,
    /// States of outbound rows as the database had them, in the order of looking.
    pub states: Vec<(String, String)>,
    /// By conversation.
    pub expected: HashMap<ConversationKey, Expected>,
    /// Sends whose callbacks are not all posted.
    pub open_phones: usize,
}

impl Journal {
    /// A webhook is about to be posted.
    pub fn begin(&self, provider_id: &str) -> Instant {
        let now = Instant::now();
        self.observed().begun.entry(provider_id.to_owned()).or_insert(now);
        now
    }

    pub fn posted(&self, post: Post) {
        self.observed().posts.push(post);
    }

    /// A message reached a phone. Answers its number.
    pub fn took(&self, sent: &SentMessage) -> usize {
        let number = {
            let mut observed = self.observed();
            observed.sends.push(sent.clone());
            observed.open_phones += 1;
            observed.sends.len()
        };
        self.replies.send_replace(number);
        number
    }

    pub fn called_back(&self, callback: Callback) {
        self.observed().callbacks.push(callback);
    }

    pub fn saw(&self, message: &str, state: &str) {
        self.observed().states.push((message.to_owned(), state.to_owned()));
    }

    pub fn phone_is_done(&self) {
        self.observed().open_phones -= 1;
    }

    pub fn expect(&self, conversation: ConversationKey, at_least: usize, at_most: usize) {
        let mut observed = self.observed();
        let expected = observed.expected.entry(conversation).or_default();
        expected.at_least += at_least;
        expected.at_most += at_most;
    }

    /// When the webhook was posted that first carried a message.
    pub fn begun_at(&self, provider_id: &str) -> Option<Instant> {
        self.observed().begun.get(provider_id).copied()
    }

    /// Whether every phone has reported all it had to.
    pub fn phones_are_done(&self) -> bool {
        self.observed().open_phones == 0
    }

    /// How many messages a phone has got from a sender.
    pub fn got(&self, conversation: &ConversationKey) -> usize {
        self.observed().got(conversation)
    }

    /// Waits until a phone has got so many messages from a sender. `false`: it took too long.
    pub async fn has_got(&self, conversation: &ConversationKey, count: usize, longest: Duration) -> bool {
        let mut replies = self.replies.subscribe();
        let enough = replies.wait_for(|_| self.got(conversation) >= count);
        tokio::time::timeout(longest, enough).await.is_ok_and(|waited| waited.is_ok())
    }

    pub fn snapshot(&self) -> Observations {
        self.observed().clone()
    }

    fn observed(&self) -> MutexGuard<'_, Observations> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observations {
    fn got(&self, (sender, customer): &ConversationKey) -> usize {
        self.sends.iter().filter(|sent| sent.to == *customer && sent.from.as_ref() == Some(sender)).count()
    }

    /// Conversations that got fewer or more messages than they should have, with what they got.
    pub fn unexpected(&self) -> Vec<(ConversationKey, Expected, usize)> {
        let judged = self
            .expected
            .iter()
            .map(|(conversation, expected)| (conversation.clone(), *expected, self.got(conversation)));
        judged.filter(|(_, expected, got)| !(expected.at_least..=expected.at_most).contains(got)).collect()
    }
}
