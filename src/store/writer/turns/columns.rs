//! Column values of a turn's rows.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::{Assignee, Conversation, ConversationStatus, Handler};
use palabre_actors::domain::message::Role;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::domain::turn::{Draft, Start, Turn};
use sea_orm::DbErr;

use crate::store::statement::{Value, flag, id, id_or_null, integer, text, text_or_null, time, time_or_null};
use crate::store::timestamp_list::timestamps_text;
use crate::store::values::corrupt;

/// As `sql::WRITE_TURNS` takes them.
pub(super) fn turn_columns(turn: &Turn) -> Result<[Value; 24], DbErr> {
    let (conversation, consumed) = (&turn.conversation, turn.consumed.as_ref());
    let session = conversation.session.as_ref();
    Ok([
        text(turn.key.tenant.as_str()),
        id(conversation.id),
        integer(turn.expected_version),
        id_or_null(consumed.map(|consumed| consumed.id)),
        text(turn.key.channel.as_str()),
        text(turn.key.address.as_str()),
        flag(turn.releases),
        flag(turn.knows_deferred),
        id_or_null(turn.outbox.iter().map(|draft| draft.message.id).min()),
        text(conversation.status.as_str()),
        text(conversation.handler.as_str()),
        id_or_null(session.map(|session| session.id)),
        time_or_null(session.map(|session| session.opened_at)),
        text(timestamps_text(&conversation.recent_answers)?),
        time_or_null(conversation.timer_at),
        time_or_null(conversation.last_inbound_at),
        text_or_null(consumed.map(|consumed| consumed.role.as_str())),
        text_or_null(consumed.map(|consumed| consumed.outcome.as_str())),
        time(turn.at),
        assignee(conversation),
        flow(conversation)?,
        flag(turn.marks_read),
        text(turn.key.person.as_str()),
        memory(conversation)?,
    ])
}

/// As `sql::CONVERSATIONS` takes them.
pub(super) fn conversation(turn: &Turn, conversation: &Conversation) -> Result<[Value; 21], DbErr> {
    let session = conversation.session.as_ref();
    let has_message = turn.consumed.is_some() || !turn.outbox.is_empty();
    Ok([
        id(conversation.id),
        text(turn.key.tenant.as_str()),
        text(turn.key.channel.as_str()),
        id(turn.contact.id),
        text(turn.key.address.as_str()),
        text(conversation.status.as_str()),
        text(conversation.handler.as_str()),
        integer(turn.expected_version + 1),
        id_or_null(session.map(|session| session.id)),
        time_or_null(session.map(|session| session.opened_at)),
        text(timestamps_text(&conversation.recent_answers)?),
        time_or_null(conversation.timer_at),
        time_or_null(conversation.last_inbound_at),
        time_or_null(has_message.then_some(turn.at)),
        integer(unread(turn)),
        assignee(conversation),
        flow(conversation)?,
        time(turn.at),
        time(turn.at),
        time_or_null(waiting_since(turn, conversation)),
        memory(conversation)?,
    ])
}

/// Since when the contact of a new conversation waits for a person; later turns keep or end it in their statements.
fn waiting_since(turn: &Turn, conversation: &Conversation) -> Option<Timestamp> {
    let waits = conversation.handler == Handler::Human
        && conversation.status != ConversationStatus::Resolved
        && unread(turn) > 0;
    waits.then(|| conversation.last_inbound_at.unwrap_or(turn.at))
}

/// How many unread messages a turn adds; -1 when it marks all of them as read.
fn unread(turn: &Turn) -> i64 {
    if turn.marks_read {
        return if turn.expected_version == 0 { 0 } else { -1 };
    }
    i64::from(turn.consumed.as_ref().is_some_and(|consumed| consumed.role == Role::Client))
}

fn assignee(conversation: &Conversation) -> Value {
    text_or_null(conversation.assignee.as_ref().map(Assignee::as_str))
}

fn flow(conversation: &Conversation) -> Result<Value, DbErr> {
    let flow = conversation.flow.as_deref().map(serde_json::to_string).transpose();
    Ok(text_or_null(flow.map_err(|_| corrupt("a flow"))?))
}

fn memory(conversation: &Conversation) -> Result<Value, DbErr> {
    let memory = conversation.memory.as_deref().map(serde_json::to_string).transpose();
    Ok(text_or_null(memory.map_err(|_| corrupt("the bot's memory"))?))
}

/// As `sql::MESSAGES_OUT` takes them.
pub(super) fn draft_row(draft: &Draft, at: Timestamp) -> [Value; 17] {
    let message = &draft.message;
    let behind = matches!(draft.start, Start::Queued { behind: true, .. });
    let (state, attempts, next_attempt_at, owner, until) = match &draft.start {
        Start::Now { node, lease_until } => {
            (OutboxState::Sending, message.attempts.max(1), message.created_at, Some(node.as_str()), Some(*lease_until))
        }
        Start::Queued { not_before, .. } => (OutboxState::Pending, message.attempts, *not_before, None, None),
        Start::Scheduled(at) => (OutboxState::Deferred, message.attempts, *at, None, None),
    };
    [
        id(message.id),
        text(message.tenant.as_str()),
        text(message.channel.as_str()),
        id(message.conversation),
        id_or_null(message.in_reply_to),
        text(message.to.as_str()),
        text(message.body.as_str()),
        text(message.kind.as_str()),
        text(state.as_str()),
        integer(attempts),
        time(next_attempt_at),
        text_or_null(owner),
        time_or_null(until),
        id(message.correlation),
        time(message.created_at),
        time(at),
        flag(behind),
    ]
}
