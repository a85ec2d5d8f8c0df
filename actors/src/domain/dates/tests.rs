//! Tables of phrases at a fixed now, and properties of reading.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use proptest::prelude::*;

use super::*;

/// Monday 30 November 2026, 10:00.
fn now() -> NaiveDateTime {
    "2026-11-30T10:00:00".parse().unwrap()
}

fn shown_date(date: NaiveDate) -> String {
    if date.year() == 2026 { date.format("%m-%d").to_string() } else { date.format("%Y-%m-%d").to_string() }
}

fn shown_day(day: Option<&Day>) -> String {
    match day {
        None => "-".to_owned(),
        Some(Day::On(date)) => shown_date(*date),
        Some(Day::Either(dates)) => dates.iter().map(|date| shown_date(*date)).collect::<Vec<_>>().join("|"),
        Some(Day::Within(from, to)) => format!("{}..{}", shown_date(*from), shown_date(*to)),
        Some(Day::Past(_)) => "past".to_owned(),
        Some(Day::Any) => "any".to_owned(),
        Some(Day::Impossible) => "impossible".to_owned(),
    }
}

fn shown_time(time_of_day: Option<&Time>) -> String {
    let all = |times: &[NaiveTime]| times.iter().map(|at| time(*at)).collect::<Vec<_>>().join("/");
    match time_of_day {
        None => "-".to_owned(),
        Some(Time::At(times)) => all(times),
        Some(Time::Around(times)) => format!("~{}", all(times)),
        Some(Time::Between(from, until)) => format!("{}-{}", time(*from), time(*until)),
        Some(Time::Same) => "same".to_owned(),
    }
}

#[test]
fn phrases_name_days_and_times() {
    let mut wrong = String::new();
    let mut read_right = 0;
    for row in include_str!("phrases.txt").lines().filter(|row| !row.starts_with('#') && !row.is_empty()) {
        let (before_time, expected_time) = row.rsplit_once(" | ").unwrap();
        let (head, expected_day) = before_time.rsplit_once(" | ").unwrap();
        let (language, phrase) = head.split_once(" | ").unwrap();
        let found = read(phrase, now(), language == "en");
        let (day, time_of_day) = (shown_day(found.day.as_ref()), shown_time(found.time.as_ref()));
        if (day.as_str(), time_of_day.as_str()) == (expected_day, expected_time) {
            read_right += 1;
        } else {
            writeln!(
                wrong,
                "{language} | {phrase} | {day} | {time_of_day}   instead of {expected_day} | {expected_time}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(read_right >= 300, "{read_right} phrases");
}

#[test]
fn what_is_today_depends_on_the_day() {
    let on = |now: &str, phrase: &str| shown_day(read(phrase, now.parse().unwrap(), false).day.as_ref());
    for (now, phrase, expected) in [
        // A Wednesday.
        ("2026-12-02T09:00:00", "mardi prochain", "12-08"),
        ("2026-12-02T09:00:00", "vendredi prochain", "12-04|12-11"),
        ("2026-12-02T09:00:00", "mercredi", "12-02|12-09"),
        ("2026-12-02T09:00:00", "le 2", "12-02"),
        ("2026-12-02T09:00:00", "le 1er", "2027-01-01"),
        ("2026-12-02T09:00:00", "lundi", "12-07"),
        // A Saturday.
        ("2026-12-05T09:00:00", "ce week-end", "12-05..12-06"),
        ("2026-12-05T09:00:00", "week-end prochain", "12-12..12-13"),
        ("2026-12-05T09:00:00", "lundi de la semaine prochaine", "12-07"),
        // The last days of a year.
        ("2026-12-31T09:00:00", "demain", "2027-01-01"),
        ("2026-12-31T09:00:00", "le 3", "2027-01-03"),
        ("2026-12-31T09:00:00", "3/1", "2027-01-03"),
        // The month without a 31st is passed over.
        ("2027-01-31T09:00:00", "le 30", "2027-03-30"),
    ] {
        assert_eq!(on(now, phrase), expected, "{phrase} at {now}");
    }
}

#[test]
fn dates_are_said_back_whole() {
    let today = now().date();
    let on = |text: &str| text.parse::<NaiveDate>().unwrap();
    assert_eq!(date(on("2026-12-01"), today, false), "mardi 1er décembre");
    assert_eq!(date(on("2026-12-03"), today, false), "jeudi 3 décembre");
    assert_eq!(date(on("2027-01-05"), today, false), "mardi 5 janvier 2027");
    assert_eq!(date(on("2026-12-01"), today, true), "Tuesday 1 December");
    assert_eq!(day(on("2026-12-01"), false), "mardi 1er");
    let at = on("2026-12-01").and_hms_opt(15, 5, 0).unwrap();
    assert_eq!(date_and_time(at, today, false), "mardi 1er décembre à 15:05");
    assert_eq!(date_and_time(at, today, true), "Tuesday 1 December at 15:05");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>(), english in any::<bool>()) {
        let _ = read(&text, now(), english);
    }

    #[test]
    fn words_of_dates_in_any_order_are_read_without_a_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "demain", "mardi", "le", "3", "12", "31", "décembre", "sept", "h", "30", "/", "-", ".", ":", "dans", "jours", "à", "et",
            "prochain", "moins", "quart", "entre", "en", "huit", "2026", "9999", "0", "pm", "next", "half", "past", "fin", "du", "mois", "in", "29", "février",
        ]), 0..12),
        english in any::<bool>(),
    ) {
        let _ = read(&words.join(" "), now(), english);
    }

    #[test]
    fn a_date_said_back_is_read_as_the_same_date(days in 1_i64..300, hour in 0_u32..24, english in any::<bool>()) {
        let date = now().date() + chrono::TimeDelta::days(days);
        let at = date.and_hms_opt(hour, 30, 0).unwrap();
        let found = read(&date_and_time(at, now().date(), english), now(), english);
        prop_assert_eq!(found.day, Some(Day::On(date)));
        let Some(Time::At(times)) = found.time else { panic!("no time") };
        prop_assert!(times.contains(&at.time()));
    }
}
