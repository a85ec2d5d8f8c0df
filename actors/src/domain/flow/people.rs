//! How many people a message speaks of.

use super::phrases::{contains, is_of};
use crate::domain::number_words;

/// Who says that they come alone.
const ALONE: [&str; 9] =
    ["juste moi", "moi seul", "moi seule", "que moi", "tout seul", "toute seule", "just me", "only me", "by myself"];
/// Who says that there are two of them.
const TOGETHER: [&str; 3] = ["et moi", "nous deux", "a deux"];
/// What people are counted in.
const COUNTED: &str = "personne personnes pers people persons passager passagers passengers adultes places couverts";
/// What may follow in `pour deux`: in `pour deux heures` nobody is counted.
const BEHIND_PEOPLE: &str = "svp stp merci please demain ce cet a le vers aujourd maintenant at on tomorrow tonight today lundi mardi \
    mercredi jeudi vendredi samedi dimanche monday tuesday wednesday thursday friday saturday sunday possible et and s je dans";

/// `pour deux`, `on est 3`, `4 personnes`, `juste moi`.
pub(super) fn people(said: &str) -> Option<i64> {
    if ALONE.iter().any(|phrase| contains(said, phrase)) {
        return Some(1);
    }
    let words: Vec<&str> = said.split_whitespace().collect();
    let word_at = |at: Option<usize>| at.and_then(|at| words.get(at)).copied().unwrap_or_default();
    let counted = words.iter().enumerate().find_map(|(at, word)| {
        let number = number_words::number(word).filter(|number| (1..=99).contains(number))?;
        let (two_before, before) = (word_at(at.checked_sub(2)), word_at(at.checked_sub(1)));
        let after = word_at(Some(at + 1));
        let are = matches!(before, "sommes" | "serons")
            || matches!((two_before, before), ("on", "est" | "sera" | "serait" | "vient") | ("we", "are" | "re"));
        let is_article = matches!(*word, "un" | "une" | "one");
        let ends = after.is_empty() || is_of(BEHIND_PEOPLE, after);
        let meant = matches!(before, "pour" | "for" | "sera") && !is_article && ends;
        (is_of(COUNTED, after) || are || meant).then_some(number)
    });
    let as_a_pair = || TOGETHER.iter().any(|phrase| contains(said, phrase)).then_some(2);
    counted.or_else(as_a_pair)
}
