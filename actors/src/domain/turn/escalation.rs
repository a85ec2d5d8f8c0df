//! Calling a person into a conversation.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::builder::TurnBuilder;
use crate::domain::conversation::{ConversationStatus, Handler};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::ids::TimerId;
use crate::domain::message::OutboundKind;
use crate::domain::rules::{BotText, TextName};
use crate::domain::timer::{Timer, TimerChange, TimerKind};
use crate::domain::words::stored_words;

/// Why the tenant's people are told of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeReason {
    /// The customer asked for a person.
    Asked,
    /// The customer is angry.
    Mood,
    /// A flow called a person.
    Flow,
    /// The bot could not answer several times in a row.
    Misses,
    /// The customer seems to want no more messages.
    StopRequest,
    /// The customer waits for a person's answer.
    Unread,
    /// The customer comes late to what they have booked.
    Late,
    /// The assistant does not know, or thinks that a person should answer.
    Assistant,
}

stored_words!(NoticeReason {
    Asked => "asked",
    Mood => "mood",
    Flow => "flow",
    Misses => "misses",
    StopRequest => "stop_request",
    Unread => "unread",
    Late => "late",
    Assistant => "assistant",
});

/// The payload of a timer of the kind [`TimerKind::Notify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleNotice {
    /// Why people are called.
    pub reason: NoticeReason,
}

impl TurnBuilder<'_> {
    /// Hands the conversation to a person, tells the contact so once, and has the tenant's people told.
    pub(super) fn escalate(&mut self, reason: NoticeReason) -> Outcome {
        let text = if self.rules.is_closed(self.turn.at) { BotText::PersonClosed } else { BotText::Person };
        self.hand_to_person(reason);
        self.say(TextName::Bot(text), OutboundKind::Reply);
        self.called(reason)
    }

    /// Calls a person, and tells the contact so in these words instead of the tenant's.
    pub(super) fn escalate_saying(&mut self, reason: NoticeReason, text: &str) -> Outcome {
        self.hand_to_person(reason);
        self.write(text, OutboundKind::Reply);
        self.called(reason)
    }

    fn hand_to_person(&mut self, reason: NoticeReason) {
        let conversation = self.turn.conversation.id.0;
        let payload = || Payload::reason(reason.as_str());
        self.note(EventType::Escalated, EntityType::Conversation, conversation, ActorType::Bot, payload());
        self.turn.conversation.handler = Handler::Human;
        self.turn.conversation.status = ConversationStatus::InProgress;
        self.note(EventType::HandedOver, EntityType::Conversation, conversation, ActorType::Bot, payload());
    }

    fn called(&mut self, reason: NoticeReason) -> Outcome {
        self.note_answer();
        let mut memory = self.memory();
        memory.menu.clear();
        memory.misses = 0;
        self.remember(memory);
        self.call_people(reason);
        Outcome::Escalated
    }

    /// Has the tenant's people told of a conversation that is theirs now, which the bot gets back after a while.
    pub(super) fn call_people(&mut self, reason: NoticeReason) {
        let now = self.turn.at;
        let hand_back = self.rules.escalation().hand_back_after.and_then(|after| TimeDelta::from_std(after).ok());
        if let Some(after) = hand_back {
            self.turn.timers.push(TimerChange::CancelAll(TimerKind::HandBack));
            self.set_timer(TimerKind::HandBack, now + after, "{}".to_owned());
        }
        self.notify_people(reason, TimeDelta::zero());
    }

    /// Has the tenant's people told, if there are any to be told.
    pub(super) fn notify_people(&mut self, reason: NoticeReason, after: TimeDelta) {
        if !self.rules.escalation().notifies {
            return;
        }
        if let Ok(payload) = serde_json::to_string(&PeopleNotice { reason }) {
            self.set_timer(TimerKind::Notify, self.turn.at + after, payload);
        }
    }

    fn set_timer(&mut self, kind: TimerKind, fires_at: crate::domain::Timestamp, payload: String) {
        let (correlation, created_at) = (self.turn.correlation, self.turn.at);
        let timer = Timer { id: TimerId::fresh(), kind, fires_at, payload, correlation, created_at };
        self.turn.timers.push(TimerChange::Set(timer));
    }
}
