//! Rule: who seems to want no more messages, but does not say STOP, is asked.

use chrono::TimeDelta;

use super::Ruling;
use crate::domain::consent::seems_to_ask_for_stop;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::message::OutboundKind;
use crate::domain::rules::{BotText, TextName};
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{NoticeReason, Outcome};

pub(super) const NAME: &str = "stop_request";

/// Marks the conversation in the people's lists until one of them takes it off.
const LABEL: &str = "stop ?";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if !seems_to_ask_for_stop(heard.folded) {
        return Ruling::Pass;
    }
    let reason = NoticeReason::StopRequest;
    let conversation = turn.turn.conversation.id.0;
    let payload = Payload::reason(reason.as_str());
    turn.note(EventType::Escalated, EntityType::Conversation, conversation, ActorType::Bot, payload);
    turn.turn.effects.labels.push(LABEL);
    turn.notify_people(reason, TimeDelta::zero());
    Ruling::Done(turn.answer(TextName::Bot(BotText::AskStop), OutboundKind::Reply, Outcome::AskedToStop))
}
