//! Public holidays by country.

use chrono::{Datelike, Days, NaiveDate};

use crate::domain::words::stored_words;

/// A country whose public holidays are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Country {
    /// France: the eleven days of article L3133-1 of the Code du travail.
    Fr,
    /// Belgium: the ten days of the law of 4 January 1974.
    Be,
}

stored_words!(Country { Fr => "FR", Be => "BE" });

/// Whether a day is a public holiday of a country.
#[must_use]
pub fn is_holiday(country: Country, date: NaiveDate) -> bool {
    // Month and day.
    const SHARED: [(u32, u32); 5] = [(1, 1), (5, 1), (8, 15), (11, 1), (12, 25)];
    let own: &[(u32, u32)] = match country {
        Country::Fr => &[(5, 8), (7, 14), (11, 11)],
        Country::Be => &[(7, 21), (11, 11)],
    };
    let fixed = (date.month(), date.day());
    // Easter Monday, Ascension, Whit Monday.
    let after_easter = [1, 39, 50];
    let moveable = || {
        let easter = easter(date.year())?;
        Some(after_easter.iter().any(|days| easter.checked_add_days(Days::new(*days)) == Some(date)))
    };
    SHARED.contains(&fixed) || own.contains(&fixed) || moveable().unwrap_or(false)
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm, as Meeus gives it).
fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn easter_falls_as_the_almanacs_say() {
        for day in [
            "2000-04-23",
            "2008-03-23",
            "2019-04-21",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2029-04-01",
            "2030-04-21",
            "2038-04-25",
        ] {
            assert_eq!(easter(on(day).year()), Some(on(day)));
        }
    }

    #[test]
    fn france_has_eleven_holidays_a_year() {
        let days = |country, year: i32| -> Vec<String> {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let all = first.iter_days().take_while(|day| day.year() == year);
            all.filter(|day| is_holiday(country, *day)).map(|day| day.format("%m-%d").to_string()).collect()
        };
        assert_eq!(
            days(Country::Fr, 2026),
            ["01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"]
        );
        assert_eq!(
            days(Country::Be, 2026),
            ["01-01", "04-06", "05-01", "05-14", "05-25", "07-21", "08-15", "11-01", "11-11", "12-25"]
        );
    }
}
