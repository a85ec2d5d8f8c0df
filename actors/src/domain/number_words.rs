//! Numbers that are written as words, in French and English.

/// Each word with its number. `un`, `une` and `one` are articles as often as numbers: who reads dates leaves them out.
const WORDS: &[(&str, u32)] = &[
    ("un", 1),
    ("une", 1),
    ("one", 1),
    ("deux", 2),
    ("two", 2),
    ("trois", 3),
    ("three", 3),
    ("quatre", 4),
    ("four", 4),
    ("cinq", 5),
    ("five", 5),
    ("six", 6),
    ("sept", 7),
    ("seven", 7),
    ("huit", 8),
    ("eight", 8),
    ("neuf", 9),
    ("nine", 9),
    ("dix", 10),
    ("ten", 10),
    ("onze", 11),
    ("eleven", 11),
    ("douze", 12),
    ("twelve", 12),
    ("treize", 13),
    ("thirteen", 13),
    ("quatorze", 14),
    ("fourteen", 14),
    ("quinze", 15),
    ("fifteen", 15),
    ("seize", 16),
    ("sixteen", 16),
    ("vingt", 20),
    ("twenty", 20),
    ("trente", 30),
    ("thirty", 30),
    ("quarante", 40),
    ("forty", 40),
];

/// The number of a word without accents, in either case.
pub(in crate::domain) fn cardinal(word: &str) -> Option<u32> {
    WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, number)| *number)
}

/// A number in digits, or as a word.
pub(in crate::domain) fn number(word: &str) -> Option<i64> {
    word.parse().ok().or_else(|| cardinal(word).map(i64::from))
}

/// The number of a word that counts or orders: `deux`, `deuxieme`, `second`.
pub(in crate::domain) fn cardinal_or_ordinal(word: &str) -> Option<u32> {
    const ORDINALS: &[(&str, u32)] = &[
        ("premier", 1),
        ("premiere", 1),
        ("first", 1),
        ("deuxieme", 2),
        ("second", 2),
        ("seconde", 2),
        ("troisieme", 3),
        ("third", 3),
        ("quatrieme", 4),
        ("fourth", 4),
        ("cinquieme", 5),
        ("fifth", 5),
    ];
    let ordinal = || ORDINALS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, number)| *number);
    cardinal(word).or_else(ordinal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbers_in_either_case() {
        for (word, number) in
            [("deux", Some(2)), ("DEUX", Some(2)), ("Twelve", Some(12)), ("premier", None), ("", None)]
        {
            assert_eq!(cardinal(word), number, "{word}");
        }
        for (word, expected) in [("12", Some(12)), ("deux", Some(2)), ("12h", None), ("", None)] {
            assert_eq!(number(word), expected, "{word}");
        }
        for (word, number) in [("PREMIERE", Some(1)), ("third", Some(3)), ("trois", Some(3)), ("dernier", None)] {
            assert_eq!(cardinal_or_ordinal(word), number, "{word}");
        }
    }
}
