//! Rule: who asks for a person, or is angry, gets one.

use super::Ruling;
use crate::domain::faq::asks_for_person;
use crate::domain::mood::is_negative;
use crate::domain::turn::NoticeReason;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "escalation";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let escalation = turn.rules.escalation();
    if !escalation.enabled {
        return Ruling::Pass;
    }
    if escalation.is_asked_for(heard.folded) || asks_for_person(heard.text) {
        return Ruling::Done(turn.escalate(NoticeReason::Asked));
    }
    if escalation.on_negative_mood && is_negative(heard.text) {
        return Ruling::Done(turn.escalate(NoticeReason::Mood));
    }
    Ruling::Pass
}
