//! Who is at the other end: a scheme and a path, normalised, as it stands in the tables.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The scheme of an [`Address`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `whatsapp:+33612345678`, or `whatsapp:US.1234` for a user without a phone number.
    Whatsapp,
    /// `sms:+33612345678`
    Sms,
    /// `telegram:123456789`
    Telegram,
    /// `mailto:a@b.fr`
    Mailto,
}

/// A normalised address such as `whatsapp:+33612345678`. Two spellings of one address are equal.
///
/// `Debug` and `Display` show it only in masked form (`whatsapp:+336…78`), so that it cannot slip into a log or an
/// error (I10); [`Address::as_str`] gives the whole text to those who mean it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

impl Address {
    /// Wraps a text that is known to be normalised already (it comes from the database).
    #[must_use]
    pub fn from_normalised(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The whole address: for tables and providers, never for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the scheme: `+33612345678`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(_, path)| path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("address(masked)")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
