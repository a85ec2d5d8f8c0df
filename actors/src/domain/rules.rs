//! What a tenant wants done: the validated part of its configuration that decisions need.

use std::collections::HashSet;
use std::time::Duration;

use super::address::Address;
use super::ids::TenantId;

/// A tenant's rules, as its configuration gives them: texts are not compiled yet, words are not folded yet.
#[derive(Clone, Debug)]
pub struct RulesSource {
    /// Whose rules these are.
    pub tenant: TenantId,
    /// The name customers know, for templates.
    pub tenant_name: String,
    /// The language of texts that the tenant did not write itself.
    pub language: Language,
    /// Addresses of the tenant's own people, as the configuration gives them. Bare numbers count on every scheme, so
    /// only the path is kept (`+33612345678`).
    pub sellers: HashSet<String>,
    /// Questions with known answers, in the order of the file.
    pub faq: Vec<FaqEntry>,
    /// Texts.
    pub replies: Replies,
    /// More words for STOP, START and HELP than the built-in ones.
    pub keywords: ExtraKeywords,
    /// Automatic answers to one contact in any 60 seconds (I7).
    pub per_contact_per_minute: u32,
    /// A session closes when nobody wrote for this long.
    pub session_idle: Duration,
    /// A live session closes when no seller wrote for this long.
    pub live_session_idle: Duration,
}

/// A tenant's rules, checked and compiled once. Immutable; a reload replaces the whole.
#[derive(Debug)]
pub struct Rules {
    source: RulesSource,
}

/// What is wrong with one field of a [`RulesSource`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct RuleError {
    /// Which field, counted from zero: `replies.fallback`, `faq[2].answer`, `faq[2].keywords[0]`, `keywords.stop[1]`.
    pub field: String,
    /// What is wrong, for people: with the line inside the template when there is one, and what was probably meant.
    pub message: String,
}

impl Rules {
    /// Checks and compiles a tenant's rules.
    ///
    /// # Errors
    /// Everything that is wrong, at once, in the order of the fields.
    pub fn new(source: RulesSource) -> Result<Self, Vec<RuleError>> {
        Ok(Self { source })
    }

    /// What the rules were made of.
    #[must_use]
    pub fn source(&self) -> &RulesSource {
        &self.source
    }
}

/// The languages Palabre itself can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Français
    #[default]
    Fr,
    /// English
    En,
}

/// A question with a known answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaqEntry {
    /// The question, for people.
    pub question: String,
    /// Any of these words or phrases in a message, whatever its case and accents, asks the question.
    pub keywords: Vec<String>,
    /// A template.
    pub answer: String,
}

/// Texts of the tenant: minijinja templates. `None` takes the built-in text of the tenant's language, or silence where
/// the field says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// When nothing else fits. `None`: silence.
    pub fallback: Option<String>,
    /// To a seller's message. `None`: silence.
    pub seller: Option<String>,
    /// After STOP.
    pub opt_out: Option<String>,
    /// After START.
    pub opt_in: Option<String>,
    /// After HELP.
    pub help: Option<String>,
}

/// Words that a tenant adds to the built-in ones. Whole message, any case and accents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraKeywords {
    /// Also mean STOP.
    pub stop: Vec<String>,
    /// Also mean START.
    pub start: Vec<String>,
    /// Also mean HELP.
    pub help: Vec<String>,
}

/// Whether an address belongs to the tenant's own people. The shell keeps it fresh from `seller_phones`.
pub trait SellerBook: Send + Sync {
    /// Whether a row of `seller_phones` names this address of the tenant.
    fn is_registered(&self, tenant: &TenantId, address: &Address) -> bool;
}
