//! Lexicon: what customers ask of small businesses, in French and English, and the words they use for it.
//!
//! It is read once from the files beside this module, whose first lines say how they are written.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::pattern::{Pattern, Step, Strength, steps};
use super::vocabulary::{Vocabulary, Word};
use crate::domain::folding::fold;

/// Something that customers ask, by its place in the lexicon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ConceptId(pub(super) usize);

/// What a concept is called and how it relates to others.
#[derive(Debug, Default)]
pub(super) struct Concept {
    pub(super) name: String,
    /// Wins over these in one segment.
    pub(super) over: Vec<ConceptId>,
    /// Wins over these in the whole message.
    pub(super) beats: Vec<ConceptId>,
    /// Wins over these in one segment, unless they are said surely.
    pub(super) mutes: Vec<ConceptId>,
    /// Is not meant where one of these is.
    pub(super) yields: Vec<ConceptId>,
    /// No entry answers it unless its `about` says so.
    pub(super) sink: bool,
    /// A tenant's own words win over it.
    pub(super) generic: bool,
    /// Wins over a tenant's own words.
    pub(super) over_own: bool,
    /// The more general concept whose entry answers it when no entry has it.
    pub(super) about: Option<ConceptId>,
}

#[derive(Debug, Default)]
pub(super) struct Lexicon {
    pub(super) concepts: Vec<Concept>,
    pub(super) patterns: Vec<(ConceptId, Pattern)>,
    pub(super) vocabulary: Vocabulary,
    fillers: HashSet<Word>,
    weak: HashSet<Word>,
    ordinary: HashSet<String>,
    phrases: HashMap<String, Vec<Phrase>>,
    classes: HashMap<String, Vec<Word>>,
    by_first: HashMap<Word, Vec<usize>>,
    by_number: Vec<usize>,
    by_time: Vec<usize>,
    words: u32,
}

/// Several words that stand for one, or for nothing.
#[derive(Debug)]
struct Phrase {
    further: Vec<String>,
    means: Vec<Word>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    lexicon.read_words(include_str!("lexicon/words.txt"));
    lexicon.read_concepts(include_str!("lexicon/concepts.txt"));
    lexicon.ordinary = ordinary(include_str!("lexicon/ordinary.txt"));
    lexicon.index();
    lexicon
});

impl Lexicon {
    pub(super) fn get() -> &'static Self {
        &LEXICON
    }

    pub(super) fn concept(&self, name: &str) -> Option<ConceptId> {
        self.concepts.iter().position(|concept| concept.name == name).map(ConceptId)
    }

    pub(super) fn is_filler(&self, word: Word) -> bool {
        self.fillers.contains(&word)
    }

    /// Whether a word alone says too little to be a question.
    pub(super) fn is_weak(&self, word: Word) -> bool {
        self.weak.contains(&word) || self.fillers.contains(&word)
    }

    pub(super) fn is_ordinary(&self, word: &str) -> bool {
        self.ordinary.contains(word)
    }

    /// The number that the first word of a tenant may have.
    pub(super) fn next_word(&self) -> u32 {
        self.words
    }

    /// Several words that stand for others, at the start of `words`: how many, and what they mean.
    pub(super) fn phrase(&self, words: &[&str]) -> Option<(usize, &[Word])> {
        let (first, rest) = words.split_first()?;
        let fits = |phrase: &&Phrase| {
            phrase.further.len() <= rest.len() && phrase.further.iter().zip(rest).all(|(a, b)| a == b)
        };
        let longest = self.phrases.get(*first)?.iter().filter(fits).max_by_key(|phrase| phrase.further.len())?;
        Some((longest.further.len() + 1, &longest.means))
    }

    /// The patterns that may begin with a word.
    pub(super) fn patterns_from(&self, word: Option<Word>, number: bool, time: bool) -> impl Iterator<Item = usize> {
        let named = word.and_then(|word| self.by_first.get(&word)).into_iter().flatten();
        let numbers = self.by_number.iter().filter(move |_| number);
        named.chain(numbers).chain(self.by_time.iter().filter(move |_| time)).copied()
    }

    fn word(&mut self, spelling: &str) -> Word {
        let folded = fold(spelling);
        if let Some(known) = self.vocabulary.find(&folded) {
            return known;
        }
        let word = Word(self.words);
        self.words += 1;
        self.vocabulary.add(&folded, word)
    }

    fn read_words(&mut self, file: &str) {
        let lines = || file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines().filter(|line| !line.starts_with(['=', '@'])) {
            let Some((first, others)) = line.split_once('=') else { continue };
            let word = self.word(first);
            for other in others.split_whitespace().filter(|other| !other.ends_with('?')) {
                self.vocabulary.add(&fold(other), word);
            }
        }
        for line in lines().filter_map(|line| line.strip_prefix('@')) {
            let Some((name, members)) = line.split_once('=') else { continue };
            let members: Vec<Word> = members.split_whitespace().map(|member| self.word(member)).collect();
            match name.trim() {
                "filler" => self.fillers = members.into_iter().collect(),
                "weak" => self.weak = members.into_iter().collect(),
                name => drop(self.classes.insert(name.to_owned(), members)),
            }
        }
        for line in lines().filter_map(|line| line.strip_prefix('=')) {
            let Some((typed, means)) = line.split_once('>') else { continue };
            let means = means.split_whitespace().map(|word| self.word(word)).collect();
            let folded = fold(typed);
            let mut words = folded.split(' ').map(str::to_owned);
            if let Some(first) = words.next() {
                self.phrases.entry(first).or_default().push(Phrase { further: words.collect(), means });
            }
        }
    }

    fn read_concepts(&mut self, file: &str) {
        let lines = || file.lines().filter(|line| !line.starts_with('#'));
        for name in lines().filter_map(|line| line.strip_prefix("concept ")) {
            self.concepts.push(Concept { name: name.to_owned(), ..Concept::default() });
        }
        let mut at = ConceptId(0);
        for line in lines() {
            match line {
                "generic" => self.concepts[at.0].generic = true,
                "sink" => self.concepts[at.0].sink = true,
                _ => {}
            }
            let Some((key, rest)) = line.split_once(' ') else { continue };
            if let Some(strength) = Strength::read(key) {
                for typed in rest.split('|').filter(|typed| !typed.trim().is_empty()) {
                    let steps = steps(typed, &self.classes.clone(), |word| self.word(word));
                    self.patterns.push((at, Pattern::new(strength, steps)));
                }
                continue;
            }
            if key == "concept" {
                at = self.concept(rest).unwrap_or(at);
                continue;
            }
            let named = rest.split_whitespace().filter_map(|name| self.concept(name)).collect();
            let own = rest.split_whitespace().any(|name| name == "own");
            let concept = &mut self.concepts[at.0];
            concept.over_own |= own;
            match key {
                "over" => concept.over = named,
                "beats" => concept.beats = named,
                "mutes" => concept.mutes = named,
                "not" => concept.yields = named,
                "about" => concept.about = named.first().copied(),
                _ => {}
            }
        }
    }

    fn index(&mut self) {
        for (at, (_, pattern)) in self.patterns.iter().enumerate() {
            match pattern.steps.iter().find(|step| !matches!(step, Step::Start)) {
                Some(Step::Words(words)) => {
                    for word in words {
                        self.by_first.entry(*word).or_default().push(at);
                    }
                }
                Some(Step::Number) => self.by_number.push(at),
                Some(Step::Time) => self.by_time.push(at),
                _ => {}
            }
        }
    }
}

fn ordinary(file: &str) -> HashSet<String> {
    file.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> impl Iterator<Item = &str> {
        line.split_whitespace().skip(1)
    }

    #[test]
    fn every_line_of_the_concepts_is_understood() {
        let lexicon = Lexicon::get();
        let relations = ["over", "beats", "mutes", "not", "about"];
        for line in include_str!("lexicon/concepts.txt").lines() {
            let key = line.split(' ').next().unwrap_or_default();
            let known = line.is_empty()
                || line.starts_with('#')
                || ["generic", "sink"].contains(&line)
                || key == "concept"
                || Strength::read(key).is_some();
            assert!(known || relations.contains(&key), "{line}");
            if relations.contains(&key) {
                for name in named(line).filter(|name| *name != "own") {
                    assert!(lexicon.concept(name).is_some(), "{line}: {name}");
                }
            }
        }
        assert!(lexicon.concepts.len() >= 40);
    }

    #[test]
    fn concepts_have_names_of_their_own_and_no_two_win_over_each_other() {
        let lexicon = Lexicon::get();
        let names: HashSet<_> = lexicon.concepts.iter().map(|concept| &concept.name).collect();
        assert_eq!(names.len(), lexicon.concepts.len());
        for (at, concept) in lexicon.concepts.iter().enumerate() {
            for other in concept.over.iter().chain(&concept.beats) {
                let back = &lexicon.concepts[other.0];
                let mutual = back.over.iter().chain(&back.beats).any(|won| won.0 == at);
                assert!(!mutual, "{} and {}", concept.name, back.name);
            }
        }
    }
}
