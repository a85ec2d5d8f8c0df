//! Rule: a resolved conversation is in progress again when its contact writes. It decides nothing.

use super::Ruling;
use crate::domain::conversation::ConversationStatus;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "reopen";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    let status = &mut turn.turn.conversation.status;
    if *status == ConversationStatus::Resolved {
        *status = ConversationStatus::InProgress;
    }
    Ruling::Pass
}
