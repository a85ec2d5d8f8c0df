//! FAQ entries of a tenant's file, and what is doubtful about them.

use palabre_actors::domain::consent::Keywords;
use palabre_actors::domain::faq::FaqIndex;
use palabre_actors::domain::rules::{ConsentWord, FaqEntry, Shadowed, consent_words, shadowed};
use palabre_actors::domain::template::TemplateUse;

use super::document::Scope;
use super::raw::RawFaq;

/// The entries of a file, and whether all of them hold.
pub(super) struct Faq {
    pub(super) entries: Vec<FaqEntry>,
    pub(super) valid: bool,
}

/// Questions keep their places even when a part is missing, so that the numbers in complaints stay right.
pub(super) fn faq(root: &Scope<'_>, raw: &[RawFaq]) -> Faq {
    let (mut valid, none) = (true, Vec::new());
    let entries = raw.iter().enumerate().map(|(index, raw)| {
        let scope = root.element("faq", index);
        let meant = "the question, for people who read this file";
        let question = scope.required("question", raw.question.as_deref(), meant).filter(|raw| {
            let is_empty = raw.trim().is_empty();
            if is_empty {
                scope.wrong("question", "is empty", meant);
            }
            !is_empty
        });
        let about = raw.about.clone().unwrap_or_default();
        let keywords = if about.is_empty() {
            scope.required("keywords", raw.keywords.as_ref(), "words of which any asks this question")
        } else {
            Some(raw.keywords.as_ref().unwrap_or(&none))
        };
        let answer = scope.required("answer", raw.answer.as_ref(), "what to answer");
        let template = template_of(&scope, raw);
        valid &= question.is_some() && keywords.is_some() && answer.is_some();
        FaqEntry {
            id: format!("faq[{index}]"),
            about,
            question: question.unwrap_or_default().to_owned(),
            keywords: keywords.cloned().unwrap_or_default(),
            answer: answer.cloned().unwrap_or_default(),
            template,
        }
    });
    let entries = entries.collect();
    Faq { entries, valid }
}

fn template_of(scope: &Scope<'_>, raw: &RawFaq) -> Option<TemplateUse> {
    if raw.template.is_none() && raw.template_variables.is_some() {
        let reason = format!("`{}` is there without a `template`", scope.name("template_variables"));
        scope.warning("template_variables", reason, "name the template that they belong to");
    }
    let variables = raw.template_variables.clone().unwrap_or_default();
    raw.template.clone().map(|name| TemplateUse { name, variables })
}

/// Warns of entries that customers will not get, or that others get in their place.
pub(super) fn doubts(root: &Scope<'_>, faq: &[FaqEntry], keywords: &Keywords) {
    shadows(root, faq);
    own_questions(root, faq);
    deaf_words(root, faq, keywords);
}

/// A keyword that another question has already asks for nothing.
fn shadows(root: &Scope<'_>, faq: &[FaqEntry]) {
    for Shadowed { entry, at, by } in shadowed(faq) {
        let key = format!("faq[{entry}].keywords[{at}]");
        let reason = format!("`{key}` stands in `faq[{by}]` as well: who writes it alone is asked which is meant");
        root.warning(&key, reason, "give it to one question alone");
    }
}

/// An entry whose own question another entry takes, or none finds.
fn own_questions(root: &Scope<'_>, faq: &[FaqEntry]) {
    let index = FaqIndex::new(faq);
    for (at, entry) in faq.iter().enumerate() {
        let reading = index.read_by_meaning(&entry.question);
        if reading.answers.contains(&at) {
            continue;
        }
        let key = format!("faq[{at}].question");
        let Some(other) = reading.answers.first() else { continue };
        let reason = format!("`{key}`, when a customer asks it, is answered by `faq[{other}]`");
        let help = "name what it is about (`about = [..]`) or add keywords; `palabre faq try` shows the scores";
        root.warning(&key, reason, help);
    }
}

/// A keyword that means STOP, START or HELP alone asks its question in longer messages only.
fn deaf_words(root: &Scope<'_>, faq: &[FaqEntry], keywords: &Keywords) {
    for ConsentWord { entry, at, meaning } in consent_words(faq, keywords) {
        let (key, meaning) = (format!("faq[{entry}].keywords[{at}]"), meaning.word());
        let reason = format!("`{key}` alone means {meaning}: who writes only this does not ask the question");
        root.warning(&key, reason, "it asks in longer messages alone; choose a word that customers write by itself");
    }
}
