//! The waiting list in a conversation: put on it, offered what became free, taken off it.

use chrono::{NaiveTime, TimeDelta};

use super::appointment::{Appointment, Open};
use super::arranging::Turned;
use super::engine::Stage;
use super::texts::TextKey;
use super::{Effect, Flows, Milestone, Move, Running, Scene, phrases};
use crate::domain::Timestamp;
use crate::domain::booking::{Agenda, Booking, BookingChange, BookingState, Busy, Service};
use crate::domain::dates::{self, to_local, to_utc};
use crate::domain::ids::{BookingId, ConversationId, WaitingId};
use crate::domain::slots::FreeSlot;
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

/// Whoever asked for a time is glad of one that is so near.
const NEAR: TimeDelta = TimeDelta::hours(1);

impl Move {
    /// The booking that it keeps free.
    #[must_use]
    pub fn held(&self) -> Option<&Booking> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Booking(BookingChange::Hold(booking)) => Some(booking),
            _ => None,
        })
    }
}

impl Flows {
    /// The first time within what became free that suits somebody who waits.
    #[must_use]
    pub fn suits(&self, entry: &WaitingEntry, freed: &Busy, agenda: &Agenda, now: Timestamp) -> Option<FreeSlot> {
        let service = self.service(&entry.service)?;
        let does = service.resources.contains(&freed.resource);
        if !does || entry.resource.as_ref().is_some_and(|wished| *wished != freed.resource) {
            return None;
        }
        let calendar = self.calendar(agenda, now).for_people(entry.people);
        let until = to_local(freed.until, self.zone());
        let mut at = to_local(freed.from, self.zone());
        while at + service.duration <= until {
            let slot = calendar.at(service, at, Some(&freed.resource)).filter(|slot| wants(entry, slot));
            if slot.is_some() {
                return slot;
            }
            at += calendar.policy.every;
        }
        None
    }

    /// Whoever of the other contacts waits longest for what became free, behind one who did not take it.
    #[must_use]
    pub fn next_waiting<'a>(
        &self,
        agenda: &'a Agenda,
        freed: &Busy,
        behind: Option<&WaitingEntry>,
        now: Timestamp,
    ) -> Option<&'a WaitingEntry> {
        let waits = |entry: &&WaitingEntry| {
            entry.state == WaitingState::Waiting
                && !entry.is_mine
                && behind.is_none_or(|behind| entry.is_behind(behind))
        };
        agenda.waiting.iter().filter(waits).find(|entry| self.suits(entry, freed, agenda, now).is_some())
    }

    /// Keeps a time free for somebody who waits for one, and asks whether to book it. `None`: there is no flow that books, or no
    /// such service.
    #[must_use]
    pub fn offer_place(&self, entry: &WaitingEntry, slot: &FreeSlot, scene: &Scene<'_>) -> Option<Move> {
        let mut stage = Stage::new(self, scene, "");
        let (flow, step) = stage.booking_step()?;
        let service = self.service(&entry.service)?;
        let booking = service.booking(BookingId::fresh(), (&slot.resource, slot.party), slot.at, BookingState::Held);
        let ends = scene.now + self.policy.waiting_hold;
        let is_there = |id: &BookingId| scene.agenda.mine.iter().any(|one| one.id == *id && one.starts_at > scene.now);
        let appointment = Appointment {
            service: Some(service.id.clone()),
            wished: entry.resource.clone(),
            people: Some(entry.people),
            day: Some(slot.local.date()),
            time: Some(slot.local.time()),
            held: Some(booking.id),
            booking: entry.replaces.filter(is_there),
            waiting: Some(entry.id),
            open: Open::Confirm,
            ..Appointment::default()
        };
        let mut running = Running { appointment: Some(appointment), ..Running::begin(flow, &step, scene.now) };
        let mut facts = stage.facts_of(&booking);
        facts.push(("what", dates::time(to_local(ends, self.zone).time())));
        let text = stage.worded(TextKey::PlaceFree, &running, &facts);
        if let Some(appointment) = &mut running.appointment {
            appointment.question.clone_from(&text);
        }
        stage.milestone(&flow.name, Milestone::Started);
        stage.say(text);
        stage.made.effects.push(Effect::HoldEnds { at: ends, booking: booking.id });
        stage.made.effects.push(Effect::Booking(BookingChange::Hold(booking)));
        stage.made.effects.push(Effect::Waiting(WaitingChange::Become(entry.id, WaitingState::Offered)));
        stage.made.running = Some(running);
        Some(stage.made)
    }
}

impl Stage<'_> {
    /// Puts the customer on the waiting list, or asks for what is missing for that.
    pub(super) fn wait_for_place(&mut self, appointment: &mut Appointment, is_new: bool) -> Turned {
        if appointment.service.is_none()
            && let [only] = self.flows.services.as_slice()
        {
            appointment.service = Some(only.id.clone());
        }
        let Some(service) = self.service_of(appointment) else { return self.look(appointment) };
        let Some((from, until)) = self.days_of(appointment) else { return self.look(appointment) };
        let hours = appointment.window.or_else(|| appointment.time.map(around));
        // Who has not seen yet that there are times is offered them.
        if is_new && appointment.day.is_some() && self.has_free(appointment, service) {
            appointment.waits = false;
            return self.look(appointment);
        }
        self.drop_hold(appointment);
        let id = WaitingId::fresh();
        self.end_own(Some(&service.id), WaitingState::Ended);
        self.made.effects.push(Effect::Waiting(WaitingChange::Join(WaitingEntry {
            id,
            // The turn knows which conversation it is.
            conversation: ConversationId(uuid::Uuid::nil()),
            is_mine: true,
            service: service.id.clone(),
            resource: appointment.wished.clone(),
            people: appointment.people.unwrap_or(1),
            from,
            until,
            hours,
            replaces: appointment.booking,
            state: WaitingState::Waiting,
            since: self.scene.now,
        })));
        let facts = vec![("service", service.name.clone()), ("date", self.days_text(appointment))];
        Turned::Leaves(TextKey::OnList, facts, "waiting")
    }

    /// From when until when times would suit. `None`: it has to be asked, or is not to be waited for.
    fn days_of(&self, appointment: &Appointment) -> Option<(Timestamp, Timestamp)> {
        if !appointment.either.is_empty() {
            return None;
        }
        let (now, zone) = (self.scene.now, self.flows.zone);
        let last = self.flows.calendar(&self.agenda, now).last_day();
        let midnight = |day: chrono::NaiveDate| to_utc(day.and_time(NaiveTime::MIN), zone).first();
        let Some(day) = appointment.day else { return Some((now, midnight(last.succ_opt()?))) };
        let until = appointment.until.unwrap_or(day);
        let is_closed = appointment.until.is_none() && self.flows.hours.open_on(day).is_empty();
        (day <= last && !is_closed).then_some(())?;
        Some((midnight(day).max(now), midnight(until.min(last).succ_opt()?)))
    }

    fn has_free(&self, appointment: &Appointment, service: &Service) -> bool {
        let calendar = self.calendar(&self.agenda, appointment);
        let Some(day) = appointment.day else { return false };
        let slots = calendar.nearest(
            service,
            (day, appointment.until.unwrap_or(day)),
            (None, appointment.wished.as_deref()),
            usize::MAX,
        );
        let hours = appointment.window.or_else(|| appointment.time.map(|time| (time, time)));
        slots.iter().any(|slot| hours.is_none_or(|(from, until)| (from..=until).contains(&slot.local.time())))
    }

    fn days_text(&self, appointment: &Appointment) -> String {
        let (today, english) = (self.local_now().date(), self.flows.english);
        let day = |day| dates::date(day, today, english);
        match (appointment.day, appointment.until) {
            (Some(from), Some(until)) if until > from => {
                let and = if english { "to" } else { "au" };
                format!("{} {and} {}", day(from), day(until))
            }
            (Some(from), _) => day(from),
            (None, _) => String::new(),
        }
    }

    /// The customer's own entries for a service, or all of them, are over in this state.
    fn end_own(&mut self, service: Option<&str>, state: WaitingState) {
        let scene = self.scene;
        let own = scene.agenda.waiting.iter().filter(|entry| entry.is_mine);
        let own = own.filter(|entry| service.is_none_or(|service| entry.service == service));
        self.made.effects.extend(own.map(|entry| Effect::Waiting(WaitingChange::Become(entry.id, state))));
    }

    /// They have what they waited for.
    pub(super) fn wait_is_over(&mut self, service: &str) {
        self.end_own(Some(service), WaitingState::Taken);
    }

    /// A message without a flow that begins to wait for a time, or ends it. Answers whether it was one.
    pub(super) fn is_about_the_list(&mut self) -> bool {
        let leaves = phrases::leaves_list(self.said) || phrases::cancels(self.said);
        if leaves && self.scene.agenda.waiting.iter().any(|entry| entry.is_mine) {
            self.end_own(None, WaitingState::Ended);
            let running = Running::begin_nowhere(self.scene.now);
            let text = self.text(TextKey::OffList, &running, &[("word", self.flows.word_of_bookings())]);
            self.say(text);
            return true;
        }
        if !phrases::waits_for_place(self.said) {
            return false;
        }
        let Some((flow, _)) = self.booking_step() else { return false };
        self.opening = true;
        self.start(flow);
        true
    }
}

fn around(time: NaiveTime) -> (NaiveTime, NaiveTime) {
    let (before, wraps) = time.overflowing_sub_signed(NEAR);
    let (after, passes) = time.overflowing_add_signed(NEAR);
    let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(time);
    (if wraps == 0 { before } else { NaiveTime::MIN }, if passes == 0 { after } else { last })
}

fn wants(entry: &WaitingEntry, slot: &FreeSlot) -> bool {
    let time = slot.local.time();
    let within = |(from, until)| (from..=until).contains(&time);
    (entry.from..entry.until).contains(&slot.at) && entry.hours.is_none_or(within)
}
