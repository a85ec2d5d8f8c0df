//! FAQ entry: a question with a known answer.

use crate::domain::template::TemplateUse;

/// A question with a known answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaqEntry {
    /// How events and `palabre explain` name it: `faq[2]` for an entry of the tenant's file, the row's id for one of
    /// `faq_entries`.
    pub id: String,
    /// The question, for people; what it asks is read from it, unless `about` says so.
    pub question: String,
    /// Words or phrases that ask the question.
    pub keywords: Vec<String>,
    /// Concepts of the lexicon that it answers ([`super::concept_names`]).
    pub about: Vec<String>,
    /// A text of its own, with places for what is known (minijinja).
    pub answer: String,
    /// The approved template that says the same once the customer-service window is closed. Its variables are texts like
    /// `answer`.
    pub template: Option<TemplateUse>,
}
