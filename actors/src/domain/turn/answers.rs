//! Automatic answers within `per_contact_per_minute` (I7).

use super::Outcome;
use super::builder::{Said, TurnBuilder};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::message::OutboundKind;
use crate::domain::rate_limit::{CONTACT_WINDOW, may_answer, note_answer};
use crate::domain::rules::TextName;

impl TurnBuilder<'_> {
    /// An automatic answer, if there is one and the contact's window has room for it.
    pub(super) fn answer(&mut self, text: TextName, kind: OutboundKind, outcome: Outcome) -> Outcome {
        self.answer_all(&[text], kind, outcome)
    }

    /// The same with several texts. They count as one answer.
    pub(super) fn answer_all(&mut self, texts: &[TextName], kind: OutboundKind, outcome: Outcome) -> Outcome {
        if !texts.iter().any(|text| self.rules.has(*text)) {
            return Outcome::SilentNoRule;
        }
        if !self.may_answer() {
            let payload = Payload::builder()
                .word("limiter", "per_contact_per_minute")
                .number("limit", self.rules.source().per_contact_per_minute)
                .number("window_s", CONTACT_WINDOW.num_seconds())
                .finish();
            let conversation = self.turn.conversation.id.0;
            self.note(EventType::RateLimited, EntityType::Conversation, conversation, ActorType::System, payload);
            return Outcome::RateLimited;
        }
        match self.say_all(texts, kind) {
            Said::Something => {
                self.note_answer();
                outcome
            }
            Said::Nothing => Outcome::SilentNoRule,
            Said::TemplateFailed => Outcome::SilentTemplateError,
        }
    }

    pub(super) fn may_answer(&self) -> bool {
        may_answer(&self.turn.conversation.recent_answers, self.rules.source().per_contact_per_minute, self.turn.at)
    }

    pub(super) fn note_answer(&mut self) {
        let limit = self.rules.source().per_contact_per_minute;
        note_answer(&mut self.turn.conversation.recent_answers, limit, self.turn.at);
    }
}
