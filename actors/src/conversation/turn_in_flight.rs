//! A decided turn on its way through the store, with the senders' places that were reserved for its messages.

use super::Birth;
use crate::domain::Timestamp;
use crate::domain::conversation::{Contact, Conversation, State};
use crate::domain::message::{Inbound, Outbound, OutboundKind};
use crate::domain::turn::{ConsentChange, Draft, Outcome, Refused, SendRequest, Start, Turn, decide, decide_send};
use crate::kit::Outside;
use crate::outbox::desk::Slot;
use crate::ports::LaneKey;

/// A turn and the places of its outgoing messages, in the order of `turn.outbox`.
pub struct TurnInFlight {
    /// What was decided.
    pub turn: Turn,
    /// A place for each message that may go out right after the commit.
    pub reserved: Vec<Option<Slot>>,
}

/// What stands before a turn's messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// Others of the conversation stand in line, or may.
    pub(super) others: bool,
    /// Others wait for the contact to write.
    pub(super) deferred: bool,
}

impl TurnInFlight {
    /// Decides about a message, and reserves places for what is to be sent; there may be one already.
    pub(super) fn decide(state: &State, message: &Inbound, birth: &Birth, ahead: Ahead, place: Option<Slot>) -> Self {
        let outside: &Outside = &birth.outside;
        let mut turn = decide(state, message, &birth.profile.rules, &*outside.ports.sellers, outside.now());
        turn.knows_deferred = ahead.deferred;
        Self::reserve(turn, birth, ahead, place)
    }

    /// Decides about a request.
    ///
    /// # Errors
    /// [`Refused`]
    pub(super) fn compose(state: &State, request: &SendRequest, birth: &Birth, ahead: Ahead) -> Result<Self, Refused> {
        let turn = decide_send(state, request, &birth.profile.rules, birth.outside.now())?;
        Ok(Self::reserve(turn, birth, ahead, None))
    }

    /// Reserves places. Where order is kept, only the first message of a turn may go at once, and only when nothing
    /// stands before it: the others queue, so that they cannot overtake.
    fn reserve(mut turn: Turn, birth: &Birth, ahead: Ahead, mut place: Option<Slot>) -> Self {
        let outside: &Outside = &birth.outside;
        let now = outside.now();
        let lane = LaneKey { tenant: turn.key.tenant.clone(), channel: turn.key.channel.clone() };
        let keep_order = birth.profile.channels.get(&lane.channel).is_none_or(|channel| channel.keep_order);
        let mut others = keep_order && (ahead.others || (turn.releases && turn.knows_deferred));
        let mut reserved = Vec::with_capacity(turn.outbox.len());
        for draft in &mut turn.outbox {
            // What a spent budget may have held before it, only the store knows: a claim keeps the order.
            let stoppable = birth.profile.budget.hard_stop && !draft.message.urgent;
            let may_start = !others && !stoppable;
            let slot = may_start.then(|| place.take().or_else(|| birth.desk.reserve(&lane, now))).flatten();
            if slot.is_some() {
                draft.message.attempts = 1;
                draft.start =
                    Start::Now { node: outside.node.clone(), lease_until: Outside::later(now, outside.settings.lease) };
            } else if let Start::Queued { behind, .. } = &mut draft.start {
                *behind = others;
            }
            others = keep_order;
            reserved.push(slot);
        }
        Self { turn, reserved }
    }
}

/// What a conversation needs of a turn once it is committed.
pub(super) struct Applied {
    pub(super) contact: Contact,
    pub(super) conversation: Conversation,
    pub(super) consent: Option<ConsentChange>,
    pub(super) outcome: Option<Outcome>,
    /// Rows of it went back into the line.
    pub(super) releases: bool,
    pub(super) outgoing: Vec<(Outbound, Option<Reserved>)>,
}

/// A message's place, and until when its row is leased for it.
pub(super) struct Reserved {
    pub(super) slot: Slot,
    pub(super) lease_until: Timestamp,
}

impl Applied {
    pub(super) fn of(turn: &Turn, reserved: Vec<Option<Slot>>) -> Self {
        Self {
            contact: turn.contact.clone(),
            conversation: turn.conversation.clone(),
            consent: turn.consent.clone(),
            outcome: turn.consumed.as_ref().map(|consumed| consumed.outcome),
            releases: turn.releases && turn.knows_deferred,
            outgoing: turn.outbox.iter().zip(reserved).map(outgoing).collect(),
        }
    }

    /// The leases that its rows were to have.
    pub(super) fn leases(&self) -> impl Iterator<Item = Timestamp> {
        self.outgoing.iter().filter_map(|(_, reserved)| reserved.as_ref().map(|reserved| reserved.lease_until))
    }

    /// What the next turn is decided on.
    pub(super) fn update(&self, state: &mut State) {
        state.contact = Some(self.contact.clone());
        state.conversation = Some(self.conversation.clone());
        state.welcomed |= self.outgoing.iter().any(|(message, _)| message.kind == OutboundKind::Welcome);
        match &self.consent {
            Some(ConsentChange::OptOut { .. }) => state.opted_out = true,
            Some(ConsentChange::OptIn { .. }) => state.opted_out = false,
            Some(ConsentChange::Confirm { .. }) => state.confirmed = true,
            None => {}
        }
    }
}

fn outgoing((draft, slot): (&Draft, Option<Slot>)) -> (Outbound, Option<Reserved>) {
    let reserved = match (&draft.start, slot) {
        (Start::Now { lease_until, .. }, Some(slot)) => Some(Reserved { slot, lease_until: *lease_until }),
        _ => None,
    };
    (draft.message.clone(), reserved)
}
