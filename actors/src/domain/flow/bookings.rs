//! Bookings that are there: moved, cancelled, reminded of.

use super::appointment::{Appointment, Open};
use super::arranging::Turned;
use super::control::bare;
use super::engine::Stage;
use super::source::{Flow, StepKind};
use super::texts::TextKey;
use super::{Effect, Flows, Milestone, Move, Reminder, Running, Scene, asides, phrases, picking};
use crate::domain::booking::{Booking, BookingChange, BookingState};
use crate::domain::dates::{self, Day, to_local};

/// A reminder of a booking that begins sooner than this needs no answer.
const SOON_HOURS: i64 = 3;

impl Flows {
    /// The question that is open, asked once more; `None` when the flow is not there any more.
    #[must_use]
    pub fn ask_again(&self, running: &Running, scene: &Scene<'_>) -> Option<String> {
        let stage = Stage::new(self, scene, "");
        let step = self.flow(&running.flow)?.step(&running.step)?;
        let question = stage.question(running, step);
        Some(stage.text(TextKey::Remind, running, &[("question", bare(&question))]))
    }

    /// What texts say of a booking, by the names of their places.
    #[must_use]
    pub fn describe(&self, booking: &Booking, now: crate::domain::Timestamp) -> Vec<(&'static str, String)> {
        let agenda = std::sync::Arc::default();
        let scene = Scene {
            now,
            text: "",
            folded: "",
            location: None,
            agenda: &agenda,
            contact_name: None,
            phone: None,
            knows: &|_| false,
        };
        Stage::new(self, &scene, "").facts_of(booking)
    }

    /// What a reminder that has come says; `None` when the booking was moved or cancelled, or there is no flow that books.
    #[must_use]
    pub fn remind(&self, reminder: &Reminder, running: Option<&Running>, scene: &Scene<'_>) -> Option<Move> {
        let booking = scene.agenda.mine.iter().find(|booking| {
            booking.id == reminder.booking
                && booking.starts_at == reminder.starts_at
                && booking.state == BookingState::Confirmed
        })?;
        if booking.starts_at <= scene.now {
            return None;
        }
        let mut stage = Stage::new(self, scene, "");
        let (flow, step) = stage.booking_step()?;
        let facts = stage.facts_of(booking);
        let soon = (booking.starts_at - scene.now).num_hours() < SOON_HOURS;
        let key = if soon { TextKey::ReminderSoon } else { TextKey::Reminder };
        let mut about = stage.about(flow, &step, booking, Open::Reminder);
        let text = stage.worded(key, &about, &facts);
        stage.say(text.clone());
        // A flow that is going on is not interrupted: its next question would get the reminder's answer.
        stage.made.running = if soon || running.is_some() {
            running.cloned()
        } else {
            if let Some(appointment) = &mut about.appointment {
                appointment.question = text;
            }
            Some(about)
        };
        Some(stage.made)
    }
}

impl<'a> Stage<'a> {
    /// The first flow that books, and the id of its step that does.
    pub(super) fn booking_step(&self) -> Option<(&'a Flow, String)> {
        self.flows.flows.iter().find_map(|flow| {
            let step = flow.steps.iter().find(|step| matches!(step.kind, StepKind::Book { .. }))?;
            Some((flow, step.id.clone()))
        })
    }

    /// A running flow that is about a booking.
    fn about(&self, flow: &Flow, step: &str, booking: &Booking, open: Open) -> Running {
        let appointment = Appointment {
            service: Some(booking.service.clone()),
            booking: Some(booking.id),
            people: Some(booking.party.people),
            open,
            ..Appointment::default()
        };
        Running { appointment: Some(appointment), ..Running::begin(flow, step, self.scene.now) }
    }

    /// A message without a flow that moves or calls off what is booked. Answers whether it was one.
    pub(super) fn manages(&mut self) -> bool {
        let scene = self.scene;
        let mut upcoming = scene
            .agenda
            .mine
            .iter()
            .filter(|booking| booking.state == BookingState::Confirmed && booking.starts_at > scene.now);
        let (moves, calls_off) = (phrases::moves(self.said), phrases::calls_off(self.said));
        if !moves && !calls_off {
            return asides::asks_about_own(self.said) && self.tells_own(upcoming.next());
        }
        let Some(first) = upcoming.next() else { return self.has_none() };
        let Some((flow, step)) = self.booking_step() else { return false };
        // The booking of the day that is named, or the next one.
        let named = match dates::read(scene.text, self.local_now(), self.flows.english).day {
            Some(Day::On(day)) => upcoming.find(|booking| to_local(booking.starts_at, self.flows.zone).date() == day),
            _ => None,
        };
        let on_day = |booking: &Booking| to_local(booking.starts_at, self.flows.zone).date();
        let booking = named.filter(|named| on_day(named) != on_day(first)).unwrap_or(first);
        self.milestone(&flow.name, Milestone::Started);
        let (open, key) = if moves { (Open::Day, TextKey::AskMove) } else { (Open::Cancel, TextKey::AskCancel) };
        let mut running = self.about(flow, &step, booking, open);
        let facts = self.facts_of(booking);
        let text = self.worded(key, &running, &facts);
        if let Some(appointment) = &mut running.appointment {
            appointment.question.clone_from(&text);
        }
        self.stay(running, text);
        true
    }

    /// Says when the next booking is, or that there is none.
    fn tells_own(&mut self, booking: Option<&Booking>) -> bool {
        let nothing = Running::begin_nowhere(self.scene.now);
        let text = match booking {
            Some(booking) => self.worded(TextKey::YourBooking, &nothing, &self.facts_of(booking)),
            None => self.text(TextKey::NoBooking, &nothing, &[("word", self.flows.word_of_bookings())]),
        };
        self.say(text);
        true
    }

    /// A message that moves or calls off a booking of somebody who has none: without this its noun would begin a booking.
    fn has_none(&mut self) -> bool {
        self.flows.asked_for(self.said).is_some_and(Flow::books)
            && !phrases::wants_to_book(self.said)
            && self.booking_step().is_some()
            && self.tells_own(None)
    }

    /// A message to a flow that is about a booking. `None`: it is about the new time.
    pub(super) fn manage(&mut self, appointment: &mut Appointment) -> Option<Turned> {
        let id = appointment.booking?;
        if phrases::waits_for_place(self.said) {
            return None;
        }
        let (text, scene) = (self.scene.text, self.scene);
        let booking = scene.agenda.mine.iter().find(|booking| booking.id == id)?;
        let facts = self.facts_of(booking);
        let (yes, no) = (phrases::is_yes(self.said, text), phrases::is_no(self.said, text));
        let moves = phrases::moves(self.said);
        match appointment.open {
            Open::Cancel if yes => return Some(self.call_off(appointment, booking)),
            Open::Cancel if no => return Some(Turned::Done(TextKey::BookingKept, facts)),
            Open::Reminder if yes => return Some(Turned::Done(TextKey::SeeYou, facts)),
            Open::Reminder if no || (phrases::calls_off(self.said) && !moves) => {
                appointment.open = Open::MoveOrCancel;
                return Some(Turned::Asks(TextKey::NotComing, facts));
            }
            Open::MoveOrCancel => {
                let choice = picking::by_place(self.said, 2);
                if choice == Some(1) || phrases::calls_off(self.said) {
                    return Some(self.call_off(appointment, booking));
                }
                if choice == Some(0) || moves || yes {
                    appointment.open = Open::Day;
                    return Some(Turned::Asks(TextKey::AskMove, facts));
                }
            }
            _ => {}
        }
        if phrases::calls_off(self.said) && !moves {
            return Some(self.call_off(appointment, booking));
        }
        if moves && appointment.open != Open::Confirm {
            appointment.open = Open::Day;
            return Some(Turned::Asks(TextKey::AskMove, facts));
        }
        // Whoever names a day after a reminder moves it.
        let waits = matches!(appointment.open, Open::Cancel | Open::Reminder | Open::MoveOrCancel);
        let phrase = dates::read(text, self.local_now(), self.flows.english);
        (waits && phrase.day.is_none()).then_some(Turned::Nothing)
    }

    fn call_off(&mut self, appointment: &mut Appointment, booking: &Booking) -> Turned {
        self.drop_hold(appointment);
        self.made.effects.push(Effect::Booking(BookingChange::Become(booking.id, BookingState::Cancelled)));
        Turned::Done(TextKey::BookingCancelled, self.facts_of(booking))
    }
}
