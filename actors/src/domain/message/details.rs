//! Parts of a message that are not text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ContactCard, ListChoice};
use crate::domain::action::Action;
use crate::domain::address::Address;
use crate::domain::ids::ProviderMessageId;

/// The parts of a message that are not text; stored as one JSON column, `null` when empty. `Debug` shows only which
/// parts are there.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// A second address of the same person (a business-scoped id beside a phone number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<Address>,
    /// The row that was picked from a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_choice: Option<ListChoice>,
    /// What a form of the provider's brought back (a WhatsApp Flow's answers), in the provider's own JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Fields that this version has no name for, as the provider named them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
    /// What the provider itself made of a STOP, START or HELP (it has an opt-out service of its own): it has confirmed it
    /// already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_consent: Option<ProviderConsent>,
    /// They opened the conversation by a link of the bot's or by its start button: what the link carries, which may be nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The provider call that tells the contact's app that this was taken (a pressed button stops waiting). Its row is
    /// written with the message's turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge: Option<Action>,
    /// People whose cards were shared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<ContactCard>,
    /// What it is, where it is nothing that asks for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// A person of the business wrote it on the phone of the channel's own account (I14). Then `from` is the contact who got
    /// it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub written_on_phone: bool,
}

impl Details {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a card that was shared has this number on it.
    #[must_use]
    pub fn has_card_of(&self, number: &Address) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let mut phones = self.cards.iter().flat_map(|card| &card.phones);
        phones.any(|phone| digits(phone) == digits(number.path()))
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl fmt::Debug for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Button").finish_non_exhaustive()
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location").finish_non_exhaustive()
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details")
            .field("media", &self.media.len())
            .field("button", &self.button.is_some())
            .field("location", &self.location.is_some())
            .field("reply_to", &self.reply_to)
            .field("list_choice", &self.list_choice.is_some())
            .field("form", &self.form.is_some())
            .field("other", &self.other.len())
            .field("provider_consent", &self.provider_consent)
            .field("start", &self.start.is_some())
            .field("acknowledge", &self.acknowledge)
            .field("cards", &self.cards.len())
            .field("notice", &self.notice)
            .field("written_on_phone", &self.written_on_phone)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An attached file at the provider. Its URL needs the account's credentials.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// Where the provider keeps it.
    pub url: String,
    /// Its MIME type as the provider gave it.
    pub content_type: String,
    /// What the contact's file is called, as the provider says it: not to be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A pressed button.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// What the button shows.
    pub text: String,
    /// What the button means to the flow that sent it.
    pub payload: String,
}

/// A shared place, degrees in WGS 84.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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

/// Something that a contact did at the provider, and that no rule answers: it is kept and shown. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Notice {
    /// They reacted to a message.
    Reaction {
        /// To which one.
        to: ProviderMessageId,
        /// With what; empty when they took it back.
        emoji: String,
    },
    /// They changed a message of theirs; the body is the new text.
    Edit {
        /// Which one.
        of: ProviderMessageId,
    },
    /// They took a message of theirs back.
    Deletion {
        /// Which one.
        of: ProviderMessageId,
    },
    /// They called.
    Call,
    /// Their number, or their id at the provider, is another now: [`Details::alias`].
    AddressChanged,
    /// They changed at the provider whether they want marketing. What is transactional is not meant.
    Marketing {
        /// Whether they want it.
        wanted: bool,
    },
    /// The provider could not pass on what they wrote.
    Unreadable,
}

impl Notice {
    /// Its kind as a word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reaction { .. } => "reaction",
            Self::Edit { .. } => "edit",
            Self::Deletion { .. } => "deletion",
            Self::Call => "call",
            Self::AddressChanged => "address_changed",
            Self::Marketing { .. } => "marketing",
            Self::Unreadable => "unreadable",
        }
    }
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
