//! A history as JSON, for scripts. Fields are only ever added.

use palabre_actors::domain::rules::Language;
use serde::Serialize;
use serde_json::Value;

use super::timeline::{Content, beginning, moment};
use super::{Around, Manner, sentences};
use crate::http::api::responses::{self, Waiting};
use crate::store::FlowHistory;
use crate::store::entity::{event_log, message_in, message_out};

#[derive(Debug, Serialize)]
pub(super) struct Document {
    correlation_id: String,
    tenant_id: String,
    message: Option<Message>,
    answers: Vec<Answer>,
    timeline: Vec<Happened>,
}

#[derive(Debug, Serialize)]
struct Message {
    id: String,
    provider_message_id: String,
    channel_id: String,
    conversation_id: Option<String>,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    body_chars: usize,
    role: Option<String>,
    state: String,
    reason: Option<String>,
    explanation: String,
    created_at: String,
    processed_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    id: String,
    provider_message_id: Option<String>,
    conversation_id: String,
    kind: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    body_chars: usize,
    state: String,
    attempts: i64,
    next_attempt_at: String,
    last_error: Option<String>,
    explanation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<String>,
    /// What holds it back, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waiting>,
    /// When the contact last wrote, `null` for never; only where the reason is that this is too long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_wrote_at: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    created_at: String,
    sent_at: Option<String>,
}

/// The provider's code in plain words.
#[derive(Debug, Serialize)]
struct Code {
    number: serde_json::Value,
    en: &'static str,
    fr: &'static str,
    source: String,
}

#[derive(Debug, Serialize)]
struct Happened {
    at: String,
    since_start_ms: Option<f64>,
    event_type: String,
    actor_type: String,
    entity_type: String,
    entity_id: Option<String>,
    payload: Value,
    explanation: String,
}

pub(super) fn of(history: &FlowHistory, around: &Around, manner: Manner) -> Document {
    let content = Content { shown: manner.show_content, language: manner.language };
    let begun = beginning(history);
    let happened = |event: &event_log::Model| {
        let since = begun.zip(moment(&event.created_at)).and_then(|(begun, at)| (at - begun).num_microseconds());
        Happened {
            at: event.created_at.clone(),
            since_start_ms: since.map(|microseconds| microseconds as f64 / 1_000.0),
            event_type: event.event_type.clone(),
            actor_type: event.actor_type.clone(),
            entity_type: event.entity_type.clone(),
            entity_id: event.entity_id.clone(),
            payload: serde_json::from_str(&event.payload).unwrap_or_default(),
            explanation: sentences::event(event, content.language),
        }
    };
    Document {
        correlation_id: history.correlation_id.clone(),
        tenant_id: history.tenant_id.clone(),
        message: history.inbound.as_ref().map(|row| message(row, content)),
        answers: history.outbound.iter().map(|row| answer(row, around, content)).collect(),
        timeline: history.events.iter().map(happened).collect(),
    }
}

fn message(row: &message_in::Model, content: Content) -> Message {
    Message {
        id: row.id.clone(),
        provider_message_id: row.provider_message_id.clone(),
        channel_id: row.channel_id.clone(),
        conversation_id: row.conversation_id.clone(),
        from: content.address(&row.from),
        to: content.address(&row.to),
        body: content.shown.then(|| row.body.clone()),
        body_chars: row.body.chars().count(),
        role: row.role.clone(),
        state: row.state.clone(),
        reason: row.reason.clone(),
        explanation: sentences::state_inbound(row, content.language),
        created_at: row.created_at.clone(),
        processed_at: row.processed_at.clone(),
    }
}

fn answer(row: &message_out::Model, around: &Around, content: Content) -> Answer {
    let code = row.reason().and_then(sentences::code).map(|code| Code {
        number: code.code.parse::<u32>().map_or_else(|_| code.code.into(), Into::into),
        en: code.explain(Language::En),
        fr: code.explain(Language::Fr),
        source: code.source(),
    });
    Answer {
        id: row.id.clone(),
        provider_message_id: row.provider_message_id.clone(),
        conversation_id: row.conversation_id.clone(),
        kind: row.kind.clone(),
        to: content.address(&row.to),
        body: content.shown.then(|| row.body.clone()),
        body_chars: row.body.chars().count(),
        state: row.state.clone(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at.clone(),
        last_error: row.reason().map(str::to_owned),
        explanation: sentences::state_outbound(row, around.wait(row), content.language),
        what_to_do: sentences::next_step(row, around.wait(row), around.fallback(row), content.language),
        waits: around.wait(row).map(Waiting::of),
        contact_wrote_at: around.wrote.get(&row.id).map(|wrote| wrote.map(responses::rfc3339)),
        code,
        created_at: row.created_at.clone(),
        sent_at: row.sent_at.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::sample_flow;
    use super::*;

    #[test]
    fn scripts_get_everything_and_no_content_unasked() {
        let document =
            serde_json::to_value(of(&sample_flow::history(), &Around::default(), Manner::default())).unwrap();
        assert_eq!(document["message"]["reason"], "answered_faq");
        assert_eq!(document["answers"][0]["code"]["number"], 30003);
        assert_eq!(document["timeline"][1]["since_start_ms"], 3.1);
        let text = document.to_string();
        assert!(!text.contains("horaires") && !text.contains("33639980001"), "{text}");
        let open = serde_json::to_value(of(
            &sample_flow::history(),
            &Around::default(),
            Manner { show_content: true, ..Manner::default() },
        ))
        .unwrap();
        assert_eq!(open["message"]["body"], "Quels sont vos horaires ?");
    }
}
