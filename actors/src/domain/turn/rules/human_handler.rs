//! Rule: silence while a person has the conversation (I14).

use super::Ruling;
use crate::domain::conversation::Handler;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "human_handler";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    match turn.turn.conversation.handler {
        Handler::Human => Ruling::Done(Outcome::SilentHuman),
        Handler::Bot => Ruling::Pass,
    }
}
