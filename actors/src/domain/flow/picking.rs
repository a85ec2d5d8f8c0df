//! Which of several things a message picks: by number, by its place, or by name.

use super::phrases::contains;
use crate::domain::number_words::cardinal_or_ordinal;

/// Words around a pick that say nothing.
const AROUND: [&str; 38] = [
    "le", "la", "les", "l", "un", "une", "the", "numero", "num", "option", "choix", "n", "no", "svp", "stp", "please",
    "merci", "pour", "je", "prends", "prend", "veux", "voudrais", "choisis", "number", "oui", "ok", "plutot", "va",
    "alors", "i", "ll", "take", "one", "want", "ce", "sera", "reponse",
];

/// The place of what a message picks of `count` things, each with its names in lower case without accents.
pub(super) fn pick(said: &str, names: &[Vec<String>]) -> Option<usize> {
    by_place(said, names.len()).or_else(|| by_name(said, names))
}

/// `2`, `la 2e`, `le premier`, `the last one`.
pub(super) fn by_place(said: &str, count: usize) -> Option<usize> {
    let words: Vec<&str> = said.split_whitespace().collect();
    if words.is_empty() || words.len() > 6 {
        return None;
    }
    let mut left = words.iter().filter(|word| !AROUND.contains(word));
    let only = left.next().filter(|_| left.next().is_none())?;
    // Further places are written in digits.
    let named = cardinal_or_ordinal(only).filter(|place| *place <= 5).and_then(|place| usize::try_from(place).ok());
    let place = match (named, *only) {
        (Some(place), _) => place,
        (None, "dernier" | "derniere" | "last") => count,
        (None, other) => {
            let digits: String = other.chars().take_while(char::is_ascii_digit).collect();
            let suffix = other.get(digits.len()..).unwrap_or_default();
            let is_ordinal = matches!(suffix, "" | "e" | "eme" | "ieme" | "er" | "ere" | "st" | "nd" | "rd" | "th");
            digits.parse().ok().filter(|_| is_ordinal && digits.len() <= 2)?
        }
    };
    (1..=count).contains(&place).then(|| place - 1)
}

/// The thing with the longest name that is named; `None` when two are named that are equally long.
pub(super) fn by_name(said: &str, names: &[Vec<String>]) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    let mut tied = false;
    for (at, own) in names.iter().enumerate() {
        let named = own.iter().filter(|name| !name.is_empty() && contains(said, name)).map(String::len).max();
        let Some(length) = named else { continue };
        match best {
            Some((_, longest)) if length < longest => {}
            Some((_, longest)) if length == longest => tied = true,
            _ => {
                best = Some((at, length));
                tied = false;
            }
        }
    }
    match best {
        Some((at, _)) => (!tied).then_some(at),
        None => by_likeness(said, names),
    }
}

/// A name with a slip of the fingers: one letter in five, in any word of a short message.
fn by_likeness(said: &str, names: &[Vec<String>]) -> Option<usize> {
    if said.split_whitespace().count() > 8 {
        return None;
    }
    let mut close = names.iter().enumerate().filter(|(_, own)| {
        own.iter().any(|name| {
            let allowed = name.chars().count() / 5;
            let width = name.split_whitespace().count();
            let words: Vec<&str> = said.split_whitespace().collect();
            allowed > 0
                && words
                    .windows(width.max(1))
                    .any(|window| strsim::osa_distance(&window.join(" "), name) <= allowed.min(2))
        })
    });
    let (at, _) = close.next()?;
    close.next().is_none().then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flow::phrases::said;
    use crate::domain::folding::fold;

    #[test]
    fn things_are_picked_by_number_place_or_name() {
        let names = [&["manucure", "ongles"][..], &["pedicure"], &["soin du visage", "soin"]]
            .map(|own| own.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (text, expected) in [
            ("1", Some(0)),
            ("2", Some(1)),
            ("la 2e", Some(1)),
            ("le premier svp", Some(0)),
            ("la dernière", Some(2)),
            ("option 3", Some(2)),
            ("3️⃣", Some(2)),
            ("the second one", Some(1)),
            ("je prends la 1", Some(0)),
            ("4", None),
            ("0", None),
            ("Manucure", Some(0)),
            ("une manucure svp", Some(0)),
            ("manicure", Some(0)),
            ("pédicur", Some(1)),
            ("faire mes ongles", Some(0)),
            ("un soin du visage", Some(2)),
            ("manucure ou pédicure", None),
            ("le truc là comme l'autre fois", None),
            ("", None),
            ("demain 15h", None),
        ] {
            assert_eq!(pick(&said(&fold(text)), &names), expected, "{text}");
        }
    }
}
