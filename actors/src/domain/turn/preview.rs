//! Preview: what a tenant's bot would say to a message, without anything coming of it.

use std::sync::Arc;

use super::rules::ASSISTANT;
use super::{Lookup, Outcome, decide};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::event::EventType;
use crate::domain::ids::{ChannelId, CorrelationId, InboundId, ProviderMessageId};
use crate::domain::live::LiveKnowledge;
use crate::domain::message::{Content, Inbound, OutboundKind};
use crate::domain::prepared::Prepared;
use crate::domain::rules::Rules;

/// How a message would be answered if somebody whom nobody knows wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The rule that decided.
    pub rule: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What would be written, in order.
    pub texts: Vec<String>,
}

/// Decides about a message of nobody's as [`decide`] does. Pure.
#[must_use]
pub fn preview(rules: &Rules, text: &str, now: Timestamp) -> Preview {
    let tenant = rules.source().tenant.clone();
    // An address without a person: no tenant has registered it, and no provider knows it.
    let (channel, address) = (ChannelId::new("preview"), Address::from_normalised("mailto:nobody@preview.invalid"));
    let key = ConversationKey::new(tenant.clone(), channel.clone(), address.clone());
    let state = State {
        key,
        contact: None,
        identities: Vec::new(),
        conversation: None,
        opted_out: false,
        // Or each preview would begin with the welcome.
        welcomed: true,
        confirmed: false,
        agenda: Arc::default(),
        prepared: Prepared { live: LiveKnowledge::Closed, ..Prepared::default() },
    };
    let message = Inbound {
        id: InboundId::fresh(),
        tenant,
        channel,
        provider_message_id: ProviderMessageId::new("preview"),
        from: address.clone(),
        to: address,
        content: Content { body: text.to_owned(), ..Content::default() },
        correlation: CorrelationId::fresh(),
        received_at: now,
    };
    let turn = decide(&state, &message, rules, &(), now);
    if matches!(turn.lookup, Some(Lookup::Assistant(_))) {
        // It is not asked: each question costs, and what it would say nobody knows.
        return Preview { rule: ASSISTANT.to_owned(), outcome: Outcome::AnsweredAssistant, texts: Vec::new() };
    }
    let routed = turn.events.iter().rev().find(|event| event.event_type == EventType::MessageRouted);
    let payload = routed.and_then(|event| serde_json::from_str::<serde_json::Value>(event.payload.as_json()).ok());
    let rule = payload.as_ref().and_then(|payload| payload.get("rule")?.as_str()).unwrap_or_default().to_owned();
    let outcome = turn.consumed.map_or(Outcome::SilentNoRule, |consumed| consumed.outcome);
    let said = turn.outbox.into_iter().filter(|draft| draft.message.kind != OutboundKind::Action);
    Preview { rule, outcome, texts: said.map(|draft| draft.message.body).collect() }
}
