//! Words of a message, segment by segment.

use super::lexicon::Lexicon;
use super::sounds::sound_key;
use super::token::{Segment, Token};
use super::vocabulary::{Vocabulary, Word};
use crate::domain::folding::{READ_AT_MOST_BYTES, fold};

/// Words of a message that are read. A longer one is a letter, and its opening says what it is about.
const MOST_TOKENS: usize = 120;

/// The shortest word that is taken for a past participle, in bytes.
const SHORTEST_PARTICIPLE: usize = 5;

/// Cuts a message at its signs and at "et", "and" and their like, and looks its words up in the lexicon and among the
/// tenant's own.
pub(super) fn segments(text: &str, own: &Vocabulary) -> Vec<Segment> {
    let lexicon = Lexicon::get();
    let mut segments: Vec<Segment> = Vec::new();
    let mut left = MOST_TOKENS;
    let text = &text[..text.floor_char_boundary(READ_AT_MOST_BYTES)];
    for part in text.split(['?', '!', '.', ';', '\n', ',', '…', ':', '+', '/', '&', '(', ')']) {
        let folded = fold(part);
        let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).take(left).collect();
        left -= words.len();
        let mut segment = Segment::new();
        let mut at = 0;
        while at < words.len() {
            let rest = &words[at..];
            if let Some((length, means)) = lexicon.phrase(rest) {
                segment.extend(means.iter().map(|word| known(*word, lexicon)));
                at += length;
                continue;
            }
            at += 1;
            if matches!(rest[0], "ET" | "AND" | "SINON" | "ALSO") {
                segments.push(std::mem::take(&mut segment));
            } else {
                segment.push(token(rest[0], lexicon, own));
            }
        }
        segments.push(segment);
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn known(word: Word, lexicon: &Lexicon) -> Token {
    Token { word: Some(word), filler: lexicon.is_filler(word), number: false, time: false, participle: false }
}

fn token(text: &str, lexicon: &Lexicon, own: &Vocabulary) -> Token {
    let word = look_up(text, lexicon, own);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = &text[digits..];
    let number = digits > 0 && matches!(unit, "" | "X");
    let after = unit.strip_prefix('H').is_some_and(|minutes| minutes.bytes().all(|byte| byte.is_ascii_digit()));
    let time = (1..=2).contains(&digits) && (after || matches!(unit, "AM" | "PM" | "HEURES" | "HEURE"));
    let participle = text.len() >= SHORTEST_PARTICIPLE && text.ends_with(['E', 'I', 'U']) && !lexicon.is_ordinary(text);
    Token { word, filler: word.is_some_and(|word| lexicon.is_filler(word)), number, time, participle }
}

/// As it is spelt, then as it sounds, then as it sounds but for one letter; the lexicon's words before the tenant's.
fn look_up(text: &str, lexicon: &Lexicon, own: &Vocabulary) -> Option<Word> {
    let spelt = lexicon.vocabulary.find(text).or_else(|| own.find(text));
    if spelt.is_some() || lexicon.is_ordinary(text) {
        return spelt;
    }
    let key = sound_key(text)?;
    let both = [own, &lexicon.vocabulary];
    both.iter()
        .find_map(|words| words.find_by_sound(&key))
        .or_else(|| both.iter().find_map(|words| words.find_near(&key)))
}
