//! The two ends of a ride, where a message names them among other words.

use super::phrases::is_of;
use crate::domain::folding::fold;
use crate::domain::number_words::cardinal;

/// Where a ride begins and ends, as far as a message says so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

const FROM: &str = "de du depuis from";
/// Leads to a place by itself; `à` does so behind a beginning only.
const TOWARDS: &str = "pour vers jusqu jusque direction to aller rejoindre";
const AT: &str = "a au aux";
/// Stands between such a word and its place.
const SKIPPED: &str = "l la le les the a au aux aller me rendre go";
/// No place begins with one of these: they speak of the car, of people or of time.
const NO_PLACE: &str = "taxi course chauffeur voiture ride cab car driver un une moi nous vous me us mon ma mes my ce cet \
    cette this quand savoir reserver book get have commander prendre demain tomorrow suite place combien";
/// Behind a place, one of these begins something else.
const BEHIND: &str = "demain dem1 maintenant mtn tt aujourd aujourdhui ce cet cette dans vers svp stp merci please now tomorrow \
    tmrw tonight today at in on for pour je nous avec et and with c combien how lundi mardi mercredi jeudi vendredi samedi \
    dimanche monday tuesday wednesday thursday friday saturday sunday possible";
/// A place has so many words at most.
const LONGEST: usize = 8;

struct Word<'a> {
    written: &'a str,
    said: String,
    /// Where it stands in the text.
    at: usize,
    /// A sentence or a part of one ends behind it.
    ends: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '-')) {
        let written = piece.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '-'));
        let ends =
            piece.get(written.len()..).is_some_and(|behind| behind.contains([',', '.', ';', '?', '!', ':', '\n']));
        if !written.is_empty() {
            words.push(Word { written, said: fold(written).to_lowercase(), at, ends });
        } else if let Some(last) = words.last_mut() {
            last.ends |= ends;
        }
        at += piece.len();
    }
    words
}

fn is_number(word: &Word<'_>) -> bool {
    word.said.starts_with(|c: char| c.is_ascii_digit()) || cardinal(&word.said).is_some()
}

/// The place that begins at a word, and the word behind it.
fn place(text: &str, words: &[Word<'_>], mut first: usize) -> Option<(String, usize)> {
    while words.get(first).is_some_and(|word| is_of(SKIPPED, &word.said)) {
        first += 1;
    }
    let begins = words.get(first).filter(|word| !is_number(word) && !is_of(NO_PLACE, &word.said))?;
    let mut last = first;
    for (at, word) in words.iter().enumerate().skip(first).take(LONGEST) {
        let is_behind = |word: &Word<'_>| {
            let next = words.get(at + 1);
            is_of(BEHIND, &word.said)
                || is_of("jusqu jusque to", &word.said)
                || is_of(AT, &word.said) && next.is_some() && !word.ends
        };
        if at > first && is_behind(word) {
            break;
        }
        last = at;
        if word.ends {
            break;
        }
    }
    let end = words.get(last)?;
    let place = text.get(begins.at..end.at + end.written.len())?;
    (place.chars().filter(|c| c.is_alphanumeric()).count() >= 2).then(|| (place.to_owned(), last + 1))
}

/// `taxi de Kipé à l'aéroport demain 8h`, `une course pour Madina`, `a cab from the station to the port`.
pub(super) fn ends(text: &str) -> Ends {
    let words = words(text);
    let from = words.iter().enumerate().filter(|(_, word)| is_of(FROM, &word.said)).find_map(|(at, _)| {
        let (from, behind) = place(text, &words, at + 1)?;
        let leads = words.get(behind).is_some_and(|word| is_of(AT, &word.said) || is_of(TOWARDS, &word.said));
        let (to, _) = leads.then(|| place(text, &words, behind + 1)).flatten()?;
        Some((from, to))
    });
    if let Some((from, to)) = from {
        return Ends { from: Some(from), to: Some(to) };
    }
    let to = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_of(TOWARDS, &word.said))
        .find_map(|(at, _)| place(text, &words, at + 1));
    Ends { from: None, to: to.map(|(to, _)| to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_ride_are_found_among_other_words() {
        for (text, from, to) in [
            ("un taxi de Kipé à l'aéroport demain 8h svp", "Kipé", "aéroport"),
            ("Bonsoir, course de la gare du Nord au marché Madina, on est 4", "gare du Nord", "marché Madina"),
            ("taxi depuis 12 rue des Lilas", "", ""),
            ("je veux un taxi pour l'aéroport", "", "aéroport"),
            ("un taxi pour 4 personnes", "", ""),
            ("taxi pour aller à Taouyah maintenant", "", "Taouyah"),
            ("taxi pour demain", "", ""),
            ("j'ai besoin de taxi", "", ""),
            ("besoin d'une course vers Kaloum à 15h", "", "Kaloum"),
            ("I need a cab from the station to the old port at 5pm", "station", "old port"),
            ("a ride to the airport please", "", "airport"),
            ("c'est combien le taxi de Cocody à Yopougon ?", "Cocody", "Yopougon"),
            ("de Kipé à aéroport", "Kipé", "aéroport"),
            ("taxi", "", ""),
        ] {
            let some = |place: &str| Some(place.to_owned()).filter(|place| !place.is_empty());
            assert_eq!(ends(text), Ends { from: some(from), to: some(to) }, "{text}");
        }
    }
}
