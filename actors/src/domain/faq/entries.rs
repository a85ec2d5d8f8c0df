//! What each FAQ entry of a tenant answers: concepts, and words of the tenant's own.

use super::concepts::{ASKED, concepts, hits};
use super::entry::FaqEntry;
use super::lexicon::{ConceptId, Lexicon};
use super::pattern::Strength;
use super::token::{Segment, Token};
use super::tokens::segments;
use super::vocabulary::{Vocabulary, Word};
use crate::domain::folding::fold;

/// What an entry's keyword alone counts, 0 to 100.
const KEYWORD: u8 = 75;
/// What a keyword counts that is a common word: it answers only beside something else.
const WEAK_KEYWORD: u8 = 40;
/// The shortest word of a question that may set it apart.
const SHORTEST_NOUN: usize = 4;

/// What an entry answers.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Concepts that it answers whatever else is said.
    pub(super) concepts: Vec<ConceptId>,
    /// Concepts that its keywords only hint at: `carte` may be how to pay, or what there is to eat.
    hinted: Vec<ConceptId>,
    /// Words of the tenant's own.
    pub(super) keywords: Vec<KeywordClaim>,
    /// Concepts of its question, which it answers where one of `nouns` is said.
    pub(super) question: Vec<ConceptId>,
    pub(super) nouns: Vec<Word>,
}

#[derive(Debug)]
pub(super) struct KeywordClaim {
    words: Vec<Word>,
    pub(super) weight: u8,
    /// The concepts that the keyword says.
    pub(super) concepts: Vec<ConceptId>,
}

impl KeywordClaim {
    /// Whether the keyword stands in a segment, fillers apart.
    pub(super) fn stands_in(&self, segment: &[Token]) -> bool {
        (0..segment.len()).any(|from| {
            let mut rest = segment[from..].iter();
            self.words.iter().all(|word| {
                rest.find(|token| token.word == Some(*word) || !token.filler)
                    .is_some_and(|token| token.word == Some(*word))
            })
        })
    }
}

/// A tenant's own words, and what its entries answer.
pub(super) fn claims(entries: &[FaqEntry]) -> (Vocabulary, Vec<Claims>) {
    let mut own = Vocabulary::default();
    let mut next = Lexicon::get().next_word();
    for entry in entries {
        for keyword in &entry.keywords {
            add_words(keyword, 1, &mut own, &mut next);
        }
        add_words(&entry.question, SHORTEST_NOUN, &mut own, &mut next);
    }
    let mut claims: Vec<Claims> = entries.iter().map(|entry| of(entry, &own)).collect();
    let sure: Vec<Vec<ConceptId>> = claims.iter().map(|claims| claims.concepts.clone()).collect();
    for (at, claims) in claims.iter_mut().enumerate() {
        // A hint counts where nothing else says what the entry answers, and no other entry answers it surely.
        let is_free = |hinted: &ConceptId| {
            sure.iter()
                .enumerate()
                .all(|(other, sure)| if other == at { sure.is_empty() } else { !sure.contains(hinted) })
        };
        let hinted = std::mem::take(&mut claims.hinted);
        claims.concepts.extend(hinted.into_iter().filter(is_free));
    }
    (own, claims)
}

fn add_words(text: &str, shortest: usize, own: &mut Vocabulary, next: &mut u32) {
    let lexicon = Lexicon::get();
    for word in fold(text).split(' ').filter(|word| word.len() >= shortest) {
        let known = lexicon.vocabulary.find(word).is_some() || own.find(word).is_some();
        if !known && (shortest == 1 || !lexicon.is_ordinary(word)) {
            own.add(word, Word(*next));
            *next += 1;
        }
    }
}

fn of(entry: &FaqEntry, own: &Vocabulary) -> Claims {
    let lexicon = Lexicon::get();
    let mut claims = Claims::default();
    claims.concepts.extend(entry.about.iter().filter_map(|name| lexicon.concept(name)));
    for keyword in &entry.keywords {
        let words: Segment = segments(keyword, own).into_iter().flatten().collect();
        let (whole, hinted) = whole_concepts(&words);
        let answered = whole.iter().filter(|concept| !lexicon.concepts[concept.0].sink);
        if hinted {
            claims.hinted.extend(answered)
        } else {
            claims.concepts.extend(answered)
        }
        let said: Vec<Word> = words.iter().filter(|token| !token.filler).filter_map(|token| token.word).collect();
        let weak = hinted || said.iter().all(|word| lexicon.is_weak(*word));
        if !said.is_empty() {
            let weight = if weak { WEAK_KEYWORD } else { KEYWORD };
            claims.keywords.push(KeywordClaim { words: said, weight, concepts: whole });
        }
    }
    if entry.about.is_empty() {
        for part in entry.question.split('/') {
            // What comes after what was asked ("J'ai une fuite, que faire ?") asks for nothing else.
            let _ = segments(part, own).iter().any(|segment| add_question(segment, &mut claims));
        }
    }
    claims
}

/// The concepts that all words of a keyword say together, as surely as any does, and whether they only hint at them.
fn whole_concepts(words: &[Token]) -> (Vec<ConceptId>, bool) {
    let hits = hits(words);
    let covers = |concept: ConceptId| {
        let covered = |at: usize| hits.iter().any(|hit| hit.concept == concept && (hit.from..hit.to).contains(&at));
        words.iter().enumerate().all(|(at, token)| token.filler || covered(at))
    };
    let excluded =
        |concept: ConceptId| hits.iter().any(|hit| hit.concept == concept && hit.strength == Strength::Excludes);
    let said =
        || hits.iter().filter(|hit| hit.strength > Strength::Excludes && covers(hit.concept) && !excluded(hit.concept));
    let surest = said().map(|hit| hit.strength).max();
    let mut concepts: Vec<ConceptId> =
        said().filter(|hit| Some(hit.strength) == surest).map(|hit| hit.concept).collect();
    concepts.sort_unstable();
    concepts.dedup();
    (concepts, surest == Some(Strength::Hints))
}

/// A question whose words say nothing but a concept asks for it; one that names something besides asks for it of that alone.
/// Answers whether it asks for anything.
fn add_question(segment: &Segment, claims: &mut Claims) -> bool {
    let lexicon = Lexicon::get();
    let own_hits = hits(segment);
    let read = concepts(std::slice::from_ref(segment));
    let asked: Vec<ConceptId> = read
        .iter()
        .flat_map(|read| read.asked())
        .filter(|(concept, strength)| *strength >= ASKED && !lexicon.concepts[concept.0].sink)
        .map(|(concept, _)| concept)
        .collect();
    let asks = !asked.is_empty();
    let covered =
        |at: usize| own_hits.iter().any(|hit| asked.contains(&hit.concept) && (hit.from..hit.to).contains(&at));
    let noun = |(at, token): (usize, &Token)| {
        token.word.filter(|word| !token.filler && !lexicon.is_weak(*word) && !covered(at))
    };
    let nouns: Vec<Word> = segment.iter().enumerate().filter_map(noun).collect();
    if nouns.is_empty() {
        claims
            .concepts
            .extend(asked.into_iter().filter(|concept| !claims.concepts.contains(concept)).collect::<Vec<_>>());
    } else {
        claims.question.extend(asked);
        claims.nouns.extend(nouns);
    }
    asks
}
