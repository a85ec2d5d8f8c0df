//! Rule: the FAQ entry whose keyword the message contains answers.

use super::Ruling;
use crate::domain::message::OutboundKind;
use crate::domain::rules::TextName;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "faq";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    match turn.rules.question(heard.folded) {
        Some(entry) => Ruling::Done(turn.answer(TextName::Answer(entry), OutboundKind::Reply, Outcome::AnsweredFaq)),
        None => Ruling::Pass,
    }
}
