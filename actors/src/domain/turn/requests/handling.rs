//! Requests that change a conversation's handler, assignee or status.

use std::sync::Arc;

use super::{Requester, note_conversation};
use crate::domain::Timestamp;
use crate::domain::conversation::{Assignee, BotMemory, ConversationStatus, Handler};
use crate::domain::event::EventType;
use crate::domain::ids::TimerId;
use crate::domain::timer::{Timer, TimerChange, TimerKind};
use crate::domain::turn::Turn;

pub(super) fn hand_over(mut turn: Turn, by: &Requester, hand_back_at: Option<Timestamp>) -> Option<Turn> {
    let was_human = turn.conversation.handler == Handler::Human;
    let is_blocked = memory(&turn).blocked_at.is_some();
    if was_human && hand_back_at.is_none() && !is_blocked {
        return None;
    }
    lift_block(&mut turn, by);
    if !was_human {
        take_over(&mut turn, by, None);
    }
    if let Some(fires_at) = hand_back_at {
        turn.timers.push(TimerChange::CancelAll(TimerKind::HandBack));
        turn.timers.push(TimerChange::Set(Timer {
            id: TimerId::fresh(),
            kind: TimerKind::HandBack,
            fires_at,
            payload: "{}".to_owned(),
            correlation: turn.correlation,
            created_at: turn.at,
        }));
    }
    Some(turn)
}

/// Silence for this contact. What waits for a person here waits no more.
pub(super) fn block(mut turn: Turn, by: &Requester) -> Option<Turn> {
    let mut memory = memory(&turn);
    if memory.blocked_at.is_some() {
        return None;
    }
    (memory.blocked_at, memory.unread_notice_at) = (Some(turn.at), None);
    turn.conversation.memory = Some(Arc::new(memory));
    turn.conversation.status = ConversationStatus::Resolved;
    turn.conversation.flow = None;
    turn.timers.push(TimerChange::CancelAll(TimerKind::Notify));
    note_conversation(&mut turn, EventType::Blocked, by, by.payload());
    Some(turn)
}

pub(super) fn unblock(mut turn: Turn, by: &Requester) -> Option<Turn> {
    lift_block(&mut turn, by).then_some(turn)
}

/// The contact is blocked no longer, and their conversation is in progress again. Answers whether they were.
pub(super) fn lift_block(turn: &mut Turn, by: &Requester) -> bool {
    let mut memory = memory(turn);
    let was_blocked = memory.blocked_at.take().is_some();
    if was_blocked {
        turn.conversation.memory = (!memory.is_empty()).then(|| Arc::new(memory));
        turn.conversation.status = ConversationStatus::InProgress;
        note_conversation(turn, EventType::Unblocked, by, by.payload());
    }
    was_blocked
}

fn memory(turn: &Turn) -> BotMemory {
    turn.conversation.memory.as_deref().cloned().unwrap_or_default()
}

/// A person has the conversation now. One that was resolved is in progress again.
pub(in crate::domain::turn) fn take_over(turn: &mut Turn, by: &Requester, reason: Option<&'static str>) {
    turn.conversation.handler = Handler::Human;
    turn.conversation.status = ConversationStatus::InProgress;
    let mut payload = by.payload();
    if let Some(reason) = reason {
        payload = payload.word("reason", reason);
    }
    note_conversation(turn, EventType::HandedOver, by, payload);
}

pub(super) fn hand_back(mut turn: Turn, by: &Requester) -> Option<Turn> {
    if turn.conversation.handler == Handler::Bot {
        return None;
    }
    turn.conversation.handler = Handler::Bot;
    turn.timers.push(TimerChange::CancelAll(TimerKind::HandBack));
    note_conversation(&mut turn, EventType::HandedBack, by, by.payload());
    Some(turn)
}

pub(super) fn assign(mut turn: Turn, by: &Requester, to: Option<&Assignee>) -> Option<Turn> {
    if turn.conversation.assignee.as_ref() == to {
        return None;
    }
    turn.conversation.assignee = to.cloned();
    // Not to whom: a name is personal data (I10). The row has it.
    let payload = by.payload().flag("assigned", to.is_some());
    note_conversation(&mut turn, EventType::Assigned, by, payload);
    Some(turn)
}

pub(super) fn resolve(mut turn: Turn, by: &Requester) -> Option<Turn> {
    if turn.conversation.status == ConversationStatus::Resolved {
        return None;
    }
    turn.conversation.status = ConversationStatus::Resolved;
    note_conversation(&mut turn, EventType::Resolved, by, by.payload());
    Some(turn)
}

pub(super) fn reopen(mut turn: Turn, by: &Requester) -> Option<Turn> {
    if turn.conversation.status != ConversationStatus::Resolved {
        return None;
    }
    turn.conversation.status = ConversationStatus::InProgress;
    note_conversation(&mut turn, EventType::Reopened, by, by.payload());
    Some(turn)
}
