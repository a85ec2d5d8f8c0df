//! Rule: silence to a contact that answers each of our answers at once, as a robot does.

use super::Ruling;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::loop_watch::{LoopPolicy, LoopVerdict};
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "silent_loop";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let Some(policy) = &turn.rules.source().loops else { return Ruling::Pass };
    let conversation = &mut turn.turn.conversation;
    // The steps of a flow may well be answered with the same words: 1, 1, 1.
    let same_words = if conversation.flow.is_some() { u32::MAX } else { policy.same_words };
    let policy = &LoopPolicy { same_words, ..policy.clone() };
    let answered_at = conversation.recent_answers.last().copied();
    match conversation.watch.hear(policy, heard.folded, heard.message.received_at, answered_at) {
        LoopVerdict::None => Ruling::Pass,
        LoopVerdict::GoesOn => Ruling::Done(Outcome::SilentLoop),
        LoopVerdict::Begins(what) => {
            let conversation = conversation.id.0;
            let payload = Payload::builder().word("sign", what.as_str()).finish();
            turn.note(EventType::SilentLoop, EntityType::Conversation, conversation, ActorType::System, payload);
            Ruling::Done(Outcome::SilentLoop)
        }
    }
}
