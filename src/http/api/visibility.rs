//! Whether personal data is shown, and how times are written.

use chrono::SecondsFormat;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;

/// A time as responses have it.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whether personal data is shown: whole addresses and texts, or masked addresses alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// `whatsapp:+336…78`, and no text.
    Masked,
    /// All of it.
    Whole,
}

impl Visibility {
    /// An address as it may be shown.
    #[must_use]
    pub fn address(self, address: &Address) -> String {
        match self {
            Self::Masked => address.to_string(),
            Self::Whole => address.as_str().to_owned(),
        }
    }
}
