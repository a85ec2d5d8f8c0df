//! A decided turn that is being committed, with the send permits of its messages.

use std::sync::Arc;

use tracing::Span;

use super::ConversationSetup;
use super::messages::{Due, Performed};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::booking::BookingChange;
use crate::domain::conversation::{Contact, Conversation, State};
use crate::domain::message::{Inbound, Outbound, OutboundKind};
use crate::domain::offer::OfferChange;
use crate::domain::timer::TimerChange;
use crate::domain::turn::{
    ConsentChange, Draft, Lookup, Outcome, Refused, Request, Start, Turn, decide, decide_request, decide_session_timer,
    decide_timer,
};
use crate::domain::waiting::WaitingChange;
use crate::outbox::SendPermit;
use crate::ports::ChannelKey;
use crate::runtime::{ActorContext, spans};

/// A turn and the send permits of its outgoing messages, in the order of `turn.outbox`.
pub struct TurnInFlight {
    /// What was decided.
    pub turn: Turn,
    /// A permit for each message that may go out right after the commit.
    pub reserved: Vec<Option<SendPermit>>,
    /// Ends when the outcome of its commit is known.
    pub span: Span,
}

/// What a decision about a message came to.
pub(super) enum Decided {
    /// A turn.
    Turn(Box<TurnInFlight>),
    /// This is to be looked up first.
    Needs(Lookup),
}

/// Rows of the conversation that are before a turn's messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocking {
    /// Others are in the conversation queue, or may be.
    pub(super) others: bool,
    /// Rows of the conversation wait for the contact to write.
    pub(super) deferred: bool,
}

impl TurnInFlight {
    /// Decides about a message, and reserves send permits for what is to be sent; there may be one already.
    pub(super) fn decide(
        state: &State,
        message: &Inbound,
        setup: &ConversationSetup,
        ahead: Blocking,
        send_permit: Option<SendPermit>,
    ) -> Decided {
        let context: &ActorContext = &setup.context;
        let span = spans::turn(message, state.conversation.as_ref().map(|conversation| conversation.id));
        let mut turn = span.in_scope(|| decide(state, message, &setup.rules(), &*context.ports.sellers, context.now()));
        if let Some(lookup) = turn.lookup.take() {
            return Decided::Needs(lookup);
        }
        turn.knows_deferred = ahead.deferred;
        Decided::Turn(Box::new(Self { span, ..Self::reserve(turn, setup, ahead, send_permit) }))
    }

    /// Decides about a request. `None`: there is nothing to write.
    ///
    /// # Errors
    /// [`Refused`]
    pub(super) fn of_request(
        state: &State,
        request: &Request,
        setup: &ConversationSetup,
        ahead: Blocking,
    ) -> Result<Option<Self>, Refused> {
        let turn = decide_request(state, request, &setup.rules(), setup.context.now())?;
        Ok(turn.map(|turn| Self::reserve(turn, setup, ahead, None)))
    }

    /// Decides about a timer. `None`: there is nothing to do.
    pub(super) fn of_timer(state: &State, due: &Due, setup: &ConversationSetup, ahead: Blocking) -> Option<Self> {
        let (rules, now) = (&*setup.rules(), setup.context.now());
        let turn = match due {
            Due::Session => decide_session_timer(state, rules, now),
            Due::Timer(timer) => decide_timer(state, timer, rules, now),
        };
        turn.map(|turn| Self::reserve(turn, setup, ahead, None))
    }

    /// Reserves send permits. Where order is kept, only the first message of a turn may go at once, and only when nothing
    /// is before it: the others queue, so that they cannot overtake.
    fn reserve(
        mut turn: Turn,
        setup: &ConversationSetup,
        ahead: Blocking,
        mut send_permit: Option<SendPermit>,
    ) -> Self {
        let context: &ActorContext = &setup.context;
        let now = context.now();
        let channel_key = ChannelKey { tenant: turn.key.tenant.clone(), channel: turn.key.channel.clone() };
        let keep_order = setup.profile.channels.get(&channel_key.channel).is_none_or(|channel| channel.keep_order);
        let mut others = keep_order && (ahead.others || (turn.releases && turn.knows_deferred));
        let mut reserved = Vec::with_capacity(turn.outbox.len());
        for draft in &mut turn.outbox {
            if matches!(draft.start, Start::Scheduled(_)) {
                reserved.push(None);
                continue;
            }
            // Only the store knows whether older messages are held until the tenant may spend again. A claim keeps the order.
            let stoppable = setup.profile.budget.hard_stop && !draft.message.urgent;
            let may_start = !others && !stoppable;
            let send_permit =
                may_start.then(|| send_permit.take().or_else(|| setup.pool.reserve(&channel_key, now))).flatten();
            if send_permit.is_some() {
                draft.message.attempts = 1;
                draft.start = Start::Now {
                    node: context.node.clone(),
                    lease_until: ActorContext::later(now, context.settings.lease),
                };
            } else if let Start::Queued { behind, .. } = &mut draft.start {
                *behind = others;
            }
            others = keep_order;
            reserved.push(send_permit);
        }
        Self { turn, reserved, span: Span::none() }
    }
}

/// What a conversation keeps of a turn until it is committed.
pub(super) struct Applied {
    pub(super) address: Address,
    pub(super) contact: Contact,
    pub(super) conversation: Conversation,
    pub(super) consent: Option<ConsentChange>,
    pub(super) outcome: Option<Outcome>,
    /// Rows of it went back into the conversation queue.
    pub(super) releases: bool,
    pub(super) timers: Vec<TimerChange>,
    pub(super) bookings: Vec<BookingChange>,
    pub(super) offers: Vec<OfferChange>,
    pub(super) waiting: Vec<WaitingChange>,
    pub(super) outgoing: Vec<(Outbound, Leaves)>,
    span: Span,
}

/// A message's send permit, and until when its row is leased.
pub(super) struct ReservedSend {
    pub(super) send_permit: SendPermit,
    pub(super) lease_until: Timestamp,
}

impl Applied {
    pub(super) fn of(turn: &Turn, reserved: Vec<Option<SendPermit>>, span: Span) -> Self {
        Self {
            address: turn.key.address.clone(),
            contact: turn.contact.clone(),
            conversation: turn.conversation.clone(),
            consent: turn.consent.clone(),
            outcome: turn.consumed.as_ref().map(|consumed| consumed.outcome),
            releases: turn.releases && turn.knows_deferred,
            timers: turn.timers.clone(),
            bookings: turn.effects.bookings.clone(),
            offers: turn.effects.offers.clone(),
            waiting: turn.effects.waiting.clone(),
            outgoing: turn.outbox.iter().zip(reserved).map(leaves).collect(),
            span,
        }
    }

    /// The turn is committed.
    pub(super) fn note_commit(&self) {
        if let Some(outcome) = self.outcome {
            self.span.record("turn.outcome", outcome.as_str());
        }
    }

    /// The ends of its rows' leases.
    pub(super) fn leases(&self) -> impl Iterator<Item = Timestamp> {
        self.outgoing.iter().filter_map(|(_, leaves)| match leaves {
            Leaves::Now(reserved) => Some(reserved.lease_until),
            Leaves::Queued | Leaves::Scheduled => None,
        })
    }

    /// The answer to the request that the turn came from.
    pub(super) fn performed(&self) -> Performed {
        Performed {
            changed: true,
            version: self.conversation.version,
            message: self.outgoing.first().map(|(message, _)| message.id),
            timer: self.timers.iter().find_map(|change| match change {
                TimerChange::Set(timer) => Some(timer.id),
                TimerChange::SetFor(..) | TimerChange::Cancel(_) | TimerChange::CancelAll(_) => None,
            }),
        }
    }

    /// Brings the state in memory up to this turn.
    pub(super) fn update(&self, state: &mut State) {
        state.key.address = self.address.clone();
        state.contact = Some(self.contact.clone());
        state.conversation = Some(self.conversation.clone());
        state.welcomed |= self.outgoing.iter().any(|(message, _)| message.kind == OutboundKind::Welcome);
        if !self.bookings.is_empty() || !self.offers.is_empty() || !self.waiting.is_empty() {
            let agenda = Arc::make_mut(&mut state.agenda);
            self.bookings.iter().for_each(|change| agenda.apply(change));
            self.offers.iter().for_each(|change| agenda.apply_offer(change));
            self.waiting.iter().for_each(|change| agenda.apply_waiting(change));
        }
        match &self.consent {
            Some(ConsentChange::OptOut { .. }) => state.opted_out = true,
            Some(ConsentChange::OptIn { .. }) => state.opted_out = false,
            Some(ConsentChange::Confirm { .. }) => state.confirmed = true,
            Some(ConsentChange::Marketing { .. }) | None => {}
        }
    }
}

/// Where a message of a turn goes once it is committed.
pub(super) enum Leaves {
    /// To the provider.
    Now(ReservedSend),
    /// Into the conversation's queue.
    Queued,
    /// Nowhere yet: it waits for its time, outside the queue.
    Scheduled,
}

fn leaves((draft, send_permit): (&Draft, Option<SendPermit>)) -> (Outbound, Leaves) {
    let leaves = match (&draft.start, send_permit) {
        (Start::Now { lease_until, .. }, Some(send_permit)) => {
            Leaves::Now(ReservedSend { send_permit, lease_until: *lease_until })
        }
        (Start::Scheduled(_), _) => Leaves::Scheduled,
        _ => Leaves::Queued,
    };
    (draft.message.clone(), leaves)
}
