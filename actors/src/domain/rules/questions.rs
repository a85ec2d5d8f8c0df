//! Which FAQ entry a message asks for.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{FaqEntry, RuleError};
use crate::domain::consent::{Keyword, Keywords};
use crate::domain::folding::fold;
use crate::domain::stemming::stem;

/// The keywords of all FAQ entries, by their first word, so that a message is walked once however many there are.
#[derive(Debug, Default)]
pub(super) struct Questions {
    by_first_word: HashMap<String, Vec<Phrase>>,
}

#[derive(Debug)]
struct Phrase {
    further_words: Vec<String>,
    chars: usize,
    entry: usize,
}

impl Questions {
    pub(super) fn new(faq: &[FaqEntry], errors: &mut Vec<RuleError>) -> Self {
        let mut questions = Self::default();
        for (entry, typed) in faq.iter().enumerate() {
            if typed.keywords.is_empty() {
                let message = "is empty, so no message can ask this question".to_owned();
                errors.push(RuleError { field: format!("faq[{entry}].keywords"), message });
            }
            for (at, keyword) in typed.keywords.iter().enumerate() {
                let folded = fold(keyword);
                let mut words = folded.split(' ').map(|word| stem(word).into_owned());
                match words.next() {
                    Some(first) if !first.is_empty() => {
                        let phrase = Phrase { further_words: words.collect(), chars: folded.chars().count(), entry };
                        questions.by_first_word.entry(first).or_default().push(phrase);
                    }
                    _ => {
                        let message = "has no letter or digit, so no message can match it".to_owned();
                        errors.push(RuleError { field: format!("faq[{entry}].keywords[{at}]"), message });
                    }
                }
            }
        }
        questions
    }

    /// The entry whose keyword stands in the message as whole words. The longest keyword wins (it says most), then the
    /// entry that comes first.
    pub(super) fn find(&self, folded: &str) -> Option<usize> {
        if self.by_first_word.is_empty() {
            return None;
        }
        let mut best: Option<&Phrase> = None;
        let mut rest = folded.split(' ');
        while let Some(word) = rest.next() {
            for phrase in self.by_first_word.get(&*stem(word)).into_iter().flatten() {
                let here = phrase
                    .further_words
                    .iter()
                    .map(|word| Cow::Borrowed(word.as_str()))
                    .eq(rest.clone().take(phrase.further_words.len()).map(stem));
                let better = best.is_none_or(|best| (phrase.chars, best.entry) > (best.chars, phrase.entry));
                if here && better {
                    best = Some(phrase);
                }
            }
        }
        best.map(|phrase| phrase.entry)
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
    use proptest::prelude::*;

    use super::*;
    use crate::domain::rules::ExtraKeywords;

    fn entries(entries: &[&[&str]]) -> Vec<FaqEntry> {
        let entry = |keywords: &&[&str]| FaqEntry {
            question: "?".into(),
            keywords: keywords.iter().map(ToString::to_string).collect(),
            answer: "!".into(),
            template: None,
        };
        entries.iter().map(entry).collect()
    }

    fn faq(keywords: &[&[&str]]) -> Questions {
        let mut errors = Vec::new();
        let questions = Questions::new(&entries(keywords), &mut errors);
        assert_eq!(errors, []);
        questions
    }

    #[test]
    fn a_keyword_in_a_message_asks_its_question() {
        let questions = faq(&[
            &["horaires", "ouvert", "ouverture"],
            &["tarif", "prix", "combien ça coûte"],
            &["carte", "carte cadeau"],
            &["rendez-vous", "RDV"],
            &["parking"],
            &["places de parking", "ouverte"],
        ]);
        for (message, entry) in [
            ("Quels sont vos horaires ?", Some(0)),
            ("quel est votre HORAIRE", Some(0)),
            ("Vous êtes ouverts le lundi ?", Some(0)),
            ("l'ouverture", Some(0)),
            ("vos tarifs svp", Some(1)),
            ("Combien ca coute, une coupe ?", Some(1)),
            ("une carte-cadeau", Some(2)),
            ("Rendez vous demain", Some(3)),
            ("un rdv ?", Some(3)),
            ("parkings", Some(4)),
            ("une place de parking à l'ouverture ?", Some(5)),
            ("prix du parking", Some(4)),
            ("tarif, horaire", Some(0)),
            ("découverte", None),
            ("combien", None),
            ("de parking places", Some(4)),
            ("", None),
        ] {
            assert_eq!(questions.find(&fold(message)), entry, "{message:?}");
        }
    }

    #[test]
    fn a_keyword_that_another_entry_has_asks_for_nothing() {
        let keywords: &[&[&str]] =
            &[&["ouvert", "prix", "Prix !"], &["OUVERT", "un prix"], &["ouverts", "prix bas"], &["!"]];
        let told: Vec<_> = shadowed(&entries(keywords)).iter().map(|word| (word.entry, word.at, word.by)).collect();
        assert_eq!(told, [(0, 0, 2), (1, 0, 2)]);
        // As messages find it: the longer of two that mean the same wins.
        assert_eq!(faq(&keywords[..3]).find(&fold("ouvert ?")), Some(2));
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
    fn the_first_entry_wins_a_tie() {
        let questions = faq(&[&["aa", "bbbb"], &["bbbb"], &["cccc"]]);
        assert_eq!(questions.find("CCCC BBBB"), Some(0));
        assert_eq!(questions.find("CCCC AA"), Some(2));
    }

    #[test]
    fn keywords_that_match_nothing_are_refused() {
        let entry = |keywords: &[&str]| FaqEntry {
            question: String::new(),
            keywords: keywords.iter().map(ToString::to_string).collect(),
            answer: String::new(),
            template: None,
        };
        let mut errors = Vec::new();
        Questions::new(&[entry(&["ok"]), entry(&[]), entry(&["ok", "?!"])], &mut errors);
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["faq[1].keywords", "faq[2].keywords[1]"]);
    }

    proptest! {
        #[test]
        fn a_keyword_is_found_wherever_it_stands(
            before in "[a-z ]{0,20}", keyword in "[xyz]{2,8}( [xyz]{2,8}){0,2}", after in "[a-z ]{0,20}",
        ) {
            let questions = faq(&[&[&keyword]]);
            let message = format!("{before} {keyword} {after}");
            prop_assert_eq!(questions.find(&fold(&message)), Some(0));
        }

        #[test]
        fn looking_never_panics(message in any::<String>()) {
            let _ = faq(&[&["horaires"], &["à quelle heure"]]).find(&fold(&message));
        }
    }
}
