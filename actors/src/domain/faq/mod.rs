//! FAQ: which of a tenant's entries a message asks for.
//!
//! A message is cut into segments, its words are looked up as people spell them, patterns of the [`lexicon`] say which
//! concepts each segment asks for (price, opening hours, cancelling), and entries answer concepts and words of their own.
//! An entry's concepts are read from its question and keywords, or named by `about`. All of it is compiled once for each
//! tenant; reading a message allocates a few small lists and looks at no entry that none of its words concern.

mod concepts;
mod entries;
mod entry;
#[cfg(any(test, feature = "testing"))]
pub mod labelled;
mod lexicon;
mod pattern;
mod sounds;
mod token;
mod tokens;
mod vocabulary;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use self::concepts::{ASKED, SegmentConcepts, concepts};
use self::entries::{Claims, claims};
pub use self::entry::FaqEntry;
use self::lexicon::{ConceptId, Lexicon};
pub(in crate::domain) use self::sounds::sound_key;
use self::token::Segment;
use self::tokens::segments;
use self::vocabulary::Vocabulary;
use super::folding::fold;
use super::stemming::stem;

/// Entries that one message is answered with at most: two questions are both answered, three are for a person.
const MOST_ANSWERS: usize = 2;
/// Entries that a menu offers at most.
const MOST_OFFERED: usize = 3;
/// From this score on an entry is worth offering.
const OFFERED: u8 = 50;
/// What the keyword beside the concept, or the noun beside the question, adds.
const BOTH: u8 = 15;
/// An entry's question with the noun that it is about.
const QUESTION: u8 = 95;
/// The noun of a question alone.
const NOUN: u8 = 55;
/// Two entries whose scores differ by less are as likely.
const MARGIN: u8 = 10;

/// A tenant's FAQ, compiled.
#[derive(Debug, Default)]
pub struct FaqIndex {
    own: Vocabulary,
    claims: Vec<Claims>,
    /// Which entries answer each concept.
    answering: Vec<Vec<usize>>,
    /// The entries' questions, folded.
    questions: HashMap<String, usize>,
}

/// The concepts that `about` may name, in the lexicon's order.
pub fn concept_names() -> impl Iterator<Item = &'static str> {
    Lexicon::get().concepts.iter().map(|concept| concept.name.as_str())
}

/// The words of a message that say what it is about, folded and in the singular: without fillers and common words.
#[must_use]
pub fn content_words(text: &str) -> BTreeSet<String> {
    let lexicon = Lexicon::get();
    let says_little = |word: &str| lexicon.vocabulary.find(word).is_some_and(|word| lexicon.is_weak(word));
    let folded = fold(text);
    let words = folded.split(' ').filter(|word| word.len() > 2 && !says_little(word));
    words.map(|word| stem(word).into_owned()).collect()
}

/// The concepts that a message asks for, which tell of themselves what it is about: not price, which is a price of something.
#[must_use]
pub fn asked_concepts(text: &str) -> BTreeSet<&'static str> {
    let lexicon = Lexicon::get();
    let asked = concepts(&segments(text, &Vocabulary::default()));
    let sure = asked.iter().flat_map(SegmentConcepts::asked).filter(|(_, strength)| *strength >= ASKED);
    let concepts = sure.map(|(concept, _)| &lexicon.concepts[concept.0]);
    concepts.filter(|concept| !concept.generic && !concept.sink).map(|concept| concept.name.as_str()).collect()
}

/// Whether a message asks for a person.
#[must_use]
pub fn asks_for_person(text: &str) -> bool {
    let Some(person) = Lexicon::get().concept(PERSON) else { return false };
    concepts(&segments(text, &Vocabulary::default())).iter().any(|segment| segment.strength(person) >= SURELY_A_PERSON)
}

/// The lexicon's concept of asking for a person.
const PERSON: &str = "human";
/// One word ("conseiller") is no request.
const SURELY_A_PERSON: u8 = 100;

/// What a message asks of a FAQ. Entries are named by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaqReading {
    /// Entries that answer it, in the order in which it asks.
    pub answers: Vec<usize>,
    /// Entries that may be meant, the likeliest first; empty where there are answers.
    pub offers: Vec<usize>,
}

/// Why a reading came out as it did, for people who write entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaqExplanation {
    /// The reading.
    pub reading: FaqReading,
    /// Concepts that the message asks for, and how surely (0 to 100).
    pub concepts: Vec<(&'static str, u8)>,
    /// Every entry that anything in the message concerns, with its score (0 to 100), the highest first.
    pub scores: Vec<(usize, u8)>,
}

impl FaqIndex {
    /// Compiles a tenant's entries.
    #[must_use]
    pub fn new(entries: &[FaqEntry]) -> Self {
        let (own, claims) = claims(entries);
        let lexicon = Lexicon::get();
        let answering = (0..lexicon.concepts.len()).map(|at| answering(ConceptId(at), &claims)).collect();
        // Of two with the same question the first answers.
        let questions = entries.iter().enumerate().rev().map(|(at, entry)| (fold(&entry.question), at));
        let questions = questions.filter(|(question, _)| !question.is_empty()).collect();
        Self { own, claims, answering, questions }
    }

    /// Which entries a message asks for.
    #[must_use]
    pub fn read(&self, text: &str) -> FaqReading {
        if self.claims.is_empty() {
            return FaqReading::default();
        }
        // Whoever writes a question as it stands (from a menu, a button or a page) gets its answer.
        if let Some(entry) = self.questions.get(&fold(text)) {
            return FaqReading { answers: vec![*entry], offers: Vec::new() };
        }
        self.read_by_meaning(text)
    }

    /// The same for what is not the question of an entry word by word: what tells whether an entry would be found.
    #[must_use]
    pub fn read_by_meaning(&self, text: &str) -> FaqReading {
        let segments = segments(text, &self.own);
        let concepts = concepts(&segments);
        let scored = segments.iter().zip(&concepts).map(|(segment, concepts)| self.scores(segment, concepts));
        decide(scored)
    }

    /// The same, and why.
    #[must_use]
    pub fn explain(&self, text: &str) -> FaqExplanation {
        let segments = segments(text, &self.own);
        let concepts = concepts(&segments);
        let mut explanation = FaqExplanation { reading: self.read(text), ..FaqExplanation::default() };
        for (segment, concepts) in segments.iter().zip(&concepts) {
            let named = concepts
                .asked()
                .map(|(concept, strength)| (Lexicon::get().concepts[concept.0].name.as_str(), strength));
            explanation.concepts.extend(named);
            explanation.scores.extend(self.scores(segment, concepts));
        }
        explanation.concepts.sort_by_key(|scored| Reverse(scored.1));
        explanation.scores.sort_by_key(|scored| Reverse(scored.1));
        explanation
    }

    /// The entries that a segment concerns.
    fn scores(&self, segment: &Segment, concepts: &SegmentConcepts) -> Vec<(usize, u8)> {
        let lexicon = Lexicon::get();
        let mut scores: Vec<(usize, u8)> = Vec::new();
        let mut by_own = false;
        for (entry, claims) in self.claims.iter().enumerate() {
            let of_concepts = |asked: &dyn Fn(&ConceptId) -> bool| {
                concepts.asked().filter(|(concept, _)| asked(concept)).map(|(_, strength)| strength).max().unwrap_or(0)
            };
            let answered = |concept: &ConceptId| self.answering[concept.0].contains(&entry);
            let concept = of_concepts(&answered);
            let overruled = concepts.asked().any(|(concept, strength)| {
                strength >= ASKED
                    && lexicon.concepts[concept.0].over_own
                    && !answered(&concept)
                    && !claims.question.contains(&concept)
            });
            let keywords = || {
                claims.keywords.iter().filter(|keyword| {
                    !overruled
                        && (keyword.concepts.is_empty()
                            || !keyword.concepts.iter().all(|concept| concepts.is_not_meant(*concept)))
                        && keyword.stands_in(segment)
                })
            };
            let keyword = keywords().map(|keyword| keyword.weight).max().unwrap_or(0);
            let noun =
                !overruled && segment.iter().any(|token| token.word.is_some_and(|word| claims.nouns.contains(&word)));
            let question = of_concepts(&|concept| claims.question.contains(concept));
            let question = match (noun, question >= ASKED) {
                (true, true) => QUESTION,
                (true, false) => NOUN,
                _ => 0,
            };
            let own = keyword.max(question);
            let both = if own > 0 && concept > 0 { BOTH } else { 0 };
            let score = own.max(concept).saturating_add(both);
            if score > 0 {
                let is_own = keywords().any(|keyword| keyword.concepts.is_empty() && keyword.weight >= ASKED);
                by_own |= is_own || question == QUESTION;
                scores.push((entry, score));
            }
        }
        if by_own {
            self.drop_generic(&mut scores, segment, concepts);
        }
        scores
    }

    /// An entry that names the thing wins over one that answers the same question in general, if it answers that question at
    /// all; else the general one wins.
    fn drop_generic(&self, scores: &mut Vec<(usize, u8)>, segment: &Segment, concepts: &SegmentConcepts) {
        let lexicon = Lexicon::get();
        let generic: Vec<ConceptId> = concepts
            .asked()
            .filter(|(concept, strength)| *strength >= ASKED && lexicon.concepts[concept.0].generic)
            .map(|(concept, _)| concept)
            .collect();
        let names_it = |entry: usize| {
            let claims = &self.claims[entry];
            claims.keywords.iter().any(|keyword| keyword.concepts.is_empty() && keyword.stands_in(segment))
                || segment.iter().any(|token| token.word.is_some_and(|word| claims.nouns.contains(&word)))
        };
        let answers_it = |entry: usize| {
            let claims = &self.claims[entry];
            // An entry that asks nothing of its thing answers whatever is asked of it.
            claims.question.is_empty()
                || generic
                    .iter()
                    .any(|concept| self.answering[concept.0].contains(&entry) || claims.question.contains(concept))
        };
        let answers_more = |entry: usize| {
            concepts.asked().any(|(concept, strength)| {
                strength >= ASKED && !generic.contains(&concept) && self.answering[concept.0].contains(&entry)
            })
        };
        let named = scores.iter().any(|(entry, _)| names_it(*entry) && answers_it(*entry));
        let in_general = scores.iter().any(|(entry, _)| !names_it(*entry) && answers_it(*entry));
        scores.retain(|(entry, _)| {
            let (names_it, answers_it) = (names_it(*entry), answers_it(*entry));
            match (names_it, answers_it) {
                _ if answers_more(*entry) => true,
                (false, true) => !named,
                (true, false) => !in_general,
                _ => true,
            }
        });
    }
}

/// The entries that answer a concept: those that claim it, else those of its general concept, else those of its special ones.
fn answering(concept: ConceptId, claims: &[Claims]) -> Vec<usize> {
    let lexicon = Lexicon::get();
    let claiming = |wanted: &dyn Fn(&ConceptId) -> bool| -> Vec<usize> {
        let entries = claims.iter().enumerate().filter(|(_, claims)| claims.concepts.iter().any(wanted));
        entries.map(|(entry, _)| entry).collect()
    };
    let own = claiming(&|claimed| *claimed == concept);
    if !own.is_empty() {
        return own;
    }
    match lexicon.concepts[concept.0].about {
        Some(general) => claiming(&|claimed| *claimed == general),
        None => claiming(&|claimed| lexicon.concepts[claimed.0].about == Some(concept)),
    }
}

/// What the segments' scores come to.
fn decide(segments: impl Iterator<Item = Vec<(usize, u8)>>) -> FaqReading {
    let mut reading = FaqReading::default();
    let mut offers: Vec<(usize, u8)> = Vec::new();
    for mut scores in segments {
        scores.sort_by_key(|scored| Reverse(scored.1));
        let Some(&(best, highest)) = scores.first() else { continue };
        let close = scores.iter().filter(|(_, score)| *score >= ASKED && highest - score < MARGIN).count();
        if highest >= ASKED && close == 1 {
            if !reading.answers.contains(&best) {
                reading.answers.push(best);
            }
        } else {
            let worth = scores.iter().filter(|(_, score)| *score >= OFFERED);
            offers.extend(worth.filter(|(_, score)| close == 0 || highest - score < MARGIN));
        }
    }
    reading.answers.truncate(MOST_ANSWERS);
    if reading.answers.is_empty() {
        offers.sort_by_key(|scored| Reverse(scored.1));
        for (entry, _) in offers {
            if !reading.offers.contains(&entry) {
                reading.offers.push(entry);
            }
        }
        reading.offers.truncate(MOST_OFFERED);
    }
    reading
}

#[cfg(test)]
mod tests;
