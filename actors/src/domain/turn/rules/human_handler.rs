//! Rule: silence while a person has the conversation (I14). The tenant's people are told when the contact waits for long.

use chrono::TimeDelta;

use super::Ruling;
use crate::domain::conversation::Handler;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{NoticeReason, Outcome};

pub(super) const NAME: &str = "human_handler";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    if turn.turn.conversation.handler == Handler::Bot {
        return Ruling::Pass;
    }
    let escalation = turn.rules.escalation();
    let after =
        escalation.unread_after.filter(|_| escalation.notifies).and_then(|after| TimeDelta::from_std(after).ok());
    if let Some(after) = after {
        let (mut memory, now) = (turn.memory(), turn.turn.at);
        // One notice for what they write until it is sent.
        if memory.unread_notice_at.is_none_or(|at| at <= now) {
            memory.unread_notice_at = Some(now + after);
            turn.remember(memory);
            turn.notify_people(NoticeReason::Unread, after);
        }
    }
    Ruling::Done(Outcome::SilentHuman)
}
