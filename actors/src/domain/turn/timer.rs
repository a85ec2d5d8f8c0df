//! Decision about a timer of a conversation that fires.

use super::builder::{begin, close_session, idle, note};
use super::flows;
use super::offers;
use super::requests::{ScheduledMessage, write_message};
use super::{Refused, Turn, places};
use crate::domain::Timestamp;
use crate::domain::conversation::{Contact, Handler, State};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::ids::CorrelationId;
use crate::domain::rules::Rules;
use crate::domain::timer::{Timer, TimerKind};

/// Decides what a timer that has come leads to: a turn that deletes its row, whatever else it does. `None` when there is no
/// such conversation.
#[must_use]
pub fn decide_timer(state: &State, timer: &Timer, rules: &Rules, now: Timestamp) -> Option<Turn> {
    state.conversation.as_ref()?;
    let contact = state.contact.clone()?;
    let mut turn = match timer.kind {
        TimerKind::HandBack => hand_back(begin(state, contact, timer.correlation, now)),
        TimerKind::Send => send(state, contact, timer, rules, now),
        TimerKind::Flow => flows::waited(begin(state, contact, timer.correlation, now), state, rules),
        TimerKind::HoldEnds => flows::hold_ends(begin(state, contact, timer.correlation, now), state, &timer.payload),
        TimerKind::OfferEnds => {
            offers::ended(begin(state, contact, timer.correlation, now), state, &timer.payload, rules)
        }
        TimerKind::OfferAccepted => {
            offers::accepted(begin(state, contact, timer.correlation, now), state, &timer.payload, rules)
        }
        TimerKind::BookingReminder => {
            flows::reminded(begin(state, contact, timer.correlation, now), state, &timer.payload, rules)
        }
        TimerKind::RideDone => {
            offers::ask_rating(begin(state, contact, timer.correlation, now), state, &timer.payload, rules)
        }
        TimerKind::PlaceFree => {
            places::place_free(begin(state, contact, timer.correlation, now), state, &timer.payload, rules)
        }
        // Whoever tells the tenant's people deletes it.
        TimerKind::Notify => return None,
    };
    places::pass_on(&mut turn, state, rules);
    Some(Turn { fired: Some(timer.id), ..turn })
}

fn hand_back(mut turn: Turn) -> Turn {
    if turn.conversation.handler == Handler::Human {
        turn.conversation.handler = Handler::Bot;
        let conversation = turn.conversation.id.0;
        let reason = Payload::reason("timer");
        note(&mut turn, EventType::HandedBack, EntityType::Conversation, conversation, ActorType::System, reason);
    }
    turn
}

/// Writes the message that was asked for, or says why not.
fn send(state: &State, contact: Contact, timer: &Timer, rules: &Rules, now: Timestamp) -> Turn {
    let scheduled: Result<ScheduledMessage, _> = serde_json::from_str(&timer.payload);
    let written = scheduled.map_err(|_| Refused::Empty).and_then(|scheduled| {
        write_message(state, &scheduled.into_request(timer.correlation), rules, now, (ActorType::System, None))
    });
    written.unwrap_or_else(|refused| {
        let mut turn = begin(state, contact, timer.correlation, now);
        let (conversation, reason) = (turn.conversation.id.0, Payload::reason(refused.as_str()));
        let cancelled = EventType::MessageCancelled;
        note(&mut turn, cancelled, EntityType::Conversation, conversation, ActorType::System, reason);
        turn
    })
}

/// Decides what a conversation does whose `timer_at` has come: its session closes when nobody wrote for the tenant's idle
/// time; when the contact wrote meanwhile, the timer is set again for the end of that. `None` when there is nothing to do
/// yet.
#[must_use]
pub fn decide_session_timer(state: &State, rules: &Rules, now: Timestamp) -> Option<Turn> {
    let contact = state.contact.clone()?;
    if state.conversation.as_ref()?.timer_at? > now {
        return None;
    }
    let mut turn = begin(state, contact, CorrelationId::fresh(), now);
    let last_active =
        turn.conversation.session.as_ref().map(|session| {
            turn.conversation.last_inbound_at.map_or(session.opened_at, |last| last.max(session.opened_at))
        });
    match last_active.map(|last| last + idle(rules)) {
        Some(ends_at) if ends_at > now => turn.conversation.timer_at = Some(ends_at),
        // Also without a session: a timer that belongs to nothing would come back for ever.
        _ => close_session(&mut turn),
    }
    Some(turn)
}
