//! How many people a message speaks of.

use chrono::NaiveDateTime;

use super::phrases::{contains, is_of};
use crate::domain::dates::{self, Phrase};
use crate::domain::folding::fold;
use crate::domain::number_words;

/// Who says that they come alone.
const ALONE: [&str; 17] = [
    "juste moi",
    "moi seul",
    "moi seule",
    "que moi",
    "tout seul",
    "toute seule",
    "viens seul",
    "viens seule",
    "serai seul",
    "serai seule",
    "une seule personne",
    "just me",
    "only me",
    "by myself",
    "on my own",
    "only one person",
    "just one person",
];
/// Who says that there are two of them.
const TOGETHER: [&str; 12] = [
    "et moi",
    "nous deux",
    "en couple",
    "moi et ma",
    "moi et mon",
    "moi et un",
    "moi et une",
    "me and my",
    "and me",
    "wife and i",
    "husband and i",
    "both of us",
];
/// What people are counted in.
const COUNTED: &str = "personne personnes pers people persons person pax passager passagers passengers passenger \
    adulte adultes adult adults places seats couverts convives guests";
const ADULTS: &str = "adulte adultes adult adults";
const CHILDREN: &str = "enfant enfants gosses petits kid kids child children";
/// Who comes with whoever says `avec deux amies`.
const COMPANY: &str = "amis amies copains copines collegues invites soeurs freres enfants gosses friends colleagues \
    kids children";
/// Who comes with whoever says `avec ma soeur`.
const COMPANION: &str = "ami amie copain copine collegue femme mari epouse epoux soeur frere fille fils mere pere \
    maman papa cousin cousine conjoint conjointe friend wife husband girlfriend boyfriend partner sister brother \
    daughter son mum mom mother father cousin colleague";
/// What may follow in `pour deux`: in `pour deux heures` nobody is counted.
const BEHIND_PEOPLE: &str = "svp stp merci please pls thanks demain dem1 2main ce cet cette a le vers apres aujourd \
    aujourdhui auj ajd maintenant mtn midi soir at on by around about this next tomorrow tmrw tmr tonight 2nite \
    today noon lundi mardi mercredi jeudi vendredi samedi dimanche sam dim ven monday tuesday wednesday thursday \
    friday saturday sunday fri sat sun possible et and s je dans en chez dehors interieur inside outside mais but si \
    if avec with";
/// What makes a number something else than people: `on est 10 minutes en retard`.
const UNITS: &str = "h heure heures hr hrs hour hours min mins mn minute minutes jour jours day days semaine \
    semaines week weeks mois months ans an years km euros euro eur francs fois times etage etages";

/// `pour deux`, `on est 3`, `4 personnes`, `juste moi`.
pub(super) fn people(said: &str) -> Option<i64> {
    if ALONE.iter().any(|phrase| contains(said, phrase)) {
        return Some(1);
    }
    let words: Vec<&str> = said.split_whitespace().collect();
    counted(&words).map(|(people, _)| people).or_else(|| is_a_pair(said, &words).then_some(2))
}

/// What a message says of day and time. The number of those who come is no hour: `une table pour 8 ce soir`.
pub(super) fn read_when(text: &str, said: &str, now: NaiveDateTime, english: bool) -> Phrase {
    let words: Vec<&str> = said.split_whitespace().collect();
    match counted(&words) {
        // An hour of one figure below this is none without its `h`.
        Some((people, at)) if people >= 7 => dates::read(&without_word(text, at), now, english),
        _ => dates::read(text, now, english),
    }
}

/// A text without one of its words, where that stands between blanks.
fn without_word(text: &str, at: usize) -> String {
    let mut before = 0;
    let is_left = |chunk: &&str| {
        let from = before;
        before += fold(chunk).split_whitespace().count();
        !(from == at && before == at + 1)
    };
    text.split_whitespace().filter(is_left).collect::<Vec<_>>().join(" ")
}

/// How many are counted, and the place of the word that says it.
fn counted(words: &[&str]) -> Option<(i64, usize)> {
    let (people, at) = (0..words.len()).find_map(|at| Some((counted_at(words, at)?, at)))?;
    if !counts(words, at, ADULTS) {
        return Some((people, at));
    }
    // `2 adultes et 3 enfants`
    let children = (at + 1..words.len()).find(|at| counts(words, *at, CHILDREN));
    let more = children.and_then(|at| numbered(words.get(at)?)).map_or(0, |(number, _)| number);
    Some((people + more, at))
}

/// Whether the number there counts some of these.
fn counts(words: &[&str], at: usize, list: &str) -> bool {
    let unit = words.get(at).and_then(|word| numbered(word)).map(|(_, unit)| unit);
    unit.is_some_and(|unit| is_of(list, if unit.is_empty() { word_at(words, at + 1) } else { unit }))
}

fn counted_at(words: &[&str], at: usize) -> Option<i64> {
    let word = words.get(at)?;
    let (number, glued) = numbered(word).filter(|(number, _)| (1..=99).contains(number))?;
    let back = |by: usize| at.checked_sub(by).map_or("", |at| word_at(words, at));
    let (three_before, two_before, before) = (back(3), back(2), back(1));
    let after = if glued.is_empty() { word_at(words, at + 1) } else { glued };
    if is_of(COUNTED, after) {
        return Some(number);
    }
    let (is_for, is_child) = (matches!(before, "pour" | "pr" | "for"), is_of(CHILDREN, after));
    if is_for && is_child {
        return Some(number);
    }
    let comes_with =
        matches!(before, "avec" | "with") || matches!((two_before, before), ("avec" | "with", "mes" | "my"));
    if comes_with && is_of(COMPANY, after) {
        return Some(number + 1);
    }
    // `2e`, `15h`, `10 minutes`
    if !glued.is_empty() || is_of(UNITS, after) {
        return None;
    }
    let is_article = matches!(*word, "un" | "une" | "one");
    let ends = after.is_empty() || is_of(BEHIND_PEOPLE, after) || is_clock(after);
    let are = matches!(before, "sommes" | "serons")
        || matches!((two_before, before), ("on", "est" | "sera" | "sra" | "serait" | "vient") | ("we", "are" | "re"))
        || matches!((three_before, before), ("we" | "there", "be"))
        || matches!((two_before, before), ("there", "are"));
    let as_many = matches!((three_before, two_before, before), ("on", "est" | "sera" | "serait", "a"))
        || matches!((two_before, before), ("sommes" | "serons", "a"))
        || matches!((two_before, before), ("table" | "groupe" | "famille" | "nombre", "de"))
        || matches!((two_before, before), ("table" | "party" | "group" | "family", "of"));
    let of_us = matches!((after, word_at(words, at + 2)), ("of", "us") | ("d", "entre"));
    let meant = (is_for || matches!(before, "sera" | "nous")) && !is_article && ends;
    (are || of_us || meant || as_many && ends && !is_article).then_some(number)
}

fn word_at<'w>(words: &[&'w str], at: usize) -> &'w str {
    words.get(at).copied().unwrap_or_default()
}

/// A number, and what is written on to it: `4`, `deux`, `4pers`.
fn numbered(word: &str) -> Option<(i64, &str)> {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    if unit.len() == word.len() {
        return number_words::cardinal(word).map(|number| (i64::from(number), ""));
    }
    word.strip_suffix(unit)?.parse().ok().map(|number| (number, unit))
}

/// `20h`, `8pm`
fn is_clock(word: &str) -> bool {
    numbered(word).is_some_and(|(_, unit)| unit.starts_with('h') || matches!(unit, "am" | "pm"))
}

/// `ma soeur et moi`, `avec une amie`, `on vient à deux`.
fn is_a_pair(said: &str, words: &[&str]) -> bool {
    let with_one = |at: usize| {
        matches!(word_at(words, at), "avec" | "with")
            && matches!(word_at(words, at + 1), "un" | "une" | "mon" | "ma" | "a" | "my")
            && is_of(COMPANION, word_at(words, at + 2))
    };
    // `à deux heures` is a time.
    let as_two = |at: usize| {
        let (first, second, after) = (word_at(words, at), word_at(words, at + 1), word_at(words, at + 2));
        (first, second) == ("a", "deux") && (after.is_empty() || is_of(BEHIND_PEOPLE, after))
    };
    TOGETHER.iter().any(|phrase| contains(said, phrase)) || (0..words.len()).any(|at| with_one(at) || as_two(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dates::Time;
    use crate::domain::flow::phrases::said;

    #[test]
    fn people_are_counted_wherever_they_are_named() {
        for (text, expected) in [
            ("une table pour 4 demain 20h", Some(4)),
            ("une table pour 4 20h", Some(4)),
            ("manucure pour deux samedi 10h", Some(2)),
            ("we are three, tomorrow at 3pm", Some(3)),
            ("table pr 6 ce soir", Some(6)),
            ("table de 8 samedi midi", Some(8)),
            ("nous serons 12 le 24", Some(12)),
            ("on sera à 5 demain", Some(5)),
            ("nous sommes au nombre de 7", Some(7)),
            ("4pers demain 19h", Some(4)),
            ("2 adultes et 3 enfants", Some(5)),
            ("4 personnes dont 2 enfants", Some(4)),
            ("on est 5 avec les enfants", Some(5)),
            ("coupe pour 2 enfants mercredi", Some(2)),
            ("je viens avec mes 3 enfants", Some(4)),
            ("avec deux copines samedi", Some(3)),
            ("une table avec ma femme demain 20h", Some(2)),
            ("ma soeur et moi", Some(2)),
            ("je viens seule", Some(1)),
            ("table for two at 8", Some(2)),
            ("table for 4 this saturday", Some(4)),
            ("party of 6 on friday", Some(6)),
            ("there are 4 of us", Some(4)),
            ("there will be five of us", Some(5)),
            ("we'll be 6", Some(6)),
            ("we will be 6", Some(6)),
            ("me and my sister", Some(2)),
            ("pour 20h", None),
            ("pour 20 h", None),
            ("demain à deux heures", None),
            ("on est 10 minutes en retard", None),
            ("we are 5 minutes away", None),
            ("j'ai 3 enfants", None),
            ("mon fils a 7 ans", None),
            ("pour une coupe", None),
            ("la 2e", None),
            ("le 4 décembre", None),
            ("plutôt 16h", None),
            ("pour deux heures de massage", None),
            ("c'est pour moi", None),
        ] {
            assert_eq!(people(&said(&fold(text))), expected, "{text}");
        }
    }

    #[test]
    fn the_number_of_people_is_no_hour() {
        let now = "2026-11-30T10:00:00".parse().unwrap();
        let hours = |text: &str| match read_when(text, &said(&fold(text)), now, false).time {
            Some(Time::At(times)) => times.iter().map(|time| dates::time(*time)).collect::<Vec<_>>().join(" "),
            Some(Time::Between(from, until)) => format!("{}-{}", dates::time(from), dates::time(until)),
            _ => "-".to_owned(),
        };
        for (text, expected) in [
            ("une table pour 8 samedi", "-"),
            ("une table pour 8 ce soir", "17:00-22:00"),
            ("une table pour 8, samedi à 20:30", "20:30"),
            ("une table pour 8 à 20h", "20:00"),
            ("on sera 9 demain à 19h", "19:00"),
            ("rdv pour 16h", "16:00"),
            ("table pour 4 demain 20h", "20:00"),
        ] {
            assert_eq!(hours(text), expected, "{text}");
        }
    }
}
