//! Local times of a time zone, and those that a change of the clocks skips or repeats.

use chrono::{LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::domain::Timestamp;

/// What a local time is in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalTime {
    /// That moment.
    One(Timestamp),
    /// The clocks were set back: it comes twice.
    Twice(Timestamp, Timestamp),
    /// The clocks are set forward: it never comes. The first moment after the gap.
    Skipped(Timestamp),
}

impl LocalTime {
    /// The first moment that fits.
    #[must_use]
    pub const fn first(self) -> Timestamp {
        match self {
            Self::One(at) | Self::Twice(at, _) | Self::Skipped(at) => at,
        }
    }
}

/// A local time as a moment.
#[must_use]
pub fn to_utc(local: NaiveDateTime, zone: Tz) -> LocalTime {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => LocalTime::One(at.with_timezone(&Utc)),
        LocalResult::Ambiguous(first, second) => {
            LocalTime::Twice(first.with_timezone(&Utc), second.with_timezone(&Utc))
        }
        LocalResult::None => {
            // No zone's gap is longer than a day, and all begin and end on a quarter of an hour.
            let quarters = (1..=96).map(|quarter| local + TimeDelta::minutes(15 * quarter));
            let after = quarters.filter_map(|local| zone.from_local_datetime(&local).earliest()).next();
            LocalTime::Skipped(after.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc)))
        }
    }
}

/// A moment as the clocks of a zone show it.
#[must_use]
pub fn to_local(at: Timestamp, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn gaps_and_repeated_hours_are_told() {
        let paris = Tz::Europe__Paris;
        for (local, expected) in [
            ("2026-12-01T15:30:00", LocalTime::One(utc("2026-12-01T14:30:00Z"))),
            ("2026-07-01T15:30:00", LocalTime::One(utc("2026-07-01T13:30:00Z"))),
            ("2027-03-28T02:30:00", LocalTime::Skipped(utc("2027-03-28T01:00:00Z"))),
            ("2027-03-28T02:00:00", LocalTime::Skipped(utc("2027-03-28T01:00:00Z"))),
            ("2027-03-28T03:00:00", LocalTime::One(utc("2027-03-28T01:00:00Z"))),
            ("2026-10-25T02:30:00", LocalTime::Twice(utc("2026-10-25T00:30:00Z"), utc("2026-10-25T01:30:00Z"))),
        ] {
            assert_eq!(to_utc(at(local), paris), expected, "{local}");
        }
        assert_eq!(to_utc(at("2026-12-01T08:00:00"), Tz::Africa__Conakry).first(), utc("2026-12-01T08:00:00Z"));
    }

    #[test]
    fn there_and_back_is_the_same_but_in_a_gap() {
        for zone in [Tz::Europe__Paris, Tz::Africa__Conakry, Tz::America__New_York, Tz::Australia__Lord_Howe] {
            let mut local = at("2026-10-20T00:00:00");
            while local < at("2026-11-05T00:00:00") {
                match to_utc(local, zone) {
                    LocalTime::Skipped(after) => assert!(to_local(after, zone) > local),
                    LocalTime::One(only) => assert_eq!(to_local(only, zone), local),
                    LocalTime::Twice(first, second) => {
                        assert!(first < second);
                        assert_eq!((to_local(first, zone), to_local(second, zone)), (local, local));
                    }
                }
                local += TimeDelta::minutes(15);
            }
        }
    }
}
