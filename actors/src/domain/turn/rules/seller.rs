//! Rule: a seller's message keeps the tenant's live session open.

use super::Ruling;
use crate::domain::conversation::Handler;
use crate::domain::ids::LiveSessionId;
use crate::domain::message::{OutboundKind, Role};
use crate::domain::rules::TextName;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "seller";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if heard.role != Role::Seller {
        return Ruling::Pass;
    }
    turn.turn.live_session = Some(LiveSessionId::fresh());
    // Not to who said STOP (I6), nor while a person has the conversation (I14).
    if !heard.state.opted_out && turn.turn.conversation.handler == Handler::Bot {
        turn.say(TextName::Seller, OutboundKind::Reply);
    }
    Ruling::Done(Outcome::Seller)
}
