//! What people do with bookings: by hand, moved, called off, settled.

use super::flows::with_flows;
use super::*;
use crate::domain::booking::{Booking, BookingChange, BookingRefused, BookingState};
use crate::domain::claim::ClaimChange;
use crate::domain::event::ActorType;
use crate::domain::ids::BookingId;
use crate::domain::timer::{TimerChange, TimerKind};

fn ask(state: &State, act: BookingAct, tells: bool, now: Timestamp) -> Result<Option<Turn>, Refused> {
    let request = Request {
        by: Requester { actor_type: ActorType::Agent, name: Some("user:awa".into()) },
        correlation: CorrelationId::fresh(),
        command: Command::Booking(BookingRequest { act, tells }),
    };
    assert!(request.needs_agenda());
    decide_request(state, &request, &with_flows(), now)
}

fn keep(state: &mut State, turn: &Turn) {
    commit(state, turn);
    let agenda = Arc::make_mut(&mut state.agenda);
    turn.effects.bookings.iter().for_each(|change| agenda.apply(change));
}

fn book(starts_at: Timestamp) -> BookingAct {
    let (service, resource) = ("manucure".to_owned(), "Awa".to_owned());
    BookingAct::Book { id: BookingId::fresh(), service, resource, starts_at, name: Some("Nadia".into()), people: 1 }
}

/// A customer with a booking in a day.
fn booked() -> (State, Booking) {
    let mut state = client();
    let turn = ask(&state, book(at(86_400)), false, at(0)).unwrap().unwrap();
    keep(&mut state, &turn);
    let booking = state.agenda.mine[0].clone();
    (state, booking)
}

#[track_caller]
fn refused(state: &State, act: BookingAct, now: Timestamp) -> BookingRefused {
    match ask(state, act, true, now) {
        Err(Refused::Booking(why)) => why,
        other => panic!("{:?}", other.map(|turn| turn.is_some())),
    }
}

#[test]
fn a_person_books_for_somebody_who_never_wrote() {
    let state = client();
    let turn = ask(&state, book(at(86_400)), true, at(0)).unwrap().unwrap();
    assert_eq!(turn.contact.name.as_deref(), Some("Nadia"));
    assert!(turn.contact_changed);
    assert_eq!(turn.effects.claims.len(), 9);
    assert!(matches!(&turn.effects.bookings[..], [BookingChange::Hold(one)] if one.state == BookingState::Confirmed));
    let reminders = turn
        .timers
        .iter()
        .filter(|change| matches!(change, TimerChange::Set(timer) if timer.kind == TimerKind::BookingReminder));
    assert_eq!(reminders.count(), 1, "it is less than 25 hours away: an hour before alone");
    let message = &turn.outbox[0].message;
    assert!(message.body.starts_with("Votre rendez-vous est noté : Manucure "), "{}", message.body);
    assert_eq!((message.kind, message.expires_at), (OutboundKind::Manual, Some(at(86_400))));
    assert_eq!(events(&turn), [EventType::BookingConfirmed, EventType::MessageQueued]);
    assert!(turn.events.iter().all(|event| event.actor_type == ActorType::Agent));
    assert_eq!(turn.conversation.handler, Handler::Bot, "the bot goes on");
}

#[test]
fn i6_who_said_stop_is_not_told_and_the_booking_holds() {
    let state = State { opted_out: true, ..client() };
    let turn = ask(&state, book(at(86_400)), true, at(0)).unwrap().unwrap();
    assert!(turn.outbox.is_empty() && turn.effects.bookings.len() == 1);
}

#[test]
fn a_booking_moves_over_its_own_time_and_keeps_its_id() {
    let (mut state, booking) = booked();
    let later = BookingAct::Move { booking: booking.clone(), resource: "Awa".into(), starts_at: at(86_400 + 900) };
    let turn = ask(&state, later.clone(), true, at(60)).unwrap().unwrap();
    assert_eq!(turn.effects.claims[0], ClaimChange::Release { owner: booking.id.0 });
    assert_eq!(turn.effects.claims.len(), 10);
    assert!(turn.outbox[0].message.body.starts_with("Votre rendez-vous est déplacé"));
    keep(&mut state, &turn);
    assert_eq!((state.agenda.mine.len(), state.agenda.busy.len()), (1, 1));
    assert_eq!((state.agenda.mine[0].id, state.agenda.mine[0].starts_at), (booking.id, at(86_400 + 900)));
    assert_eq!(refused(&state, later, at(120)), BookingRefused::Changed, "somebody moved it since that page was read");
    let same =
        BookingAct::Move { booking: state.agenda.mine[0].clone(), resource: "Awa".into(), starts_at: at(87_300) };
    assert!(ask(&state, same, true, at(120)).unwrap().is_none(), "it is there already");
}

#[test]
fn i12_a_time_that_is_taken_is_refused() {
    let (state, _) = booked();
    for minutes in [-40, -5, 0, 40] {
        assert_eq!(refused(&state, book(at(86_400 + minutes * 60)), at(0)), BookingRefused::Taken, "{minutes}");
    }
    for minutes in [-45, 45] {
        assert!(ask(&state, book(at(86_400 + minutes * 60)), true, at(0)).is_ok(), "{minutes}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    let (state, booking) = booked();
    let with = |service: &str, resource: &str, starts_at| BookingAct::Book {
        id: BookingId::fresh(),
        service: service.into(),
        resource: resource.into(),
        starts_at,
        name: None,
        people: 1,
    };
    for (act, why) in [
        (with("massage", "Awa", at(900)), BookingRefused::UnknownService),
        (with("manucure", "Sophie", at(900)), BookingRefused::UnknownResource),
        (with("manucure", "Awa", at(960)), BookingRefused::NoSuchTime),
        (
            BookingAct::Book {
                id: BookingId::fresh(),
                service: "manucure".into(),
                resource: "Awa".into(),
                starts_at: at(900),
                name: None,
                people: 2,
            },
            BookingRefused::TooMany,
        ),
        (with("manucure", "Awa", at(-2_700)), BookingRefused::NoSuchTime),
        (BookingAct::Done(booking.clone()), BookingRefused::NotBegun),
        (BookingAct::Cancel(Booking { id: BookingId::fresh(), ..booking.clone() }), BookingRefused::Changed),
    ] {
        assert_eq!(refused(&state, act, at(0)), why);
    }
    let now = "somebody at the door";
    assert!(ask(&state, with("manucure", "Awa", at(-900)), true, at(0)).is_ok(), "{now}");
    let none = decide_request(
        &state,
        &Request {
            by: Requester { actor_type: ActorType::Agent, name: None },
            correlation: CorrelationId::fresh(),
            command: Command::Booking(BookingRequest { act: book(at(900)), tells: true }),
        },
        &rules(),
        at(0),
    );
    assert_eq!(none.unwrap_err(), Refused::Booking(BookingRefused::NothingToBook));
}

#[test]
fn a_booking_is_called_off_once() {
    let (mut state, booking) = booked();
    let turn = ask(&state, BookingAct::Cancel(booking.clone()), true, at(60)).unwrap().unwrap();
    assert_eq!(turn.effects.claims, [ClaimChange::Release { owner: booking.id.0 }]);
    assert!(turn.outbox[0].message.body.contains("annulé"), "{}", turn.outbox[0].message.body);
    keep(&mut state, &turn);
    assert!(state.agenda.busy.is_empty());
    assert_eq!(refused(&state, BookingAct::Cancel(booking), at(61)), BookingRefused::Changed);
}

#[test]
fn how_it_went_is_said_and_put_right() {
    let (mut state, booking) = booked();
    let begun = at(86_400 + 600);
    let turn = ask(&state, BookingAct::Done(booking.clone()), false, begun).unwrap().unwrap();
    assert_eq!(events(&turn), [EventType::BookingDone]);
    keep(&mut state, &turn);
    let done = Booking { state: BookingState::Done, ..booking.clone() };
    assert!(ask(&state, BookingAct::Done(done.clone()), false, begun).unwrap().is_none());
    let missed = ask(&state, BookingAct::NoShow(done), false, begun).unwrap().unwrap();
    assert_eq!(events(&missed), [EventType::BookingMissed]);
    // Days later the agenda has it no more: the row that was read tells.
    let later = State {
        agenda: Arc::new(crate::domain::booking::Agenda { read_at: at(900_000), ..Default::default() }),
        ..state
    };
    assert!(ask(&later, BookingAct::NoShow(booking), false, at(900_000)).unwrap().is_some());
}
