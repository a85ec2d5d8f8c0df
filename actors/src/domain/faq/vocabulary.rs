//! Vocabulary: words that have a number, found as people spell them.

use std::collections::HashMap;

use super::sounds::{sound_key, within_one};
use crate::domain::stemming::stem;

/// The number of a word. Words of one meaning share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Word(pub(super) u32);

/// Words by their spelling, their stem and their sound.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    exact: HashMap<String, Word>,
    by_sound: HashMap<String, Word>,
    /// Sound keys of which one letter was left out, with the whole key.
    near: HashMap<String, Vec<(String, Word)>>,
}

/// The shortest sound key that may be misspelt by one letter, in bytes.
const SHORTEST_MISSPELT: usize = 5;

impl Vocabulary {
    /// Adds a folded word, unless it is known already. Answers its number.
    pub(super) fn add(&mut self, spelling: &str, word: Word) -> Word {
        let known = *self.exact.entry(spelling.to_owned()).or_insert(word);
        self.exact.entry(stem(spelling).into_owned()).or_insert(known);
        if let Some(key) = sound_key(spelling) {
            if key.len() >= SHORTEST_MISSPELT && !self.by_sound.contains_key(&key) {
                for shorter in with_one_letter_less(&key).chain([key.clone()]) {
                    self.near.entry(shorter).or_default().push((key.clone(), known));
                }
            }
            self.by_sound.entry(key).or_insert(known);
        }
        known
    }

    /// A word as it is spelt, or its singular.
    pub(super) fn find(&self, word: &str) -> Option<Word> {
        self.exact.get(word).or_else(|| self.exact.get(&*stem(word))).copied()
    }

    /// A word that sounds like it.
    pub(super) fn find_by_sound(&self, key: &str) -> Option<Word> {
        self.by_sound.get(key).copied()
    }

    /// A word whose sound differs by one letter, but for the first.
    pub(super) fn find_near(&self, key: &str) -> Option<Word> {
        if key.len() < SHORTEST_MISSPELT {
            return None;
        }
        let candidates = with_one_letter_less(key).chain([key.to_owned()]);
        let near = |(known, _): &&(String, Word)| {
            known.as_bytes()[0] == key.as_bytes()[0] && within_one(known.as_bytes(), key.as_bytes())
        };
        candidates.filter_map(|shorter| self.near.get(&shorter)).flatten().find(near).map(|(_, word)| *word)
    }
}

/// The key without its second letter, without its third, and so on: the first letter is seldom wrong.
fn with_one_letter_less(key: &str) -> impl Iterator<Item = String> {
    (1..key.len()).map(move |at| [&key[..at], &key[at + 1..]].concat())
}
