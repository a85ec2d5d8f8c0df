//! Opening hours as people write them.

use palabre_actors::domain::ids::TenantId;

use super::change::{Change, SetupAccess, change};
use super::document::{TenantDocument, list_value, text_value};
use super::draft::DAYS;
use super::{Caller, TenantFileError};

/// What people say of their hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoursAnswers {
    /// Monday first. Empty: closed.
    pub days: [String; 7],
    /// The country whose public holidays are kept, or nothing.
    pub holidays: String,
    /// Further days on which they are closed.
    pub closed_on: String,
    /// What customers are told while they are closed.
    pub closed_reply: String,
}

impl HoursAnswers {
    /// As the file has them.
    #[must_use]
    pub fn of(document: &TenantDocument) -> Self {
        Self {
            days: DAYS.map(|day| document.list("hours", day).join(", ")),
            holidays: document.get("hours", "holidays"),
            closed_on: document.list("hours", "dates").join(", "),
            closed_reply: document.get("hours", "closed_reply"),
        }
    }
}

/// Writes the hours.
///
/// # Errors
/// [`TenantFileError`]; `Fields` names days as keys of the file (`mon`), and `closed_on`.
pub async fn set_hours(
    caller: &Caller,
    access: SetupAccess<'_>,
    tenant: &TenantId,
    answers: &HoursAnswers,
) -> Result<(), TenantFileError> {
    let week = answers.days.each_ref().map(|day| spans(day));
    let closed_on = dates(&answers.closed_on);
    let mut wrong: Vec<String> =
        DAYS.iter().zip(&week).filter(|(_, spans)| spans.is_none()).map(|(day, _)| (*day).to_owned()).collect();
    if closed_on.is_none() {
        wrong.push("closed_on".to_owned());
    }
    if !wrong.is_empty() {
        return Err(TenantFileError::Fields(wrong));
    }
    let about = Change { action: "setting.hours", field_of: &|key| field_of(key) };
    let edit = |document: &mut TenantDocument| {
        for (day, spans) in DAYS.iter().zip(&week) {
            document.set("hours", day, spans.as_ref().and_then(|spans| list_value(spans)));
        }
        document.set("hours", "holidays", text_value(&answers.holidays));
        document.set("hours", "dates", closed_on.as_ref().and_then(|dates| list_value(dates)));
        document.set("hours", "closed_reply", text_value(&answers.closed_reply));
    };
    change(caller, access, tenant, about, edit).await
}

fn field_of(key: &str) -> Option<String> {
    let key = key.strip_prefix("hours.")?;
    let key = key.split('[').next().unwrap_or(key);
    Some(if key == "dates" { "closed_on".to_owned() } else { key.to_owned() })
}

/// Words for a day without hours.
const CLOSED: [&str; 5] = ["ferme", "closed", "-", "non", "no"];
/// Words for a day without an end.
const ALWAYS: [&str; 5] = ["24h/24", "24/24", "24h", "24/7", "toujours"];

/// Words that stand between times.
const JOINING: [&str; 7] = ["a", "et", "to", "and", "de", "from", "puis"];

/// The spans of a day as the file has them: `9h-12h30, 14h à 19h` and `9am-6pm` are two and one. `None`: it is no hours.
pub(super) fn spans(text: &str) -> Option<Vec<String>> {
    let text = text.to_lowercase().replace('é', "e").replace('à', "a");
    let text = text.trim();
    if text.is_empty() || CLOSED.contains(&text) {
        return Some(Vec::new());
    }
    if ALWAYS.contains(&text) {
        return Some(vec!["00:00-24:00".to_owned()]);
    }
    let times = times(text)?;
    let pairs = times.chunks(2).map(|pair| match pair {
        [from, until] => Some(format!("{}-{}", clock(*from), clock(*until))),
        _ => None,
    });
    pairs.collect()
}

fn clock((hour, minute): (u32, u32)) -> String {
    format!("{hour:02}:{minute:02}")
}

/// Every time of a text. `None`: something in it is none.
fn times(text: &str) -> Option<Vec<(u32, u32)>> {
    let mut times = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        // Words between two times say nothing else than "until" and "and".
        let says_nothing =
            |word: &str| JOINING.contains(&word) || word.chars().all(|c| !c.is_alphanumeric() && c != '<');
        if !rest.get(..at)?.split_whitespace().all(says_nothing) {
            return None;
        }
        let (time, after) = time(rest.get(at..)?)?;
        times.push(time);
        rest = after;
    }
    let is_over = rest.chars().all(|c| !c.is_alphanumeric());
    (is_over && !times.is_empty() && times.len() % 2 == 0).then_some(times)
}

/// A time at the beginning of a text, and what follows it.
fn time(text: &str) -> Option<((u32, u32), &str)> {
    let (hour, rest) = number(text)?;
    let separated = rest.strip_prefix([':', 'h', '.']);
    let (minute, rest) = match separated.map(|rest| (number(rest), rest)) {
        None => (0, rest),
        Some((Some((minute, after)), _)) => (minute, after),
        Some((None, rest)) => (0, rest),
    };
    let (hour, rest) = match (rest.trim_start().strip_prefix("am"), rest.trim_start().strip_prefix("pm")) {
        (Some(rest), _) => (hour % 12, rest),
        (_, Some(rest)) => (hour % 12 + 12, rest),
        (None, None) => (hour, rest),
    };
    (hour <= 24 && minute <= 59).then_some(((hour, minute), rest))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = text.get(..end).filter(|digits| (1..=2).contains(&digits.len()))?;
    Some((digits.parse().ok()?, text.get(end..)?))
}

/// Days as the file has them: `24/12/2026` is `2026-12-24`. `None`: something is no day.
pub(super) fn dates(text: &str) -> Option<Vec<String>> {
    let parts = text.split([',', ';', '\n', ' ']).map(str::trim).filter(|part| !part.is_empty());
    let date = |part: &str| {
        let ours = chrono::NaiveDate::parse_from_str(part, "%Y-%m-%d").ok();
        let date = ours.or_else(|| chrono::NaiveDate::parse_from_str(part, "%d/%m/%Y").ok())?;
        Some(date.format("%Y-%m-%d").to_string())
    };
    parts.map(date).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        for (text, expected) in [
            ("09:00-12:30, 14:00-19:00", Some("09:00-12:30 14:00-19:00")),
            ("9h-12h30 14h-19h", Some("09:00-12:30 14:00-19:00")),
            ("de 9h à 12h30 et de 14h à 19h", Some("09:00-12:30 14:00-19:00")),
            ("9–18", Some("09:00-18:00")),
            ("9am-6pm", Some("09:00-18:00")),
            ("12 am to 12 pm", Some("00:00-12:00")),
            ("9.30 - 17.15", Some("09:30-17:15")),
            ("24h/24", Some("00:00-24:00")),
            ("Fermé", Some("")),
            ("", Some("")),
            ("9h", None),
            ("9h-12h, 14h", None),
            ("matin", None),
            ("9h-12h lundi", None),
            ("25h-26h", None),
            ("9:75-10", None),
            ("<script>9-10</script>", None),
        ] {
            assert_eq!(spans(text).map(|spans| spans.join(" ")).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2026-12-24, 31/12/2026", Some("2026-12-24 2026-12-31")),
            ("", Some("")),
            ("24 décembre", None),
            ("31/02/2026", None),
        ] {
            assert_eq!(dates(text).map(|dates| dates.join(" ")).as_deref(), expected, "{text}");
        }
    }
}
