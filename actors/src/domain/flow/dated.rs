//! Days and times as answers.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::Given;
use super::texts::TextKey;
use crate::domain::dates::{self, Day, Phrase, Time, to_utc};

/// What a phrase says of a day and a time. `None`: neither.
///
/// # Errors
/// What is said of a day that none can be.
pub(super) fn moment(found: Phrase, now: NaiveDateTime, zone: Tz, english: bool) -> Result<Option<Given>, TextKey> {
    let today = now.date();
    let day = named_day(found.day, today)?;
    Ok(match (day, times(found.time).first().copied()) {
        (None, None) => None,
        (Some(day), None) => Some(on_day(day, today, english)),
        (day, Some(time)) => {
            // A time alone is the next one.
            let at = day.unwrap_or(today).and_time(time);
            let at = if day.is_none() && at < now { at + TimeDelta::days(1) } else { at };
            Some(at_moment(at, today, zone, english))
        }
    })
}

/// The one day that is said.
///
/// # Errors
/// It is none, or one of two.
pub(super) fn named_day(day: Option<Day>, today: NaiveDate) -> Result<Option<NaiveDate>, TextKey> {
    match day {
        Some(Day::On(day) | Day::Within(day, _)) => Ok(Some(day)),
        Some(Day::Any) => Ok(Some(today)),
        Some(Day::Either(_) | Day::Past(_) | Day::Impossible) => Err(TextKey::BadDate),
        None => Ok(None),
    }
}

/// The times that may be meant, the likeliest first; of a stretch its beginning.
pub(super) fn times(time: Option<Time>) -> Vec<NaiveTime> {
    match time {
        Some(Time::At(times) | Time::Around(times)) => times,
        Some(Time::Between(from, _)) => vec![from],
        Some(Time::Same) | None => Vec::new(),
    }
}

/// A day, as it is said back and kept.
pub(super) fn on_day(day: NaiveDate, today: NaiveDate, english: bool) -> Given {
    Given { shown: dates::date(day, today, english), value: day.to_string() }
}

/// A moment, as it is said back and kept.
pub(super) fn at_moment(at: NaiveDateTime, today: NaiveDate, zone: Tz, english: bool) -> Given {
    let kept = to_utc(at, zone).first();
    let value = kept.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Given { shown: dates::date_and_time(at, today, english), value }
}
