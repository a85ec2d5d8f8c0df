//! Customers who say that they come late to what they have booked.

use chrono::TimeDelta;

use super::engine::Stage;
use super::texts::TextKey;
use super::{Effect, Milestone, Running, Saying, phrases};
use crate::domain::booking::{Booking, BookingChange, BookingState, Busy, Service};
use crate::domain::dates::{self, Day, Time, to_local, to_utc};
use crate::domain::number_words::cardinal;

/// Later than this, a person decides what becomes of the booking.
const LATEST: TimeDelta = TimeDelta::hours(1);

/// What says that somebody comes late. `trop tard` and `plus tard` say something else.
const LATE: [&str; 16] = [
    "en retard",
    "du retard",
    "de retard",
    "min retard",
    "retard de",
    "running late",
    "be late",
    "am late",
    "m late",
    "min late",
    "mins late",
    "minutes late",
    "hour late",
    "bit late",
    "late by",
    "been delayed",
];
/// What says when somebody will be there.
const ARRIVES: [&str; 14] = [
    "j arrive dans",
    "j arrive d ici",
    "je suis la dans",
    "je serai la dans",
    "je serais la dans",
    "la dans",
    "on arrive dans",
    "nous arrivons dans",
    "be there in",
    "there in",
    "arrive in",
    "arriving in",
    "with you in",
    "coming in",
];

/// How late somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    /// So much after the time that was agreed on.
    By(TimeDelta),
    /// They are there so long from now.
    In(TimeDelta),
    /// Nobody knows.
    Unsaid,
}

/// Reads what says that somebody comes late.
fn read(said: &str) -> Option<Late> {
    if ARRIVES.iter().any(|phrase| phrases::contains(said, phrase)) {
        return length(said).map(Late::In);
    }
    let late = LATE.iter().any(|phrase| phrases::contains(said, phrase));
    let asks = ["si je suis", "si on est", "si j ai", "if i am", "if i m", "what if", "que se passe"];
    if !late || asks.iter().any(|phrase| phrases::contains(said, phrase)) {
        return None;
    }
    Some(length(said).map_or(Late::Unsaid, Late::By))
}

/// `15 min`, `15mn`, `un quart d'heure`, `dix minutes`, `1h`, `en retard de 15`.
fn length(said: &str) -> Option<TimeDelta> {
    for (phrase, minutes) in [
        ("trois quarts d heure", 45),
        ("quart d heure", 15),
        ("quarter of an hour", 15),
        ("quarter hour", 15),
        ("demi heure", 30),
        ("demie heure", 30),
        ("half an hour", 30),
        ("half hour", 30),
        ("une heure", 60),
        ("an hour", 60),
    ] {
        if phrases::contains(said, phrase) {
            return Some(TimeDelta::minutes(minutes));
        }
    }
    let words: Vec<&str> = said.split_whitespace().collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse::<i64>().ok().or_else(|| cardinal(word).map(i64::from))?;
        let glued = if digits.is_empty() { "" } else { word.get(digits.len()..).unwrap_or_default() };
        let unit = if glued.is_empty() { words.get(at + 1).copied().unwrap_or_default() } else { glued };
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        match unit {
            "min" | "mins" | "mn" | "minute" | "minutes" | "m" | "petites" | "bonnes" => {
                Some(TimeDelta::minutes(number))
            }
            "h" | "heure" | "heures" | "hour" | "hours" if number <= 3 && glued.is_empty() => {
                Some(TimeDelta::hours(number))
            }
            _ if matches!(before, "de" | "by" | "dans" | "in") && !digits.is_empty() && glued.is_empty() => {
                (number <= 90).then(|| TimeDelta::minutes(number))
            }
            _ => None,
        }
    })
}

impl Stage<'_> {
    /// A message of somebody who comes late to what they have booked. Answers whether it was one.
    pub(super) fn comes_late(&mut self, running: Option<&Running>) -> bool {
        // Most customers have nothing booked: their messages need not be read for this.
        if self.scene.agenda.mine.is_empty() {
            return false;
        }
        let Some(late) = read(self.said) else { return false };
        let Some(booking) = self.late_for(running) else { return false };
        let local_start = to_local(booking.starts_at, self.flows.zone);
        let late = match late {
            // `en retard, je serai là à 15h45`
            Late::Unsaid => match dates::read(self.scene.text, self.local_now(), self.flows.english).time {
                Some(Time::At(times) | Time::Around(times)) => times
                    .iter()
                    .map(|time| to_utc(local_start.date().and_time(*time), self.flows.zone).first() - booking.starts_at)
                    .find(|late| *late > TimeDelta::zero() && *late <= TimeDelta::hours(3)),
                _ => None,
            },
            Late::By(late) => Some(late),
            Late::In(from_now) => Some(self.scene.now + from_now - booking.starts_at),
        };
        self.acknowledge(&booking, late, running);
        true
    }

    /// The booking that they come late to: the one that they were just reminded of, that of the day which they name, or today's.
    fn late_for(&self, running: Option<&Running>) -> Option<Booking> {
        let scene = self.scene;
        let of = |booking: &&Booking| booking.state == BookingState::Confirmed && booking.ends_at > scene.now;
        let mut upcoming = scene.agenda.mine.iter().filter(of);
        let about = running.and_then(|running| running.appointment.as_ref()?.booking);
        if let Some(about) = about {
            return upcoming.find(|booking| booking.id == about).cloned();
        }
        let day = match dates::read(scene.text, self.local_now(), self.flows.english).day {
            Some(Day::On(day)) => day,
            _ => self.local_now().date(),
        };
        upcoming.find(|booking| to_local(booking.starts_at, self.flows.zone).date() == day).cloned()
    }

    fn acknowledge(&mut self, booking: &Booking, late: Option<TimeDelta>, running: Option<&Running>) {
        let mut facts = self.facts_of(booking);
        let (key, waits) = match late {
            Some(late) if late <= TimeDelta::zero() => (TextKey::OnTime, true),
            Some(late) => {
                self.made.late = true;
                match self.with_lateness(booking, late) {
                    Some(kept) => {
                        let comes = to_local(booking.starts_at + late, self.flows.zone).time();
                        facts.push(("what", dates::time(comes)));
                        let minutes = late.num_minutes();
                        self.made.effects.push(Effect::Booking(BookingChange::Late(kept, minutes)));
                        (TextKey::LateNoted, true)
                    }
                    None => (TextKey::LatePerson, false),
                }
            }
            None => {
                self.made.late = true;
                self.made.effects.push(Effect::Booking(BookingChange::Late(booking.clone(), 0)));
                (TextKey::LateUnsaid, true)
            }
        };
        let unknown = Running::begin_nowhere(self.scene.now);
        let text = self.worded(key, running.unwrap_or(&unknown), &facts);
        self.say(text);
        let Some(running) = running else {
            self.made.hand_over = !waits;
            return;
        };
        if !waits {
            self.let_go(running);
            self.milestone(&running.flow, Milestone::Abandoned("handed_over"));
            self.made.hand_over = true;
        } else if running.appointment.as_ref().is_some_and(super::Appointment::awaits_a_yes) {
            // They come: the reminder has its answer.
            self.milestone(&running.flow, Milestone::Completed);
        } else if let Some(step) = self.flows.flow(&running.flow).and_then(|flow| flow.step(&running.step)) {
            let question = self.question(running, step);
            let then = self.text(TextKey::BackToIt, running, &[("question", &question)]);
            self.made.sayings.push(Saying::Text(then));
            self.made.running = Some(running.clone());
        }
    }

    /// The booking with the time that it takes now; `None`: it is too long, or the next customer comes before.
    fn with_lateness(&self, booking: &Booking, late: TimeDelta) -> Option<Booking> {
        // A group does not wait for one of it.
        let is_shared = self.flows.service(&booking.service).is_some_and(Service::is_for_groups);
        let free_at = if is_shared { booking.free_at } else { booking.free_at.max(booking.ends_at + late) };
        let is_next =
            |busy: &Busy| busy.resource == booking.resource && busy.from >= booking.free_at && busy.from < free_at;
        let fits = late <= LATEST && !self.agenda.busy.iter().any(is_next);
        fits.then(|| Booking { free_at, ..booking.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    #[test]
    fn lateness_is_read_as_people_write_it() {
        let minutes = TimeDelta::minutes;
        for (text, expected) in [
            ("Je serai en retard de 15 min", Some(Late::By(minutes(15)))),
            ("je vais avoir 10mn de retard", Some(Late::By(minutes(10)))),
            ("désolée un quart d'heure de retard", Some(Late::By(minutes(15)))),
            ("en retard de dix minutes", Some(Late::By(minutes(10)))),
            ("retard de 20", Some(Late::By(minutes(20)))),
            ("15 min late sorry", Some(Late::By(minutes(15)))),
            ("I'm running 20 minutes late", Some(Late::By(minutes(20)))),
            ("I'll be half an hour late", Some(Late::By(minutes(30)))),
            ("j'arrive dans 20 min", Some(Late::In(minutes(20)))),
            ("be there in 5", Some(Late::In(minutes(5)))),
            ("je serai un peu en retard", Some(Late::Unsaid)),
            ("I am late", Some(Late::Unsaid)),
            ("que se passe-t-il si je suis en retard ?", None),
            ("c'est trop tard ?", None),
            ("plus tard", None),
            ("how late are you open", None),
            ("j'arrive", None),
            ("rdv dans 20 jours", None),
        ] {
            assert_eq!(read(&phrases::said(&fold(text))), expected, "{text}");
        }
    }
}
