//! Rule: the tenant's fallback answers what no other rule did; a person is called after several such messages, and while the
//! tenant is closed it says so first.

use super::Ruling;
use crate::domain::flow::phrases;
use crate::domain::message::OutboundKind;
use crate::domain::rules::{BotText, TextName};
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{NoticeReason, Outcome};

pub(super) const NAME: &str = "fallback";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if let Some(referred) = turn.refer_to_live(heard) {
        return Ruling::Done(referred);
    }
    let escalation = turn.rules.escalation();
    // "Bonjour", "merci", "ok": there is nothing in them that could be understood.
    let is_polite = || {
        let said = phrases::said(heard.folded);
        phrases::is_courtesy(&said) || phrases::is_yes(&said, heard.text)
    };
    if let Some(limit) = escalation.after_misses.filter(|_| escalation.enabled && !is_polite()) {
        let mut memory = turn.memory();
        memory.misses += 1;
        if memory.misses >= limit {
            return Ruling::Done(turn.escalate(NoticeReason::Misses));
        }
        turn.remember(memory);
    }
    if let Some(closed) = closed(turn) {
        return Ruling::Done(closed);
    }
    Ruling::Done(turn.answer(TextName::Fallback, OutboundKind::Reply, Outcome::AnsweredFallback))
}

/// Says that the tenant is closed, once in each closure.
fn closed(turn: &mut TurnBuilder<'_>) -> Option<Outcome> {
    let text = TextName::Bot(BotText::Closed);
    if !turn.rules.has(text) || !turn.rules.is_closed(turn.turn.at) {
        return None;
    }
    let opens_at = turn.rules.opens_at(turn.turn.at)?;
    let mut memory = turn.memory();
    if memory.closed_until == Some(opens_at) {
        return None;
    }
    memory.closed_until = Some(opens_at);
    turn.remember(memory);
    Some(turn.answer(text, OutboundKind::Reply, Outcome::AnsweredClosed))
}
