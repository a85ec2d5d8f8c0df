//! The waiting list in turns: its changes, with their events.

use super::Turn;
use super::builder::note;
use crate::domain::booking::Agenda;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::ids::WaitingId;
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

/// A change of the waiting list, with its event. What the turn said of the same row before does not count.
pub(super) fn change(turn: &mut Turn, change: WaitingChange, (actor, payload): (ActorType, Payload)) {
    let change = match change {
        WaitingChange::Join(entry) => WaitingChange::Join(WaitingEntry { conversation: turn.conversation.id, ..entry }),
        other @ WaitingChange::Become(..) => other,
    };
    if let WaitingChange::Become(id, _) = &change {
        turn.effects.waiting.retain(|before| !matches!(before, WaitingChange::Become(other, _) if other == id));
    }
    let event = match &change {
        WaitingChange::Join(_) => Some(EventType::WaitingJoined),
        WaitingChange::Become(_, WaitingState::Offered) => Some(EventType::WaitingOffered),
        WaitingChange::Become(_, WaitingState::Taken | WaitingState::Ended) => Some(EventType::WaitingEnded),
        WaitingChange::Become(_, WaitingState::Waiting) => None,
    };
    if let Some(event) = event {
        let conversation = turn.conversation.id.0;
        note(turn, event, EntityType::Conversation, conversation, actor, payload);
    }
    turn.effects.waiting.push(change);
}

/// Whoever says STOP waits for nothing any more.
pub(super) fn leave_list(turn: &mut Turn, agenda: &Agenda) {
    let own: Vec<WaitingId> = agenda.waiting.iter().filter(|entry| entry.is_mine).map(|entry| entry.id).collect();
    for id in own {
        change(turn, WaitingChange::Become(id, WaitingState::Ended), (ActorType::System, Payload::EMPTY));
    }
}
