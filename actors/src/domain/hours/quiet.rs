//! When advertising may be sent: in France not between 22:00 and 08:00, on Sundays or on public holidays.
//!
//! The hours are those of the country where the person is: by their number, or else by where the tenant is.

use chrono::{Datelike, Days, NaiveDateTime, NaiveTime, Timelike, Weekday};
use chrono_tz::Tz;

use super::{Country, is_holiday};

const FROM_HOUR: u32 = 8;
const UNTIL_HOUR: u32 = 22;
/// Two weeks hold a working day, whatever is celebrated.
const LONGEST_WAIT_DAYS: u64 = 14;

/// Time zones of the French territories that have a prefix of their own, and of France itself.
const FRENCH_PREFIXES: [(&str, Tz); 5] = [
    ("+33", Tz::Europe__Paris),
    ("+262", Tz::Indian__Reunion),
    ("+590", Tz::America__Guadeloupe),
    ("+594", Tz::America__Cayenne),
    ("+596", Tz::America__Martinique),
];

/// The time zone whose French hours count for somebody with this phone number (`None`: no number is known, the tenant's country
/// counts). `None`: no law that is known here.
#[must_use]
pub fn french_zone(number: Option<&str>, tenant: Option<Country>, tenant_zone: Tz) -> Option<Tz> {
    if let Some(number) = number {
        return FRENCH_PREFIXES.iter().find(|(prefix, _)| number.starts_with(prefix)).map(|(_, zone)| *zone);
    }
    let is_french = match tenant {
        Some(country) => country == Country::Fr,
        None => FRENCH_PREFIXES.iter().any(|(_, zone)| *zone == tenant_zone),
    };
    is_french.then_some(tenant_zone)
}

/// When advertising may be sent again in France, in local time; `None`: now.
#[must_use]
pub fn advertising_waits_until(local: NaiveDateTime) -> Option<NaiveDateTime> {
    let is_quiet_day = |at: NaiveDateTime| at.weekday() == Weekday::Sun || is_holiday(Country::Fr, at.date());
    if !is_quiet_day(local) && (FROM_HOUR..UNTIL_HOUR).contains(&local.hour()) {
        return None;
    }
    let morning = NaiveTime::from_hms_opt(FROM_HOUR, 0, 0).unwrap_or_default();
    let days = (0..=LONGEST_WAIT_DAYS).filter_map(|ahead| local.date().checked_add_days(Days::new(ahead)));
    days.map(|date| date.and_time(morning)).find(|at| *at > local && !is_quiet_day(*at))
}

/// A moment at which people sleep, moved to the evening before: reminders wake nobody.
#[must_use]
pub fn before_the_night(local: NaiveDateTime) -> NaiveDateTime {
    let evening = NaiveTime::from_hms_opt(20, 0, 0).unwrap_or_default();
    match local.hour() {
        UNTIL_HOUR.. => local.date().and_time(evening),
        ..FROM_HOUR => local.date().pred_opt().unwrap_or(local.date()).and_time(evening),
        _ => local,
    }
}

/// A moment at which people sleep, moved to the morning: what may wait wakes nobody.
#[must_use]
pub fn after_the_night(local: NaiveDateTime) -> NaiveDateTime {
    let morning = NaiveTime::from_hms_opt(FROM_HOUR, 0, 0).unwrap_or_default();
    match local.hour() {
        UNTIL_HOUR.. => local.date().succ_opt().unwrap_or(local.date()).and_time(morning),
        ..FROM_HOUR => local.date().and_time(morning),
        _ => local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advertising_keeps_quiet_at_night_on_sundays_and_on_holidays() {
        for (now, until) in [
            ("2026-12-01T08:00:00", None),
            ("2026-12-01T21:59:59", None),
            ("2026-12-01T22:00:00", Some("2026-12-02T08:00:00")),
            ("2026-12-01T03:00:00", Some("2026-12-01T08:00:00")),
            // Saturday evening, Sunday.
            ("2026-12-05T22:30:00", Some("2026-12-07T08:00:00")),
            ("2026-12-06T12:00:00", Some("2026-12-07T08:00:00")),
            // Christmas 2026 is a Friday; All Saints' Day a Sunday.
            ("2026-12-25T10:00:00", Some("2026-12-26T08:00:00")),
            ("2026-11-01T10:00:00", Some("2026-11-02T08:00:00")),
        ] {
            let parse = |text: &str| text.parse::<NaiveDateTime>().unwrap();
            assert_eq!(advertising_waits_until(parse(now)), until.map(parse), "{now}");
        }
    }

    #[test]
    fn the_persons_number_says_whose_hours_count_and_else_the_tenants_country() {
        let (paris, conakry) = (Tz::Europe__Paris, Tz::Africa__Conakry);
        for (number, tenant, zone, expected) in [
            (Some("+33612345678"), None, conakry, Some(paris)),
            (Some("+262692123456"), None, paris, Some(Tz::Indian__Reunion)),
            (Some("+224620000000"), Some(Country::Fr), paris, None),
            (Some("+32470123456"), None, paris, None),
            (None, Some(Country::Fr), conakry, Some(conakry)),
            (None, Some(Country::Be), paris, None),
            (None, None, paris, Some(paris)),
            (None, None, conakry, None),
        ] {
            assert_eq!(french_zone(number, tenant, zone), expected, "{number:?} {tenant:?} {zone}");
        }
    }

    #[test]
    fn reminders_come_the_evening_before_the_night() {
        for (at, moved) in [
            ("2026-12-01T07:30:00", "2026-11-30T20:00:00"),
            ("2026-12-01T08:00:00", "2026-12-01T08:00:00"),
            ("2026-12-01T22:15:00", "2026-12-01T20:00:00"),
            ("2026-12-01T14:30:00", "2026-12-01T14:30:00"),
        ] {
            assert_eq!(before_the_night(at.parse().unwrap()), moved.parse::<NaiveDateTime>().unwrap(), "{at}");
        }
    }
}
