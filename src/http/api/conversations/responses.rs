//! Conversations, their messages and contacts, as the API shows them.

use palabre_actors::domain::ids::ContactId;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::visibility::{Visibility, rfc3339};
use crate::store::conversations::{ContactRow, ConversationRow, MessageRow, SearchResult, Timeline};

/// What was talked about with one contact over one channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conversation {
    pub id: String,
    pub tenant_id: String,
    pub channel_id: String,
    pub contact_id: String,
    /// The name that the contact last showed: only with the scope `read-content`.
    pub contact_name: Option<String>,
    /// Where they are written to: masked without the scope `read-content`.
    #[schema(example = "whatsapp:+336…78")]
    pub address: String,
    /// `new`, `in_progress` or `resolved`.
    pub status: String,
    /// Who answers: `bot` or `human`.
    pub handler: String,
    /// The person who answers.
    pub assignee: Option<String>,
    /// Grows by one with everything that happens in the conversation. A reply that names the one it was written for is refused
    /// when something happened since.
    pub version: i64,
    /// When the last message came or was written.
    pub last_message_at: String,
    /// When the contact last wrote.
    pub last_inbound_at: Option<String>,
    /// The contact's messages that nobody has read.
    pub unread: i64,
    /// Whether the contact is blocked: they get no answer, and nobody is called.
    pub blocked: bool,
    pub created_at: String,
}

impl Conversation {
    #[must_use]
    pub fn of(row: &ConversationRow, visibility: Visibility) -> Self {
        let is_whole = visibility == Visibility::Whole;
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            channel_id: row.channel.to_string(),
            contact_id: row.contact.to_string(),
            contact_name: row.contact_name.clone().filter(|_| is_whole),
            address: visibility.address(&row.address),
            status: row.status.as_str().to_owned(),
            handler: row.handler.as_str().to_owned(),
            assignee: row.assignee.clone(),
            version: row.version,
            last_message_at: rfc3339(row.place().0),
            last_inbound_at: row.last_inbound_at.map(rfc3339),
            unread: row.unread,
            blocked: row.is_blocked,
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Conversations, those with the newest messages first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conversations {
    pub conversations: Vec<Conversation>,
    /// The next page's `before`; null when this one is the last.
    pub next: Option<String>,
}

impl Conversations {
    #[must_use]
    pub fn of(rows: &[ConversationRow], limit: usize, visibility: Visibility) -> Self {
        let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.id.to_string());
        Self { conversations: rows.iter().map(|row| Conversation::of(row, visibility)).collect(), next }
    }
}

/// A message of a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationMessage {
    pub id: String,
    /// Null while a message that came in waits for its turn.
    pub conversation_id: Option<String>,
    pub channel_id: String,
    /// `in` or `out`.
    pub direction: String,
    /// The text: only with the scope `read-content`.
    pub text: Option<String>,
    /// In: `accepted`, `processed` or `dead`. Out: as in the outbox.
    pub state: String,
    /// Why it stands there.
    pub reason: Option<String>,
    /// In: the role of who wrote, `client` or `seller`. Out: what it was written for, `reply`, `manual`, …
    pub kind: Option<String>,
    /// `palabre explain` tells what happened in this flow.
    pub correlation_id: String,
    pub created_at: String,
}

impl ConversationMessage {
    #[must_use]
    pub fn of(row: &MessageRow, visibility: Visibility) -> Self {
        Self {
            id: row.id.to_string(),
            conversation_id: row.conversation.map(|id| id.to_string()),
            channel_id: row.channel.to_string(),
            direction: if row.is_outbound { "out" } else { "in" }.to_owned(),
            text: (visibility == Visibility::Whole).then(|| row.body.clone()),
            state: row.state.clone(),
            reason: row.reason.clone(),
            kind: row.kind.clone(),
            correlation_id: row.correlation.to_string(),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// A part of a conversation's messages, in and out, the oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationMessages {
    pub conversation: Conversation,
    pub messages: Vec<ConversationMessage>,
    /// `before` of the page with earlier messages, when the page was cut there.
    pub earlier: Option<String>,
    /// `after` of the page with later messages, when the page was cut there.
    pub later: Option<String>,
}

impl ConversationMessages {
    #[must_use]
    pub fn of(row: &ConversationRow, timeline: &Timeline, visibility: Visibility) -> Self {
        Self {
            conversation: Conversation::of(row, visibility),
            messages: timeline.messages.iter().map(|row| ConversationMessage::of(row, visibility)).collect(),
            earlier: timeline.earlier.map(|id| id.to_string()),
            later: timeline.later.map(|id| id.to_string()),
        }
    }
}

/// A person of a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Contact {
    pub id: String,
    pub tenant_id: String,
    /// The name they last showed: only with the scope `read-content`.
    pub name: Option<String>,
    /// Masked without the scope `read-content`.
    pub addresses: Vec<String>,
    /// When a welcome first asked for their consent.
    pub welcomed_at: Option<String>,
    /// When they gave it.
    pub confirmed_at: Option<String>,
    pub created_at: String,
    pub conversations: Vec<Conversation>,
    /// Contacts that were merged into this one, when it is shown alone: each can be parted from it.
    pub merged_ids: Vec<String>,
}

impl Contact {
    #[must_use]
    pub fn of(row: &ContactRow, visibility: Visibility) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            name: row.name.clone().filter(|_| visibility == Visibility::Whole),
            addresses: row.addresses.iter().map(|address| visibility.address(address)).collect(),
            welcomed_at: row.welcomed_at.map(rfc3339),
            confirmed_at: row.confirmed_at.map(rfc3339),
            created_at: rfc3339(row.created_at),
            conversations: row.conversations.iter().map(|row| Conversation::of(row, visibility)).collect(),
            merged_ids: Vec::new(),
        }
    }

    /// The same with the contacts that were merged into it.
    #[must_use]
    pub fn with_merged(self, merged: &[ContactId]) -> Self {
        Self { merged_ids: merged.iter().map(ToString::to_string).collect(), ..self }
    }
}

/// Contacts, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Contacts {
    pub contacts: Vec<Contact>,
    /// The next page's `before`; null when this one is the last.
    pub next: Option<String>,
}

impl Contacts {
    #[must_use]
    pub fn of(rows: &[ContactRow], limit: usize, visibility: Visibility) -> Self {
        let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.id.to_string());
        Self { contacts: rows.iter().map(|row| Contact::of(row, visibility)).collect(), next }
    }
}

/// What a search found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SearchFound {
    /// Contacts whose name or number fits; on the first page alone.
    pub contacts: Vec<Contact>,
    /// Messages that have the words, newest first.
    pub messages: Vec<ConversationMessage>,
    /// The next page's `before`; null when this one is the last.
    pub next: Option<i64>,
    /// No message has the words as they were typed: these have words that are spelt alike.
    pub approximate: bool,
}

impl SearchFound {
    #[must_use]
    pub fn of(found: &SearchResult, visibility: Visibility) -> Self {
        Self {
            contacts: found.contacts.iter().map(|row| Contact::of(row, visibility)).collect(),
            messages: found.messages.iter().map(|row| ConversationMessage::of(row, visibility)).collect(),
            next: found.next,
            approximate: found.is_approximate,
        }
    }
}
