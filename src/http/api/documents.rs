//! What the API answers with; `palabre outbox … --json` prints the same shapes. Fields are only ever added.

mod waiting;

use chrono::SecondsFormat;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::ports::Pause;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use self::waiting::Waiting;
use crate::store::BlockedReason;
use crate::store::entity::event_log;
use crate::store::operator::{self, ConsentRow, Item, ItemWithEvents, OptOut, OutboxCount};

/// A time as documents have it.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whether personal data is shown: whole addresses and texts, or masked addresses alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `whatsapp:+336…78`, and no text.
    Masked,
    /// All of it.
    Whole,
}

impl Content {
    /// An address as it may be shown.
    #[must_use]
    pub fn address(self, address: &Address) -> String {
        match self {
            Self::Masked => address.to_string(),
            Self::Whole => address.as_str().to_owned(),
        }
    }
}

/// A message of the outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant_id: String,
    /// The channel it was written for.
    pub channel_id: String,
    /// The conversation it belongs to.
    pub conversation_id: String,
    /// The message that it answers.
    pub in_reply_to: Option<String>,
    /// Who gets it: masked without the scope `read-content`.
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
    /// Where it stands: `pending`, `sent`, `dead`, …
    #[schema(example = "dead")]
    pub state: String,
    /// Why it stands there: a word of Palabre's or the provider's code (docs/outbox.md). In a list, of a pending message that
    /// has none of its own: what it waits for now, `line`, `turn`, `time`, or what holds its channel back.
    #[schema(example = "63016")]
    pub reason: Option<String>,
    /// Attempts begun, in all its lives.
    pub attempts: u32,
    /// Which life it is in, from 0: each replay begins another.
    #[serde(rename = "life")]
    pub generation: u32,
    /// Whether it passes when the budget is spent.
    pub urgent: bool,
    /// It is not sent before.
    pub next_attempt_at: String,
    /// It is not sent after.
    pub expires_at: Option<String>,
    /// What the provider calls it.
    pub provider_message_id: Option<String>,
    /// The channel that took over from its own.
    pub sent_via: Option<String>,
    /// What it cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// Its flow: `palabre explain` tells all of it.
    pub correlation_id: String,
    /// When it was written.
    pub created_at: String,
    /// When the provider took it.
    pub sent_at: Option<String>,
    /// When anything of it last changed.
    pub updated_at: String,
}

impl Message {
    /// The document of a row.
    #[must_use]
    pub fn of(item: &Item, content: Content) -> Self {
        Self {
            id: item.id.to_string(),
            tenant_id: item.tenant.to_string(),
            channel_id: item.channel.to_string(),
            conversation_id: item.conversation.to_string(),
            in_reply_to: item.in_reply_to.map(|id| id.to_string()),
            to: content.address(&item.to),
            body: (content == Content::Whole).then(|| item.body.clone()),
            body_chars: item.body.chars().count(),
            template: item.template.as_ref().map(|TemplateUse { name, .. }| name.clone()),
            kind: item.kind.to_string(),
            state: item.state.to_string(),
            reason: item.reason.clone(),
            attempts: item.attempts,
            generation: item.generation,
            urgent: item.urgent,
            next_attempt_at: moment(item.next_attempt_at),
            expires_at: item.expires_at.map(moment),
            provider_message_id: item.provider_message_id.clone(),
            sent_via: item.sent_via.as_ref().map(ToString::to_string),
            cost_micros: item.cost_micros,
            correlation_id: item.correlation.to_string(),
            created_at: moment(item.created_at),
            sent_at: item.sent_at.map(moment),
            updated_at: moment(item.updated_at),
        }
    }
}

/// A page of the outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Messages {
    /// The newest first.
    pub messages: Vec<Message>,
    /// Give it as `before` for the next page; null: there is none.
    pub next: Option<String>,
}

impl Messages {
    /// The document of a page that may hold so many.
    #[must_use]
    pub fn of(items: &[Item], limit: usize, content: Content) -> Self {
        let next = items.last().filter(|_| items.len() >= limit).map(|item| item.id.to_string());
        Self { messages: items.iter().map(|item| Message::of(item, content)).collect(), next }
    }
}

/// Something that happened to a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Happened {
    /// When.
    pub at: String,
    /// What: `message_sent`, …
    pub event_type: String,
    /// Who did it: `provider`, `contact`, `bot`, `system` or `operator`.
    pub actor_type: String,
    /// Details: reasons, codes, numbers. Never an address or a text.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl Happened {
    /// The document of an event.
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
    /// The message.
    pub message: Message,
    /// What holds it back; null: it does not wait for anything of ours.
    pub waits: Option<Waiting>,
    /// What happened to it, in the order of time.
    pub events: Vec<Happened>,
}

impl MessageHistory {
    /// The document of a row with its events, and with what it waits for.
    #[must_use]
    pub fn of(shown: &ItemWithEvents, waits: Option<&BlockedReason>, content: Content) -> Self {
        let events = shown.events.iter().map(Happened::of).collect();
        Self { message: Message::of(&shown.item, content), waits: waits.map(Waiting::of), events }
    }
}

/// How many messages share tenant, channel, state and reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountOfMessages {
    /// Whose.
    pub tenant_id: String,
    /// Through which channel.
    pub channel_id: String,
    /// Where they stand.
    pub state: String,
    /// Why, as in lists.
    pub reason: Option<String>,
    /// How many.
    pub messages: u64,
    /// When the oldest was written.
    pub oldest: String,
    /// When the newest was written.
    pub newest: String,
}

/// Counts, the largest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Counts {
    /// Of all of them.
    pub total: u64,
    /// By tenant, channel, state and reason.
    pub counts: Vec<CountOfMessages>,
}

impl Counts {
    /// The document of counts.
    #[must_use]
    pub fn of(counts: &[OutboxCount]) -> Self {
        let document = |count: &OutboxCount| CountOfMessages {
            tenant_id: count.tenant.to_string(),
            channel_id: count.channel.to_string(),
            state: count.state.to_string(),
            reason: count.reason.clone(),
            messages: count.messages,
            oldest: moment(count.oldest),
            newest: moment(count.newest),
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

/// A channel, and whether it is paused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Channel {
    /// Its id.
    pub channel_id: String,
    /// Whose.
    pub tenant_id: String,
    /// What its addresses begin with: `whatsapp`, `sms`, …
    pub scheme: String,
    /// Why it sends nothing, when it does not.
    pub paused: Option<PausedFor>,
}

/// A pause.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PausedFor {
    /// A word or a code.
    pub reason: String,
    /// Until when; null: until somebody resumes it.
    pub until: Option<String>,
}

impl PausedFor {
    /// The document of a pause.
    #[must_use]
    pub fn of(pause: &Pause) -> Self {
        let until = (pause.until < operator::endless()).then(|| moment(pause.until));
        Self { reason: pause.reason.clone(), until }
    }
}

/// The channels that a key sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Channels {
    /// In the order of the configuration.
    pub channels: Vec<Channel>,
}

/// A row of the consent ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Consent {
    /// Its id: they grow with time.
    pub id: String,
    /// Towards whom.
    pub tenant_id: String,
    /// Through which channel, when one is known.
    pub channel_id: Option<String>,
    /// Who, when they are known as a contact.
    pub contact_id: Option<String>,
    /// Under which address: masked without the scope `read-content`.
    pub address: String,
    /// `opted_out`, `opted_in`, `welcomed` or `confirmed`.
    pub what: String,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// What proves it: a message's id, or what an operator wrote (shown with the scope `read-content`).
    pub evidence: Option<String>,
    /// When.
    pub created_at: String,
}

impl Consent {
    /// The document of a row.
    #[must_use]
    pub fn of(row: &ConsentRow, content: Content) -> Self {
        let own_words = row.evidence.as_deref().is_some_and(|text| uuid::Uuid::parse_str(text).is_err());
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            channel_id: row.channel.as_ref().map(ToString::to_string),
            contact_id: row.contact.map(|id| id.to_string()),
            address: content.address(&row.address),
            what: row.what.clone(),
            source: row.source.clone(),
            evidence: row.evidence.clone().filter(|_| content == Content::Whole || !own_words),
            created_at: moment(row.created_at),
        }
    }
}

/// A page of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Consents {
    /// The oldest first.
    pub consents: Vec<Consent>,
    /// Give it as `after` for the next page; null: there is none.
    pub next: Option<String>,
}

/// Somebody who said STOP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SaidStop {
    /// Its id.
    pub id: String,
    /// Towards whom.
    pub tenant_id: String,
    /// Under which address.
    pub address: String,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// The message that said so.
    pub message_id: Option<String>,
    /// When.
    pub created_at: String,
}

impl SaidStop {
    /// The document of a row.
    #[must_use]
    pub fn of(row: &OptOut, content: Content) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            address: content.address(&row.address),
            source: row.source.clone(),
            message_id: row.message.clone(),
            created_at: moment(row.created_at),
        }
    }
}

/// A message that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Taken {
    /// Its id: `GET /api/v1/outbox/{id}` tells what became of it.
    pub id: String,
}

/// Why a request was turned away.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refused {
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub hint: String,
    /// Which field of the body, parameter or header is meant, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "template.variables.heure")]
    pub field: Option<String>,
}
