//! A history as text: what the message is, what happened when, and how it ended.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use super::labels::label;
use super::{Around, Manner, sentences, words};
use crate::cli::mask;
use crate::cli::terminal::{self, one_line};
use crate::store::FlowHistory;
use crate::store::entity::{event_log, message_in, message_out};

/// The whole history. Addresses are masked and bodies left out unless `show_content` says otherwise.
pub(super) fn text(history: &FlowHistory, around: &Around, manner: Manner) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    };
    let content = Content { shown: manner.show_content, language: manner.language };
    match &history.inbound {
        Some(row) => message(row, history, content, &mut line),
        None => line(&format!("{} {}, {}", label("flow", content.language), history.correlation_id, history.tenant_id)),
    }
    line("");
    timeline(history, content.language, &mut line);
    for row in &history.outbound {
        line("");
        answer(row, around, content, &mut line);
    }
    if let Some(row) = history.inbound.as_ref().filter(|_| history.outbound.is_empty()) {
        line("");
        let sent = label("nothing was sent:", content.language);
        line(&format!("{sent} {}", sentences::state_inbound(row, content.language)));
    }
    text.trim_end().to_owned()
}

fn message(row: &message_in::Model, history: &FlowHistory, content: Content, line: &mut impl FnMut(&str)) {
    line(&format!("{} {}", label("message", content.language), row.id));
    line(&content.field("at the provider", &row.provider_message_id));
    line(&content.field("tenant, channel", format!("{}, {}", row.tenant_id, row.channel_id)));
    line(&content.field(
        "from, to",
        format!("{}, {}", content.contact(&row.from, row.conversation_id.as_deref()), content.address(&row.to)),
    ));
    if let Some(role) = &row.role {
        line(&content.field("role", words::role(role, content.language)));
    }
    line(&content.field("says", content.body(&row.body)));
    if row.details.is_some() {
        line(&content.field("carries", parts(row, content.language)));
    }
    if let Some(conversation) = &row.conversation_id {
        line(&content.field("conversation", conversation));
    }
    line(&content.field("flow", &history.correlation_id));
    let reason = row.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let told = format!("{}{reason}", sentences::state_inbound(row, content.language));
    line(&content.stands(&row.state, &words::inbound_state(&row.state, content.language), &told));
}

fn answer(row: &message_out::Model, around: &Around, content: Content, line: &mut impl FnMut(&str)) {
    // A message that a person or a program began is no answer.
    let what = if row.kind == OutboundKind::Manual.as_str() { "message" } else { "answer" };
    line(&format!("{} {}", label(what, content.language), row.id));
    line(&content.field("kind", words::kind(&row.kind, content.language)));
    line(&content.field("to", content.contact(&row.to, Some(&row.conversation_id))));
    line(&content.field("says", content.body(&row.body)));
    let unknown = label("not known there", content.language);
    line(&content.field("at the provider", row.provider_message_id.as_deref().unwrap_or(unknown)));
    line(&content.field("attempts", row.attempts));
    if row.state == "pending" {
        let at = moment(&row.next_attempt_at).map_or_else(|| row.next_attempt_at.clone(), terminal::moment);
        line(&content.field("next attempt", at));
    }
    let told = sentences::state_outbound(row, around.wait(row), content.language);
    line(&content.stands(&row.state, &words::outbound_state(&row.state, content.language), &told));
    if let Some(wrote) = around.wrote.get(&row.id) {
        line(&content.field("contact wrote", words::contact_wrote(*wrote, content.language)));
    }
    if let Some(code) = row.reason().and_then(sentences::code) {
        line(&content.field("see", code.source()));
    }
    let open = row
        .state
        .parse()
        .is_ok_and(|state| !matches!(state, OutboxState::Delivered | OutboxState::Read | OutboxState::Sent));
    if let Some(todo) =
        sentences::next_step(row, around.wait(row), around.fallback(row), content.language).filter(|_| open)
    {
        line(&content.field("what to do", &todo));
    }
}

fn timeline(history: &FlowHistory, language: Language, line: &mut impl FnMut(&str)) {
    let Some(begun) = beginning(history) else {
        line(label("nothing is in the event log", language));
        return;
    };
    line(&format!("{} {}", label("since", language), begun.format("%Y-%m-%d %H:%M:%S%.3f UTC")));
    for event in &history.events {
        let at = moment(&event.created_at).map_or_else(String::new, |at| relative(at - begun, language));
        let which = which(history, event);
        let happened = words::happened(&event.event_type, &sentences::event(event, language), language);
        line(&format!("  {at:>11}  {happened}{which}"));
    }
}

/// Which answer an event is about, when there are several.
fn which(history: &FlowHistory, event: &event_log::Model) -> String {
    let about = event.entity_id.as_deref().filter(|_| event.entity_type == "message_out" && history.outbound.len() > 1);
    about.map(|id| format!(" [{id}]")).unwrap_or_default()
}

/// What a message carries besides its text.
fn parts(row: &message_in::Model, language: Language) -> String {
    let details = row.details.as_deref().unwrap_or_default();
    let details = serde_json::from_str::<serde_json::Value>(details).unwrap_or_default();
    let parts: Vec<String> = details
        .as_object()
        .into_iter()
        .flatten()
        .map(|(part, value)| match value.as_array() {
            Some(items) => format!("{} × {}", items.len(), words::part(part, language)),
            None => words::part(part, language),
        })
        .collect();
    parts.join(", ")
}

/// When the history begins.
pub(super) fn beginning(history: &FlowHistory) -> Option<DateTime<Utc>> {
    let webhook = history.inbound.as_ref().and_then(|row| moment(&row.created_at));
    webhook.or_else(|| history.events.first().and_then(|event| moment(&event.created_at)))
}

pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// `+3.1 ms`, `+2.04 s`, `+3 min 20 s`, `+2 d 3 h` (`+2 j 3 h` in French)
fn relative(since: TimeDelta, language: Language) -> String {
    let sign = if since < TimeDelta::zero() { '-' } else { '+' };
    let since = since.abs();
    let ms = since.num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0;
    let (seconds, minutes, hours) = (since.num_seconds(), since.num_minutes(), since.num_hours());
    match seconds {
        0 => format!("{sign}{ms:.1} ms"),
        1..60 => format!("{sign}{:.2} s", ms / 1_000.0),
        60..3_600 => format!("{sign}{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{sign}{hours} h {} min", minutes % 60),
        _ => {
            let day = if language == Language::Fr { "j" } else { "d" };
            format!("{sign}{} {day} {} h", since.num_days(), hours % 24)
        }
    }
}

/// Whether personal data is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub shown: bool,
    pub language: Language,
}

impl Content {
    pub fn address(self, text: &str) -> String {
        if self.shown { text.to_owned() } else { Address::from_normalised(text).to_string() }
    }

    /// A contact's address; where it is masked, with a mark that tells contacts with the same mask apart.
    fn contact(self, text: &str, conversation: Option<&str>) -> String {
        match conversation.filter(|_| !self.shown) {
            Some(conversation) => mask::contact(&Address::from_normalised(text), conversation),
            None => self.address(text),
        }
    }

    /// A line with a value and its name.
    fn field(self, word: &'static str, value: impl std::fmt::Display) -> String {
        format!("  {:<17}{value}", label(word, self.language))
    }

    /// Where a message stands: the stored word as a line's name, or, where that is not English, its translation as a value.
    fn stands(self, stored: &str, told: &str, why: &str) -> String {
        match self.language {
            Language::En => format!("  {stored:<17}{why}"),
            Language::Fr => self.field("state", format!("{told} : {why}")),
        }
    }

    fn body(self, text: &str) -> String {
        match (text.is_empty(), self.shown) {
            (true, _) => label("(no text)", self.language).to_owned(),
            (false, true) => one_line(text),
            (false, false) => {
                let count = text.chars().count();
                match self.language {
                    Language::En => format!("{count} characters (--show-content shows them)"),
                    Language::Fr => format!("{count} caractères (--show-content les montre)"),
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod sample_flow {
    //! A history to test with.

    use super::*;

    pub fn inbound() -> message_in::Model {
        message_in::Model {
            id: "019c1a2b-0000-7000-8000-000000000001".to_owned(),
            tenant_id: "institut-belle".to_owned(),
            channel_id: "belle-wa".to_owned(),
            conversation_id: Some("019c1a2b-0000-7000-8000-00000000000c".to_owned()),
            provider_message_id: "SM00000000000000000000000000000001".to_owned(),
            from: "whatsapp:+33639980001".to_owned(),
            to: "whatsapp:+15005550101".to_owned(),
            body: "Quels sont vos horaires ?".to_owned(),
            profile_name: Some("Camille".to_owned()),
            details: Some(r#"{"media":[{"url":"https://x.invalid/1","content_type":"image/png"}]}"#.to_owned()),
            role: Some("client".to_owned()),
            state: "processed".to_owned(),
            reason: Some("answered_faq".to_owned()),
            correlation_id: "019c1a2b-0000-7000-8000-00000000000f".to_owned(),
            created_at: "2026-11-21T04:45:00.000000Z".to_owned(),
            processed_at: Some("2026-11-21T04:45:00.003100Z".to_owned()),
        }
    }

    pub fn outbound() -> message_out::Model {
        message_out::Model {
            id: "019c1a2b-0000-7000-8000-000000000002".to_owned(),
            tenant_id: "institut-belle".to_owned(),
            channel_id: "belle-wa".to_owned(),
            conversation_id: "019c1a2b-0000-7000-8000-00000000000c".to_owned(),
            in_reply_to: Some(inbound().id),
            to: "whatsapp:+33639980001".to_owned(),
            body: "De 9 h à 19 h.".to_owned(),
            kind: "reply".to_owned(),
            state: "failed".to_owned(),
            attempts: 2,
            next_attempt_at: "2026-11-21T04:45:00.003100Z".to_owned(),
            lease_owner: None,
            lease_until: None,
            provider_message_id: Some("SM00000000000000000000000000000002".to_owned()),
            blocked_reason: None,
            last_error: Some("30003".to_owned()),
            correlation_id: inbound().correlation_id,
            created_at: "2026-11-21T04:45:00.003100Z".to_owned(),
            sent_at: Some("2026-11-21T04:45:00.010000Z".to_owned()),
            updated_at: "2026-11-21T04:45:02.000000Z".to_owned(),
        }
    }

    pub fn event(event_type: &str, actor: &str, payload: &str, at: &str) -> event_log::Model {
        event_log::Model {
            id: "019c1a2b-0000-7000-8000-0000000000e1".to_owned(),
            tenant_id: "institut-belle".to_owned(),
            event_type: event_type.to_owned(),
            entity_type: "message_out".to_owned(),
            entity_id: Some(outbound().id),
            correlation_id: inbound().correlation_id,
            actor_type: actor.to_owned(),
            payload: payload.to_owned(),
            created_at: at.to_owned(),
        }
    }

    pub fn history() -> FlowHistory {
        FlowHistory {
            correlation_id: inbound().correlation_id,
            tenant_id: "institut-belle".to_owned(),
            inbound: Some(inbound()),
            outbound: vec![outbound()],
            events: vec![
                event("webhook_received", "provider", "{}", "2026-11-21T04:45:00.000000Z"),
                event(
                    "message_routed",
                    "bot",
                    r#"{"role":"client","outcome":"answered_faq"}"#,
                    "2026-11-21T04:45:00.003100Z",
                ),
                event("message_sent", "system", "{}", "2026-11-21T04:45:00.010000Z"),
                event("message_failed", "provider", r#"{"code":"30003"}"#, "2026-11-21T04:47:05.000000Z"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_story_is_told_without_content() {
        let told = text(&sample_flow::history(), &Around::default(), Manner::default());
        let source = crate::gateway::code("30003").unwrap().source();
        for expected in [
            "message 019c1a2b-0000-7000-8000-000000000001",
            "SM00000000000000000000000000000001",
            "+3.1 ms  message_routed",
            "+2 min 5 s  message_failed",
            "a question of the FAQ was recognised",
            "1 × media",
            "30003, the phone cannot be reached",
            &source,
            "25 characters",
        ] {
            assert!(told.contains(expected), "{expected:?} is missing in\n{told}");
        }
        for hidden in ["horaires", "33639980001", "15005550101", "19 h", "x.invalid", "Camille"] {
            assert!(!told.contains(hidden), "{hidden:?} is shown in\n{told}");
        }
    }

    #[test]
    fn content_is_shown_to_those_who_ask() {
        let told =
            text(&sample_flow::history(), &Around::default(), Manner { show_content: true, ..Manner::default() });
        assert!(told.contains("“Quels sont vos horaires ?”") && told.contains("whatsapp:+33639980001"), "{told}");
        assert_eq!(one_line("C'est noté\u{1b}[2J\n"), "“C'est noté\\u{1b}[2J\\n”");
    }

    #[test]
    fn silence_is_explained() {
        let mut history = sample_flow::history();
        history.outbound.clear();
        history.inbound.as_mut().unwrap().reason = Some("silent_opted_out".to_owned());
        assert!(
            text(&history, &Around::default(), Manner::default())
                .contains("nothing was sent: no answer: they said STOP before")
        );
        let waiting = history.inbound.as_mut().unwrap();
        (waiting.state, waiting.reason) = ("accepted".to_owned(), None);
        assert!(text(&history, &Around::default(), Manner::default()).contains("its turn has not come yet"));
    }

    #[test]
    fn i11_who_never_wrote_is_told_from_who_wrote_long_ago() {
        let mut history = sample_flow::history();
        (history.outbound[0].state, history.outbound[0].blocked_reason) =
            ("deferred".to_owned(), Some("window_closed".to_owned()));
        let noon = moment("2026-11-20T12:00:00Z");
        for (wrote, language, expected) in [
            (None, Language::En, "contact wrote    never"),
            (None, Language::Fr, "contact a écrit  jamais"),
            (noon, Language::En, "contact wrote    2026-11-20 12:00:00 UTC"),
            (noon, Language::Fr, "contact a écrit  2026-11-20 12:00:00 UTC"),
        ] {
            let around = Around { wrote: [(sample_flow::outbound().id, wrote)].into(), ..Around::default() };
            let told = text(&history, &around, Manner { language, ..Manner::default() });
            assert!(told.contains(expected), "{told}");
        }
        assert!(!text(&history, &Around::default(), Manner::default()).contains("contact wrote  "));
    }

    #[test]
    fn times_are_told_in_fitting_units() {
        let table = [
            (3_100, "+3.1 ms"),
            (2_040_000, "+2.04 s"),
            (200_000_000, "+3 min 20 s"),
            (7_260_000_000, "+2 h 1 min"),
            (183_600_000_000, "+2 d 3 h"),
            (-1_500, "-1.5 ms"),
        ];
        for (microseconds, expected) in table {
            assert_eq!(relative(TimeDelta::microseconds(microseconds), Language::En), expected);
        }
    }
}
