//! Messages in and out, as the core sees them.

mod category;
mod contact_card;
mod details;
mod list_choice;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::category::Category;
pub use self::contact_card::ContactCard;
pub use self::details::{Button, Details, Location, Media, Notice, ProviderConsent};
pub use self::list_choice::ListChoice;
use super::Timestamp;
use super::action::Action;
use super::address::Address;
use super::ids::{ChannelId, ConversationId, CorrelationId, InboundId, OutboundId, ProviderMessageId, TenantId};
use super::presentation::{Presentation, SentFile};
use super::template::TemplateUse;
use super::words::stored_words;

/// A message as a gateway decoded it, before anything is stored.
#[derive(Clone, Debug)]
pub struct NewInbound {
    /// The tenant whose channel received it.
    pub tenant: TenantId,
    /// The channel that received it.
    pub channel: ChannelId,
    /// The dedupe key within tenant and channel (I2).
    pub provider_message_id: ProviderMessageId,
    /// The provider's ids are unique within one chat only: the same id from another person is another message.
    pub id_per_chat: bool,
    /// Who wrote.
    pub from: Address,
    /// Our sender account.
    pub to: Address,
    /// What they wrote.
    pub content: Content,
    /// Made when the webhook came in.
    pub correlation: CorrelationId,
    /// When the webhook came in.
    pub received_at: Timestamp,
    /// It was kept beside the store, which was away.
    pub spooled: bool,
}

impl NewInbound {
    /// Its key where another chat has a message with the same id: the id, and a mark of the chat that shows no address.
    #[must_use]
    pub fn key_within_chat(&self) -> ProviderMessageId {
        // FNV-1a: the same in every version of the program.
        let mark =
            self.from.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        ProviderMessageId::new(&format!("{}.{mark:016x}", self.provider_message_id.as_str()))
    }

    /// Whether the message that has its key may be itself, told under another name of the same chat: WhatsApp's private ids and
    /// numbers stand for each other, and nobody says for whom.
    #[must_use]
    pub fn is_same_under(&self, from: &Address, body: &str) -> bool {
        let is_private = |address: &Address| address.as_str().ends_with("@lid");
        self.from == *from
            || self.content.details.alias.as_ref() == Some(from)
            || ((is_private(&self.from) != is_private(from)) && self.content.body == body)
    }

    /// The message as it is stored under its id.
    #[must_use]
    pub fn accepted_as(&self, id: InboundId) -> Inbound {
        Inbound {
            id,
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            provider_message_id: self.provider_message_id.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            content: self.content.clone(),
            correlation: self.correlation,
            received_at: self.received_at,
        }
    }
}

/// What a message carries. Text may be empty when there is media, a location or a button. `Debug` shows only how much
/// there is (I10).
#[derive(Clone, Default, PartialEq)]
pub struct Content {
    /// The text, at most 64 KiB, without NUL characters.
    pub body: String,
    /// The name the contact shows at the provider.
    pub profile_name: Option<String>,
    /// Everything that is not text.
    pub details: Details,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("body_bytes", &self.body.len())
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}

/// An accepted message: its row and dedupe key are committed (I1).
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its row.
    pub id: InboundId,
    /// The tenant whose channel received it.
    pub tenant: TenantId,
    /// The channel that received it.
    pub channel: ChannelId,
    /// The provider's id.
    pub provider_message_id: ProviderMessageId,
    /// Who wrote.
    pub from: Address,
    /// Our sender account.
    pub to: Address,
    /// What they wrote.
    pub content: Content,
    /// The flow it started.
    pub correlation: CorrelationId,
    /// When the webhook came in.
    pub received_at: Timestamp,
}

/// Who wrote an inbound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The tenant registered this address as one of its own.
    Seller,
    /// Anyone else.
    Client,
}

stored_words!(Role { Seller => "seller", Client => "client" });

/// Why an outbound message exists. The checks before a send treat kinds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboundKind {
    /// An automatic answer: FAQ or fallback.
    Reply,
    /// The one confirmation that follows a STOP: the only message to a contact who opted out (I6).
    OptOutConfirmation,
    /// The confirmation that follows a START.
    OptInConfirmation,
    /// The answer to HELP.
    Help,
    /// Written by a person or through the API.
    Manual,
    /// Advertising, asked for through the API: not to who said STOP PROMOTIONS.
    Marketing,
    /// The first words to a contact where the tenant asks for double opt-in: CONFIRMER or STOP.
    Welcome,
    /// No message: a provider call ([`Action`]).
    Action,
}

stored_words!(OutboundKind {
    Reply => "reply",
    OptOutConfirmation => "opt_out_confirmation",
    OptInConfirmation => "opt_in_confirmation",
    Help => "help",
    Manual => "manual",
    Marketing => "marketing",
    Welcome => "welcome",
    Action => "action",
});

impl OutboundKind {
    /// Kinds that are sent although the day is used up (`limits.per_day`): a contact who says STOP gets the confirmation,
    /// and one who asks for HELP is told who writes and how to end it. They are counted all the same. An action is no message:
    /// whoever paid is let in on any day, and it counts for nothing. The stores' statements name them.
    pub const QUOTA_EXEMPT: &'static [Self] = &[Self::OptOutConfirmation, Self::Help, Self::Action];

    /// Whether it is one of [`OutboundKind::QUOTA_EXEMPT`].
    #[must_use]
    pub fn is_quota_exempt(self) -> bool {
        Self::QUOTA_EXEMPT.contains(&self)
    }
}

/// A message on its way to a provider. `Debug` does not show the text (I10).
#[derive(Clone)]
pub struct Outbound {
    /// Its row; also in the status callback's query string.
    pub id: OutboundId,
    /// The tenant that sends.
    pub tenant: TenantId,
    /// The channel it leaves through.
    pub channel: ChannelId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The message it answers.
    pub in_reply_to: Option<InboundId>,
    /// Who gets it.
    pub to: Address,
    /// The text, within the provider's limit. Empty when the message only exists as a template.
    pub body: String,
    /// The template that says it outside the customer-service window (or always, when there is no text).
    pub template: Option<TemplateUse>,
    /// What the contact may choose from: buttons, a list or numbers below the text, as the provider has them.
    pub choices: Vec<Choice>,
    /// The provider call that it is instead of a message. Then there is neither text nor template.
    pub action: Option<Action>,
    /// What it has beside its text: the subject and the HTML of an e-mail.
    pub presentation: Option<Box<Presentation>>,
    /// Why it exists.
    pub kind: OutboundKind,
    /// Whether a hard stop of the budget lets it pass.
    pub urgent: bool,
    /// No attempt begins after that: it is a dead letter then (`expired`).
    pub expires_at: Option<Timestamp>,
    /// Which of its lives it is in: each replay begins another.
    pub generation: Generation,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
    /// Attempts begun so far, this one included when it is being sent.
    pub attempts: u32,
    /// When the turn wrote it.
    pub created_at: Timestamp,
}

impl Outbound {
    /// The files that go with its text, or alone.
    #[must_use]
    pub fn files(&self) -> &[SentFile] {
        self.presentation.as_ref().map(|shown| shown.files.as_slice()).unwrap_or_default()
    }
}

/// One of the answers that a message offers. `Debug` does not show it (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What comes back as [`Button::payload`] when it is chosen on a button or in a list.
    pub id: String,
    /// What the contact reads.
    pub label: String,
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choice")
    }
}

/// A life of an outbound message: from its writing or its replay until it is sent or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// 0 for the first; also in the status callback's query string, so that news of an earlier life is known as such.
    pub number: u32,
    /// When it began: the age of retries counts from there.
    pub since: Timestamp,
    /// Attempts that earlier lives had: the number of retries counts without them.
    pub attempts_before: u32,
}

impl Generation {
    /// The first life of a message written then.
    #[must_use]
    pub const fn first(since: Timestamp) -> Self {
        Self { number: 0, since, attempts_before: 0 }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("channel", &self.channel)
            .field("conversation", &self.conversation)
            .field("in_reply_to", &self.in_reply_to)
            .field("to", &self.to)
            .field("body_bytes", &self.body.len())
            .field("template", &self.template)
            .field("choices", &self.choices.len())
            .field("action", &self.action)
            .field("presentation", &self.presentation)
            .field("kind", &self.kind)
            .field("urgent", &self.urgent)
            .field("expires_at", &self.expires_at)
            .field("life", &self.generation)
            .field("correlation", &self.correlation)
            .field("attempts", &self.attempts)
            .field("created_at", &self.created_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_debug_shows_no_content() {
        let content = Content {
            body: "mon secret".into(),
            profile_name: Some("Amélie".into()),
            details: Details {
                media: vec![Media {
                    url: "https://example.com/a".into(),
                    content_type: "image/png".into(),
                    ..Media::default()
                }],
                button: Some(Button { text: "Oui".into(), payload: "confirm".into() }),
                location: Some(Location { latitude: 48.85, longitude: 2.35, label: None, address: None }),
                ..Details::default()
            },
        };
        let shown = format!("{content:?}");
        for hidden in ["secret", "Amélie", "example", "Oui", "confirm", "48.85"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("body_bytes: 10"), "{shown}");
    }
}
