//! Address of a contact or a sender: a scheme and a path, normalised as the tables hold it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::words::stored_words;

pub mod identity;
mod national;
mod parsing;
mod plans;

pub use national::HomeCountry;

/// The scheme of an [`Address`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `whatsapp:+33612345678`, or `whatsapp:US.1234` for a user without a phone number. Gateways to WhatsApp's apps also know
    /// `whatsapp:123456789@lid`, a user whose number is hidden, and `whatsapp:120363000000000000@g.us`, a group.
    Whatsapp,
    /// `sms:+33612345678`, `sms:38080` for a short code, `sms:PALABRE` for a sender that is a name.
    Sms,
    /// `telegram:123456789`
    Telegram,
    /// `mailto:a@b.fr`
    Mailto,
    /// `sandbox:belle`, `sandbox:belle/anna`: whoever a sandbox is tried out with.
    Sandbox,
}

stored_words!(Scheme { Whatsapp => "whatsapp", Sms => "sms", Telegram => "telegram", Mailto => "mailto", Sandbox => "sandbox" });

/// A normalised address such as `whatsapp:+33612345678`. Two spellings of one address are equal.
///
/// `Debug` and `Display` show it only in masked form (`whatsapp:+336…78`), so that it cannot slip into a log or an
/// error (I10); [`Address::as_str`] gives the whole text to those who mean it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

/// What somebody may mean who writes an address without its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// Nothing: the scheme has to be written.
    Refused,
    /// A phone number, as this kind of account addresses it.
    Phone(Scheme),
    /// Whatever this kind of account addresses. Another kind is refused even by its name.
    Only(Scheme),
}

/// Why a text is no address. It never shows the text (I10). [`AddressError::help`] says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing, or nothing after the scheme.
    #[error("no address")]
    Empty,
    /// No address of any scheme is that long.
    #[error("too long for an address")]
    TooLong,
    /// A person left the scheme out, and it is not clear which is meant.
    #[error("an address without its kind")]
    NoScheme,
    /// What stands before the colon is no scheme.
    #[error("an address of a kind that nobody knows")]
    UnknownScheme,
    /// It is fine, but of a kind that is not asked for.
    #[error("an address of another kind of account")]
    OtherScheme,
    /// A phone number has 8 to 15 digits after its `+`.
    #[error("no phone number")]
    BadPhone,
    /// A national number, and nothing says of which country.
    #[error("a phone number without its country")]
    CountryUnknown,
    /// Digits without `+` that are no number of the country, or could be read in two ways.
    #[error("no phone number of the tenant's country")]
    NotNational,
    /// Telegram's ids are whole numbers of 64 bits, and not 0.
    #[error("no telegram id")]
    BadTelegramId,
    /// Sandboxes' names are made of letters, digits, `.`, `_` and `-`, in one or two parts.
    #[error("no address of a sandbox")]
    BadSandboxName,
    /// One `@`, something on both sides, nothing that has no place in an e-mail address.
    #[error("no e-mail address")]
    BadMail,
}

impl AddressError {
    /// What to write instead.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong | Self::BadPhone => "write it like `+33612345678`, with the country code",
            Self::NoScheme | Self::UnknownScheme => {
                "write its kind before it, such as `whatsapp:+33612345678`, `sms:+33612345678`, `telegram:123456789` or \
                 `mailto:a@b.fr`"
            }
            Self::OtherScheme => "write it as this kind of account knows people, without a kind before it",
            Self::CountryUnknown => "write it with + and its country code, or set the tenant's `country`",
            Self::NotNational => "write it with + and its country code",
            Self::BadTelegramId => "write the number that the bot knows, such as `telegram:123456789`",
            Self::BadSandboxName => "write it like `sandbox:belle` or `sandbox:belle/anna`",
            Self::BadMail => "write it like `mailto:a@b.fr`",
        }
    }
}

impl Address {
    /// Reads what a person wrote: in a form, a file, a request, a command or a table. Every such place asks this function, so
    /// that a number means the same everywhere. `home` is the tenant's country.
    ///
    /// # Errors
    /// [`AddressError`], which does not repeat the text and knows what to write instead.
    pub fn written(text: &str, unnamed: Unnamed, home: Option<HomeCountry>) -> Result<Self, AddressError> {
        parsing::written(text, unnamed, home)
    }

    /// Reads an address as providers write it, and normalises it. A scheme in the text (`whatsapp:`, `sms:`,
    /// `tel:`, `telegram:`, `mailto:`, `sandbox:`) wins over the hint. `home` tells what a national number such as
    /// `06 12 34 56 78` means; without it, such a number is refused: its first digits may be another country's code.
    ///
    /// Business-scoped WhatsApp ids (`whatsapp:US.1234`) are what WhatsApp users without a phone number have since April
    /// 2026.
    ///
    /// # Errors
    /// [`AddressError`], which does not repeat the text.
    pub fn parse(scheme_hint: Scheme, text: &str, home: Option<HomeCountry>) -> Result<Self, AddressError> {
        parsing::parse(scheme_hint, text, home)
    }

    /// The scheme that a person wrote before an address; `None`: none, or `tel:`, which is any kind's that has phone numbers.
    ///
    /// # Errors
    /// [`AddressError::UnknownScheme`]
    pub fn scheme_written(text: &str) -> Result<Option<Scheme>, AddressError> {
        parsing::scheme_written(parsing::tidied(text))
    }

    /// What a provider gave as the sender of a message that it vouches for, when no scheme's form fits: better kept under an
    /// unusual address than lost. `None`: nothing visible is in it.
    #[must_use]
    pub fn unusual(scheme: Scheme, text: &str) -> Option<Self> {
        parsing::unusual(scheme, text)
    }

    /// A text without the white space and the invisible marks (of direction, of zero width) that come with what people copy.
    #[must_use]
    pub fn tidied(text: &str) -> &str {
        parsing::tidied(text)
    }

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

    /// What stands before the path.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        let scheme = self.0.split_once(':').and_then(|(scheme, _)| scheme.parse().ok());
        scheme.unwrap_or(Scheme::Whatsapp)
    }

    /// Whether the path is an international phone number.
    #[must_use]
    pub fn is_phone(&self) -> bool {
        matches!(self.scheme(), Scheme::Whatsapp | Scheme::Sms) && self.path().starts_with('+')
    }

    /// Who is behind the address, however it is spelled and on whichever kind of account.
    #[must_use]
    pub fn identity(&self) -> Identity {
        if !self.is_phone() {
            return Identity { text: Arc::clone(&self.0), from: 0 };
        }
        match identity::identity(self.path()) {
            Cow::Borrowed(path) => Identity { text: Arc::clone(&self.0), from: self.0.len() - path.len() },
            Cow::Owned(number) => Identity { text: Arc::from(number), from: 0 },
        }
    }

    /// The same person as every kind of account may address them, this address included: a phone number is one everywhere.
    #[must_use]
    pub fn aliases(&self) -> Vec<Self> {
        if !self.is_phone() {
            return vec![self.clone()];
        }
        [Scheme::Whatsapp, Scheme::Sms].map(|scheme| Self::new(scheme, self.path())).into()
    }

    /// The same person as another kind of account addresses them; `None`: it has no name for them.
    #[must_use]
    pub fn on(&self, scheme: Scheme) -> Option<Self> {
        if self.scheme() == scheme {
            return Some(self.clone());
        }
        self.aliases().into_iter().find(|alias| alias.scheme() == scheme)
    }

    fn new(scheme: Scheme, path: &str) -> Self {
        Self(Arc::from(format!("{scheme}:{path}")))
    }
}

/// Whom an address leads to: today's number of a phone (`+33612345678`), without a scheme, because a number is one person
/// on every account; any other address as a whole. Two addresses with one identity are one contact. Nothing is sent to it.
#[derive(Clone)]
pub struct Identity {
    /// Shared with the address, where its number is written as it is today.
    text: Arc<str>,
    /// Where the identity begins in it.
    from: usize,
}

impl Identity {
    /// Wraps a text that came from [`Address::identity`] before (it comes from the database).
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self { text: Arc::from(text), from: 0 }
    }

    /// The whole text: for tables and comparisons, never for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get(self.from..).unwrap_or_default()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Identity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl fmt::Display for Address {
    /// Masked: the first four characters of a long path and its last two, the first one of a short path or an e-mail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONG: usize = 11;
        let (scheme, path) = (self.scheme(), self.path());
        let length = path.chars().count();
        let shown = if scheme == Scheme::Mailto || length < LONG { (1, 0) } else { (4, 2) };
        let ends = |skip: usize, take: usize| path.chars().skip(skip).take(take).collect::<String>();
        write!(f, "{scheme}:{}…{}", ends(0, shown.0), ends(length.saturating_sub(shown.1), shown.1))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
