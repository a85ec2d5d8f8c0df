//! Times that a turn gave back: who of the waiting list is told.

use serde::{Deserialize, Serialize};

use super::Turn;
use super::flows::{keep, running, scene_of, template, write_unasked};
use super::offers::set_for;
use crate::domain::Timestamp;
use crate::domain::booking::{Agenda, Booking, BookingChange, Busy};
use crate::domain::conversation::{Handler, State};
use crate::domain::dates::{to_local, to_utc};
use crate::domain::flow::Flows;
use crate::domain::hours::after_the_night;
use crate::domain::ids::WaitingId;
use crate::domain::rules::Rules;
use crate::domain::timer::TimerKind;
use crate::domain::waiting::{WaitingEntry, WaitingState};

/// The payload of [`TimerKind::PlaceFree`].
#[derive(Serialize, Deserialize)]
struct PlaceFree {
    waiting: WaitingId,
    resource: String,
    from: Timestamp,
    until: Timestamp,
}

/// Has whoever waits longest told of each time that a turn gives back. They are told by a timer of their own conversation, whose
/// turn keeps the time free: whoever books it in that second has it (I12), and they go on waiting.
pub(super) fn pass_on(turn: &mut Turn, state: &State, rules: &Rules) {
    let Some(flows) = rules.flows() else { return };
    if state.agenda.waiting.is_empty() || turn.effects.bookings.is_empty() {
        return;
    }
    let mut agenda = Agenda::clone(&state.agenda);
    turn.effects.bookings.iter().for_each(|change| agenda.apply(change));
    let offered = state.conversation.as_ref().and_then(running).and_then(|running| running.appointment);
    let offered = offered.and_then(|appointment| Some((appointment.held()?, appointment.waiting()?)));
    for gone in given_back(&turn.effects.bookings, state) {
        let declined = offered.filter(|(held, _)| *held == gone.id).map(|(_, waiting)| waiting);
        let behind = declined.and_then(|id| state.agenda.waiting.iter().find(|entry| entry.id == id));
        let freed = Busy::whole(gone.resource, gone.starts_at, gone.free_at);
        tell_next(turn, flows, (&agenda, &freed), behind);
    }
}

/// The bookings whose time is free after these changes.
fn given_back(changes: &[BookingChange], state: &State) -> Vec<Booking> {
    let known = |id| state.agenda.mine.iter().find(move |booking| booking.id == id).cloned();
    let of = |change: &BookingChange| match change {
        BookingChange::Become(id, into) if !into.is_taken() => known(*id),
        BookingChange::Move(booking) => known(booking.id),
        _ => None,
    };
    changes.iter().filter_map(of).collect()
}

fn tell_next(turn: &mut Turn, flows: &Flows, (agenda, freed): (&Agenda, &Busy), behind: Option<&WaitingEntry>) {
    let Some(entry) = flows.next_waiting(agenda, freed, behind, turn.at) else { return };
    let local = to_local(turn.at, flows.zone());
    let fires_at = to_utc(after_the_night(local), flows.zone()).first().max(turn.at);
    let free = PlaceFree { waiting: entry.id, resource: freed.resource.clone(), from: freed.from, until: freed.until };
    set_for(turn, entry.conversation, (TimerKind::PlaceFree, fires_at), &free);
}

/// A time became free that this customer waits for: it is kept free for them, and they are asked. When they cannot be asked, the
/// next one is.
pub(super) fn place_free(mut turn: Turn, state: &State, payload: &str, rules: &Rules) -> Turn {
    let (Some(flows), Ok(free)) = (rules.flows(), serde_json::from_str::<PlaceFree>(payload)) else { return turn };
    let freed = Busy::whole(free.resource, free.from, free.until);
    let entry = state.agenda.waiting.iter().find(|entry| entry.id == free.waiting);
    let may_speak = !state.opted_out && turn.conversation.handler == Handler::Bot;
    let asks = may_speak && running(&turn.conversation).is_none();
    let Some(entry) = entry.filter(|entry| asks && entry.state == WaitingState::Waiting) else {
        tell_next(&mut turn, flows, (&state.agenda, &freed), entry);
        return turn;
    };
    let Some(slot) = flows.suits(entry, &freed, &state.agenda, turn.at) else { return turn };
    let Some(made) = flows.offer_place(entry, &slot, &scene_of(&turn, state)) else { return turn };
    let name = flows.templates().waiting.as_deref();
    let template = made.held().and_then(|booking| template(rules, (flows, name), booking, &turn));
    let expires_at = turn.at + flows.waiting_hold();
    write_unasked(&mut turn, rules, &made, (template, expires_at));
    // Of a group's places some may be left for whoever waits behind.
    if let Some(held) = made.held().filter(|_| slot.left > slot.party.people) {
        let mut agenda = Agenda::clone(&state.agenda);
        agenda.apply(&BookingChange::Hold(held.clone()));
        tell_next(&mut turn, flows, (&agenda, &freed), Some(entry));
    }
    keep(&mut turn, flows, made, false, &state.agenda);
    turn
}
