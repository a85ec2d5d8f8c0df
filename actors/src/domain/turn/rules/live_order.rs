//! Rule: a client orders while a live session is open, or does not want it after all.

use super::Ruling;
use crate::domain::live::{LiveKnowledge, OrderTalk, order_talk};
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::flows::running;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{Lookup, Outcome, live};

pub(super) const NAME: &str = "live_order";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if !live::may_be_open(turn, heard) {
        return Ruling::Pass;
    }
    let Some(talk) = order_talk(heard.text) else { return Ruling::Pass };
    // The question of a flow may be answered with such words: there it takes a reference.
    let names_none = matches!(&talk, OrderTalk::Takes(lines) if lines.is_empty())
        || matches!(&talk, OrderTalk::Cancels(references) if references.is_empty());
    if names_none && running(&turn.turn.conversation).is_some() {
        return Ruling::Pass;
    }
    match &heard.state.prepared.live {
        LiveKnowledge::Unknown => turn.turn.lookup = Some(Lookup::Live { clients: false }),
        LiveKnowledge::Closed => return Ruling::Pass,
        LiveKnowledge::Open(session) if live::take_order(turn, session, talk) => {}
        LiveKnowledge::Open(_) => return Ruling::Pass,
    }
    Ruling::Done(Outcome::AnsweredOrder)
}
