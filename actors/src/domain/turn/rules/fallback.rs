//! Rule: the tenant's fallback answers what no other rule did.

use super::Ruling;
use crate::domain::message::OutboundKind;
use crate::domain::rules::TextName;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "fallback";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    Ruling::Done(turn.answer(TextName::Fallback, OutboundKind::Reply, Outcome::AnsweredFallback))
}
