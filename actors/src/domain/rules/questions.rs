//! Checks of a tenant's FAQ entries and of their keywords.

use std::collections::HashMap;

use super::templates::meant;
use super::{FaqEntry, RuleError};
use crate::domain::consent::{Keyword, Keywords};
use crate::domain::faq::concept_names;
use crate::domain::folding::fold;
use crate::domain::stemming::stem;

/// Adds to `errors` what does not hold of the entries: one that nothing asks for, a keyword without letters, a concept that
/// the lexicon does not have.
pub(super) fn check(faq: &[FaqEntry], errors: &mut Vec<RuleError>) {
    for (entry, typed) in faq.iter().enumerate() {
        if typed.keywords.is_empty() && typed.about.is_empty() {
            let message = "is empty, so no message can ask this question".to_owned();
            errors.push(RuleError { field: format!("faq[{entry}].keywords"), message });
        }
        for (at, keyword) in typed.keywords.iter().enumerate() {
            if fold(keyword).is_empty() {
                let message = "has no letter or digit, so no message can match it".to_owned();
                errors.push(RuleError { field: format!("faq[{entry}].keywords[{at}]"), message });
            }
        }
        for (at, name) in typed.about.iter().enumerate() {
            if !concept_names().any(|known| known == name) {
                let message = format!("names no concept: `{name}`{}", meant(name, concept_names()));
                errors.push(RuleError { field: format!("faq[{entry}].about[{at}]"), message });
            }
        }
    }
}

/// A keyword that asks for nothing: another entry has it too, and wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The entry it stands in.
    pub entry: usize,
    /// Its place there.
    pub at: usize,
    /// The entry that answers instead.
    pub by: usize,
}

/// The keywords that no message asks with, because another entry has the same and is stronger. Those of one entry do not
/// count.
#[must_use]
pub fn shadowed(faq: &[FaqEntry]) -> Vec<Shadowed> {
    let keywords = || {
        faq.iter().enumerate().flat_map(|(entry, faq)| {
            faq.keywords.iter().enumerate().map(move |(at, keyword)| {
                let folded = fold(keyword);
                let words: Vec<String> = folded.split(' ').map(|word| stem(word).into_owned()).collect();
                (entry, at, words, folded.chars().count())
            })
        })
    };
    let mut strongest: HashMap<Vec<String>, (usize, usize)> = HashMap::new();
    for (entry, _, words, chars) in keywords() {
        let known = strongest.entry(words).or_insert((chars, entry));
        if chars > known.0 {
            *known = (chars, entry);
        }
    }
    let shadowed = keywords().filter_map(|(entry, at, words, _)| {
        let by = strongest.get(&words)?.1;
        (by != entry && !words.concat().is_empty()).then_some(Shadowed { entry, at, by })
    });
    shadowed.collect()
}

/// A keyword that alone in a message asks for something else than its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentWord {
    /// The entry it stands in.
    pub entry: usize,
    /// Its place there.
    pub at: usize,
    /// What it means alone.
    pub meaning: Keyword,
}

/// The FAQ's keywords that mean STOP, START or HELP when they are the whole message. (A word that means CONFIRM does so
/// only as an answer to a welcome.)
#[must_use]
pub fn consent_words(faq: &[FaqEntry], keywords: &Keywords) -> Vec<ConsentWord> {
    let typed = faq
        .iter()
        .enumerate()
        .flat_map(|(entry, faq)| faq.keywords.iter().enumerate().map(move |(at, keyword)| (entry, at, keyword)));
    let means = |keyword: &str| keywords.read(keyword, &fold(keyword)).filter(|meaning| *meaning != Keyword::Confirm);
    typed.filter_map(|(entry, at, keyword)| Some(ConsentWord { entry, at, meaning: means(keyword)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rules::ExtraKeywords;

    fn entry(keywords: &[&str]) -> FaqEntry {
        let keywords = keywords.iter().map(ToString::to_string).collect();
        FaqEntry { question: "?".into(), keywords, answer: "!".into(), ..FaqEntry::default() }
    }

    fn entries(entries: &[&[&str]]) -> Vec<FaqEntry> {
        entries.iter().map(|keywords| entry(keywords)).collect()
    }

    #[test]
    fn a_keyword_that_another_entry_has_is_told() {
        let keywords: &[&[&str]] =
            &[&["ouvert", "prix", "Prix !"], &["OUVERT", "un prix"], &["ouverts", "prix bas"], &["!"]];
        let told: Vec<_> = shadowed(&entries(keywords)).iter().map(|word| (word.entry, word.at, word.by)).collect();
        assert_eq!(told, [(0, 0, 2), (1, 0, 2)]);
    }

    #[test]
    fn a_keyword_that_is_a_word_of_consent_alone_means_that() {
        let extra = ExtraKeywords { stop: vec!["basta".into()], ..ExtraKeywords::default() };
        let keywords = Keywords::new(&extra, &mut Vec::new());
        let faq =
            entries(&[&["horaires", "Info"], &["aides", "oui", "BASTA !", "arrêter", "un arrêt"], &["reprendre"]]);
        let told: Vec<_> =
            consent_words(&faq, &keywords).iter().map(|word| (word.entry, word.at, word.meaning.word())).collect();
        assert_eq!(told, [(0, 1, "HELP"), (1, 2, "STOP"), (1, 3, "STOP"), (2, 0, "START")]);
    }

    #[test]
    fn entries_that_nothing_asks_for_are_refused() {
        let about = |names: &[&str]| {
            let about = names.iter().map(ToString::to_string).collect();
            FaqEntry { about, ..entry(&[]) }
        };
        let mut errors = Vec::new();
        let faq = [entry(&["ok"]), entry(&[]), entry(&["ok", "?!"]), about(&["price"]), about(&["prices"])];
        check(&faq, &mut errors);
        let told: Vec<String> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
        assert_eq!(
            told[..2],
            [
                "faq[1].keywords is empty, so no message can ask this question",
                "faq[2].keywords[1] has no letter or digit, so no message can match it",
            ]
        );
        assert_eq!(told[2..], ["faq[4].about[0] names no concept: `prices`; did you mean `price`?"]);
    }
}
