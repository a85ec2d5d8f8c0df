//! The step that books: service, day, time, confirmation, in whatever order and number of messages the customer gives them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::answers::number;
use super::appointment::{Appointment, Open};
use super::engine::Stage;
use super::people::people;
use super::source::{Flow, Step, StepKind};
use super::texts::TextKey;
use super::{Effect, Running, asides, phrases, picking};
use crate::domain::Timestamp;
use crate::domain::booking::{BookingChange, BookingState, Service};
use crate::domain::dates::{self, Day, Phrase, Time, to_local};
use crate::domain::folding::fold;
use crate::domain::party::Party;
use crate::domain::slots::FreeSlot;
use crate::domain::waiting::{WaitingChange, WaitingState};

/// What a message does to an appointment.
pub(super) enum Turned {
    /// That is asked next.
    Asks(TextKey, Vec<(&'static str, String)>),
    /// It ends without a booking, with these words and for this reason.
    Leaves(TextKey, Vec<(&'static str, String)>, &'static str),
    /// It is settled, with these words.
    Done(TextKey, Vec<(&'static str, String)>),
    /// Nothing was understood.
    Nothing,
}

impl<'a> Stage<'a> {
    /// Hands the message to the appointment of a step.
    pub(super) fn book(&mut self, mut running: Running, flow: &'a Flow, step: &'a Step) {
        let opening = self.opening;
        let mut appointment = running.appointment.take().unwrap_or_default();
        let is_new = appointment.question.is_empty();
        let turned = self.turn(&mut appointment, is_new || opening);
        match turned {
            Turned::Asks(key, facts) => {
                let mut text = self.worded(key, &running, &facts);
                let is_for_one = !self.service_of(&appointment).is_some_and(Service::is_for_groups);
                if key == TextKey::ConfirmBooking
                    && is_for_one
                    && appointment.people.take().is_some_and(|people| people > 1)
                {
                    let word = self.flows.word_of_bookings();
                    text = format!("{} {text}", self.text(TextKey::OneEach, &running, &[("word", word)]));
                }
                if matches!(key, TextKey::Full | TextKey::NothingFree) {
                    text = format!("{text} {}", self.text(TextKey::WaitHint, &running, &[]));
                }
                appointment.question.clone_from(&text);
                running.misses = 0;
                running.appointment = Some(appointment);
                self.stay(running, text);
            }
            Turned::Leaves(key, facts, why) => {
                let text = self.worded(key, &running, &facts);
                self.say(text);
                let name = running.flow.clone();
                self.milestone(&name, super::Milestone::Abandoned(why));
            }
            Turned::Done(key, facts) => {
                let text = self.worded(key, &running, &facts);
                self.say(text);
                if appointment.manages() {
                    let name = running.flow.clone();
                    return self.milestone(&name, super::Milestone::Completed);
                }
                running.misses = 0;
                let place = self.lead_on(&mut running, flow, step, step.next);
                self.run(running, flow, place);
            }
            Turned::Nothing => {
                running.appointment = Some(appointment);
                self.otherwise(running, flow, step, None);
            }
        }
    }

    /// Takes the last thing back that was said of an appointment. Answers what is asked then; `None`: nothing was said of it.
    pub(super) fn appointment_before(
        &mut self,
        appointment: &mut Appointment,
        kind: &StepKind,
    ) -> Option<(TextKey, Vec<(&'static str, String)>)> {
        let turned = match appointment.open {
            Open::Confirm => {
                self.drop_hold(appointment);
                (appointment.time, appointment.window) = (None, None);
                self.look(appointment)
            }
            Open::Time | Open::Which => {
                appointment.forget_when();
                appointment.open = Open::Day;
                Turned::Asks(TextKey::AskDay, vec![])
            }
            Open::Day if self.service_of(appointment).is_some_and(Service::is_for_groups) && !appointment.manages() => {
                appointment.people = None;
                self.look(appointment)
            }
            Open::Day | Open::People if matches!(kind, StepKind::Book { service: None }) && !appointment.manages() => {
                if self.flows.services.len() < 2 {
                    return None;
                }
                (appointment.service, appointment.wished, appointment.people) = (None, None, None);
                self.look(appointment)
            }
            _ => return None,
        };
        match turned {
            Turned::Asks(key, facts) => Some((key, facts)),
            Turned::Done(..) | Turned::Leaves(..) | Turned::Nothing => None,
        }
    }

    pub(super) fn appointment_question(&self, appointment: &Appointment) -> String {
        appointment.question.clone()
    }

    pub(super) fn worded(&self, key: TextKey, running: &Running, facts: &[(&'static str, String)]) -> String {
        let facts: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.text(key, running, &facts)
    }

    /// What was kept free is free again.
    pub(super) fn let_go(&mut self, running: &Running) {
        if let Some(waiting) = running.appointment.as_ref().and_then(|appointment| appointment.waiting) {
            self.made.effects.push(Effect::Waiting(WaitingChange::Become(waiting, WaitingState::Waiting)));
        }
        if let Some(held) = running.appointment.as_ref().and_then(|appointment| appointment.held) {
            self.made.effects.push(Effect::Booking(BookingChange::Become(held, BookingState::Cancelled)));
        }
    }

    pub(super) fn local_now(&self) -> NaiveDateTime {
        to_local(self.scene.now, self.flows.zone)
    }

    pub(super) fn service_of(&self, appointment: &Appointment) -> Option<&'a Service> {
        self.flows.service(appointment.service.as_deref()?)
    }

    fn turn(&mut self, appointment: &mut Appointment, is_new: bool) -> Turned {
        if let Some(turned) = self.manage(appointment) {
            return turned;
        }
        let text = self.scene.text;
        let phrase = self.reads_appointment(appointment);
        let mut understood = self.take_service(appointment, is_new);
        understood |= self.take_wish(appointment);
        understood |= self.take_people(appointment);
        appointment.waits |= phrases::waits_for_place(self.said) || (!is_new && phrases::asks_to_be_told(self.said));
        match appointment.open {
            _ if appointment.waits && appointment.open != Open::Which => {}
            Open::Confirm => {
                if phrases::is_yes(self.said, text) && !understood && self.is_as_held(appointment, &phrase) {
                    return self.settle(appointment);
                }
                if phrases::is_no(self.said, text)
                    && let Some(waiting) = appointment.waiting
                {
                    self.drop_hold(appointment);
                    let waits = WaitingChange::Become(waiting, WaitingState::Waiting);
                    self.made.effects.push(Effect::Waiting(waits));
                    return Turned::Leaves(TextKey::StillWaiting, vec![], "cancelled");
                }
                if phrase.is_empty() && asides::later(self.said).is_some() {
                    self.drop_hold(appointment);
                    if let Some(turned) = self.other_times(appointment) {
                        return turned;
                    }
                }
                if phrases::is_no(self.said, text) {
                    self.drop_hold(appointment);
                    appointment.forget_when();
                    appointment.open = Open::Day;
                    return Turned::Asks(TextKey::AskDay, vec![]);
                }
            }
            Open::Time => {
                if let Some(slot) = self.picked(appointment, &phrase) {
                    return self.keep(appointment, &slot);
                }
                if phrases::is_no(self.said, text) {
                    appointment.forget_when();
                    appointment.open = Open::Day;
                    return Turned::Asks(TextKey::AskDay, vec![]);
                }
                if phrase.is_empty()
                    && let Some(turned) = self.other_times(appointment)
                {
                    return turned;
                }
            }
            Open::Which => {
                let place = picking::by_place(self.said, appointment.either.len());
                let day =
                    place.and_then(|place| appointment.either.get(place).copied()).or_else(|| self.which(appointment));
                if let Some(day) = day {
                    appointment.day = Some(day);
                    appointment.until = None;
                    appointment.either.clear();
                    return self.look_or_wait(appointment, is_new);
                }
            }
            _ => {}
        }
        if let Some(turned) = self.take_date(appointment, phrase, &mut understood) {
            return turned;
        }
        let goes_on = understood || is_new || appointment.waits;
        if goes_on { self.look_or_wait(appointment, is_new) } else { Turned::Nothing }
    }

    fn look_or_wait(&mut self, appointment: &mut Appointment, is_new: bool) -> Turned {
        if appointment.waits { self.wait_for_place(appointment, is_new) } else { self.look(appointment) }
    }

    pub(super) fn names(&self) -> Vec<Vec<String>> {
        let lower = |text: &String| phrases::said(&fold(text));
        self.flows
            .services
            .iter()
            .map(|service| {
                std::iter::once(&service.name).chain(&service.words).chain([&service.id]).map(lower).collect()
            })
            .collect()
    }

    /// A service that the message names. Answers whether it changed anything.
    fn take_service(&mut self, appointment: &mut Appointment, is_new: bool) -> bool {
        let names = self.names();
        let asked = appointment.open == Open::Service && appointment.service.is_none() && !is_new;
        let found = if asked { picking::pick(self.said, &names) } else { picking::by_name(self.said, &names) };
        let Some(service) = found.and_then(|at| self.flows.services.get(at)) else { return false };
        if appointment.service.as_deref() == Some(service.id.as_str()) || appointment.manages() {
            return false;
        }
        self.drop_hold(appointment);
        appointment.service = Some(service.id.clone());
        appointment.wished = appointment.wished.take().filter(|wished| service.resources.contains(wished));
        true
    }

    /// `avec Awa`.
    fn take_wish(&mut self, appointment: &mut Appointment) -> bool {
        let lower = |name: &String| phrases::said(&fold(name));
        let chosen = appointment.service.as_deref();
        let may = |service: &&Service| chosen.is_none_or(|chosen| chosen == service.id);
        let wished = self.flows.services.iter().filter(may).flat_map(|service| &service.resources).find(|name| {
            let name = lower(name);
            phrases::contains(self.said, &format!("avec {name}"))
                || phrases::contains(self.said, &format!("with {name}"))
                || self.said == name
        });
        let Some(wished) = wished.filter(|wished| appointment.wished.as_ref() != Some(*wished)) else { return false };
        self.drop_hold(appointment);
        appointment.wished = Some(wished.clone());
        true
    }

    /// `pour deux`, `on sera 4`; any number where that was asked.
    fn take_people(&mut self, appointment: &mut Appointment) -> bool {
        let asked = || number(self.said).filter(|_| appointment.open == Open::People);
        let people = people(self.said).or_else(asked).and_then(|people| u32::try_from(people).ok());
        let people = people.or_else(|| self.proposed_people(appointment));
        let Some(people) = people.filter(|people| *people > 0 && appointment.people != Some(*people)) else {
            return false;
        };
        appointment.people = Some(people);
        let shares = self.service_of(appointment).is_none_or(Service::is_for_groups);
        if shares {
            self.drop_hold(appointment);
        }
        shares
    }

    /// Whether a message that says yes names no other day or time than the one that is kept.
    fn is_as_held(&self, appointment: &Appointment, phrase: &Phrase) -> bool {
        let day = match &phrase.day {
            None => true,
            Some(Day::On(day)) => appointment.day == Some(*day),
            Some(_) => false,
        };
        let time = match &phrase.time {
            None | Some(Time::Same) => true,
            Some(Time::At(times) | Time::Around(times)) => appointment.time.is_some_and(|time| times.contains(&time)),
            Some(Time::Between(..)) => false,
        };
        day && time
    }

    /// The offered time that a message picks.
    fn picked(&self, appointment: &Appointment, phrase: &Phrase) -> Option<FreeSlot> {
        let slot = |(at, resource): &(Timestamp, String)| FreeSlot {
            at: *at,
            local: to_local(*at, self.flows.zone),
            resource: resource.clone(),
            party: Party::default(),
            left: 0,
        };
        let offered: Vec<FreeSlot> = appointment.offered.iter().map(slot).collect();
        let named = |free: &&FreeSlot| match (&phrase.day, &phrase.time) {
            (day, Some(Time::At(times) | Time::Around(times))) => {
                times.contains(&free.local.time()) && !matches!(day, Some(Day::On(day)) if *day != free.local.date())
            }
            (Some(Day::On(day)), None) => *day == free.local.date(),
            _ => phrases::contains(self.said, &phrases::said(&fold(&free.resource))),
        };
        if !phrase.is_empty() {
            let mut fitting = offered.iter().filter(named);
            let first = fitting.next()?;
            return fitting.next().is_none().then(|| first.clone());
        }
        let only = offered.len() == 1 && phrases::is_yes(self.said, self.scene.text);
        let place = picking::by_place(self.said, offered.len()).or_else(|| only.then_some(0));
        place.and_then(|place| offered.get(place).cloned()).or_else(|| offered.iter().find(named).cloned())
    }

    /// `le 8`, `mardi 8`, `8` among the days that may be meant.
    fn which(&self, appointment: &Appointment) -> Option<NaiveDate> {
        use chrono::Datelike;
        let number = self.said.split_whitespace().find_map(|word| word.trim_end_matches("er").parse::<u32>().ok())?;
        appointment.either.iter().copied().find(|day| day.day() == number)
    }

    /// Takes over what a phrase says of day and time. An answer where nothing can be looked for yet.
    fn take_date(&mut self, appointment: &mut Appointment, phrase: Phrase, understood: &mut bool) -> Option<Turned> {
        let mut phrase = phrase;
        let bare = self.said.parse::<u32>().ok().filter(|day| (1..=31).contains(day));
        if let (Open::Day, Some(day), true) = (appointment.open, bare, phrase.is_empty()) {
            phrase = dates::read(&format!("le {day}"), self.local_now(), false);
        }
        if phrase.is_empty() {
            return None;
        }
        *understood = true;
        self.drop_hold(appointment);
        let today = self.local_now().date();
        let asks = |key| Some(Turned::Asks(key, vec![]));
        if phrase.day.is_some() {
            (appointment.until, appointment.either) = (None, Vec::new());
        }
        match phrase.day {
            Some(Day::On(day)) => appointment.day = Some(day),
            Some(Day::Within(from, to)) => (appointment.day, appointment.until) = (Some(from), Some(to)),
            Some(Day::Any) => {
                appointment.day = Some(today);
                appointment.until = today.checked_add_days(chrono::Days::new(60));
                (appointment.time, appointment.window) = (None, None);
            }
            Some(Day::Either(days)) => (appointment.day, appointment.either) = (None, days),
            Some(Day::Past(_)) => {
                (appointment.day, appointment.open) = (None, Open::Day);
                return asks(TextKey::DayPast);
            }
            Some(Day::Impossible) => {
                (appointment.day, appointment.open) = (None, Open::Day);
                return asks(TextKey::NoSuchDay);
            }
            None => {}
        }
        match phrase.time {
            Some(Time::At(times) | Time::Around(times)) => {
                let day = appointment.day.unwrap_or(today);
                let open = times.iter().copied().find(|time| self.flows.hours.may_be_open_at(day, *time));
                (appointment.time, appointment.window) = (open.or_else(|| times.first().copied()), None);
            }
            Some(Time::Between(from, until)) => (appointment.time, appointment.window) = (None, Some((from, until))),
            Some(Time::Same) => appointment.time = appointment.time.or_else(|| self.time_of_own(appointment)),
            None => {}
        }
        None
    }

    /// The time of the booking that moves.
    fn time_of_own(&self, appointment: &Appointment) -> Option<NaiveTime> {
        let own = self.scene.agenda.mine.iter().find(|booking| Some(booking.id) == appointment.booking)?;
        Some(to_local(own.starts_at, self.flows.zone).time())
    }
}
