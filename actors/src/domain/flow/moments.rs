//! Days and times as answers.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::Given;
use super::answers::{Reading, Written};
use super::corrections::proposed_hour;
use super::people::read_when;
use super::texts::TextKey;
use crate::domain::dates::{self, Day, Phrase, Time, to_utc};

/// The day and the time that a message names.
pub(super) fn named(written: &Written<'_>) -> Reading {
    moment(read_when(written.text, written.said, written.now, written.english), written)
}

/// The same where a time was asked for: `vers 4` is one then.
pub(super) fn asked_for(written: &Written<'_>) -> Reading {
    match (named(written), proposed_hour(written.said, written.now)) {
        (Reading::Nothing, Some(hour)) => moment(hour, written),
        (read, _) => read,
    }
}

fn moment(found: Phrase, written: &Written<'_>) -> Reading {
    let today = written.now.date();
    let time = match found.time {
        Some(Time::At(times) | Time::Around(times)) => times.first().copied(),
        Some(Time::Between(from, _)) => Some(from),
        Some(Time::Same) | None => None,
    };
    let day = match found.day {
        Some(Day::On(day) | Day::Within(day, _)) => Some(day),
        Some(Day::Any) => Some(today),
        Some(Day::Either(_) | Day::Past(_) | Day::Impossible) => return Reading::Wrong(TextKey::BadDate),
        None => None,
    };
    match (day, time) {
        (None, None) => Reading::Nothing,
        (Some(day), None) => Reading::Given(on_day(day, written)),
        (day, Some(time)) => {
            // A time alone is the next one.
            let at = day.unwrap_or(today).and_time(time);
            let at = if day.is_none() && at < written.now { at + TimeDelta::days(1) } else { at };
            Reading::Given(at_moment(at, written))
        }
    }
}

/// A day, as it is said back and kept.
pub(super) fn on_day(day: NaiveDate, written: &Written<'_>) -> Given {
    Given { shown: dates::date(day, written.now.date(), written.english), value: day.to_string() }
}

/// A moment, as it is said back and kept.
pub(super) fn at_moment(at: NaiveDateTime, written: &Written<'_>) -> Given {
    let kept = to_utc(at, written.zone).first();
    let shown = dates::date_and_time(at, written.now.date(), written.english);
    Given { shown, value: kept.to_rfc3339_opts(chrono::SecondsFormat::Secs, true) }
}
