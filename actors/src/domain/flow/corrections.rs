//! Corrections of earlier answers: another day, another time, another number.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::answers::{self, AnswerKind, Reading};
use super::appointment::{Appointment, Open};
use super::engine::{Stage, names_of};
use super::people::read_when;
use super::proposed::{hour_of_day, proposed, proposed_hour};
use super::source::{Flow, Step, StepKind};
use super::{Given, Running, dated, phrases, picking};
use crate::domain::Timestamp;
use crate::domain::dates::{Phrase, to_local};

/// What stands between what is wanted and what it replaces.
const REPLACES: [&str; 7] =
    [" au lieu d", " à la place d", " a la place d", " plutôt que ", " plutot que ", " instead of ", " rather than "];

/// A text without what is not wanted any more: `16h au lieu de 15h`.
fn wanted(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let end = REPLACES.iter().filter_map(|phrase| lower.find(*phrase)).min()?;
    lower.get(..end).map(str::to_owned)
}

/// The day and the time of an answer that is kept.
fn kept(value: &str, zone: Tz) -> (Option<NaiveDate>, Option<NaiveTime>) {
    match value.parse::<Timestamp>() {
        Ok(at) => {
            let local = to_local(at, zone);
            (Some(local.date()), Some(local.time()))
        }
        Err(_) => (value.parse().ok(), None),
    }
}

impl Stage<'_> {
    pub(super) fn correct(&self, running: &mut Running, flow: &Flow) -> bool {
        let Some((save, given)) = self.correction(running, flow) else { return false };
        running.answers.insert(save, given);
        true
    }

    /// The earlier answer that a message replaces, and by what. The latest that fits: `plutôt 16h` means the time. Behind
    /// those that were asked for come those that a message told by itself.
    pub(super) fn correction(&self, running: &Running, flow: &Flow) -> Option<(String, Given)> {
        let announced = phrases::correction(self.said);
        let written = self.written();
        let asked: Vec<&Step> = running.trail.iter().rev().filter_map(|mark| flow.marked(mark)).collect();
        let here = flow.position(&running.step).unwrap_or_default();
        let told = flow.steps.iter().take(here).filter(|step| asked.iter().all(|asked| asked.id != step.id));
        asked.iter().copied().chain(told).find_map(|step| {
            let (save, given) = match &step.kind {
                StepKind::Ask { answer: AnswerKind::Text | AnswerKind::Place | AnswerKind::YesNo, .. } => return None,
                StepKind::Ask { answer: AnswerKind::Name, save, .. } => {
                    let rest = announced?;
                    let at = self.said.len() - rest.len();
                    // The same words as they were written, if folding kept their number.
                    let text: Vec<&str> = self.scene.text.split_whitespace().collect();
                    let skipped = self.said.get(..at)?.split_whitespace().count();
                    let said_words = self.said.split_whitespace().count();
                    let name = if text.len() == said_words { text.get(skipped..)?.join(" ") } else { rest.to_owned() };
                    match answers::answer(AnswerKind::Name, &answers::Written { text: &name, said: rest, ..written }) {
                        Reading::Given(given) => (save, given),
                        _ => return None,
                    }
                }
                StepKind::Ask { answer: AnswerKind::When, save, .. } => {
                    let earlier = running.answers.get(save)?;
                    (save, self.changed_when(earlier)?)
                }
                StepKind::Ask { answer, save, .. } => {
                    let found = answers::volunteered(*answer, &written).or_else(|| {
                        let is_meant = if *answer == AnswerKind::Number {
                            // `at 5` is a time.
                            let proposes = proposed(self.said).is_some_and(|(_, proposes)| proposes);
                            (announced.is_some() || proposes) && self.reads_when().is_empty()
                        } else {
                            announced.is_some()
                        };
                        match answers::answer(*answer, &written) {
                            Reading::Given(given) if is_meant => Some(given),
                            _ => None,
                        }
                    })?;
                    (save, found)
                }
                StepKind::Choose { options, save, .. } => {
                    let at = picking::by_name(announced.unwrap_or(self.said), &names_of(options))?;
                    let option = options.get(at)?;
                    (save, Given { shown: option.label.clone(), value: option.value.clone() })
                }
                _ => return None,
            };
            let is_noted = matches!(step.kind, StepKind::Ask { where_seats_count: true, .. });
            let is_other = running.answers.get(save).map_or(is_noted, |known| known.value != given.value);
            is_other.then(|| (save.clone(), given))
        })
    }

    /// What the message says of day and time, as far as it is wanted.
    fn reads_when(&self) -> Phrase {
        let (text, now, english) = (self.scene.text, self.local_now(), self.flows.english);
        let part = wanted(text).map(|part| read_when(&part, self.said, now, english));
        part.filter(|phrase| !phrase.is_empty()).unwrap_or_else(|| read_when(text, self.said, now, english))
    }

    /// Another day or another time instead of what was answered. What the message leaves out stays.
    fn changed_when(&self, earlier: &Given) -> Option<Given> {
        let written = self.written();
        let phrase = match self.reads_when() {
            phrase if phrase.is_empty() => proposed_hour(self.said, written.now)?,
            phrase => phrase,
        };
        let (old_day, old_time) = kept(&earlier.value, written.zone);
        let today = written.now.date();
        let named = dated::named_day(phrase.day, today).ok()?;
        let times = dated::times(phrase.time);
        if named.is_none() && times.is_empty() {
            return None;
        }
        let day = named.or(old_day);
        // Of the two halves of the day the one that is to come, and the nearer to what was said before.
        let is_over = |time: NaiveTime| day.unwrap_or(today).and_time(time) < written.now;
        let apart = |time: NaiveTime| old_time.map_or_else(TimeDelta::zero, |old| (time - old).abs());
        let nearest = times.iter().copied().min_by_key(|time| (is_over(*time), apart(*time)));
        match (day, nearest.or(old_time)) {
            (Some(day), None) => Some(dated::on_day(day, today, written.english)),
            (day, Some(time)) => {
                let at = day.unwrap_or(today).and_time(time);
                let at = if named.is_none() && at < written.now { at + TimeDelta::days(1) } else { at };
                Some(dated::at_moment(at, today, written.zone, written.english))
            }
            (None, None) => None,
        }
    }

    /// What the message says of the day and the time of an appointment. A number alone is an hour where a time is chosen.
    pub(super) fn reads_appointment(&self, appointment: &Appointment) -> Phrase {
        let phrase = self.reads_when();
        let hour = || self.proposed_number(appointment).filter(|number| self.is_hour(appointment, *number));
        match phrase.is_empty().then(hour).flatten() {
            Some(hour) => hour_of_day(hour, self.local_now()),
            None => phrase,
        }
    }

    /// How many people a message proposes by a number alone.
    pub(super) fn proposed_people(&self, appointment: &Appointment) -> Option<u32> {
        let (_, proposes) = proposed(self.said)?;
        let number = self.proposed_number(appointment).filter(|_| proposes && self.reads_when().is_empty())?;
        (!self.is_hour(appointment, number)).then_some(number)
    }

    /// The number that a message proposes, while times are chosen or confirmed. One that picks an offered time proposes none.
    fn proposed_number(&self, appointment: &Appointment) -> Option<u32> {
        let chooses = appointment.open == Open::Time;
        if !chooses && appointment.open != Open::Confirm {
            return None;
        }
        let (number, proposes) = proposed(self.said)?;
        let picks = chooses && picking::by_place(self.said, appointment.offered.len()).is_some();
        let may_be_meant = proposes || chooses && self.may_be_open(appointment, number);
        (may_be_meant && !picks).then_some(number)
    }

    /// Whether a number alone is an hour and not how many come. French writes hours with an `h`; English does not, and means
    /// one in which it is open.
    fn is_hour(&self, appointment: &Appointment, number: u32) -> bool {
        self.service_of(appointment).filter(|service| service.is_for_groups()).is_none_or(|service| {
            number > service.capacity || self.flows.english && self.may_be_open(appointment, number)
        })
    }

    /// Whether it is open at that hour, in either half of the day.
    fn may_be_open(&self, appointment: &Appointment, hour: u32) -> bool {
        let offered = appointment.offered.first().map(|(at, _)| to_local(*at, self.flows.zone).date());
        let day = offered.or(appointment.day).unwrap_or_else(|| self.local_now().date());
        let halves = [hour, hour + 12].map(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
        halves.into_iter().flatten().any(|time| self.flows.hours.may_be_open_at(day, time))
    }
}
