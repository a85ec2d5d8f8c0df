//! Request to call an offer off, that nobody has taken or that somebody has.

use super::{Refused, Request, open};
use crate::domain::Timestamp;
use crate::domain::conversation::State;
use crate::domain::event::{EntityType, EventType};
use crate::domain::ids::{ConversationId, OfferId};
use crate::domain::offer::{OfferChange, OfferState};
use crate::domain::rules::Rules;
use crate::domain::timer::{TimerChange, TimerKind};
use crate::domain::turn::Turn;
use crate::domain::turn::builder::note;
use crate::domain::turn::offers::{claim, claim_of_end, tell_of_end};

/// An offer of this conversation's customer is called off.
#[derive(Clone, Debug)]
pub struct OfferCancellation {
    /// The offer's id.
    pub offer: OfferId,
    /// Who has it, by their conversation. `None`: nobody had taken it when it was looked at.
    pub taken_by: Option<ConversationId>,
    /// Whether the customer is told.
    pub tells: bool,
}

/// Nobody can take an offer at the moment at which it is called off: both claim it, and one is told that they came late (I12).
pub(super) fn decide(
    state: &State,
    (request, asked): (&Request, &OfferCancellation),
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Turn>, Refused> {
    let mut turn = open(state, request, now);
    match asked.taken_by {
        None => {
            if !state.agenda.offers.iter().any(|offer| offer.id == asked.offer) {
                return Err(Refused::OfferOver);
            }
            turn.effects.claims.push(claim(asked.offer));
        }
        // Two people who call it off at once: one does.
        Some(_) => turn.effects.claims.push(claim_of_end(asked.offer)),
    }
    turn.effects.offers.push(OfferChange::End(asked.offer, OfferState::Cancelled));
    turn.timers.push(TimerChange::CancelAll(TimerKind::OfferEnds));
    let (offer, by) = (asked.offer.0, &request.by);
    note(&mut turn, EventType::OfferCancelled, EntityType::Offer, offer, by.actor_type, by.payload().finish());
    Ok(Some(tell_of_end(turn, state, rules, (asked.taken_by, asked.tells))))
}
