//! Responses about the outbox; `palabre outbox … --json` prints the same shapes. Fields are only ever added.

use palabre_actors::domain::template::TemplateUse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::visibility::{Visibility, rfc3339};
use crate::store::BlockedReason;
use crate::store::entity::event_log;
use crate::store::operator::{self, Item, ItemWithEvents, OutboxCount};

/// A message of the outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    pub id: String,
    /// The tenant that sends it.
    pub tenant_id: String,
    /// The channel it was written for.
    pub channel_id: String,
    /// The conversation it belongs to.
    pub conversation_id: String,
    /// The message that it answers.
    pub in_reply_to: Option<String>,
    /// The address it goes to: masked without the scope `read-content`.
    #[schema(example = "whatsapp:+336…78")]
    pub to: String,
    /// The text: only with the scope `read-content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How long the text is.
    pub body_chars: usize,
    /// The name of its template.
    pub template: Option<String>,
    /// Why it was written: `reply`, `manual`, …
    pub kind: String,
    /// Its state: `pending`, `sent`, `dead`, …
    #[schema(example = "dead")]
    pub state: String,
    /// The reason for its state: a word of Palabre's or the provider's code (docs/outbox.md). In a list, a pending message
    /// without a reason shows what it waits for now: `line`, `turn`, `time`, or what holds its channel back.
    #[schema(example = "63016")]
    pub reason: Option<String>,
    /// Attempts begun, over all replays.
    pub attempts: u32,
    /// How often it was replayed.
    #[serde(rename = "life")]
    pub generation: u32,
    /// Whether it is sent although the budget is spent.
    pub urgent: bool,
    /// It is not sent before.
    pub next_attempt_at: String,
    /// It is not sent after.
    pub expires_at: Option<String>,
    /// The provider's id of it.
    pub provider_message_id: Option<String>,
    /// The fallback channel that sent it, if one did.
    pub sent_via: Option<String>,
    /// Its cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// The id of its flow: `palabre explain` shows all of it.
    pub correlation_id: String,
    /// When it was written.
    pub created_at: String,
    /// When the provider accepted it.
    pub sent_at: Option<String>,
    /// When anything of it last changed.
    pub updated_at: String,
}

impl Message {
    /// Describes a row.
    #[must_use]
    pub fn of(item: &Item, visibility: Visibility) -> Self {
        Self {
            id: item.id.to_string(),
            tenant_id: item.tenant.to_string(),
            channel_id: item.channel.to_string(),
            conversation_id: item.conversation.to_string(),
            in_reply_to: item.in_reply_to.map(|id| id.to_string()),
            to: visibility.address(&item.to),
            body: (visibility == Visibility::Whole).then(|| item.body.clone()),
            body_chars: item.body.chars().count(),
            template: item.template.as_ref().map(|TemplateUse { name, .. }| name.clone()),
            kind: item.kind.to_string(),
            state: item.state.to_string(),
            reason: item.reason.clone(),
            attempts: item.attempts,
            generation: item.generation,
            urgent: item.urgent,
            next_attempt_at: rfc3339(item.next_attempt_at),
            expires_at: item.expires_at.map(rfc3339),
            provider_message_id: item.provider_message_id.clone(),
            sent_via: item.sent_via.as_ref().map(ToString::to_string),
            cost_micros: item.cost_micros,
            correlation_id: item.correlation.to_string(),
            created_at: rfc3339(item.created_at),
            sent_at: item.sent_at.map(rfc3339),
            updated_at: rfc3339(item.updated_at),
        }
    }
}

/// A page of the outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The newest first.
    pub messages: Vec<Message>,
    /// Give it as `before` for the next page; null: there is none.
    pub next: Option<String>,
}

impl MessagePage {
    /// Describes a page that may hold so many.
    #[must_use]
    pub fn of(items: &[Item], limit: usize, visibility: Visibility) -> Self {
        let next = items.last().filter(|_| items.len() >= limit).map(|item| item.id.to_string());
        Self { messages: items.iter().map(|item| Message::of(item, visibility)).collect(), next }
    }
}

/// An event of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageEvent {
    pub at: String,
    /// `message_sent`, …
    pub event_type: String,
    /// Who caused it: `provider`, `contact`, `bot`, `system` or `operator`.
    pub actor_type: String,
    /// Details: reasons, codes, numbers. Never an address or a text.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl MessageEvent {
    /// Describes an event.
    #[must_use]
    pub fn of(event: &event_log::Model) -> Self {
        Self {
            at: event.created_at.clone(),
            event_type: event.event_type.clone(),
            actor_type: event.actor_type.clone(),
            payload: serde_json::from_str(&event.payload).unwrap_or_default(),
        }
    }
}

/// A message and its history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageHistory {
    pub message: Message,
    /// What holds it back; null: nothing of Palabre's does.
    pub waits: Option<Waiting>,
    /// What happened to it, in the order of time.
    pub events: Vec<MessageEvent>,
}

impl MessageHistory {
    /// Describes a row with its events, and with what it waits for.
    #[must_use]
    pub fn of(shown: &ItemWithEvents, waits: Option<&BlockedReason>, visibility: Visibility) -> Self {
        let events = shown.events.iter().map(MessageEvent::of).collect();
        Self { message: Message::of(&shown.item, visibility), waits: waits.map(Waiting::of), events }
    }
}

/// How many messages share tenant, channel, state and reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageCount {
    pub tenant_id: String,
    pub channel_id: String,
    pub state: String,
    /// The reason, as in lists.
    pub reason: Option<String>,
    pub messages: u64,
    /// When the oldest of them was written.
    pub oldest: String,
    /// When the newest of them was written.
    pub newest: String,
}

/// OutboxCounts, the largest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutboxCounts {
    pub total: u64,
    /// By tenant, channel, state and reason.
    pub counts: Vec<MessageCount>,
}

impl OutboxCounts {
    /// Describes counts.
    #[must_use]
    pub fn of(counts: &[OutboxCount]) -> Self {
        let document = |count: &OutboxCount| MessageCount {
            tenant_id: count.tenant.to_string(),
            channel_id: count.channel.to_string(),
            state: count.state.to_string(),
            reason: count.reason.clone(),
            messages: count.messages,
            oldest: rfc3339(count.oldest),
            newest: rfc3339(count.newest),
        };
        Self { total: counts.iter().map(|count| count.messages).sum(), counts: counts.iter().map(document).collect() }
    }
}

/// What a replay by filter did, or would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// How many messages are on their way again, or would be.
    pub messages: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// What holds a pending message back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// `line`: another message of its conversation comes first. `pause`: its channel is paused. `rest`: nothing of its
    /// channel is sent for a while. `time`: its own time has not come. `turn`: it is due, and waits for a sender.
    #[schema(example = "rest")]
    pub what: &'static str,
    /// Why: a word of Palabre's or the provider's code (docs/outbox.md), or what an operator wrote.
    #[schema(example = "breaker_open")]
    pub reason: Option<String>,
    /// Until when; null: that is not known, or until somebody resumes the channel.
    pub until: Option<String>,
    /// The message that comes first in its conversation.
    pub behind: Option<String>,
    /// How many messages of its channel come before it, when it is due.
    pub before: Option<u64>,
}

impl Waiting {
    /// Describes a wait.
    #[must_use]
    pub fn of(wait: &BlockedReason) -> Self {
        let (what, behind, before) = match wait {
            BlockedReason::Behind { message, .. } => ("line", Some(message.to_string()), None),
            BlockedReason::Paused { .. } => ("pause", None, None),
            BlockedReason::ChannelNotice { .. } => ("rest", None, None),
            BlockedReason::Time { .. } => ("time", None, None),
            BlockedReason::Turn { before } => ("turn", None, Some(*before)),
        };
        let until = wait.until().filter(|until| *until < operator::endless()).map(rfc3339);
        Self { what, reason: wait.reason().map(str::to_owned), until, behind, before }
    }
}
