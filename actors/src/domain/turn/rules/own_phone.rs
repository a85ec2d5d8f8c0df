//! Rule: a person of the business who writes on the channel's own phone has the conversation (I14).

use super::Ruling;
use crate::domain::conversation::{ConversationStatus, Handler};
use crate::domain::event::ActorType;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::requests::{Requester, take_over};

pub(super) const NAME: &str = "own_phone";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if !heard.message.content.details.written_on_phone {
        return Ruling::Pass;
    }
    let turn = &mut turn.turn;
    turn.marks_read = true;
    if turn.conversation.handler == Handler::Bot {
        take_over(turn, &Requester { actor_type: ActorType::Agent, name: None }, Some(NAME));
    }
    turn.conversation.status = ConversationStatus::InProgress;
    Ruling::Done(Outcome::WrittenOnPhone)
}
