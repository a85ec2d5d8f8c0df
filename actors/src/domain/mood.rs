//! Mood of a message: whether its writer is angry.
//!
//! A lexicon with negation and intensity. It would rather miss anger than see it where there is none: whoever is taken for
//! angry gets a person, and the bot is silent.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::folding::fold;
use super::number_words::cardinal;

/// From this sum of weights on a message is angry.
const ANGRY: i32 = 100;
/// What every number is read as.
const ANY_NUMBER: &str = "3";
/// How far back a word changes the one after it.
const REACH: usize = 3;

/// Words and phrases of a message.
struct MoodLexicon {
    weights: HashMap<Vec<String>, i32>,
    longest: usize,
    /// They turn the next word into its contrary.
    negations: Vec<String>,
    /// They make the next word stronger.
    intensifiers: Vec<String>,
}

static LEXICON: LazyLock<MoodLexicon> = LazyLock::new(|| read(include_str!("mood/lexicon.txt")));

fn read(file: &str) -> MoodLexicon {
    let mut lexicon =
        MoodLexicon { weights: HashMap::new(), longest: 1, negations: Vec::new(), intensifiers: Vec::new() };
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((key, words)) = line.split_once(' ') else { continue };
        for phrase in words.split('|') {
            let phrase = words_of(phrase);
            match key.parse() {
                Ok(weight) => {
                    lexicon.longest = lexicon.longest.max(phrase.len());
                    lexicon.weights.insert(phrase, weight);
                }
                Err(_) if key == "not" => lexicon.negations.extend(phrase),
                Err(_) => lexicon.intensifiers.extend(phrase),
            }
        }
    }
    lexicon
}

/// The words of a text, folded. Numbers are all alike: `2 fois`, `trois fois`, `1h`.
fn words_of(text: &str) -> Vec<String> {
    let alike = |word: &str| {
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if letters.len() < word.len() {
            format!("{ANY_NUMBER}{letters}")
        } else if cardinal(word).is_some_and(|number| number > 1) {
            ANY_NUMBER.to_owned()
        } else {
            word.to_owned()
        }
    };
    fold(text).split(' ').filter(|word| !word.is_empty()).map(alike).collect()
}

/// Whether a message is angry.
#[must_use]
pub fn is_negative(text: &str) -> bool {
    anger(text) >= ANGRY
}

/// The sum of what the words of a message weigh.
fn anger(text: &str) -> i32 {
    let lexicon = &*LEXICON;
    let words = words_of(text);
    let mut sum = 0;
    let mut at = 0;
    while at < words.len() {
        let longest = lexicon.longest.min(words.len() - at);
        let found =
            (1..=longest).rev().find_map(|length| Some((length, *lexicon.weights.get(&words[at..at + length])?)));
        let Some((length, weight)) = found else {
            at += 1;
            continue;
        };
        let before = &words[at.saturating_sub(REACH)..at];
        let negated = before.iter().any(|word| lexicon.negations.contains(word));
        let stronger = before.iter().any(|word| lexicon.intensifiers.contains(word));
        let weight = if stronger { weight * 3 / 2 } else { weight };
        // "Pas nul" is no anger, and no joy either: "pas content" has its own line.
        sum += if negated { -weight / 2 } else { weight };
        at += length;
    }
    let shouted = text.chars().filter(|c| *c == '!').count() > 2;
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let loud = letters > 12 && text.chars().filter(|c| c.is_uppercase()).count() * 10 > letters * 7;
    if sum > 0 && (shouted || loud) { sum * 5 / 4 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELLED: &str = include_str!("mood/labelled.txt");

    #[test]
    fn anger_is_seen_where_it_is() {
        let (mut right, mut wrong, mut missed) = (0_u32, Vec::new(), Vec::new());
        let lines: Vec<&str> = LABELLED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(lines.len() >= 200, "{}", lines.len());
        for line in lines {
            let (label, message) = line.split_once(' ').unwrap();
            match (label == "-", is_negative(message)) {
                (true, true) => right += 1,
                (true, false) => missed.push(message),
                (false, true) => wrong.push(message),
                (false, false) => {}
            }
        }
        let (seen, wrongly, unseen) =
            (right, u32::try_from(wrong.len()).unwrap(), u32::try_from(missed.len()).unwrap());
        assert!(seen * 100 >= (seen + wrongly) * 95, "precision: {seen} of {}: {wrong:#?}", seen + wrongly);
        assert!(seen * 100 >= (seen + unseen) * 70, "recall: {seen} of {}: {missed:#?}", seen + unseen);
    }

    #[test]
    fn negation_and_intensity_change_a_word() {
        assert!(is_negative("c'est nul ça fait 3 fois que je demande"));
        assert!(!is_negative("C'est pas nul du tout, merci !"));
        assert!(!is_negative("pas mal"));
        assert!(anger("vraiment nul") > anger("nul"));
        assert_eq!(anger(""), 0);
    }
}
