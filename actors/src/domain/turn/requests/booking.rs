//! Requests about bookings: made by hand, moved, called off, settled.

use std::fmt;
use std::sync::Arc;

use super::{Refused, Request, open};
use crate::domain::Timestamp;
use crate::domain::booking::{Booking, BookingChange, BookingRefused, BookingState, GRID_SECONDS};
use crate::domain::conversation::State;
use crate::domain::event::{ActorType, Payload};
use crate::domain::flow::{Flows, TextKey};
use crate::domain::ids::{BookingId, WaitingId};
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::party::Party;
use crate::domain::rules::Rules;
use crate::domain::turn::builder::{cut, outbound, put_unasked};
use crate::domain::turn::flows::{book_by, leave, set_reminders, template};
use crate::domain::turn::{Turn, waiting};
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

/// What a person does with the bookings of a customer.
#[derive(Clone, Debug)]
pub struct BookingRequest {
    /// The change, with the booking as whoever asks has seen it.
    pub act: BookingAct,
    /// Whether the customer is told.
    pub tells: bool,
}

/// What is done with a booking. Where there is one, it is given as whoever asks has seen it.
#[derive(Clone)]
pub enum BookingAct {
    /// It is booked for the customer.
    Book {
        /// The id that it gets.
        id: BookingId,
        /// The service's id.
        service: String,
        /// Who or what does it.
        resource: String,
        /// The beginning, UTC.
        starts_at: Timestamp,
        /// The customer's name, where none is known.
        name: Option<String>,
        /// At most as many as the service takes at once.
        people: u32,
    },
    /// It has another time, or somebody else does it.
    Move {
        /// Which.
        booking: Booking,
        /// Who or what does it then.
        resource: String,
        /// When it begins then.
        starts_at: Timestamp,
    },
    /// It is called off.
    Cancel(Booking),
    /// Whoever waits for a time is taken off the list.
    LeaveList(WaitingId),
    /// It took place.
    Done(Booking),
    /// Nobody came.
    NoShow(Booking),
}

impl fmt::Debug for BookingAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Book { .. } => "Book",
            Self::Move { .. } => "Move",
            Self::Cancel(_) => "Cancel",
            Self::LeaveList(_) => "LeaveList",
            Self::Done(_) => "Done",
            Self::NoShow(_) => "NoShow",
        })
    }
}

/// Decides what becomes of a booking. The claims of the commit are the truth about times: who comes second decides again, and
/// finds it taken (I12).
pub(super) fn decide(
    state: &State,
    (request, asked): (&Request, &BookingRequest),
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Turn>, Refused> {
    let flows = rules.flows().ok_or(BookingRefused::NothingToBook)?;
    let mut turn = open(state, request, now);
    let by = || (request.by.actor_type, request.by.payload().finish());
    let told = match &asked.act {
        BookingAct::Book { id, service, resource, starts_at, name, people } => {
            let wanted = wanted(flows, (*id, service.as_str(), resource.as_str()), *starts_at, now)?;
            let wanted = free(state, flows, (wanted, *people), None)?;
            if turn.contact.name.is_none() && name.is_some() {
                turn.contact.name.clone_from(name);
                turn.contact_changed = true;
            }
            set_reminders(&mut turn, flows, &wanted);
            book_by(&mut turn, BookingChange::Hold(wanted.clone()), by());
            Some((wanted, TextKey::StaffBooked))
        }
        BookingAct::Move { booking, resource, starts_at } => {
            let known = as_seen(state, booking, now)?;
            let wanted = wanted(flows, (known.id, known.service.as_str(), resource.as_str()), *starts_at, now)?;
            if (&wanted.resource, wanted.starts_at) == (&known.resource, known.starts_at) {
                return Ok(None);
            }
            let wanted = free(state, flows, (wanted, known.party.people), Some(known))?;
            set_reminders(&mut turn, flows, &wanted);
            book_by(&mut turn, BookingChange::Move(wanted.clone()), by());
            Some((wanted, TextKey::StaffMoved))
        }
        BookingAct::Cancel(booking) => {
            let known = as_seen(state, booking, now)?;
            book_by(&mut turn, BookingChange::Become(known.id, BookingState::Cancelled), by());
            Some((known.clone(), TextKey::StaffCancelled))
        }
        BookingAct::LeaveList(id) => return leave_list(turn, state, *id, by()).map(Some).map_err(Refused::from),
        BookingAct::Done(booking) => return settle(turn, state, (booking, BookingState::Done), by()),
        BookingAct::NoShow(booking) => return settle(turn, state, (booking, BookingState::NoShow), by()),
    };
    if let Some((booking, key)) = told.filter(|_| asked.tells && !state.opted_out) {
        tell(&mut turn, (flows, rules), &booking, key, &request.by);
    }
    Ok(Some(turn))
}

/// The booking as it is wanted, if there may be one.
fn wanted(
    flows: &Flows,
    (id, service, resource): (BookingId, &str, &str),
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<Booking, BookingRefused> {
    let service = flows.service(service).ok_or(BookingRefused::UnknownService)?;
    if !service.resources.iter().any(|one| one == resource) {
        return Err(BookingRefused::UnknownResource);
    }
    let booking = service.booking(id, (resource, Party::default()), starts_at, BookingState::Confirmed);
    let on_grid = starts_at.timestamp() % GRID_SECONDS == 0 && starts_at.timestamp_subsec_nanos() == 0;
    // A person may take somebody in who stands at the door, outside the hours or sooner than customers may book.
    if on_grid && booking.ends_at > now { Ok(booking) } else { Err(BookingRefused::NoSuchTime) }
}

/// The booking with the places that its people get, if the resource has them then, but for what is moved away.
fn free(
    state: &State,
    flows: &Flows,
    (wanted, people): (Booking, u32),
    moved: Option<&Booking>,
) -> Result<Booking, BookingRefused> {
    let service = flows.service(&wanted.service).ok_or(BookingRefused::UnknownService)?;
    if people == 0 || people > service.capacity {
        return Err(BookingRefused::TooMany);
    }
    let mut agenda = Arc::clone(&state.agenda);
    if let Some(moved) = moved {
        Arc::make_mut(&mut agenda).apply(&BookingChange::Become(moved.id, BookingState::Cancelled));
    }
    let time = (wanted.starts_at, wanted.free_at);
    let (places, _) = agenda.places_for(service, &wanted.resource, time, people).ok_or(BookingRefused::Taken)?;
    Ok(Booking { party: Party { people, places }, ..wanted })
}

/// The booking as the conversation knows it, if that is how it was seen and it is still to come or going on.
fn as_seen<'a>(state: &'a State, seen: &Booking, now: Timestamp) -> Result<&'a Booking, BookingRefused> {
    let known = state.agenda.mine.iter().find(|known| known.id == seen.id).ok_or(BookingRefused::Changed)?;
    if known == seen && known.state == BookingState::Confirmed && known.ends_at > now {
        Ok(known)
    } else {
        Err(BookingRefused::Changed)
    }
}

/// Takes somebody off the waiting list. A time that was kept for them is free again.
fn leave_list(mut turn: Turn, state: &State, id: WaitingId, by: (ActorType, Payload)) -> Result<Turn, BookingRefused> {
    let is_it = |entry: &&WaitingEntry| entry.id == id && entry.is_mine;
    let entry = state.agenda.waiting.iter().find(is_it).ok_or(BookingRefused::Changed)?;
    if entry.state == WaitingState::Offered {
        leave(&mut turn, &state.agenda, "cancelled");
    }
    waiting::change(&mut turn, WaitingChange::Become(id, WaitingState::Ended), by);
    Ok(turn)
}

/// Says how it went. A word that was wrong is put right by the other one.
fn settle(
    mut turn: Turn,
    state: &State,
    (booking, into): (&Booking, BookingState),
    by: (ActorType, Payload),
) -> Result<Option<Turn>, Refused> {
    if booking.starts_at > turn.at {
        return Err(BookingRefused::NotBegun.into());
    }
    let known = state.agenda.mine.iter().find(|known| known.id == booking.id);
    // The agenda has what is not over alone: of what is over, the row that was read tells.
    let is_as_seen = match (booking.state, known) {
        (BookingState::Confirmed, Some(known)) => known == booking,
        (BookingState::Confirmed, None) => booking.free_at <= state.agenda.read_at,
        (BookingState::Done | BookingState::NoShow, _) => true,
        (BookingState::Held | BookingState::Cancelled, _) => false,
    };
    if !is_as_seen {
        return Err(BookingRefused::Changed.into());
    }
    if booking.state == into {
        return Ok(None);
    }
    book_by(&mut turn, BookingChange::Become(booking.id, into), by);
    Ok(Some(turn))
}

/// Tells the customer: by the text within the window, by the tenant's template outside of it.
fn tell(turn: &mut Turn, (flows, rules): (&Flows, &Rules), booking: &Booking, key: TextKey, by: &super::Requester) {
    let facts = flows.describe(booking, turn.at);
    let mut facts: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    facts.push(("word", flows.word_of_bookings()));
    let text = flows.say(key, &facts);
    let templates = flows.templates();
    let name = match key {
        TextKey::StaffBooked => templates.booked.as_deref(),
        TextKey::StaffMoved => templates.moved.as_deref(),
        _ => templates.cancelled.as_deref(),
    };
    let template = template(rules, (flows, name), booking, turn);
    let body = cut(&text, rules.source().longest_text);
    let expires_at = Some(booking.starts_at).filter(|at| *at > turn.at);
    let message = Outbound { template, expires_at, ..outbound(turn, body, OutboundKind::Manual) };
    put_unasked(turn, message, (by.actor_type, by.payload()));
}
