//! The waiting list within turns: who is offered what became free, and who after them.

use super::flows::with_flows;
use super::*;
use crate::domain::booking::{Agenda, Booking, BookingChange, BookingState, Busy};
use crate::domain::event::ActorType;
use crate::domain::timer::{Timer, TimerChange, TimerKind};
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

/// Several customers of one tenant, and what a store keeps of them.
struct Shop {
    rules: Rules,
    states: Vec<State>,
    bookings: Vec<(usize, Booking)>,
    waiting: Vec<(usize, WaitingEntry)>,
    timers: Vec<(usize, Timer)>,
}

impl Shop {
    fn of(people: u32) -> Self {
        let states = (0..people).map(|n| state(&format!("whatsapp:+3361200000{n}"))).collect();
        Self { rules: with_flows(), states, bookings: vec![], waiting: vec![], timers: vec![] }
    }

    fn state(&self, who: usize) -> State {
        let taken = |one: &&(usize, Booking)| one.1.state.is_taken();
        let busy = self.bookings.iter().filter(taken).map(|(_, one)| Busy::by(one));
        let own = |one: &&(usize, Booking)| one.0 == who && one.1.state.is_taken();
        let waits = |one: &&(usize, WaitingEntry)| matches!(one.1.state, WaitingState::Waiting | WaitingState::Offered);
        let agenda = Agenda {
            busy: busy.collect(),
            mine: self.bookings.iter().filter(own).map(|(_, one)| one.clone()).collect(),
            waiting: self
                .waiting
                .iter()
                .filter(waits)
                .map(|(of, entry)| WaitingEntry { is_mine: *of == who, ..entry.clone() })
                .collect(),
            ..Agenda::default()
        };
        State { agenda: Arc::new(agenda), ..self.states[who].clone() }
    }

    fn keep(&mut self, who: usize, turn: &Turn) {
        let mut state = self.state(who);
        commit(&mut state, turn);
        self.states[who] = state;
        for change in &turn.effects.bookings {
            match change {
                BookingChange::Hold(one) => self.bookings.push((who, one.clone())),
                BookingChange::Become(id, into) => {
                    self.bookings.iter_mut().filter(|(_, one)| one.id == *id).for_each(|(_, one)| one.state = *into);
                }
                BookingChange::Move(_) | BookingChange::Late(..) => {}
            }
        }
        for change in &turn.effects.waiting {
            match change {
                WaitingChange::Join(entry) => self.waiting.push((who, entry.clone())),
                WaitingChange::Become(id, into) => {
                    self.waiting.iter_mut().filter(|(_, one)| one.id == *id).for_each(|(_, one)| one.state = *into);
                }
            }
        }
        for change in &turn.timers {
            match change {
                TimerChange::Set(timer) => self.timers.push((who, timer.clone())),
                TimerChange::SetFor(to, timer) => {
                    let is_it = |state: &State| state.conversation.as_ref().is_some_and(|one| one.id == *to);
                    let to = self.states.iter().position(is_it).expect("somebody");
                    self.timers.push((to, timer.clone()));
                }
                _ => {}
            }
        }
    }

    fn tell(&mut self, who: usize, body: &str, seconds: i64) -> String {
        let state = self.state(who);
        let turn = decide(&state, &inbound(&state, body, at(seconds)), &self.rules, &(), at(seconds));
        self.keep(who, &turn);
        turn.outbox.first().map_or_else(String::new, |draft| draft.message.body.clone())
    }

    /// The timers of a kind fire. Answers who was told what.
    fn fire(&mut self, kind: TimerKind, seconds: i64) -> Vec<(usize, String)> {
        let (due, others) = std::mem::take(&mut self.timers).into_iter().partition(|(_, timer)| timer.kind == kind);
        self.timers = others;
        let mut told = Vec::new();
        for (who, timer) in due {
            let turn = decide_timer(&self.state(who), &timer, &self.rules, at(seconds)).expect("a turn");
            self.keep(who, &turn);
            told.extend(turn.outbox.iter().map(|draft| (who, draft.message.body.clone())));
        }
        told
    }

    fn states_of_list(&self) -> Vec<(usize, WaitingState)> {
        self.waiting.iter().map(|(who, entry)| (*who, entry.state)).collect()
    }

    /// Somebody has the time in two days at 15:00; the others wait for it in their order.
    fn full(people: u32) -> Self {
        let mut shop = Self::of(people);
        shop.tell(0, "rdv dans deux jours 15h", 0);
        shop.tell(0, "oui", 10);
        for who in 1..people as usize {
            let text = shop.tell(who, "liste d'attente pour dans deux jours à 15h svp", 20 + 10 * who as i64);
            assert!(text.starts_with("C'est noté : je vous écris ici si une place se libère"), "{text}");
        }
        shop
    }

    fn cancels(&mut self, seconds: i64) {
        self.tell(0, "annuler mon rdv", seconds);
        assert_eq!(self.tell(0, "oui", seconds + 5), "C'est annulé. Bonne journée.");
    }
}

#[test]
fn what_is_called_off_goes_to_who_waits_longest() {
    let mut shop = Shop::full(3);
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Waiting), (2, WaitingState::Waiting)]);
    shop.cancels(100);
    let told = shop.fire(TimerKind::PlaceFree, 106);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0 == 1 && told[0].1.starts_with("Une place s'est libérée : Manucure"), "{told:?}");
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Offered), (2, WaitingState::Waiting)]);
    assert_eq!(shop.bookings.last().unwrap().1.state, BookingState::Held);
    assert!(shop.tell(1, "oui", 120).starts_with("C'est réservé"));
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Taken), (2, WaitingState::Waiting)]);
    assert!(shop.fire(TimerKind::PlaceFree, 130).is_empty(), "nothing is left for the other");
}

#[test]
fn who_says_no_or_nothing_leaves_it_to_the_next_one() {
    let mut shop = Shop::full(4);
    shop.cancels(100);
    shop.fire(TimerKind::PlaceFree, 106);
    assert!(shop.tell(1, "non", 120).starts_with("D'accord. Je vous écris si une autre place se libère."));
    let told = shop.fire(TimerKind::PlaceFree, 121);
    assert_eq!(told.iter().map(|(who, _)| *who).collect::<Vec<_>>(), [2]);
    // The second one says nothing for ten minutes.
    shop.fire(TimerKind::HoldEnds, 800);
    let told = shop.fire(TimerKind::PlaceFree, 801);
    assert_eq!(told.iter().map(|(who, _)| *who).collect::<Vec<_>>(), [3]);
    shop.fire(TimerKind::HoldEnds, 1500);
    assert!(shop.fire(TimerKind::PlaceFree, 1501).is_empty(), "everybody was asked once");
    assert!(shop.states_of_list().iter().all(|(_, state)| *state == WaitingState::Waiting), "and goes on waiting");
}

#[test]
fn i12_who_writes_in_that_second_has_it_and_the_other_goes_on_waiting() {
    let mut shop = Shop::full(2);
    shop.states.push(state("whatsapp:+33612000009"));
    shop.cancels(100);
    assert!(shop.tell(2, "rdv dans deux jours 15h", 105).contains("Je réserve ?"));
    assert!(shop.fire(TimerKind::PlaceFree, 106).is_empty());
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Waiting)]);
}

#[test]
fn i6_i14_who_may_not_be_written_to_is_passed_over() {
    let mut shop = Shop::full(4);
    assert!(!shop.tell(1, "stop", 60).is_empty());
    assert_eq!(shop.states_of_list()[0], (1, WaitingState::Ended), "who says STOP waits for nothing");
    shop.states[1].opted_out = true;
    shop.waiting[0].1.state = WaitingState::Waiting;
    shop.tell(2, "un conseiller svp", 70);
    shop.states[2].conversation.as_mut().unwrap().handler = Handler::Human;
    shop.cancels(100);
    let mut told = Vec::new();
    for seconds in 106..109 {
        told.extend(shop.fire(TimerKind::PlaceFree, seconds));
    }
    assert_eq!(told.iter().map(|(who, _)| *who).collect::<Vec<_>>(), [3]);
}

#[test]
fn one_leaves_the_list_by_a_word() {
    let mut shop = Shop::full(2);
    assert!(shop.tell(1, "plus besoin", 60).starts_with("D'accord, vous n'attendez plus de place."));
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Ended)]);
    shop.cancels(100);
    assert!(shop.fire(TimerKind::PlaceFree, 106).is_empty());
}

#[test]
fn a_time_that_becomes_free_at_night_is_offered_in_the_morning() {
    let mut shop = Shop::full(2);
    // at(0) is some hour of a day in the zone of the tests, which is UTC.
    let night = (0..24).map(|hour| hour * 3600).find(|seconds| {
        use chrono::Timelike;
        at(*seconds).hour() == 23
    });
    shop.cancels(night.unwrap());
    let (_, timer) = shop.timers.iter().find(|(_, timer)| timer.kind == TimerKind::PlaceFree).unwrap();
    assert_eq!(timer.fires_at.format("%H:%M").to_string(), "08:00");
}

#[test]
fn a_person_takes_somebody_off_the_list() {
    let mut shop = Shop::full(2);
    shop.cancels(100);
    shop.fire(TimerKind::PlaceFree, 106);
    let id = shop.waiting[0].1.id;
    let request = Request {
        by: Requester { actor_type: ActorType::Agent, name: Some("user:awa".into()) },
        correlation: CorrelationId::fresh(),
        command: Command::Booking(BookingRequest { act: BookingAct::LeaveList(id), tells: false }),
    };
    let turn = decide_request(&shop.state(1), &request, &shop.rules, at(110)).unwrap().unwrap();
    shop.keep(1, &turn);
    assert_eq!(shop.states_of_list(), [(1, WaitingState::Ended)]);
    assert!(shop.bookings.iter().all(|(_, one)| !one.state.is_taken()), "what was kept is free");
    assert!(turn.conversation.flow.is_none());
    let again = decide_request(&shop.state(1), &request, &shop.rules, at(111));
    assert!(again.is_err(), "nobody is taken off twice");
}
