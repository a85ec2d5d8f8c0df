//! Requests for provider calls that are not messages.

use super::Requester;
use crate::domain::action::Action;
use crate::domain::event::{EntityType, EventType};
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::turn::Turn;
use crate::domain::turn::builder::{note, outbound, put};

/// A row of the outbox behind what the conversation wrote before. Neither consent nor a window stands in its way: the contact
/// gets no message by it.
pub(super) fn decide(mut turn: Turn, by: &Requester, action: &Action) -> Turn {
    let status = turn.conversation.status;
    let message = Outbound { action: Some(action.clone()), ..outbound(&turn, String::new(), OutboundKind::Action) };
    let row = message.id.0;
    put(&mut turn, message, None);
    // Nobody has answered the contact by it.
    turn.conversation.status = status;
    let payload = by.payload().word("kind", OutboundKind::Action.as_str()).text("action", &action.kind).finish();
    note(&mut turn, EventType::MessageQueued, EntityType::MessageOut, row, by.actor_type, payload);
    turn
}
