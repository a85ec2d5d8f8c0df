//! Messages in and out, as the heart sees them.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::address::Address;
use super::ids::{ChannelId, ConversationId, CorrelationId, InboundId, OutboundId, ProviderMessageId, TenantId};

/// A message as a gateway decoded it, before anything is stored.
#[derive(Clone, Debug)]
pub struct NewInbound {
    /// The tenant whose channel received it.
    pub tenant: TenantId,
    /// The channel that received it.
    pub channel: ChannelId,
    /// The dedupe key within tenant and channel (I2).
    pub provider_message_id: ProviderMessageId,
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
}

/// What a message carries. Text may be empty when there is media, a location or a button.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// The text, at most 64 KiB, without NUL characters.
    pub body: String,
    /// The name the contact shows at the provider.
    pub profile_name: Option<String>,
    /// Everything that is not text.
    pub details: Details,
}

/// The parts of a message that are not text; stored as one JSON column, `null` when empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Attached files, in the provider's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// The button that was pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<Button>,
    /// A shared place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The message that this one quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ProviderMessageId>,
    /// A second address of the same person (Twilio's `ExternalUserId` beside a phone number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<Address>,
    /// What the provider itself made of a STOP, START or HELP (Twilio's `OptOutType`): it has confirmed it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_consent: Option<ProviderConsent>,
}

impl Details {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An attached file at the provider. Its URL needs the account's credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// Where the provider keeps it.
    pub url: String,
    /// Its MIME type as the provider gave it.
    pub content_type: String,
}

/// A pressed button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// What the button shows.
    pub text: String,
    /// What the button means to the flow that sent it.
    pub payload: String,
}

/// A shared place, degrees in WGS 84.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Name of the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The provider's own reading of a consent keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderConsent {
    /// The provider saw STOP and confirmed it.
    Stop,
    /// The provider saw START and confirmed it.
    Start,
    /// The provider saw HELP and answered it.
    Help,
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

/// Why an outbound message exists. The gates treat kinds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboundKind {
    /// An automatic answer: FAQ or fallback.
    Reply,
    /// The one confirmation that follows a STOP: alone in passing the opt-out gate (I6).
    OptOutConfirmation,
    /// The confirmation that follows a START.
    OptInConfirmation,
    /// The answer to HELP.
    Help,
    /// Written by a person or through the API.
    Manual,
}

/// A message on its way to a provider.
#[derive(Clone, Debug)]
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
    /// The text, within the provider's limit.
    pub body: String,
    /// Why it exists.
    pub kind: OutboundKind,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
    /// Attempts begun so far, this one included when it is being sent.
    pub attempts: u32,
    /// When the turn wrote it.
    pub created_at: Timestamp,
}
