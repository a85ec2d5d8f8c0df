//! Error in a tenant's rules.

/// What is wrong with one field of a [`super::rules::RulesSource`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct RuleError {
    /// Which field, counted from zero: `replies.fallback`, `faq[2].answer`, `faq[2].keywords[0]`, `keywords.stop[1]`.
    pub field: String,
    /// What is wrong, for people: with the line inside the template when there is one, and what was probably meant.
    pub message: String,
}
