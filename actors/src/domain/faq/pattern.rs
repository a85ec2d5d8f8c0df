//! Pattern of words, and whether it stands in a segment of a message.

use std::collections::HashMap;

use super::token::Token;
use super::vocabulary::Word;

/// How sure a pattern makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Excludes,
    Hints,
    Says,
    SaysSurely,
}

impl Strength {
    pub(super) fn read(key: &str) -> Option<Self> {
        match key {
            "0" => Some(Self::Excludes),
            "1" => Some(Self::Hints),
            "2" => Some(Self::Says),
            "3" => Some(Self::SaysSurely),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) strength: Strength,
    pub(super) steps: Vec<Step>,
    /// Of each of these, a segment has a word, or the pattern stands nowhere in it.
    needs: [WordSet; 2],
}

/// A set of words. It may hold more than was put in, and never less: most patterns that begin with a word of a segment are told
/// not to stand there without being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WordSet(u128);

impl WordSet {
    const ALL: Self = Self(u128::MAX);

    pub(super) fn of(words: impl IntoIterator<Item = Word>) -> Self {
        Self(words.into_iter().fold(0, |set, word| set | 1 << (word.0 % u128::BITS)))
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[derive(Debug)]
pub(super) enum Step {
    Start,
    End,
    /// One of these.
    Words(Vec<Word>),
    /// Up to [`LONGEST_GAP`] words of any kind.
    Gap,
    Number,
    Time,
    /// A word that may be a past participle.
    Participle,
}

const LONGEST_GAP: usize = 3;

pub(super) fn steps(
    typed: &str,
    classes: &HashMap<String, Vec<Word>>,
    mut word: impl FnMut(&str) -> Word,
) -> Vec<Step> {
    let step = |typed: &str| match typed {
        "^" => Step::Start,
        "$" => Step::End,
        "*" => Step::Gap,
        "#" => Step::Number,
        "%" => Step::Time,
        "&" => Step::Participle,
        class if class.starts_with('@') => Step::Words(classes.get(&class[1..]).cloned().unwrap_or_default()),
        words => Step::Words(words.split('/').map(&mut word).collect()),
    };
    typed.split_whitespace().map(step).collect()
}

impl Pattern {
    pub(super) fn new(strength: Strength, steps: Vec<Step>) -> Self {
        let words = steps.iter().skip_while(|step| matches!(step, Step::Start)).skip(1).filter_map(|step| match step {
            Step::Words(words) => Some(WordSet::of(words.iter().copied())),
            _ => None,
        });
        let mut sets: Vec<WordSet> = words.collect();
        sets.sort_by_key(|set| set.0.count_ones());
        let needs = [0, 1].map(|at| sets.get(at).copied().unwrap_or(WordSet::ALL));
        Self { strength, steps, needs }
    }

    /// Whether the pattern may stand in a segment with these words.
    pub(super) fn may_stand_in(&self, words: WordSet) -> bool {
        self.needs.iter().all(|need| *need == WordSet::ALL || need.meets(words))
    }

    /// Whether the pattern stands at `start`. Answers the first token after it.
    pub(super) fn ends_at(&self, tokens: &[Token], start: usize) -> Option<usize> {
        follow(&self.steps, tokens, start)
    }
}

/// Fillers between the words of a pattern do not count.
fn follow(steps: &[Step], tokens: &[Token], at: usize) -> Option<usize> {
    let Some((step, rest)) = steps.split_first() else { return Some(at) };
    match step {
        Step::Start => tokens[..at].iter().all(|token| token.filler).then(|| follow(rest, tokens, at))?,
        Step::End => tokens[at..].iter().all(|token| token.filler).then(|| follow(rest, tokens, at))?,
        Step::Gap => (0..=LONGEST_GAP.min(tokens.len() - at)).find_map(|gap| follow(rest, tokens, at + gap)),
        _ => {
            let token = tokens.get(at)?;
            let here = match step {
                Step::Words(words) => token.word.is_some_and(|word| words.contains(&word)),
                Step::Number => token.number,
                Step::Participle => token.participle,
                _ => token.time,
            };
            let taken = here.then(|| follow(rest, tokens, at + 1)).flatten();
            taken.or_else(|| token.filler.then(|| follow(steps, tokens, at + 1)).flatten())
        }
    }
}
