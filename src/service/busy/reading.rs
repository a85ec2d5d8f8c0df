//! Busy times out of an iCalendar file: its events, with their repetitions.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use icalendar::parser::{Component, Property, read_calendar, unfold};
use palabre_actors::domain::Timestamp;
use rrule::{RRule, RRuleSet, Unvalidated};

/// Times that are kept of a calendar: more are nobody's calendar.
const MOST_TIMES: usize = 4_000;
/// Repetitions of one event: a year of every day, and then some.
const MOST_REPETITIONS: u16 = 1_000;
/// Components within each other: a calendar has three levels.
const DEEPEST: usize = 8;
/// Days that an event without a length or with an endless one takes at most.
const LONGEST_DAYS: i64 = 366;

/// The file is no calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no iCalendar file")]
pub struct Unreadable;

/// Time that is taken, from and until.
pub type Taken = (Timestamp, Timestamp);

/// The time that events of a calendar take between two moments, in order and without overlaps. `zone`: whose clocks are meant
/// where the file does not say.
///
/// # Errors
/// [`Unreadable`]
pub fn busy(text: &str, zone: Tz, within: Taken) -> Result<Vec<Taken>, Unreadable> {
    if !(1..=DEEPEST).contains(&depth(text)) || !text.contains("BEGIN:VCALENDAR") {
        return Err(Unreadable);
    }
    let unfolded = unfold(text);
    let calendar = read_calendar(&unfolded).map_err(|_| Unreadable)?;
    let named = calendar.properties.iter().find(|property| property.name.as_str() == "X-WR-TIMEZONE");
    let zone = named.and_then(|named| zone_named(named.val.as_str())).unwrap_or(zone);
    let events: Vec<&Component<'_>> =
        calendar.components.iter().filter(|component| component.name.as_str() == "VEVENT").collect();
    let moved = moved(&events, zone);
    let mut times = Vec::new();
    for event in events {
        if times.len() > MOST_TIMES {
            break;
        }
        times.extend(of_event(event, zone, within, &moved));
    }
    times.truncate(MOST_TIMES);
    Ok(merged(times))
}

fn is_begin(line: &str) -> bool {
    line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:"))
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for line in text.lines() {
        if is_begin(line) {
            depth += 1;
            deepest = deepest.max(depth);
        } else if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("END:")) {
            depth = depth.saturating_sub(1);
        }
    }
    deepest
}

/// By the event's id: repetitions that have an event of their own instead.
fn moved(events: &[&Component<'_>], zone: Tz) -> HashMap<String, HashSet<Timestamp>> {
    let mut moved: HashMap<String, HashSet<Timestamp>> = HashMap::new();
    for event in events {
        if let (Some(uid), Some(of)) = (event.find_prop("UID"), event.find_prop("RECURRENCE-ID"))
            && let Some(at) = moments(of, zone).next()
        {
            moved.entry(uid.val.as_str().to_owned()).or_default().insert(at.utc());
        }
    }
    moved
}

/// A moment as a calendar writes it, and whose clocks it is by.
#[derive(Clone, Copy)]
struct Moment {
    local: NaiveDateTime,
    zone: Tz,
    is_date: bool,
}

impl Moment {
    fn utc(self) -> Timestamp {
        match self.zone.from_local_datetime(&self.local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
            // The clocks leave it out: an hour later they do not.
            LocalResult::None => {
                let later = self.local + TimeDelta::hours(1);
                self.zone.from_local_datetime(&later).earliest().map_or_else(|| later.and_utc(), |at| at.to_utc())
            }
        }
    }
}

/// The moments of a property, such as `DTSTART` or `EXDATE`.
fn moments<'a>(property: &'a Property<'_>, zone: Tz) -> impl Iterator<Item = Moment> + 'a {
    let named = property.params.iter().find(|param| param.key.as_str() == "TZID");
    let zone = named.and_then(|named| zone_named(named.val.as_ref()?.as_str())).unwrap_or(zone);
    property.val.as_str().split(',').filter_map(move |text| moment(text.trim(), zone))
}

fn moment(text: &str, zone: Tz) -> Option<Moment> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y%m%d") {
        return Some(Moment { local: date.and_time(NaiveTime::MIN), zone, is_date: true });
    }
    let (text, zone) = text.strip_suffix('Z').map_or((text, zone), |text| (text, Tz::UTC));
    let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok()?;
    Some(Moment { local, zone, is_date: false })
}

/// A zone by its IANA name, or by the name that Outlook has for it.
fn zone_named(name: &str) -> Option<Tz> {
    let name = name.trim_matches('"');
    name.parse().ok().or(match name {
        "Romance Standard Time" => Some(Tz::Europe__Paris),
        "W. Europe Standard Time" => Some(Tz::Europe__Berlin),
        "Central Europe Standard Time" | "Central European Standard Time" => Some(Tz::Europe__Warsaw),
        "GMT Standard Time" => Some(Tz::Europe__London),
        "Greenwich Standard Time" => Some(Tz::Africa__Abidjan),
        "W. Central Africa Standard Time" => Some(Tz::Africa__Lagos),
        "Morocco Standard Time" => Some(Tz::Africa__Casablanca),
        "Eastern Standard Time" => Some(Tz::America__New_York),
        _ => None,
    })
}

fn of_event(
    event: &Component<'_>,
    zone: Tz,
    (from, until): Taken,
    moved: &HashMap<String, HashSet<Timestamp>>,
) -> Vec<Taken> {
    let is = |name: &str, value: &str| {
        event.find_prop(name).is_some_and(|property| property.val.as_str().eq_ignore_ascii_case(value))
    };
    if is("TRANSP", "TRANSPARENT") || is("STATUS", "CANCELLED") {
        return Vec::new();
    }
    let Some(start) = event.find_prop("DTSTART").and_then(|start| moments(start, zone).next()) else {
        return Vec::new();
    };
    let Some(long) = length(event, start, zone).filter(|long| *long > TimeDelta::zero()) else { return Vec::new() };
    let long = long.min(TimeDelta::days(LONGEST_DAYS));
    let mut starts = starts(event, start, zone, (from - long, until));
    if let (Some(uid), None) = (event.find_prop("UID"), event.find_prop("RECURRENCE-ID"))
        && let Some(moved) = moved.get(uid.val.as_str())
    {
        starts.retain(|at| !moved.contains(at));
    }
    let time = |at: Timestamp| {
        // A day is a day, also where the clocks change within it.
        let ends = if start.is_date {
            let local = at.with_timezone(&start.zone).naive_local();
            let days = u64::try_from(long.num_days().max(1)).unwrap_or(1);
            let local = local.checked_add_days(Days::new(days)).unwrap_or(local);
            Moment { local, ..start }.utc()
        } else {
            at + long
        };
        (at, ends)
    };
    starts.into_iter().map(time).filter(|(starts, ends)| *ends > from && *starts < until).collect()
}

fn length(event: &Component<'_>, start: Moment, zone: Tz) -> Option<TimeDelta> {
    if let Some(end) = event.find_prop("DTEND").and_then(|end| moments(end, zone).next()) {
        return Some(if start.is_date { end.local - start.local } else { end.utc() - start.utc() });
    }
    if let Some(duration) = event.find_prop("DURATION") {
        return duration_of(duration.val.as_str());
    }
    start.is_date.then(|| TimeDelta::days(1))
}

/// `PT1H30M`, `P1D`, `P2W`
fn duration_of(text: &str) -> Option<TimeDelta> {
    let text = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let (mut total, mut digits) = (TimeDelta::zero(), String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if c == 'T' {
            continue;
        }
        let number: i64 = digits.parse().ok().filter(|number| *number <= 100_000)?;
        digits.clear();
        total += match c {
            'W' => TimeDelta::weeks(number),
            'D' => TimeDelta::days(number),
            'H' => TimeDelta::hours(number),
            'M' => TimeDelta::minutes(number),
            'S' => TimeDelta::seconds(number),
            _ => return None,
        };
    }
    Some(total)
}

/// When an event and its repetitions begin.
fn starts(event: &Component<'_>, start: Moment, zone: Tz, within: Taken) -> Vec<Timestamp> {
    let first = start.utc();
    let repeated = event.find_prop("RRULE").and_then(|rule| repetitions(rule.val.as_str(), start, within));
    let mut starts = repeated.unwrap_or_else(|| vec![first]);
    let named = |name: &'static str| event.properties.iter().filter(move |property| property.name.as_str() == name);
    starts.extend(named("RDATE").flat_map(|property| moments(property, zone)).map(Moment::utc).take(MOST_TIMES));
    let left_out: HashSet<Timestamp> =
        named("EXDATE").flat_map(|property| moments(property, zone)).map(Moment::utc).collect();
    starts.retain(|at| !left_out.contains(at));
    starts
}

/// `None`: the rule does not hold, or repeats within a day, which no appointment does.
fn repetitions(rule: &str, start: Moment, (from, until): Taken) -> Option<Vec<Timestamp>> {
    let zone = rrule::Tz::from(start.zone);
    let first: DateTime<rrule::Tz> = start.utc().with_timezone(&zone);
    let mut parts = Vec::new();
    for part in rule.split(';') {
        let (key, value) = part.split_once('=')?;
        let key = key.to_ascii_uppercase();
        if key == "FREQ" && !matches!(value, "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY") {
            return None;
        }
        // Calendars write the end as a day, or by local clocks; the rule wants it in UTC.
        parts.push(if key == "UNTIL" {
            let end = moment(value, start.zone)?;
            let end = if end.is_date { Moment { local: end.local + TimeDelta::seconds(86_399), ..end } } else { end };
            let end = end.utc();
            if end < start.utc() {
                return Some(vec![start.utc()]);
            }
            format!("UNTIL={}", end.format("%Y%m%dT%H%M%SZ"))
        } else {
            format!("{key}={value}")
        });
    }
    let rule: RRule<Unvalidated> = parts.join(";").parse().ok()?;
    let set: RRuleSet = rule.build(first).ok()?;
    let set = set.after(from.with_timezone(&zone)).before(until.with_timezone(&zone));
    Some(set.all(MOST_REPETITIONS).dates.iter().map(|at| at.with_timezone(&Utc)).collect())
}

/// In order; what touches or overlaps is one.
pub(super) fn merged(mut times: Vec<Taken>) -> Vec<Taken> {
    times.sort_unstable();
    let mut merged: Vec<Taken> = Vec::with_capacity(times.len());
    for (from, until) in times {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(events: &str) -> Vec<String> {
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n"));
        let within = (at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        let times = busy(&text, Tz::Europe__Paris, within).unwrap();
        times.iter().map(|(from, until)| format!("{} {}", from.format("%d %H:%M"), until.format("%d %H:%M"))).collect()
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VEVENT\nUID:a@b\n{lines}\nEND:VEVENT\n")
    }

    #[test]
    fn an_event_takes_its_time() {
        for (lines, expected) in [
            ("DTSTART:20261202T140000Z\nDTEND:20261202T150000Z", vec!["02 14:00 02 15:00"]),
            ("DTSTART;TZID=Europe/Paris:20261202T140000\nDURATION:PT1H30M", vec!["02 13:00 02 14:30"]),
            ("DTSTART;TZID=\"Romance Standard Time\":20261202T140000\nDURATION:PT1H", vec!["02 13:00 02 14:00"]),
            ("DTSTART:20261202T140000\nDTEND:20261202T150000", vec!["02 13:00 02 14:00"]),
            ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", vec!["23 23:00 26 23:00"]),
            ("DTSTART;VALUE=DATE:20261224", vec!["23 23:00 24 23:00"]),
            ("DTSTART:20261202T140000Z\nDTEND:20261202T150000Z\nTRANSP:TRANSPARENT", vec![]),
            ("DTSTART:20261202T140000Z\nDTEND:20261202T150000Z\nSTATUS:CANCELLED", vec![]),
            ("DTSTART:20261102T140000Z\nDTEND:20261102T150000Z", vec![]),
            ("DTSTART:20261202T140000Z", vec![]),
            ("SUMMARY:no time", vec![]),
        ] {
            assert_eq!(read(&event(lines)), expected, "{lines}");
        }
    }

    #[test]
    fn repetitions_are_followed_and_what_is_left_out_is_left_out() {
        let weekly = "DTSTART;TZID=Europe/Paris:20261001T090000\nDTEND;TZID=Europe/Paris:20261001T100000\nRRULE:FREQ=WEEKLY;BYDAY=TH";
        // In winter the clocks are an hour from UTC, in summer two: it stays nine o'clock.
        assert_eq!(
            read(&event(weekly)),
            ["03 08:00 03 09:00", "10 08:00 10 09:00", "17 08:00 17 09:00", "24 08:00 24 09:00"]
        );
        let without = format!("{weekly}\nEXDATE;TZID=Europe/Paris:20261210T090000,20261217T090000");
        assert_eq!(read(&event(&without)), ["03 08:00 03 09:00", "24 08:00 24 09:00"]);
        for until in ["20261210", "20261210T090000", "20261210T080000Z"] {
            let ended = format!("{weekly};UNTIL={until}");
            assert_eq!(read(&event(&ended)), ["03 08:00 03 09:00", "10 08:00 10 09:00"], "{until}");
        }
        let moved = "DTSTART;TZID=Europe/Paris:20261211T140000\nDTEND;TZID=Europe/Paris:20261211T150000\nRECURRENCE-ID;TZID=Europe/Paris:20261210T090000";
        assert_eq!(
            read(&format!("{}{}", event(weekly), event(moved))),
            ["03 08:00 03 09:00", "11 13:00 11 14:00", "17 08:00 17 09:00", "24 08:00 24 09:00"]
        );
        let cancelled = "DTSTART;TZID=Europe/Paris:20261210T090000\nDTEND;TZID=Europe/Paris:20261210T100000\nRECURRENCE-ID;TZID=Europe/Paris:20261210T090000\nSTATUS:CANCELLED";
        assert_eq!(read(&format!("{}{}", event(weekly), event(cancelled))).len(), 3);
        let days = "DTSTART;VALUE=DATE:20261229\nRRULE:FREQ=DAILY;COUNT=2";
        assert_eq!(read(&event(days)), ["28 23:00 30 23:00"], "two days in a row are one time");
    }

    #[test]
    fn what_is_odd_harms_nobody() {
        for lines in [
            "DTSTART:20261202T140000Z\nDTEND:20261202T140100Z\nRRULE:FREQ=SECONDLY",
            "DTSTART:20261202T140000Z\nDTEND:20261202T140100Z\nRRULE:FREQ=DAILY;INTERVAL=x",
            "DTSTART:20261202T140000Z\nDTEND:20261202T140100Z\nRRULE:nonsense",
        ] {
            assert_eq!(read(&event(lines)), ["02 14:00 02 14:01"], "the first one counts: {lines}");
        }
        let within = (at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        for text in ["", "<html></html>", "BEGIN:VEVENT\nEND:VEVENT", &"BEGIN:VCALENDAR\n".repeat(50_000)] {
            assert_eq!(busy(text, Tz::UTC, within), Err(Unreadable));
        }
        let endless = event("DTSTART:19700101T000000Z\nDTEND:19700101T010000Z\nRRULE:FREQ=DAILY");
        assert!(read(&endless).len() <= 31);
    }
}
