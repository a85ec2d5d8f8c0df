//! Validation of `[hours]`.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use palabre_actors::domain::hours::{Country, Hours, OpenSpan, SpanError};

use super::document::Scope;
use super::fields::{choice, quoted, settled};
use super::raw::RawHours;

/// Business hours. `None`: something was reported.
pub(super) fn hours(scope: &Scope<'_>, raw: &RawHours) -> Option<Hours> {
    let days = [
        ("mon", &raw.mon),
        ("tue", &raw.tue),
        ("wed", &raw.wed),
        ("thu", &raw.thu),
        ("fri", &raw.fri),
        ("sat", &raw.sat),
        ("sun", &raw.sun),
    ];
    let week = days.map(|(day, raw)| spans(scope, day, raw.as_deref().unwrap_or_default()));
    let countries: Vec<(&str, Country)> = Country::ALL.iter().map(|country| (country.as_str(), *country)).collect();
    let country = settled(raw.holidays.as_deref().map(|raw| choice(scope, "holidays", raw, &countries)));
    let closed = dates(scope, raw.dates.as_deref().unwrap_or_default());
    if (raw.holidays.is_some() || raw.dates.is_some()) && days.iter().all(|(_, raw)| raw.is_none()) {
        let reason = format!("`{}` closes nothing: no day has hours", scope.name("holidays"));
        scope.warning("holidays", reason, "write the hours of each day, such as `tue = [\"09:00-19:00\"]`");
    }
    let mut all = Hours { country: country?, closed: closed?, ..Hours::default() };
    for (known, spans) in all.week.iter_mut().zip(week) {
        *known = spans?;
    }
    Some(all)
}

fn spans(scope: &Scope<'_>, day: &str, raw: &[String]) -> Option<Vec<OpenSpan>> {
    let mut spans: Vec<OpenSpan> = Vec::with_capacity(raw.len());
    let mut valid = true;
    for (at, text) in raw.iter().enumerate() {
        let key = format!("{day}[{at}]");
        let reason = match text.parse::<OpenSpan>() {
            Ok(span) if spans.last().is_some_and(|last| last.until > span.from) => {
                "begins before the span before it ends"
            }
            Ok(span) => {
                spans.push(span);
                continue;
            }
            Err(SpanError::Malformed) => "is no span of hours",
            Err(SpanError::Backwards) => "ends before it begins",
        };
        valid = false;
        let help =
            "write it like `09:00-12:30`; what goes past midnight stands on both days: `18:00-24:00`, `00:00-02:00`";
        scope.wrong(&key, reason, help);
    }
    valid.then_some(spans)
}

fn dates(scope: &Scope<'_>, raw: &[String]) -> Option<BTreeSet<NaiveDate>> {
    let mut dates = BTreeSet::new();
    let mut valid = true;
    for (at, text) in raw.iter().enumerate() {
        match text.parse() {
            Ok(date) => {
                dates.insert(date);
            }
            Err(_) => {
                valid = false;
                let reason = format!("cannot be {}", quoted(text));
                scope.wrong(&format!("dates[{at}]"), &reason, "write the day like `2026-12-24`");
            }
        }
    }
    valid.then_some(dates)
}
