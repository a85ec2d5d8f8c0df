//! Dates and times as customers write them, in French and English.
//!
//! [`read`] takes a phrase and the tenant's local time, and answers which day and which time it names. What a phrase leaves
//! open is a value ([`Day::Either`], several candidates in [`Time::At`]): the caller asks, or decides by opening hours.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};

mod days;
mod found;
mod local;
mod names;
mod scan;
mod times;
mod tokens;
mod written;

pub use self::local::{LocalTime, to_local, to_utc};
pub use self::written::{date, date_and_time, day, full_date, month_and_year, time};

/// The day that a phrase names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Day {
    /// This one.
    On(NaiveDate),
    /// One of these: ask which.
    Either(Vec<NaiveDate>),
    /// Some day of these, first and last.
    Within(NaiveDate, NaiveDate),
    /// A day that is over.
    Past(NaiveDate),
    /// Whichever comes first.
    Any,
    /// A day that no calendar has: 31 November.
    Impossible,
}

/// The time of day that a phrase names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Time {
    /// One of these, the likeliest first.
    At(Vec<NaiveTime>),
    /// About then, the likeliest first.
    Around(Vec<NaiveTime>),
    /// Some time from the first to the second.
    Between(NaiveTime, NaiveTime),
    /// The time that was spoken of before.
    Same,
}

/// What a phrase says of a day and a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrase {
    /// The day, if it names one.
    pub day: Option<Day>,
    /// The time, if it names one.
    pub time: Option<Time>,
}

impl Phrase {
    /// Whether it names neither a day nor a time.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.day.is_none() && self.time.is_none()
    }
}

/// Reads a phrase. `now` is the tenant's local time. `english` allows short names that are other words in French (`mon`), and
/// makes `3/12` two dates.
#[must_use]
pub fn read(phrase: &str, now: NaiveDateTime, english: bool) -> Phrase {
    let tokens = tokens::tokens(phrase, english);
    let found = scan::scan(&tokens, now, english);
    let today = now.date();
    let time = found.time(english);
    let day = found.day(today);
    // Today at a time that has passed is a slip, unless the other half of the day is meant.
    let (day, time) = match (day, time) {
        (None, Some(Time::At(mut times))) if found.is_now => {
            times.truncate(1);
            (Some(Day::On(today)), Some(Time::At(times)))
        }
        (Some(Day::On(day)), Some(Time::At(times))) if day == today && !found.is_now => {
            let ahead: Vec<NaiveTime> = times.iter().copied().filter(|time| *time > now.time()).collect();
            if ahead.is_empty() {
                (Some(Day::Past(day)), Some(Time::At(times)))
            } else {
                (Some(Day::On(day)), Some(Time::At(ahead)))
            }
        }
        both => both,
    };
    Phrase { day, time }
}

/// The day so many days later; the same day where the calendar ends.
fn later(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

/// The days of the week of `day`, Monday and Sunday.
fn week_of(day: NaiveDate) -> (NaiveDate, NaiveDate) {
    let monday = day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day);
    (monday, later(monday, 6))
}

#[cfg(test)]
mod tests;
