//! What a flow's move changes of a turn: state, timers, bookings, leads, offers, events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::builder::{cut, note, outbound, put, put_unasked};
use super::offers::set;
use super::{Turn, offers, waiting};
use crate::domain::Timestamp;
use crate::domain::booking::{Agenda, Booking, BookingChange, BookingState};
use crate::domain::claim::ClaimChange;
use crate::domain::conversation::{Conversation, ConversationStatus, FlowState, Handler, State};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::flow::{Effect, Flows, Milestone, Move, Reminder, Running, STORED_AS, Saying, Scene};
use crate::domain::ids::BookingId;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::rules::Rules;
use crate::domain::template::TemplateUse;
use crate::domain::timer::{TimerChange, TimerKind};
use crate::domain::waiting::{WaitingChange, WaitingState};

/// The flow that a conversation is in. What another feature keeps in its place is none.
pub(super) fn running(conversation: &Conversation) -> Option<Running> {
    let stored = conversation.flow.as_ref().filter(|stored| stored.version == STORED_AS)?;
    serde_json::from_value(stored.state.clone()).ok()
}

/// The payload of [`TimerKind::HoldEnds`].
#[derive(Serialize, Deserialize)]
struct Hold {
    booking: BookingId,
}

/// Writes what a move changes. `ran`: a flow was going on before.
pub(super) fn keep(turn: &mut Turn, flows: &Flows, made: Move, ran: bool, agenda: &Agenda) {
    for (flow, milestone) in &made.milestones {
        let conversation = turn.conversation.id.0;
        let payload = Payload::builder().text("flow", flow);
        let (event, payload) = match milestone {
            Milestone::Started => (EventType::FlowStarted, payload),
            Milestone::Completed => (EventType::FlowCompleted, payload),
            Milestone::Abandoned(why) => (EventType::FlowAbandoned, payload.word("reason", why)),
        };
        note(turn, event, EntityType::Conversation, conversation, ActorType::Bot, payload.finish());
    }
    for effect in made.effects {
        match effect {
            Effect::Offer { text, details } => offers::make(turn, agenda, text, details),
            other => take(turn, other),
        }
    }
    match &made.running {
        Some(running) if !ran || made.milestones.iter().any(|(_, milestone)| *milestone == Milestone::Started) => {
            let (remind, timeout) = flows.waits(running);
            turn.timers.push(TimerChange::CancelAll(TimerKind::Flow));
            set(turn, TimerKind::Flow, turn.at + remind.unwrap_or(timeout), "{}".to_owned());
        }
        _ => {}
    }
    remember(turn, made.running.as_ref(), ran);
    if made.hand_over {
        turn.conversation.handler = Handler::Human;
        turn.conversation.status = ConversationStatus::InProgress;
        let conversation = turn.conversation.id.0;
        let reason = || Payload::reason("flow");
        note(turn, EventType::Escalated, EntityType::Conversation, conversation, ActorType::Bot, reason());
        note(turn, EventType::HandedOver, EntityType::Conversation, conversation, ActorType::Bot, reason());
    }
}

fn remember(turn: &mut Turn, running: Option<&Running>, ran: bool) {
    let state = running.and_then(|running| serde_json::to_value(running).ok());
    match state {
        Some(state) => turn.conversation.flow = Some(Arc::new(FlowState { version: STORED_AS, state })),
        None if ran => turn.conversation.flow = None,
        None => {}
    }
}

fn take(turn: &mut Turn, effect: Effect) {
    match effect {
        Effect::Booking(change) => book(turn, change),
        Effect::Remind { at, reminder } => {
            if let Ok(payload) = serde_json::to_string(&reminder) {
                set(turn, TimerKind::BookingReminder, at, payload);
            }
        }
        Effect::HoldEnds { at, booking } => {
            if let Ok(payload) = serde_json::to_string(&Hold { booking }) {
                set(turn, TimerKind::HoldEnds, at, payload);
            }
        }
        Effect::Lead(lead) => {
            let payload = Payload::builder().text("source", &lead.source).flag("urgent", lead.urgent).finish();
            note(turn, EventType::LeadCaptured, EntityType::Lead, lead.id.0, ActorType::Bot, payload);
            turn.effects.leads.push(lead);
        }
        Effect::Waiting(change) => {
            waiting::change(turn, change, (ActorType::Bot, Payload::EMPTY));
        }
        Effect::Offer { .. } => {}
    }
}

/// A change of bookings by the bot, with its claims and its event.
pub(super) fn book(turn: &mut Turn, change: BookingChange) {
    book_by(turn, change, (ActorType::Bot, Payload::EMPTY));
}

/// A change of bookings, with its claims and its event, which names whoever made it.
pub(super) fn book_by(turn: &mut Turn, change: BookingChange, (actor, mut payload): (ActorType, Payload)) {
    let release = |id: BookingId| ClaimChange::Release { owner: id.0 };
    let (id, event) = match &change {
        BookingChange::Hold(booking) => {
            turn.effects.claims.extend(booking.claims());
            (booking.id, event_of(booking.state))
        }
        BookingChange::Move(booking) => {
            turn.effects.claims.push(release(booking.id));
            turn.effects.claims.extend(booking.claims());
            (booking.id, EventType::BookingMoved)
        }
        BookingChange::Late(booking, minutes) => {
            turn.effects.claims.push(release(booking.id));
            turn.effects.claims.extend(booking.claims());
            payload = Payload::builder().number("minutes", *minutes).finish();
            (booking.id, EventType::BookingLate)
        }
        BookingChange::Become(id, state) => {
            if !state.is_taken() {
                turn.effects.claims.push(release(*id));
            }
            (*id, event_of(*state))
        }
    };
    note(turn, event, EntityType::Booking, id.0, actor, payload);
    turn.effects.bookings.push(change);
}

const fn event_of(state: BookingState) -> EventType {
    match state {
        BookingState::Held => EventType::BookingHeld,
        BookingState::Confirmed => EventType::BookingConfirmed,
        BookingState::Cancelled => EventType::BookingCancelled,
        BookingState::Done => EventType::BookingDone,
        BookingState::NoShow => EventType::BookingMissed,
    }
}

/// The customer is to be reminded of a booking.
pub(super) fn set_reminders(turn: &mut Turn, flows: &Flows, booking: &Booking) {
    for (at, reminder) in flows.reminders(booking, turn.at) {
        take(turn, Effect::Remind { at, reminder });
    }
}

/// Ends the flow that is going on, without a word. What it kept free is free.
pub(super) fn leave(turn: &mut Turn, agenda: &Agenda, why: &'static str) {
    let Some(running) = running(&turn.conversation) else { return };
    let held = running.appointment.as_ref().and_then(|appointment| appointment.held());
    if let Some(entry) = running.appointment.as_ref().and_then(|appointment| appointment.waiting()) {
        let waits = WaitingChange::Become(entry, WaitingState::Waiting);
        waiting::change(turn, waits, (ActorType::System, Payload::EMPTY));
    }
    if let Some(held) = held.filter(|held| is_held(agenda, *held)) {
        book(turn, BookingChange::Become(held, BookingState::Cancelled));
    }
    let conversation = turn.conversation.id.0;
    let payload = Payload::builder().text("flow", &running.flow).word("reason", why).finish();
    note(turn, EventType::FlowAbandoned, EntityType::Conversation, conversation, ActorType::System, payload);
    turn.conversation.flow = None;
}

fn is_held(agenda: &Agenda, id: BookingId) -> bool {
    agenda.mine.iter().any(|booking| booking.id == id && booking.state == BookingState::Held)
}

/// A time that was kept free is free again, unless it was confirmed or given back before.
pub(super) fn hold_ends(mut turn: Turn, state: &State, payload: &str) -> Turn {
    if let Ok(Hold { booking }) = serde_json::from_str(payload)
        && is_held(&state.agenda, booking)
    {
        let offered = running(&turn.conversation).and_then(|running| running.appointment);
        let offered = offered.filter(|appointment| appointment.held() == Some(booking));
        if let Some(entry) = offered.and_then(|appointment| appointment.waiting()) {
            let waits = WaitingChange::Become(entry, WaitingState::Waiting);
            waiting::change(&mut turn, waits, (ActorType::System, Payload::EMPTY));
        }
        book(&mut turn, BookingChange::Become(booking, BookingState::Cancelled));
    }
    turn
}

/// The customer did not answer for a while: they are reminded once, and later the flow ends.
pub(super) fn waited(mut turn: Turn, state: &State, rules: &Rules) -> Turn {
    let (Some(flows), Some(mut running)) = (rules.flows(), running(&turn.conversation)) else { return turn };
    let last = turn.conversation.last_inbound_at.unwrap_or(running.since);
    let (remind, timeout) = flows.waits(&running);
    let ends = last + timeout;
    if ends <= turn.at {
        leave(&mut turn, &state.agenda, "timeout");
        return turn;
    }
    let reminds = remind.map(|remind| last + remind).filter(|_| !running.reminded);
    match reminds {
        Some(at) if at > turn.at => set(&mut turn, TimerKind::Flow, at, "{}".to_owned()),
        Some(_) => {
            let silent = state.opted_out || turn.conversation.handler == Handler::Human;
            if let Some(text) = flows.ask_again(&running, &scene_of(&turn, state)).filter(|_| !silent) {
                let body = cut(&text, rules.source().longest_text);
                let message = outbound(&turn, body, OutboundKind::Reply);
                put(&mut turn, message, None);
            }
            running.reminded = true;
            remember(&mut turn, Some(&running), true);
            set(&mut turn, TimerKind::Flow, ends, "{}".to_owned());
        }
        None => set(&mut turn, TimerKind::Flow, ends, "{}".to_owned()),
    }
    turn
}

/// A customer is reminded of a booking: by the text within the window, by the tenant's template outside of it.
pub(super) fn reminded(mut turn: Turn, state: &State, payload: &str, rules: &Rules) -> Turn {
    let (Some(flows), Ok(reminder)) = (rules.flows(), serde_json::from_str::<Reminder>(payload)) else { return turn };
    if state.opted_out {
        return turn;
    }
    let running = running(&turn.conversation);
    let Some(mut made) = flows.remind(&reminder, running.as_ref(), &scene_of(&turn, state)) else { return turn };
    if turn.conversation.handler == Handler::Human {
        made.running.clone_from(&running);
    }
    let booking = state.agenda.mine.iter().find(|booking| booking.id == reminder.booking);
    let name = flows.templates().reminder.as_deref();
    let template = booking.and_then(|booking| template(rules, (flows, name), booking, &turn));
    write_unasked(&mut turn, rules, &made, (template, reminder.starts_at));
    keep(&mut turn, flows, made, running.is_some(), &state.agenda);
    turn
}

/// Writes what a move says that no message asked for: its text within the window, the template outside of it.
pub(super) fn write_unasked(
    turn: &mut Turn,
    rules: &Rules,
    made: &Move,
    (template, expires_at): (Option<TemplateUse>, Timestamp),
) {
    let text = made.sayings.iter().find_map(|saying| match saying {
        Saying::Text(text) => Some(text.as_str()),
        Saying::Answer { .. } => None,
    });
    let body = cut(text.unwrap_or_default(), rules.source().longest_text);
    let message = Outbound { template, expires_at: Some(expires_at), ..outbound(turn, body, OutboundKind::Manual) };
    put_unasked(turn, message, (ActorType::System, Payload::builder()));
}

/// A template of the tenant about a booking, with what its places are called in French or in English.
pub(super) fn template(
    rules: &Rules,
    (flows, name): (&Flows, Option<&str>),
    booking: &Booking,
    turn: &Turn,
) -> Option<TemplateUse> {
    let template = rules.template(name?)?;
    let facts = flows.describe(booking, turn.at);
    let value = |place: &str| {
        let known = match place {
            "prenom" | "prénom" | "nom" | "name" | "first_name" => {
                return Some(turn.contact.name.clone().unwrap_or_else(|| rules.source().tenant_name.clone()));
            }
            "jour" | "date" | "day" => "date",
            "heure" | "time" | "hour" => "time",
            "prestation" | "service" => "service",
            "avec" | "with" | "resource" => "resource",
            "prix" | "price" => "price",
            _ => return None,
        };
        facts.iter().find(|(name, _)| *name == known).map(|(_, value)| value.clone())
    };
    let variables =
        template.variables.iter().map(|place| Some((place.clone(), value(place)?))).collect::<Option<_>>()?;
    Some(TemplateUse { name: template.name.clone(), variables }.on_one_line())
}

pub(super) fn scene_of<'a>(turn: &Turn, state: &'a State) -> Scene<'a> {
    Scene {
        now: turn.at,
        text: "",
        folded: "",
        location: None,
        agenda: &state.agenda,
        contact_name: state.contact.as_ref().and_then(|contact| contact.name.as_deref()),
        phone: None,
        knows: &|_| false,
    }
}
