//! A conversation as people read it: days, messages, notes, and what happened between them.

use std::collections::BTreeMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::message::{ContactCard, Details, Notice};
use serde::Serialize;
use uuid::Uuid;

use super::display::Display;
use super::form_answers::answers;
use super::shown_files::{ShownFile, Words, files, sent_files};
use super::texts::Texts;
use crate::service::inbox::Thread;
use crate::store::conversations::{MessageEventRow, MessageRow, NoteRow};

/// One entry, in the order of time.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    Day { text: String },
    Event { text: String, time: String },
    Note { id: String, author: String, text: String, time: String, machine: String },
    Message(Box<Line>),
}

/// A message as people read it.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Line {
    pub id: String,
    pub is_outbound: bool,
    /// `customer`, `bot`, `person` or `program`.
    pub by: &'static str,
    /// `robot · FAQ`, a name.
    pub author: String,
    pub text: String,
    pub media: Vec<ShownFile>,
    /// A place: what it is called, and its address for a map program.
    pub location: Option<(String, String)>,
    pub button: Option<String>,
    /// Questions of a form with their answers.
    pub form: Vec<(String, String)>,
    /// People whose cards were shared.
    pub cards: Vec<ShownCard>,
    /// What it is, in words, where it is nothing that was written.
    pub notice: Option<String>,
    pub time: String,
    pub machine: String,
    pub state: String,
    /// The state in words.
    pub state_text: String,
    /// Why it stands there, in words, where that is bad news.
    pub problem: Option<String>,
    /// Whether somebody may send it again.
    pub can_resend: bool,
}

/// A person whose card was shared.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ShownCard {
    pub name: String,
    /// Each number, and where the contact who has it can be made one with whoever sent the card.
    pub phones: Vec<(String, Option<String>)>,
}

/// What entries are told with.
pub struct Telling<'a> {
    pub texts: &'a Texts,
    pub display: Display,
    /// Who looks: `user:…`
    pub me: String,
    /// Names of the tenant's people, by `user:…`.
    pub names: BTreeMap<String, String>,
    pub may_resend: bool,
    pub may_merge: bool,
}

/// The entries of a conversation.
#[must_use]
pub fn entries(thread: &Thread, telling: &Telling<'_>) -> Vec<Entry> {
    let messages = &thread.timeline.messages;
    let oldest = messages.first().filter(|_| thread.timeline.earlier.is_some()).map(|first| first.created_at);
    let newest = messages.last().filter(|_| thread.timeline.later.is_some()).map(|last| last.created_at);
    let is_shown = |at: Timestamp| oldest.is_none_or(|oldest| at >= oldest) && newest.is_none_or(|newest| at <= newest);
    let mut all: Vec<(Timestamp, u8, Entry)> = Vec::new();
    all.extend(messages.iter().map(|row| (row.created_at, 1, Entry::Message(Box::new(line(row, thread, telling))))));
    all.extend(thread.notes.iter().filter(|note| is_shown(note.created_at)).map(|row| note(row, telling)));
    all.extend(thread.events.iter().filter(|row| is_shown(row.at)).filter_map(|row| event(row, telling)));
    all.sort_by_key(|(at, rank, _)| (*at, *rank));
    let mut day = None;
    let mut entries = Vec::with_capacity(all.len() + 4);
    for (at, _, entry) in all {
        let number = telling.display.day_number(at);
        if day.replace(number) != Some(number) {
            entries.push(Entry::Day { text: telling.display.day(at) });
        }
        entries.push(entry);
    }
    entries
}

fn note(row: &NoteRow, telling: &Telling<'_>) -> (Timestamp, u8, Entry) {
    let entry = Entry::Note {
        id: row.id.to_string(),
        author: row.author_name.clone(),
        text: row.body.clone(),
        time: telling.display.time(row.created_at),
        machine: Display::machine(row.created_at),
    };
    (row.created_at, 2, entry)
}

impl Telling<'_> {
    fn text(&self, section: &str, key: &str) -> String {
        self.texts.get(self.display.language, section, key).to_owned()
    }

    /// Who did something, as its event names them.
    fn who(&self, row: &MessageEventRow) -> String {
        match row.payload.get("actor").and_then(serde_json::Value::as_str) {
            Some(actor) if actor == self.me => self.text("event", "you"),
            Some(actor) if actor.starts_with("user:") => {
                self.names.get(actor).cloned().unwrap_or_else(|| self.text("event", "colleague"))
            }
            Some(actor) if actor.starts_with("key:") => self.text("event", "program"),
            _ => self.text("event", "somebody"),
        }
    }
}

/// Events that stand between the messages; the others are told beside theirs.
fn event(row: &MessageEventRow, telling: &Telling<'_>) -> Option<(Timestamp, u8, Entry)> {
    let word = |key: &str| row.payload.get(key).and_then(serde_json::Value::as_str);
    let key = match row.event_type.as_str() {
        "handed_over" if row.actor_type == "bot" || row.actor_type == "system" => "handed_over_bot",
        "handed_back" if word("reason") == Some("timer") => "handed_back_timer",
        "assigned" if row.payload.get("assigned") == Some(&serde_json::Value::Bool(false)) => "unassigned",
        "escalated" => match word("reason") {
            Some("asked") => "escalated_asked",
            Some("mood") => "escalated_mood",
            Some("misses") => "escalated_misses",
            Some("flow") => "escalated_flow",
            Some("stop_request") => "escalated_stop_request",
            _ => "escalated",
        },
        key @ ("silent_loop" | "handed_over" | "handed_back" | "assigned" | "resolved" | "reopened" | "blocked"
        | "unblocked" | "rate_limited" | "opted_out" | "opted_in") => key,
        _ => return None,
    };
    let text = telling.text("event", key).replace("{who}", &telling.who(row));
    // What a message led to stands behind it, though both have one moment.
    Some((row.at, 3, Entry::Event { text, time: telling.display.time(row.at) }))
}

fn line(row: &MessageRow, thread: &Thread, telling: &Telling<'_>) -> Line {
    let (by, author) = if row.is_outbound { author(row, thread, telling) } else { ("customer", String::new()) };
    let problem = problem(row, telling);
    let is_lost = matches!(row.state.as_str(), "dead" | "failed");
    let details = thread.details.get(&row.id);
    Line {
        id: row.id.to_string(),
        is_outbound: row.is_outbound,
        by,
        author,
        text: row.body.clone(),
        media: match row.is_outbound && !row.written_on_phone {
            true => sent_files(thread.sent_files.get(&row.id)),
            false => {
                files(thread.media.get(&row.id), details, Words { texts: telling.texts, display: &telling.display })
            }
        },
        location: details.and_then(|details| location(details, telling)),
        button: details.and_then(|details| details.button.as_ref()).map(|button| button.text.clone()),
        form: details.and_then(|details| details.form.as_deref()).map(answers).unwrap_or_default(),
        cards: details.iter().flat_map(|details| &details.cards).map(|of| card(of, thread, telling)).collect(),
        notice: details.and_then(|details| details.notice.as_ref()).map(|of| notice(of, telling)),
        time: telling.display.time(row.created_at),
        machine: Display::machine(row.created_at),
        state_text: state(row, telling),
        state: row.state.clone(),
        problem,
        can_resend: telling.may_resend && row.is_outbound && is_lost,
    }
}

/// Who wrote what went out.
fn author(row: &MessageRow, thread: &Thread, telling: &Telling<'_>) -> (&'static str, String) {
    if row.written_on_phone {
        return ("person", telling.text("talk", "on_phone"));
    }
    if row.kind.as_deref() == Some("manual") {
        let queued =
            thread.events.iter().find(|event| event.event_type == "message_queued" && event.entity == Some(row.id));
        let actor = queued.and_then(|event| event.payload.get("actor")).and_then(serde_json::Value::as_str);
        return match (actor, queued) {
            (Some(actor), Some(queued)) if actor.starts_with("user:") => ("person", telling.who(queued)),
            _ => ("program", telling.text("talk", "program")),
        };
    }
    let bot = telling.text("talk", "bot");
    let routed = thread.events.iter().find(|event| {
        event.event_type == "message_routed" && event.payload.get("rule").is_some() && is_of(event, row, thread)
    });
    let rule = match row.kind.as_deref() {
        Some("reply") => routed.and_then(|event| event.payload.get("rule")).and_then(serde_json::Value::as_str),
        Some("opt_out_confirmation" | "opt_in_confirmation") => Some("consent"),
        Some(kind) => Some(kind),
        None => None,
    };
    let told = rule.and_then(|rule| telling.texts.find(telling.display.language, "talk", &format!("rule_{rule}")));
    ("bot", told.map_or_else(|| bot.clone(), |told| format!("{bot} · {told}")))
}

/// Whether an event is about the message that another one answers: they share a flow.
fn is_of(event: &MessageEventRow, answer: &MessageRow, thread: &Thread) -> bool {
    let asked = event.entity.and_then(|id| thread.timeline.messages.iter().find(|row| row.id == id));
    asked.is_some_and(|asked| asked.correlation == answer.correlation)
}

fn state(row: &MessageRow, telling: &Telling<'_>) -> String {
    let key = match (row.is_outbound, row.state.as_str()) {
        (false, "dead") => "dead_in",
        (false, "processed") => return String::new(),
        (_, state) => state,
    };
    telling.texts.find(telling.display.language, "state", key).unwrap_or_default().to_owned()
}

/// Why a message stands where it does, in the words of the shop. `None`: all is well.
fn problem(row: &MessageRow, telling: &Telling<'_>) -> Option<String> {
    if !row.is_outbound || matches!(row.state.as_str(), "sent" | "delivered" | "read" | "sending") {
        return None;
    }
    let reason = row.reason.as_deref()?;
    Some(why(telling.texts, &telling.display, reason))
}

/// A reason of the outbox in plain words.
#[must_use]
pub fn why(texts: &Texts, display: &Display, reason: &str) -> String {
    let find = |key: &str| texts.find(display.language, "why", key);
    // An exhausted message has its last reason behind the word.
    let (word, rest) = reason.split_once(':').map_or((reason, None), |(word, rest)| (word, Some(rest.trim())));
    let key = match word {
        "window_closed" | "fallback_window_closed" | "not_confirmed" => "window_closed",
        "breaker_open" | "breaker_half_open" => "breaker_open",
        "paused" | "suspended" => "paused",
        "per_day" => "day_used_up",
        "paced" | "pacing_unavailable" | "twin_first" | "lease_short" => "rate_limited",
        "misconfigured" | "channel_not_configured" | "unknown_template" | "unsupported_action" | "file_unreachable" => {
            "misconfigured"
        }
        "file_gone" | "file_unsupported" => word,
        "operator" | "cancelled" => "operator",
        "retry"
        | "asking_failed"
        | "lease_expired"
        | "unknown_outcome"
        | "unclear_at_provider"
        | "provider_unknown"
        | "file_not_read"
        | "absent_at_provider" => "retrying",
        "failed" => "rejected",
        "opted_out" | "expired" | "budget" | "quiet_hours" | "scheduled" | "behind" | "exhausted" | "rejected" => word,
        _ => "",
    };
    let known = find(key).or_else(|| find(&format!("code_{word}"))).map(ToOwned::to_owned);
    let told = known.unwrap_or_else(|| find("code").unwrap_or_default().replace("{code}", word));
    match rest.filter(|rest| !rest.is_empty()) {
        Some(rest) => format!("{told} {}", why(texts, display, rest)),
        None => told,
    }
}

fn location(details: &Details, telling: &Telling<'_>) -> Option<(String, String)> {
    let at = details.location.as_ref()?;
    let named = [&at.label, &at.address].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    let label = if named.is_empty() { telling.text("talk", "location") } else { named };
    Some((label, format!("geo:{:.6},{:.6}", at.latitude, at.longitude)))
}

/// A card proves nothing about whoever sent it: a person decides whether it is their own.
fn card(of: &ContactCard, thread: &Thread, telling: &Telling<'_>) -> ShownCard {
    let contact = thread.contact.as_ref().filter(|_| telling.may_merge);
    let merge = |phone: &String| {
        let plus = if phone.trim_start().starts_with('+') { "" } else { "+" };
        let number = Address::written(&format!("{plus}{phone}"), Unnamed::Phone(Scheme::Sms), None).ok()?;
        let contact = contact.filter(|of| of.addresses.iter().all(|known| known.identity() != number.identity()))?;
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", number.path()).finish();
        Some(format!("/console/contacts/{}/merge?{query}", contact.id))
    };
    ShownCard { name: of.name.clone(), phones: of.phones.iter().map(|phone| (phone.clone(), merge(phone))).collect() }
}

fn notice(of: &Notice, telling: &Telling<'_>) -> String {
    let key: &str = match of {
        Notice::Reaction { emoji, .. } if emoji.is_empty() => "notice_reaction_gone",
        Notice::Marketing { wanted: false } => "notice_marketing_stop",
        other => &format!("notice_{}", other.as_str()),
    };
    let text = telling.text("talk", key);
    match of {
        Notice::Reaction { emoji, .. } => text.replace("{emoji}", emoji),
        _ => text,
    }
}

/// The last message that a page shows, for replies that may be stale.
#[must_use]
pub fn last_of(thread: &Thread) -> Option<Uuid> {
    thread.timeline.messages.last().map(|last| last.id)
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::rules::Language;

    use super::*;

    #[test]
    fn every_notice_has_plain_words() {
        let texts = Texts::built_in().unwrap();
        let id = || palabre_actors::domain::ids::ProviderMessageId::new("1");
        let notices = [
            Notice::Reaction { to: id(), emoji: "👍".to_owned() },
            Notice::Reaction { to: id(), emoji: String::new() },
            Notice::Edit { of: id() },
            Notice::Deletion { of: id() },
            Notice::Call,
            Notice::AddressChanged,
            Notice::Marketing { wanted: true },
            Notice::Marketing { wanted: false },
            Notice::Unreadable,
        ];
        for language in [Language::Fr, Language::En] {
            let display = Display { language, timezone: chrono_tz::UTC, now: Timestamp::UNIX_EPOCH };
            let (me, names) = (String::new(), BTreeMap::new());
            let telling = Telling { texts: &texts, display, me, names, may_resend: false, may_merge: false };
            let told: BTreeMap<String, &Notice> = notices.iter().map(|of| (notice(of, &telling), of)).collect();
            assert!(told.len() == notices.len() && told.keys().all(|text| text.chars().count() > 3), "{told:?}");
            assert!(told.keys().any(|text| text.contains("👍")), "{told:?}");
        }
    }

    #[test]
    fn every_reason_has_plain_words() {
        let texts = Texts::built_in().unwrap();
        let display = Display { language: Language::Fr, timezone: chrono_tz::UTC, now: Timestamp::UNIX_EPOCH };
        for (reason, part) in [
            ("window_closed", "fenêtre de 24 heures"),
            ("opted_out", "STOP"),
            ("63024", "n'a pas WhatsApp"),
            ("exhausted: 30005", "n'existe pas"),
            ("98765", "98765"),
            ("per_day", "part demain"),
        ] {
            let told = why(&texts, &display, reason);
            assert!(told.contains(part), "{reason}: {told}");
        }
    }
}
