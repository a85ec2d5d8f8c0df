//! A request to a provider, and its outcome: a receipt, or an error with a class. Only the outbox acts on the class.

use std::time::Duration;

use super::action::{Action, UNSUPPORTED_ACTION};
use super::address::Address;
use super::ids::{ChannelId, ProviderMessageId};
use super::message::{Choice, Outbound};

/// What a gateway is asked to send: a message as one attempt hands it to one channel.
#[derive(Clone, Debug)]
pub struct OutboundRequest<'a> {
    /// The message.
    pub message: &'a Outbound,
    /// The channel it leaves through: the message's own, or the one that took over.
    pub channel: &'a ChannelId,
    /// Who gets it, as that channel addresses them.
    pub to: &'a Address,
    /// What is said.
    pub content: OutboundContent<'a>,
}

/// Whom a gateway shows that somebody is typing.
#[derive(Clone, Copy, Debug)]
pub struct TypingNotice<'a> {
    /// Who sees it.
    pub to: &'a Address,
    /// The message that is being answered, as the provider calls it.
    pub in_reply_to: Option<&'a ProviderMessageId>,
}

/// What is said, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundContent<'a> {
    /// Free text.
    Text(&'a str),
    /// Free text with answers to choose from. A provider without buttons sends [`numbered`].
    Choices {
        /// The text above them.
        text: &'a str,
        /// The answers.
        choices: &'a [Choice],
    },
    /// A template that the provider approved.
    Template {
        /// The provider's id for it.
        content_id: &'a str,
        /// The name of each place and what stands there, in the template's order. A provider that numbers places counts
        /// from here.
        variables: Vec<(&'a str, &'a str)>,
    },
    /// A provider call that is not a message. A gateway that does not know its kind rejects it with the code
    /// [`super::action::UNSUPPORTED_ACTION`].
    Action(&'a Action),
}

/// A text with its choices as numbered lines, for providers and people without buttons.
#[must_use]
pub fn numbered(text: &str, choices: &[Choice]) -> String {
    let mut numbered = text.trim_end().to_owned();
    for (number, choice) in (1..).zip(choices) {
        let gap = if number == 1 && !numbered.is_empty() { "\n\n" } else { "\n" };
        let gap = if numbered.is_empty() { "" } else { gap };
        numbered.push_str(&format!("{gap}{number}. {}", choice.label));
    }
    numbered
}

/// The provider took the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the provider calls it.
    pub provider_message_id: ProviderMessageId,
}

impl Receipt {
    /// With an id that came over the network; `None` when it cannot be kept, which leaves the outcome open.
    #[must_use]
    pub fn received(id: &str) -> Option<Self> {
        Some(Self { provider_message_id: ProviderMessageId::received(id)? })
    }
}

/// What the provider knows of a message whose fate we do not know (I5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has messages that fit, the newest first. One that another row owns belongs to a duplicate candidate.
    Taken(Vec<Receipt>),
    /// It does not have it, and would know.
    Absent,
    /// It cannot tell (it has no such query, or refuses it).
    CannotTell,
}

/// A send that brought no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class:?} ({code:?}): {detail}")]
pub struct SendError {
    /// What to do about it.
    pub class: SendErrorClass,
    /// The provider's own code, if it gave one (`63016`, `429`).
    pub code: Option<String>,
    /// Whether a provider that works refused for our pace alone: that does not count against the channel's health.
    pub throttled: bool,
    /// For people: what happened, without addresses, bodies, URLs or secrets (I10).
    pub detail: String,
}

/// The code of a file that is not there any more.
pub const FILE_GONE: &str = "file_gone";
/// The code of a file that the channel's provider cannot be given.
pub const FILE_UNSUPPORTED: &str = "file_unsupported";
/// The code of a file that the provider is to read here, where nobody outside finds us.
pub const FILE_UNREACHABLE: &str = "file_unreachable";
/// The code of a file that could not be read just now.
pub const FILE_NOT_READ: &str = "file_not_read";

impl SendError {
    /// A file of the message cannot be sent: one of the codes above. Nothing was taken.
    #[must_use]
    pub fn of_file(code: &'static str) -> Self {
        let (class, detail) = match code {
            FILE_GONE => (SendErrorClass::Reject, "the file is not there any more"),
            FILE_UNREACHABLE => {
                (SendErrorClass::Misconfigured, "the provider reads files here, and http.public_base_url is not set")
            }
            FILE_NOT_READ => (SendErrorClass::Retry { after: None }, "the file could not be read"),
            _ => (SendErrorClass::Reject, "the channel's provider cannot be given this file"),
        };
        Self { class, code: Some(code.to_owned()), throttled: false, detail: detail.to_owned() }
    }

    /// The gateway does not know such an action: the row will never be taken.
    #[must_use]
    pub fn unsupported_action() -> Self {
        Self {
            class: SendErrorClass::Reject,
            code: Some(UNSUPPORTED_ACTION.to_owned()),
            throttled: false,
            detail: "the provider's gateway does not know this action".to_owned(),
        }
    }
}

/// What to do about a failed send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorClass {
    /// Surely not taken: try again, not before `after` when the provider named a time.
    Retry {
        /// The provider's `Retry-After`, or the least wait this error asks for.
        after: Option<Duration>,
    },
    /// Never will be taken.
    Reject,
    /// The contact does not want to hear from this sender: record it and be silent (I6).
    OptedOut,
    /// Outside the customer-service window: only a template may pass.
    WindowClosed,
    /// It may or may not have been taken: ask before repeating (I5).
    Unknown,
    /// Our own settings are wrong (credentials, sender): no message of this channel will pass.
    Misconfigured,
    /// Surely not taken, and the provider keeps the whole account from sending for so long.
    Suspended {
        /// From now on.
        after: Duration,
    },
}

impl SendErrorClass {
    /// The words of all classes.
    pub const WORDS: &'static [&'static str] =
        &["retry", "rejected", "opted_out", "window_closed", "unknown_outcome", "misconfigured", "suspended"];

    /// The class as a word, for metrics and `last_error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Reject => "rejected",
            Self::OptedOut => "opted_out",
            Self::WindowClosed => "window_closed",
            Self::Unknown => "unknown_outcome",
            Self::Misconfigured => "misconfigured",
            Self::Suspended { .. } => "suspended",
        }
    }
}

/// What to do with a message whose fate the provider cannot tell (I5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// Send it again: it may arrive twice.
    #[default]
    Resend,
    /// Set it aside as dead: it may not arrive.
    Park,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_word_of_every_class() {
        let (none, hour) = (None, Duration::from_secs(3_600));
        let classes = [
            SendErrorClass::Retry { after: none },
            SendErrorClass::Reject,
            SendErrorClass::OptedOut,
            SendErrorClass::WindowClosed,
            SendErrorClass::Unknown,
            SendErrorClass::Misconfigured,
            SendErrorClass::Suspended { after: hour },
        ];
        assert_eq!(classes.map(SendErrorClass::as_str), SendErrorClass::WORDS);
    }
}
