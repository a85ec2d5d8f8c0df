//! Dates and times as they are said back: always the whole date.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

const JOURS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MOIS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `mardi 1er décembre`, `Tuesday 1 December`; with the year when it is not this one.
#[must_use]
pub fn date(date: NaiveDate, today: NaiveDate, english: bool) -> String {
    let year = if date.year() == today.year() { String::new() } else { format!(" {}", date.year()) };
    format!("{} {}{year}", day(date, english), month(date, english))
}

/// `1er décembre 2026`, `1 December 2026`
#[must_use]
pub fn full_date(date: NaiveDate, english: bool) -> String {
    format!("{} {}", number(date, english), month_and_year(date, english))
}

/// `décembre 2026`, `December 2026`
#[must_use]
pub fn month_and_year(date: NaiveDate, english: bool) -> String {
    format!("{} {}", month(date, english), date.year())
}

/// `mardi 1er`, `Tuesday 1`: for a choice between days that are near.
#[must_use]
pub fn day(date: NaiveDate, english: bool) -> String {
    format!("{} {}", weekday(date, english), number(date, english))
}

/// `15:30`
#[must_use]
pub fn time(time: NaiveTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// `mardi 1er décembre à 15:30`, `Tuesday 1 December at 15:30`
#[must_use]
pub fn date_and_time(at: NaiveDateTime, today: NaiveDate, english: bool) -> String {
    let join = if english { "at" } else { "à" };
    format!("{} {join} {}", date(at.date(), today, english), time(at.time()))
}

fn number(date: NaiveDate, english: bool) -> String {
    if !english && date.day() == 1 { "1er".to_owned() } else { date.day().to_string() }
}

fn month(date: NaiveDate, english: bool) -> &'static str {
    let names = if english { &MONTHS } else { &MOIS };
    names.get(date.month0() as usize).unwrap_or(&"")
}

fn weekday(date: NaiveDate, english: bool) -> &'static str {
    let names = if english { &DAYS } else { &JOURS };
    names.get(date.weekday().num_days_from_monday() as usize).unwrap_or(&"")
}
