//! Category: what a message that a program asks for is about.

use serde::{Deserialize, Serialize};

use super::OutboundKind;

/// What a message that is asked for is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something that the contact has going on: an appointment, an order, a question.
    #[default]
    Transactional,
    /// Advertising.
    Marketing,
}

impl Category {
    /// The kind of a message that is asked for.
    #[must_use]
    pub const fn kind(self) -> OutboundKind {
        match self {
            Self::Transactional => OutboundKind::Manual,
            Self::Marketing => OutboundKind::Marketing,
        }
    }

    /// Whether it is [`Category::Transactional`], which nobody needs to say.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
