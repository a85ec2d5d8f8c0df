//! A decided turn on its way through the store, with the senders' places that were reserved for its messages.

use super::Birth;
use crate::domain::conversation::{Contact, Conversation, State};
use crate::domain::message::{Inbound, Outbound};
use crate::domain::turn::{ConsentChange, Outcome, Start, Turn, decide};
use crate::kit::Outside;
use crate::outbox::desk::Slot;

/// A turn and the places of its outgoing messages, in the order of `turn.outbox`.
pub struct TurnInFlight {
    /// What was decided.
    pub turn: Turn,
    /// A place for each message that may go out right after the commit.
    pub reserved: Vec<Option<Slot>>,
}

impl TurnInFlight {
    /// Decides, and reserves places for what is to be sent. Only the first message of a turn may go at once: the next
    /// ones queue behind it, so that they cannot overtake.
    pub(super) fn decide(state: &State, message: &Inbound, birth: &Birth, may_send_now: bool) -> Self {
        let outside: &Outside = &birth.outside;
        let now = outside.now();
        let mut turn = decide(state, message, &birth.profile.rules, &*outside.ports.sellers, now);
        let mut reserved = Vec::with_capacity(turn.outbox.len());
        for (n, draft) in turn.outbox.iter_mut().enumerate() {
            let slot = (may_send_now && n == 0).then(|| birth.desk.reserve(&draft.message.tenant)).flatten();
            if slot.is_some() {
                draft.message.attempts = 1;
                draft.start =
                    Start::Now { node: outside.node.clone(), lease_until: Outside::later(now, outside.settings.lease) };
            }
            reserved.push(slot);
        }
        Self { turn, reserved }
    }
}

/// What a conversation needs of a turn once it is committed.
pub(super) struct Applied {
    pub(super) contact: Contact,
    pub(super) conversation: Conversation,
    pub(super) opted_out: Option<bool>,
    pub(super) outcome: Option<Outcome>,
    pub(super) outgoing: Vec<(Outbound, Option<Slot>)>,
}

impl Applied {
    pub(super) fn of(turn: &Turn, reserved: Vec<Option<Slot>>) -> Self {
        Self {
            contact: turn.contact.clone(),
            conversation: turn.conversation.clone(),
            opted_out: turn.consent.as_ref().map(|change| matches!(change, ConsentChange::OptOut { .. })),
            outcome: turn.consumed.as_ref().map(|consumed| consumed.outcome),
            outgoing: turn.outbox.iter().map(|draft| draft.message.clone()).zip(reserved).collect(),
        }
    }
}
