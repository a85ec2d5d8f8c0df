//! Mood of a message: whether its writer is angry.
//!
//! A lexicon with negation and intensity. It would rather miss anger than see it where there is none: whoever is taken for
//! angry gets a person, and the bot is silent.

mod lexicon;

use self::lexicon::MoodLexicon;

/// From this sum of weights on a message is angry.
const ANGRY: i32 = 100;
/// How far back a word changes the one after it.
const REACH: usize = 3;

/// Whether a message is angry.
#[must_use]
pub fn is_negative(text: &str) -> bool {
    anger(text) >= ANGRY
}

/// The sum of what the words of a message weigh.
fn anger(text: &str) -> i32 {
    let lexicon = MoodLexicon::get();
    let words = lexicon.words(text);
    let (mut sum, mut at, mut read) = (0, 0, 0);
    while at < words.count() {
        let Some((length, weight)) = lexicon.phrase_at(&words, at) else {
            at += 1;
            continue;
        };
        // Words of a phrase before it are not about this one.
        let before = at.saturating_sub(REACH).max(read)..at;
        let negated = before.clone().any(|place| lexicon.negates(&words, place));
        let stronger = before.clone().any(|place| lexicon.intensifies(&words, place));
        let weight = if stronger { weight * 3 / 2 } else { weight };
        // "Pas nul" is no anger, and no joy either: "pas content" has its own line.
        sum += if negated { -weight / 2 } else { weight };
        at += length;
        read = at;
    }
    let shouted = text.chars().filter(|c| *c == '!').count() > 2;
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let loud = letters > 12 && text.chars().filter(|c| c.is_uppercase()).count() * 10 > letters * 7;
    if sum > 0 && (shouted || loud) { sum * 5 / 4 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Measured {
        right: usize,
        wrong: Vec<&'static str>,
        missed: Vec<&'static str>,
    }

    fn measure(file: &'static str) -> Measured {
        let mut measured = Measured { right: 0, wrong: vec![], missed: vec![] };
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (label, message) = line.split_once(' ').unwrap();
            match (label == "-", is_negative(message)) {
                (true, true) => measured.right += 1,
                (true, false) => measured.missed.push(message),
                (false, true) => measured.wrong.push(message),
                (false, false) => {}
            }
        }
        measured
    }

    #[test]
    fn anger_is_seen_where_it_is() {
        let file = include_str!("mood/labelled.txt");
        assert!(file.lines().count() >= 900, "{}", file.lines().count());
        let Measured { right, wrong, missed } = measure(file);
        assert!(right * 100 >= (right + wrong.len()) * 98, "precision: {right}: {wrong:#?}");
        assert!(right * 100 >= (right + missed.len()) * 90, "recall: {right}: {missed:#?}");
    }

    #[test]
    fn anger_is_seen_in_what_the_lexicon_was_not_written_with() {
        let Measured { right, wrong, missed } = measure(include_str!("mood/held_out.txt"));
        assert!(right * 100 >= (right + wrong.len()) * 94, "precision: {right} beside {} wrong", wrong.len());
        assert!(right * 100 >= (right + missed.len()) * 70, "recall: {right} beside {} missed", missed.len());
    }

    #[test]
    fn what_is_mended_asked_or_said_of_oneself_is_no_anger() {
        for text in [
            "une personne passe demain ?",
            "c'est 2 millions ?",
            "je suis très en retard, une heure",
            "vous réparez les robinets cassés ?",
            "est-ce que c'est une arnaque ?",
            "aucune plainte de ma part",
            "can you fix my broken sink",
        ] {
            assert!(!is_negative(text), "{text}");
        }
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
