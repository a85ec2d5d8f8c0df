//! Rule: the FAQ entries that the message asks for answer.

use super::Ruling;
use crate::domain::message::OutboundKind;
use crate::domain::rules::TextName;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "faq";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let reading = turn.rules.read_faq(heard.text);
    if reading.answers.is_empty() {
        return Ruling::Pass;
    }
    turn.answered_by.clone_from(&reading.answers);
    let texts: Vec<TextName> = reading.answers.into_iter().map(TextName::Answer).collect();
    Ruling::Done(turn.answer_all(&texts, OutboundKind::Reply, Outcome::AnsweredFaq))
}
