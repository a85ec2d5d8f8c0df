//! Words of texts and of searches, in the form that the search index has.

use std::collections::BTreeSet;

use palabre_actors::domain::folding::fold;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Longer words are cut: nobody types them whole.
const LONGEST_WORD: usize = 32;
/// Words of one message; the rest of a longer text is not found.
const MOST_WORDS: usize = 200;
/// Words of one question.
const MOST_ASKED: usize = 8;
/// A shorter word has too few trigrams to tell what it may have meant.
const SHORTEST_MISSPELT: usize = 4;
/// A shorter beginning of a word would fit a large part of all messages.
const SHORTEST_BEGINNING: usize = 3;
/// Digits of the shortest number that somebody can be found by.
const SHORTEST_NUMBER: usize = 3;

/// The different words of a text, folded.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    fold(text).split(' ').filter(|word| word.chars().nth(1).is_some()).take(MOST_WORDS).map(cut).collect()
}

fn cut(word: &str) -> String {
    word.chars().take(LONGEST_WORD).collect()
}

/// Whether a word is a candidate for misspelt ones. Words with digits are none: each order number would be one.
pub(super) fn is_spelt(word: &str) -> bool {
    word.chars().count() >= SHORTEST_MISSPELT && !word.chars().any(|c| c.is_ascii_digit())
}

/// The prefix of every word of a tenant, so that tenants share no list of the index (I9). Two tenants with the same prefix
/// only read past each other's rows, because every query filters by tenant as well.
pub(super) fn mark(tenant: &str) -> String {
    let digest = Sha256::digest(tenant);
    digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

/// The number of a message in the index: the milliseconds of its id and fifteen bits of what follows, so that the order of
/// numbers is the order of time. Several ids may share one; the index moves on to the next that is free.
pub(super) fn sequence(id: Uuid) -> i64 {
    let (high, low) = id.as_u64_pair();
    let (millis, random) = (high >> 16, ((high & 0xfff) << 3) | ((low >> 59) & 0b111));
    i64::try_from((millis << 15) | random).unwrap_or(i64::MAX)
}

/// A search text, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Folded, in the order in which they were typed. The last one may be the beginning of a word.
    pub words: Vec<String>,
    /// The digits that a number's owner is found by, whichever way it was written.
    pub digits: Option<String>,
}

/// One word of a question, or what it may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternative {
    pub word: String,
    /// Whether longer words fit as well.
    pub is_beginning: bool,
}

impl Question {
    pub fn read(text: &str) -> Self {
        let folded = fold(text);
        let all: Vec<String> = folded.split(' ').filter(|word| !word.is_empty()).map(cut).collect();
        let long: Vec<String> = all.iter().filter(|word| word.chars().nth(1).is_some()).cloned().collect();
        let mut words = if long.is_empty() { all } else { long };
        words.truncate(MOST_ASKED);
        Self { words, digits: digits(text) }
    }

    /// Each word with what fits it.
    pub fn alternatives(&self) -> Vec<Vec<Alternative>> {
        let last = self.words.len().saturating_sub(1);
        let words = self.words.iter().enumerate();
        let alternatives = words.map(|(at, word)| {
            let is_beginning = at == last && word.chars().count() >= SHORTEST_BEGINNING;
            vec![Alternative { word: word.clone(), is_beginning }]
        });
        alternatives.collect()
    }
}

/// `06 12 34 56 78`, `+33 6 12…` and `0033612…` all end in the same digits; what stands before them is left away.
fn digits(text: &str) -> Option<String> {
    let is_number = text.chars().all(|c| c.is_ascii_digit() || " \u{a0}\u{202f}+-./()".contains(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (is_number && digits.len() >= SHORTEST_NUMBER).then(|| digits.to_owned())
}

/// What a contact is found by: folded name, and of each address the digits or the folded rest. Blanks at both ends, so that
/// the beginning of a word can be asked for.
pub(super) fn contact_text(name: Option<&str>, addresses: &str) -> String {
    let addresses = addresses.lines().map(|address| {
        let path = address.split_once(':').map_or(address, |(_, path)| path);
        path.strip_prefix('+').map_or_else(|| fold(path), ToOwned::to_owned)
    });
    let mut parts: Vec<String> = std::iter::once(fold(name.unwrap_or_default())).chain(addresses).collect();
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    format!(" {} ", parts.join(" "))
}

/// The trigrams of a word between two blanks, as the index has them.
pub(super) fn trigrams(word: &str) -> BTreeSet<String> {
    trigrams_of(&format!(" {word} "))
}

fn trigrams_of(text: &str) -> BTreeSet<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.windows(3).map(|three| three.iter().collect()).collect()
}

/// The share of trigrams that two words have in common, 0 to 1, as `similarity` of PostgreSQL's `pg_trgm` computes it.
pub(super) fn similarity(one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|word| trigrams_of(&format!("  {word} ")));
    let both = one.intersection(&other).count();
    let all = one.union(&other).count();
    // Counts of a word's letters.
    #[expect(clippy::cast_precision_loss, reason = "a word has few trigrams")]
    let share = both as f64 / all.max(1) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_each_stands_once() {
        let found = words("Bonjour, à l’hôtel ; BONJOUR ! 17h30");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["17H30", "BONJOUR", "HOTEL"]);
    }

    #[test]
    fn a_number_is_read_whichever_way_it_is_written() {
        for text in [
            "06 12 34 56 78",
            "+33612345678",
            "0033 6 12 34 56 78",
            "(06) 12.34.56.78",
            "06\u{a0}12\u{a0}34\u{a0}56\u{a0}78",
        ] {
            let digits = Question::read(text).digits.unwrap();
            assert!("33612345678".ends_with(&digits), "{text}: {digits}");
        }
        for text in ["12", "Awa 12", "+", ""] {
            assert_eq!(Question::read(text).digits, None, "{text}");
        }
        assert_eq!(
            contact_text(Some("Awa Diallo"), "whatsapp:+33612345678\nsms:+33612345678"),
            " AWA DIALLO 33612345678 "
        );
        assert_eq!(contact_text(None, "mailto:awa@example.org"), " AWA EXAMPLE ORG ");
    }

    #[test]
    fn the_order_of_numbers_is_the_order_of_time() {
        let early: Uuid = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b".parse().unwrap();
        let late: Uuid = "019c1a2b-3c4e-7000-8000-000000000000".parse().unwrap();
        assert!(0 < sequence(early) && sequence(early) < sequence(late));
    }

    #[test]
    fn a_misspelt_word_is_like_the_one_that_was_meant() {
        for (typed, meant) in [("BONJUOR", "BONJOUR"), ("RENDEZVUS", "RENDEZVOUS"), ("MANICURE", "MANUCURE")] {
            assert!(similarity(typed, meant) >= 0.3, "{typed}: {}", similarity(typed, meant));
        }
        assert!(similarity("BONJOUR", "MERCI") < 0.1);
    }

    #[test]
    fn the_last_word_may_be_a_beginning() {
        let asked = Question::read("prendre rendez");
        let beginnings: Vec<bool> = asked.alternatives().iter().map(|word| word[0].is_beginning).collect();
        assert_eq!(beginnings, [false, true]);
        assert!(!Question::read("re").alternatives()[0][0].is_beginning);
        assert!(Question::read(" ?! ").words.is_empty());
    }
}
