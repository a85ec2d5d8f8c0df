//! Concepts that the segments of a message speak of, and those it asks for.

use super::lexicon::{ConceptId, Lexicon};
use super::pattern::{Strength, WordSet};
use super::token::{Segment, Token};

/// From this on a concept is asked for.
pub(super) const ASKED: u8 = 60;
const SURE: u8 = 100;
const SAID: u8 = 70;
const HINT: u8 = 40;
const MOST_HINTS: u8 = 80;

/// A pattern that stands in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) concept: ConceptId,
    pub(super) strength: Strength,
    pub(super) pattern: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What a segment says of each concept that it speaks of.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentConcepts {
    /// Concepts and how surely they are asked for, 0 to 100.
    asked: Vec<(ConceptId, u8)>,
    /// Concepts whose words stand here, and which are not meant.
    not_meant: Vec<ConceptId>,
}

impl SegmentConcepts {
    pub(super) fn strength(&self, concept: ConceptId) -> u8 {
        self.asked.iter().find(|(asked, _)| *asked == concept).map_or(0, |(_, strength)| *strength)
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = (ConceptId, u8)> {
        self.asked.iter().copied()
    }

    pub(super) fn is_not_meant(&self, concept: ConceptId) -> bool {
        self.not_meant.contains(&concept)
    }

    fn remove(&mut self, concept: ConceptId) {
        let before = self.asked.len();
        self.asked.retain(|(asked, _)| *asked != concept);
        if self.asked.len() < before {
            self.not_meant.push(concept);
        }
    }
}

/// All patterns that stand in a segment.
pub(super) fn hits(segment: &[Token]) -> Vec<Hit> {
    let lexicon = Lexicon::get();
    let words = WordSet::of(segment.iter().filter_map(|token| token.word));
    let mut hits = Vec::new();
    for (from, token) in segment.iter().enumerate() {
        for at in lexicon.patterns_from(token.word, token.number, token.time) {
            let (concept, pattern) = &lexicon.patterns[at];
            if !pattern.may_stand_in(words) {
                continue;
            }
            if let Some(to) = pattern.ends_at(segment, from) {
                hits.push(Hit { concept: *concept, strength: pattern.strength, pattern: at, from, to });
            }
        }
    }
    hits
}

/// What each segment of a message asks for, once the concepts that win over others have done so.
pub(super) fn concepts(segments: &[Segment]) -> Vec<SegmentConcepts> {
    let lexicon = Lexicon::get();
    let mut all: Vec<SegmentConcepts> = segments.iter().map(|segment| said(&hits(segment))).collect();
    let mut in_message: Vec<ConceptId> = Vec::new();
    for (concept, strength) in all.iter().flat_map(SegmentConcepts::asked) {
        if strength >= ASKED && !in_message.contains(&concept) {
            in_message.push(concept);
        }
    }
    let yielding =
        |concept: &ConceptId| lexicon.concepts[concept.0].yields.iter().any(|other| in_message.contains(other));
    let (yielded, meant): (Vec<_>, Vec<_>) = in_message.iter().copied().partition(yielding);
    for segment in &mut all {
        let here: Vec<(ConceptId, u8)> =
            segment.asked().filter(|(concept, strength)| *strength >= ASKED && !yielded.contains(concept)).collect();
        yielded.iter().for_each(|concept| segment.remove(*concept));
        for (concept, _) in &here {
            let concept = &lexicon.concepts[concept.0];
            concept.over.iter().for_each(|lost| segment.remove(*lost));
            for lost in &concept.mutes {
                if segment.strength(*lost) < SURE {
                    segment.remove(*lost);
                }
            }
        }
        for concept in &meant {
            let wins = &lexicon.concepts[concept.0];
            // Two questions are both answered: what another part asks surely stays, but after a complaint.
            let is_elsewhere = segment.strength(*concept) == 0 && !wins.sink;
            for lost in &wins.beats {
                if !(is_elsewhere && segment.strength(*lost) >= SURE) {
                    segment.remove(*lost);
                }
            }
        }
    }
    all
}

/// How surely each concept is said.
fn said(hits: &[Hit]) -> SegmentConcepts {
    let mut said = SegmentConcepts::default();
    for hit in hits {
        if hit.strength == Strength::Excludes && !said.is_not_meant(hit.concept) {
            said.not_meant.push(hit.concept);
        }
    }
    for (at, hit) in hits.iter().enumerate().filter(|(_, hit)| hit.strength > Strength::Excludes) {
        let repeated = hits[..at].iter().any(|other| other.pattern == hit.pattern);
        if repeated || said.is_not_meant(hit.concept) {
            continue;
        }
        let known = said.asked.iter_mut().find(|(concept, _)| *concept == hit.concept);
        let before = known.as_ref().map_or(0, |(_, strength)| *strength);
        let now = match hit.strength {
            Strength::SaysSurely => SURE,
            Strength::Says => before.max(SAID),
            _ if before >= SAID => before,
            _ => (before + HINT).min(MOST_HINTS),
        };
        match known {
            Some(known) => known.1 = now,
            None => said.asked.push((hit.concept, now)),
        }
    }
    said
}
