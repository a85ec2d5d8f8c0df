//! Business hours: when a tenant is open, in its own local time.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Weekday};

mod holidays;
mod quiet;

pub use self::holidays::{Country, is_holiday};
pub use self::quiet::{advertising_waits_until, after_the_night, before_the_night, french_zone};

/// How far an opening is looked for: a business that is closed for longer has no next opening.
const LONGEST_CLOSURE_DAYS: u64 = 120;

/// A stretch of opening within one day, in minutes after midnight; 1440 is the day's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenSpan {
    /// The first minute.
    pub from: u16,
    /// The minute at which it is over.
    pub until: u16,
}

/// Why a span was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It is not written like `09:00-12:30`.
    #[error("is no span of hours")]
    Malformed,
    /// It ends before it begins.
    #[error("ends before it begins")]
    Backwards,
}

impl std::str::FromStr for OpenSpan {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (from, until) = text.split_once(['-', '–']).ok_or(SpanError::Malformed)?;
        let minutes = |text: &str| -> Option<u16> {
            let text = text.trim();
            let (hour, minute) = text.split_once([':', 'h']).unwrap_or((text, "0"));
            let (hour, minute): (u16, u16) =
                (hour.parse().ok()?, if minute.is_empty() { 0 } else { minute.parse().ok()? });
            let total = hour.checked_mul(60)?.checked_add(minute)?;
            (minute < 60 && total <= 24 * 60).then_some(total)
        };
        let from = minutes(from).ok_or(SpanError::Malformed)?;
        let until = minutes(until).ok_or(SpanError::Malformed)?;
        if from < until { Ok(Self { from, until }) } else { Err(SpanError::Backwards) }
    }
}

/// When a tenant is open. Without any hours it is always open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// Spans of each weekday, Monday first.
    pub week: [Vec<OpenSpan>; 7],
    /// Whose public holidays it keeps.
    pub country: Option<Country>,
    /// Further days on which it is closed.
    pub closed: BTreeSet<NaiveDate>,
}

impl Hours {
    /// Whether any hours were given.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.week.iter().any(|spans| !spans.is_empty())
    }

    /// The spans of a weekday.
    #[must_use]
    pub fn on_weekday(&self, weekday: Weekday) -> &[OpenSpan] {
        self.week.get(weekday.num_days_from_monday() as usize).map_or(&[], Vec::as_slice)
    }

    /// The stretches of a day in which it is open.
    #[must_use]
    pub fn open_on(&self, date: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        let midnight = date.and_time(NaiveTime::MIN);
        if !self.are_known() {
            return vec![(midnight, midnight + TimeDelta::days(1))];
        }
        if self.closed.contains(&date) || self.country.is_some_and(|country| is_holiday(country, date)) {
            return Vec::new();
        }
        let at = |minutes: u16| midnight + TimeDelta::minutes(i64::from(minutes));
        self.on_weekday(date.weekday()).iter().map(|span| (at(span.from), at(span.until))).collect()
    }

    /// Whether it is open then.
    #[must_use]
    pub fn is_open(&self, at: NaiveDateTime) -> bool {
        self.open_on(at.date()).iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    /// When the stretch ends that it is open in; `None` while it is closed, or always open.
    #[must_use]
    pub fn closes_at(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        if !self.are_known() {
            return None;
        }
        self.open_on(at.date()).into_iter().find(|(from, until)| (*from..*until).contains(&at)).map(|(_, until)| until)
    }

    /// When it opens next, if it is closed then and opens again within months.
    #[must_use]
    pub fn opens_at(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.is_open(at) {
            return None;
        }
        let days = (0..=LONGEST_CLOSURE_DAYS).filter_map(|ahead| at.date().checked_add_days(Days::new(ahead)));
        days.flat_map(|date| self.open_on(date)).map(|(from, _)| from).find(|from| *from > at)
    }

    /// Whether a time of a day is within its hours: which half of the day an ambiguous hour means.
    #[must_use]
    pub fn may_be_open_at(&self, date: NaiveDate, time: NaiveTime) -> bool {
        !self.are_known() || self.is_open(date.and_hms_opt(time.hour(), time.minute(), 0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> Hours {
        let spans = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<OpenSpan>>();
        let day = || spans(&["09:00-12:30", "14:00-19:00"]);
        Hours {
            week: [vec![], day(), day(), day(), day(), spans(&["9h-18h"]), vec![]],
            country: Some(Country::Fr),
            closed: BTreeSet::from(["2026-12-24".parse().unwrap()]),
        }
    }

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn spans_are_read() {
        for (text, expected) in [
            ("09:00-12:30", Ok(OpenSpan { from: 540, until: 750 })),
            ("9h-18h", Ok(OpenSpan { from: 540, until: 1080 })),
            ("9h30 – 24h", Ok(OpenSpan { from: 570, until: 1440 })),
            ("00:00-24:00", Ok(OpenSpan { from: 0, until: 1440 })),
            ("12:00-09:00", Err(SpanError::Backwards)),
            ("09:00-09:00", Err(SpanError::Backwards)),
            ("09:00", Err(SpanError::Malformed)),
            ("9-25", Err(SpanError::Malformed)),
            ("9:70-12", Err(SpanError::Malformed)),
            ("matin", Err(SpanError::Malformed)),
        ] {
            assert_eq!(text.parse::<OpenSpan>(), expected, "{text}");
        }
    }

    #[test]
    fn it_is_open_within_its_spans() {
        for (text, open, closes, opens) in [
            ("2026-12-01T09:00:00", true, Some("2026-12-01T12:30:00"), None),
            ("2026-12-01T12:29:59", true, Some("2026-12-01T12:30:00"), None),
            ("2026-12-01T12:30:00", false, None, Some("2026-12-01T14:00:00")),
            ("2026-12-01T19:00:00", false, None, Some("2026-12-02T09:00:00")),
            // A Saturday evening: Sunday and Monday are closed.
            ("2026-12-05T18:30:00", false, None, Some("2026-12-08T09:00:00")),
            // Closed on the 24th by its own list, on the 25th as a holiday.
            ("2026-12-23T20:00:00", false, None, Some("2026-12-26T09:00:00")),
        ] {
            let hours = hours();
            assert_eq!(hours.is_open(at(text)), open, "{text}");
            assert_eq!(hours.closes_at(at(text)), closes.map(at), "{text}");
            assert_eq!(hours.opens_at(at(text)), opens.map(at), "{text}");
        }
    }

    #[test]
    fn without_hours_it_is_always_open() {
        let hours = Hours::default();
        assert!(hours.is_open(at("2026-12-25T03:00:00")));
        assert_eq!(hours.closes_at(at("2026-12-25T03:00:00")), None);
        assert_eq!(hours.opens_at(at("2026-12-25T03:00:00")), None);
    }

    #[test]
    fn a_business_that_never_opens_has_no_next_opening() {
        let mut hours = hours();
        hours.week = Default::default();
        hours.week[0] = vec![OpenSpan { from: 0, until: 1 }];
        hours.closed =
            (0..400).filter_map(|ahead| at("2026-12-01T00:00:00").date().checked_add_days(Days::new(ahead))).collect();
        assert_eq!(hours.opens_at(at("2026-12-01T12:00:00")), None);
    }
}
