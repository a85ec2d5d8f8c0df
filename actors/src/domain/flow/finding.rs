//! Free times for an appointment: looked for, offered, kept and confirmed.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::appointment::{Appointment, Open};
use super::arranging::Turned;
use super::engine::Stage;
use super::texts::TextKey;
use super::{Effect, Flows, asides, phrases};
use crate::domain::booking::{Agenda, Booking, BookingChange, BookingState, Service};
use crate::domain::dates::{self, to_local};
use crate::domain::ids::BookingId;
use crate::domain::slots::{Calendar, FreeSlot, spread};

/// Times that are offered at once.
const OFFERED: usize = 3;
/// Times that are offered to who asks for others.
const OFFERED_MORE: usize = 8;
/// A day before and an hour before.
pub(super) const REMIND_BEFORE: [TimeDelta; 2] = [TimeDelta::hours(25), TimeDelta::hours(1)];

impl<'a> Stage<'a> {
    /// The calendar for as many people as come.
    pub(super) fn calendar<'b>(&self, agenda: &'b Agenda, appointment: &Appointment) -> Calendar<'b>
    where
        'a: 'b,
    {
        let flows: &'a Flows = self.flows;
        flows.calendar(agenda, self.scene.now).for_people(appointment.people.unwrap_or(1))
    }
}

impl Stage<'_> {
    pub(super) fn drop_hold(&mut self, appointment: &mut Appointment) {
        if let Some(held) = appointment.held.take() {
            let change = BookingChange::Become(held, BookingState::Cancelled);
            Arc::make_mut(&mut self.agenda).apply(&change);
            self.made.effects.push(Effect::Booking(change));
        }
    }

    /// Asks for what is missing, or looks for times.
    pub(super) fn look(&mut self, appointment: &mut Appointment) -> Turned {
        if appointment.service.is_none()
            && let [only] = self.flows.services.as_slice()
        {
            appointment.service = Some(only.id.clone());
        }
        let Some(service) = self.service_of(appointment) else {
            appointment.open = Open::Service;
            return Turned::Asks(TextKey::AskService, vec![("options", self.listed_services())]);
        };
        if !appointment.either.is_empty() {
            appointment.open = Open::Which;
            let or = if self.flows.english { " or " } else { " ou " };
            let days: Vec<String> = appointment.either.iter().map(|day| dates::day(*day, self.flows.english)).collect();
            return Turned::Asks(TextKey::AskWhich, vec![("options", capital(&days.join(or)))]);
        }
        if service.is_for_groups() {
            let fits = appointment.people.map(|people| people <= service.capacity);
            if fits != Some(true) {
                (appointment.people, appointment.open) = (None, Open::People);
                let key = if fits.is_none() { TextKey::AskPeople } else { TextKey::TooManyPeople };
                return Turned::Asks(key, vec![("places", service.capacity.to_string())]);
            }
        }
        let Some(day) = appointment.day else {
            appointment.open = Open::Day;
            return Turned::Asks(TextKey::AskDay, vec![]);
        };
        let agenda = Arc::clone(&self.agenda);
        let calendar = self.calendar(&agenda, appointment);
        if day > calendar.last_day() {
            (appointment.day, appointment.until, appointment.open) = (None, None, Open::Day);
            return Turned::Asks(TextKey::TooFar, vec![]);
        }
        let wished = appointment.wished.clone();
        if let (Some(time), None) = (appointment.time, appointment.until)
            && let Some(slot) = calendar.at(service, day.and_time(time), wished.as_deref())
        {
            return self.keep(appointment, &slot);
        }
        self.offer_times(appointment, service, day)
    }

    fn offer_times(&mut self, appointment: &mut Appointment, service: &Service, day: NaiveDate) -> Turned {
        let agenda = Arc::clone(&self.agenda);
        let calendar = self.calendar(&agenda, appointment);
        let wished = appointment.wished.clone();
        let wished = wished.as_deref();
        let until = appointment.until.unwrap_or(day);
        let within = |slot: &FreeSlot| {
            appointment.window.is_none_or(|(from, until)| (from..=until).contains(&slot.local.time()))
        };
        let on_day: Vec<FreeSlot> = match appointment.until {
            None => calendar.on_day(service, day, wished),
            Some(_) => calendar.nearest(service, (day, until), (None, wished), usize::MAX),
        };
        let found: Vec<FreeSlot> = on_day.iter().filter(|slot| within(slot)).cloned().collect();
        let date = dates::date(day, self.local_now().date(), self.flows.english);
        let was_offered = appointment.time.is_some_and(|time| {
            appointment.offered.iter().any(|(at, _)| to_local(*at, self.flows.zone) == day.and_time(time))
        });
        appointment.open = Open::Time;
        let begins = |time: &NaiveTime| calendar.may_begin(service, day.and_time(*time));
        if let Some(time) = appointment.time.filter(|time| !found.is_empty() && begins(time)) {
            let mut nearest = found;
            nearest.sort_by_key(|slot| ((slot.local.time() - time).abs(), slot.local));
            nearest.truncate(2);
            nearest.sort_by_key(|slot| slot.at);
            let at = day.and_time(time);
            let could_be = at >= self.local_now() + self.flows.policy.lead_time && calendar.is_open_for(service, at);
            let key = match (was_offered, could_be) {
                (true, _) => TextKey::JustTaken,
                (false, true) => TextKey::Taken,
                (false, false) => TextKey::NotThen,
            };
            let options = self.proposed(appointment, &nearest);
            return Turned::Asks(key, vec![("time", dates::time(time)), ("options", options)]);
        }
        if let Some(first) = found.first() {
            let date = capital(&dates::date(first.local.date(), self.local_now().date(), self.flows.english));
            let mut some = found;
            spread(&mut some, OFFERED);
            let options = self.listed(appointment, &some, false);
            if some.len() == 1 {
                let at = if self.flows.english { "at" } else { "à" };
                let options = format!("{date} {at} {options}");
                return Turned::Asks(TextKey::Propose, vec![("options", options)]);
            }
            return Turned::Asks(TextKey::OfDay, vec![("date", date), ("options", options)]);
        }
        // Nothing there: the nearest times after it, or on the day outside of what was wished.
        let next = if on_day.is_empty() {
            let after = until.succ_opt().unwrap_or(until);
            calendar.nearest(service, (after, calendar.last_day()), (appointment.time, wished), 2)
        } else {
            let mut others = on_day;
            spread(&mut others, OFFERED);
            others
        };
        if next.is_empty() {
            (appointment.day, appointment.until, appointment.time, appointment.window) = (None, None, None, None);
            appointment.open = Open::Day;
            return Turned::Asks(TextKey::NothingFree, vec![]);
        }
        let closed = appointment.until.is_none() && self.flows.hours.open_on(day).is_empty();
        let key = if closed { TextKey::Closed } else { TextKey::Full };
        let options = self.proposed(appointment, &next);
        Turned::Asks(key, vec![("date", date), ("options", options)])
    }

    /// What a message without a time says to those that were offered: which of them, later, earlier, others.
    pub(super) fn other_times(&mut self, appointment: &mut Appointment) -> Option<Turned> {
        let service = self.service_of(appointment)?;
        let zone = self.flows.zone;
        let mut offered: Vec<NaiveDateTime> = appointment.offered.iter().map(|(at, _)| to_local(*at, zone)).collect();
        // What is kept was offered last.
        if let (true, Some(day), Some(time)) = (offered.is_empty(), appointment.day, appointment.time) {
            offered.push(day.and_time(time));
        }
        let (first, last) = (*offered.first()?, *offered.last()?);
        if let Some(later) = asides::later(self.said) {
            let minute = TimeDelta::minutes(1);
            let end_of_day = NaiveTime::from_hms_opt(23, 59, 59)?;
            let around = appointment.time.unwrap_or(if later { first.time() } else { last.time() });
            appointment.window = Some(if later {
                (around.overflowing_add_signed(minute).0, end_of_day)
            } else {
                (NaiveTime::MIN, around.overflowing_sub_signed(minute).0)
            });
            (appointment.day, appointment.until, appointment.time) = (Some(first.date()), None, None);
            return Some(self.look(appointment));
        }
        if asides::asks_for_more_times(self.said) {
            return Some(self.more_times(appointment, service, first.date()));
        }
        if offered.len() > 1 && phrases::is_yes(self.said, self.scene.text) {
            let today = self.local_now().date();
            let one_day = first.date() == last.date();
            let shown = |at: &NaiveDateTime| {
                if one_day { dates::time(at.time()) } else { dates::date_and_time(*at, today, self.flows.english) }
            };
            let options = offered.iter().map(shown).collect::<Vec<_>>().join(", ");
            return Some(Turned::Asks(TextKey::WhichOfThem, vec![("options", options)]));
        }
        None
    }

    /// All times of a day. Those of the nearest other day, where none is left or who asks for others has seen them all.
    fn more_times(&mut self, appointment: &mut Appointment, service: &Service, day: NaiveDate) -> Turned {
        let agenda = Arc::clone(&self.agenda);
        let calendar = self.calendar(&agenda, appointment);
        let wished = appointment.wished.clone();
        let mut all = calendar.on_day(service, day, wished.as_deref());
        let is_new = |slot: &FreeSlot| appointment.offered.iter().all(|(at, _)| *at != slot.at);
        let has_new = all.iter().any(is_new);
        (appointment.day, appointment.until, appointment.time, appointment.window) = (Some(day), None, None, None);
        if !has_new && asides::asks_for_others(self.said) && !all.is_empty() {
            let after = day.succ_opt().unwrap_or(day);
            let next = calendar.nearest(service, (after, calendar.last_day()), (None, wished.as_deref()), OFFERED);
            if let Some(other) = next.first() {
                let options = capital(&self.listed(appointment, &next, true));
                (appointment.day, appointment.open) = (Some(other.local.date()), Open::Time);
                return Turned::Asks(TextKey::Propose, vec![("options", options)]);
            }
        }
        if all.len() < 2 {
            return self.offer_times(appointment, service, day);
        }
        spread(&mut all, OFFERED_MORE);
        let date = capital(&dates::date(day, self.local_now().date(), self.flows.english));
        let options = self.listed(appointment, &all, false);
        Turned::Asks(TextKey::OfDay, vec![("date", date), ("options", options)])
    }

    /// Offers times as a question of its own.
    fn proposed(&self, appointment: &mut Appointment, slots: &[FreeSlot]) -> String {
        let options = capital(&self.listed(appointment, slots, true));
        if self.flows.english { format!("Would {options} suit you?") } else { format!("{options} vous irait ?") }
    }

    /// `14:00, 15:30 ou 17:00`; with the day where it is another than was asked for, and with whom where several do it.
    fn listed(&self, appointment: &mut Appointment, slots: &[FreeSlot], proposes: bool) -> String {
        let english = self.flows.english;
        appointment.offered = slots.iter().map(|slot| (slot.at, slot.resource.clone())).collect();
        let one_person = slots.windows(2).all(|pair| matches!(pair, [a, b] if a.resource == b.resource));
        let is_shared = self.service_of(appointment).is_some_and(Service::is_for_groups);
        let today = self.local_now().date();
        let mut day = if proposes { appointment.day } else { slots.first().map(|slot| slot.local.date()) };
        let mut texts = Vec::with_capacity(slots.len());
        for slot in slots {
            let date = slot.local.date();
            let when = if day == Some(date) {
                dates::time(slot.local.time())
            } else {
                dates::date_and_time(slot.local, today, english)
            };
            day = Some(date);
            let with = if english { "with" } else { "avec" };
            texts.push(match (is_shared, one_person) {
                (true, true) => format!("{when} ({})", places_left(slot.left)),
                (true, false) => format!("{when} {} ({})", slot.resource, places_left(slot.left)),
                (false, true) => when,
                (false, false) => format!("{when} {with} {}", slot.resource),
            });
        }
        let or = if english { " or " } else { " ou " };
        match texts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{}{or}{last}", others.join(", ")),
            None => String::new(),
        }
    }

    fn listed_services(&self) -> String {
        let one = |(at, service): (usize, &Service)| {
            let minutes = service.duration.num_minutes();
            let price = service.price.as_deref().map(|price| format!(", {price}")).unwrap_or_default();
            format!("{} {} {minutes} min{price}", at + 1, service.name)
        };
        self.flows.services.iter().enumerate().map(one).collect::<Vec<_>>().join(" · ")
    }

    /// Keeps a time free, and asks whether to book it. When another customer took it, the commit is a conflict, and this is
    /// decided again with what is left (I12).
    pub(super) fn keep(&mut self, appointment: &mut Appointment, slot: &FreeSlot) -> Turned {
        let Some(service) = self.service_of(appointment) else { return Turned::Nothing };
        self.drop_hold(appointment);
        let agenda = Arc::clone(&self.agenda);
        let calendar = self.calendar(&agenda, appointment);
        let free = match appointment.wished.as_deref() {
            Some(wished) => calendar.at(service, slot.local, Some(wished)),
            None => calendar
                .at(service, slot.local, Some(&slot.resource))
                .or_else(|| calendar.at(service, slot.local, None)),
        };
        (appointment.day, appointment.until, appointment.time, appointment.window) =
            (Some(slot.local.date()), None, Some(slot.local.time()), None);
        let Some(free) = free else { return self.offer_times(appointment, service, slot.local.date()) };
        let booking = service.booking(BookingId::fresh(), (&free.resource, free.party), free.at, BookingState::Held);
        appointment.held = Some(booking.id);
        appointment.open = Open::Confirm;
        appointment.offered.clear();
        let ends = self.scene.now + self.flows.policy.hold;
        self.made.effects.push(Effect::HoldEnds { at: ends, booking: booking.id });
        let facts = self.facts_of(&booking);
        self.made.effects.push(Effect::Booking(BookingChange::Hold(booking)));
        Turned::Asks(TextKey::ConfirmBooking, facts)
    }

    /// What texts say of a booking.
    pub(super) fn facts_of(&self, booking: &Booking) -> Vec<(&'static str, String)> {
        let local = to_local(booking.starts_at, self.flows.zone);
        let service = self.flows.service(&booking.service);
        vec![
            ("service", self.name_of(booking, service)),
            ("date", dates::date(local.date(), self.local_now().date(), self.flows.english)),
            ("time", dates::time(local.time())),
            ("resource", booking.resource.clone()),
            ("price", service.and_then(|service| service.price.clone()).unwrap_or_default()),
            (
                "people",
                service.filter(|one| one.is_for_groups()).map(|_| booking.party.people.to_string()).unwrap_or_default(),
            ),
        ]
    }

    /// `Manucure`; `Table pour 4` where several people come.
    fn name_of(&self, booking: &Booking, service: Option<&Service>) -> String {
        let name = service.map_or(booking.service.as_str(), |service| service.name.as_str());
        let people = booking.party.people;
        match service {
            Some(service) if service.is_for_groups() && self.flows.english => format!("{name} for {people}"),
            Some(service) if service.is_for_groups() => format!("{name} pour {people}"),
            _ => name.to_owned(),
        }
    }

    /// The customer said yes.
    pub(super) fn settle(&mut self, appointment: &mut Appointment) -> Turned {
        let scene = self.scene;
        let agenda = Arc::clone(&self.agenda);
        let held = appointment.held.and_then(|id| agenda.mine.iter().find(|booking| booking.id == id));
        let booking = match held {
            Some(booking) => {
                self.made.effects.push(Effect::Booking(BookingChange::Become(booking.id, BookingState::Confirmed)));
                booking.clone()
            }
            // They took so long that it was given back.
            None => {
                appointment.held = None;
                let (Some(service), Some(day), Some(time)) =
                    (self.service_of(appointment), appointment.day, appointment.time)
                else {
                    return self.look(appointment);
                };
                let calendar = self.calendar(&agenda, appointment);
                let Some(free) = calendar.at(service, day.and_time(time), appointment.wished.as_deref()) else {
                    // It was offered to them, so it was taken since.
                    appointment.offered =
                        vec![(dates::to_utc(day.and_time(time), self.flows.zone).first(), String::new())];
                    return self.offer_times(appointment, service, day);
                };
                let booking =
                    service.booking(BookingId::fresh(), (&free.resource, free.party), free.at, BookingState::Confirmed);
                self.made.effects.push(Effect::Booking(BookingChange::Hold(booking.clone())));
                booking
            }
        };
        appointment.held = None;
        self.wait_is_over(&booking.service);
        let mut first = None;
        for (at, reminder) in self.flows.reminders(&booking, scene.now) {
            first.get_or_insert(at);
            self.made.effects.push(Effect::Remind { at, reminder });
        }
        let mut facts = self.facts_of(&booking);
        if let Some(moved) = appointment.booking {
            self.made.effects.push(Effect::Booking(BookingChange::Become(moved, BookingState::Cancelled)));
            return Turned::Done(TextKey::Moved, facts);
        }
        match first {
            Some(at) => {
                let local = to_local(at, self.flows.zone);
                facts.push(("what", dates::date_and_time(local, self.local_now().date(), self.flows.english)));
                Turned::Done(TextKey::Booked, facts)
            }
            None => Turned::Done(TextKey::BookedSoon, facts),
        }
    }
}

/// `1 place`, `6 places`: the same in French and in English.
fn places_left(places: u32) -> String {
    if places == 1 { "1 place".to_owned() } else { format!("{places} places") }
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
