//! A scenario's file, read.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use palabre_actors::domain::assistant::{AssistantReply, AssistantSilence};

/// What is written for silence.
pub(super) const SILENCE: &str = "(silence)";

/// A script with its head.
#[derive(Debug, PartialEq)]
pub(super) struct Script {
    pub(super) tenant: Option<String>,
    /// The tenant's local time at the beginning.
    pub(super) now: NaiveDateTime,
    /// People who write from an address of their own: `D1: whatsapp:+224620000001`.
    pub(super) addresses: BTreeMap<String, String>,
    /// With their numbers in the file.
    pub(super) lines: Vec<(usize, ScriptLine)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ScriptLine {
    Says {
        who: String,
        text: String,
    },
    /// What the named person, or who spoke last, was told.
    Hears {
        who: Option<String>,
        expected: String,
    },
    Waits(Duration),
    /// All confirmed bookings: `manucure Awa 2026-12-01 15:30; …`
    Booked(String),
    Leads(usize),
    /// Who waits for a time: `manucure waiting; soin offered`
    Waiting(String),
    /// What the assistant answers to the next question that reaches it.
    Assistant(AssistantReply),
    /// All order lines that were not cancelled: `R12 M; 2 R15`
    Orders(String),
    /// Who answers whoever spoke last.
    Handler(String),
}

impl Script {
    /// # Errors
    /// The number of a line and what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (mut tenant, mut now, mut addresses, mut lines) = (None, None, BTreeMap::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            if let Some(script) = line.strip_prefix("- ") {
                lines.push((number, of(script).map_err(|wrong| format!("{number}: {wrong}"))?));
                continue;
            }
            match line.split_once(": ") {
                Some(("tenant", id)) => tenant = Some(id.trim().to_owned()),
                Some(("now", at)) => now = Some(moment(at.trim()).ok_or_else(|| format!("{number}: no time"))?),
                Some((who, address)) if is_person(who) => {
                    addresses.insert(who.to_owned(), address.trim().to_owned());
                }
                _ => {}
            }
        }
        let now = now.ok_or(" says no time: write `now: 2026-11-30 10:00`")?;
        Ok(Self { tenant, now, addresses, lines })
    }
}

fn moment(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once(' ')?;
    Some(date.parse::<NaiveDate>().ok()?.and_time(format!("{time}:00").parse().ok()?))
}

/// `C`, `C2`, `D1`
fn is_person(who: &str) -> bool {
    let mut chars = who.chars();
    matches!(chars.next(), Some('C' | 'D' | 'S')) && chars.all(|c| c.is_ascii_digit())
}

fn of(script: &str) -> Result<ScriptLine, String> {
    let (head, rest) = script.split_once(':').ok_or("says nothing: write `C: …` or `B: …`")?;
    let rest = rest.trim().to_owned();
    Ok(match head.trim() {
        "B" => ScriptLine::Hears { who: None, expected: rest },
        "wait" => ScriptLine::Waits(humantime::parse_duration(&rest).map_err(|_| "no duration, such as `2h`")?),
        "booked" => ScriptLine::Booked(rest),
        "waiting" => ScriptLine::Waiting(rest),
        "leads" => ScriptLine::Leads(rest.parse().map_err(|_| "no number")?),
        "A" => ScriptLine::Assistant(match rest.as_str() {
            "(does not know)" => AssistantReply::HandOver,
            "(late)" => AssistantReply::Silent(AssistantSilence::Late),
            _ => AssistantReply::Answer(rest),
        }),
        "orders" => ScriptLine::Orders(rest),
        "handler" => ScriptLine::Handler(rest),
        who if is_person(who) => ScriptLine::Says { who: who.to_owned(), text: rest },
        other => match other.strip_prefix("B to ") {
            Some(who) if is_person(who) => ScriptLine::Hears { who: Some(who.to_owned()), expected: rest },
            _ => return Err(format!("`{other}` is nobody, and nothing that is known")),
        },
    })
}

/// Whether what came is what was expected; `…` at the end stands for anything more. ScriptLine breaks count as blanks.
pub(super) fn fits(expected: &str, came: &str) -> bool {
    let came = came.split_whitespace().collect::<Vec<_>>().join(" ");
    match expected.strip_suffix('…') {
        Some(beginning) => came.starts_with(beginning.trim_end()),
        None => came == expected,
    }
}
