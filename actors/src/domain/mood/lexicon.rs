//! The lexicon of moods: what words and phrases weigh, and how messages spell them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use crate::domain::faq::sound_key;
use crate::domain::folding::fold;
use crate::domain::number_words::cardinal;

/// What every number is read as.
const ANY_NUMBER: &str = "3";
/// Words that stand between others and say nothing.
const SILENT: [&str; 6] = ["NE", "N", "EVEN", "MEME", "JUST", "JUSTE"];
/// The shortest word that is compared by its sound: shorter ones sound like too many others.
const SOUNDS_FROM: usize = 7;

static LEXICON: LazyLock<MoodLexicon> = LazyLock::new(|| MoodLexicon::read(include_str!("lexicon.txt")));

/// What words and phrases weigh.
#[derive(Debug, Default)]
pub(super) struct MoodLexicon {
    /// By their words, with blanks between them.
    weights: HashMap<String, i32>,
    /// Words of the longest phrase.
    longest: usize,
    /// They turn the next word into its contrary.
    negations: HashSet<String>,
    /// They make the next word stronger.
    intensifiers: HashSet<String>,
    /// Spellings of messages, written out.
    spellings: HashMap<String, String>,
    known: HashSet<String>,
    /// Known words by their sound.
    by_sound: HashMap<String, String>,
}

/// The words of a text.
#[derive(Debug, Default)]
pub(super) struct MoodWords {
    /// With a blank between each two.
    text: String,
    starts: Vec<usize>,
}

impl MoodWords {
    /// A word that is said twice in a row is read once.
    fn push(&mut self, word: &str) {
        if self.starts.last().and_then(|start| self.text.get(*start..)) == Some(word) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.starts.push(self.text.len());
        self.text.push_str(word);
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// So many words from a place on.
    fn phrase(&self, at: usize, length: usize) -> &str {
        let start = self.starts.get(at).copied().unwrap_or(self.text.len());
        let end = self.starts.get(at + length).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).unwrap_or_default()
    }
}

impl MoodLexicon {
    pub(super) fn get() -> &'static Self {
        &LEXICON
    }

    fn read(file: &'static str) -> Self {
        let mut lexicon = Self::default();
        let lines = || file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        let mut classes: HashMap<&str, Vec<&str>> = HashMap::new();
        for (key, words) in lines() {
            if let Some(name) = key.strip_prefix('$') {
                classes.insert(name, words.split('|').collect());
            } else if let ("=", Some((spellings, full))) = (key, words.split_once(' ')) {
                let full = fold(full);
                lexicon.spellings.extend(spellings.split('|').map(|spelling| (fold(spelling), full.clone())));
            }
        }
        for (key, words) in lines().filter(|(key, _)| !key.starts_with(['$', '='])) {
            let mut phrases = Vec::new();
            words.split('|').for_each(|pattern| expand(pattern, &classes, &mut phrases));
            for phrase in phrases {
                lexicon.learn(key, &phrase);
            }
        }
        let known: BTreeSet<&String> = lexicon.known.iter().filter(|word| word.len() >= SOUNDS_FROM).collect();
        for word in known {
            if let Some(key) = sound_key(word) {
                lexicon.by_sound.entry(key).or_insert_with(|| word.clone());
            }
        }
        lexicon
    }

    fn learn(&mut self, key: &str, phrase: &str) {
        let words = self.split(phrase);
        if words.count() == 0 {
            return;
        }
        let each = words.text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
        self.known.extend(each.clone());
        match key.parse() {
            Ok(weight) => {
                self.longest = self.longest.max(words.count());
                self.weights.insert(words.text, weight);
            }
            Err(_) if key == "not" => self.negations.extend(each),
            Err(_) => self.intensifiers.extend(each),
        }
    }

    /// The words of a message, as the lexicon spells them.
    pub(super) fn words(&self, text: &str) -> MoodWords {
        let written = self.split(text);
        let mut words = MoodWords { text: String::with_capacity(written.text.len()), starts: Vec::new() };
        for word in written.text.split(' ').filter(|word| !word.is_empty()) {
            words.push(self.heard(word).unwrap_or(word));
        }
        words
    }

    /// The known word that sounds like one that is not known.
    fn heard(&self, word: &str) -> Option<&str> {
        if word.len() < SOUNDS_FROM || self.known.contains(word) {
            return None;
        }
        self.by_sound.get(&sound_key(word)?).map(String::as_str)
    }

    /// The words of a text, folded and written out. Numbers are all alike: `2 fois`, `trois fois`, `1h`.
    fn split(&self, text: &str) -> MoodWords {
        let mut words = MoodWords::default();
        for written in fold(text).split(' ') {
            let full = self.spellings.get(written).map_or(written, String::as_str);
            for word in full.split(' ').filter(|word| !word.is_empty() && !SILENT.contains(word)) {
                let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
                if letters.len() < word.len() {
                    words.push(&format!("{ANY_NUMBER}{letters}"));
                } else if cardinal(word).is_some_and(|number| number > 1) {
                    words.push(ANY_NUMBER);
                } else {
                    words.push(word);
                }
            }
        }
        words
    }

    /// The longest phrase that begins at a word: how many words it has, and its weight.
    pub(super) fn phrase_at(&self, words: &MoodWords, at: usize) -> Option<(usize, i32)> {
        let longest = self.longest.min(words.count() - at);
        (1..=longest).rev().find_map(|length| Some((length, *self.weights.get(words.phrase(at, length))?)))
    }

    pub(super) fn negates(&self, words: &MoodWords, at: usize) -> bool {
        self.negations.contains(words.phrase(at, 1))
    }

    pub(super) fn intensifies(&self, words: &MoodWords, at: usize) -> bool {
        self.intensifiers.contains(words.phrase(at, 1))
    }
}

/// The phrases that a pattern stands for: `{a,b}` is either, `$name` any of its class.
fn expand(pattern: &str, classes: &HashMap<&str, Vec<&str>>, phrases: &mut Vec<String>) {
    if let Some((before, rest)) = pattern.split_once('{')
        && let Some((either, after)) = rest.split_once('}')
    {
        either.split(',').for_each(|one| expand(&format!("{before}{one}{after}"), classes, phrases));
    } else if let Some((before, rest)) = pattern.split_once('$') {
        let (name, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        let class = classes.get(name).into_iter().flatten();
        class.for_each(|one| expand(&format!("{before}{one}{after}"), classes, phrases));
    } else {
        phrases.push(pattern.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_phrases() {
        let classes = HashMap::from([("who", vec!["on", "vous"])]);
        let expanded = |pattern: &str| {
            let mut phrases = Vec::new();
            expand(pattern, &classes, &mut phrases);
            phrases
        };
        assert_eq!(expanded("pas {du tout ,}pro"), ["pas du tout pro", "pas pro"]);
        assert_eq!(expanded("$who dit"), ["on dit", "vous dit"]);
        assert_eq!(expanded("nul"), ["nul"]);
        let lexicon = MoodLexicon::get();
        assert!(lexicon.longest < 14 && lexicon.weights.len() < 20_000, "{}", lexicon.weights.len());
        assert!(lexicon.weights.keys().all(|phrase| !phrase.is_empty()));
    }

    #[test]
    fn messages_are_read_as_the_lexicon_spells_them() {
        let words = |text: &str| MoodLexicon::get().words(text).text;
        assert_eq!(words("tjrs 2 fois, scandaleu"), "TOUJOURS 3 FOIS SCANDALEUX");
        assert_eq!(words("C'est même pas inadmisible"), "C EST PAS INADMISSIBLE");
        assert_eq!(words("3h, trois h"), "3H 3 H");
    }
}
