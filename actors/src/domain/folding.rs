//! Folding: makes texts equal that differ in case, accents or signs alone. `"Arrêt !"`, `"ARRET"` and `" arrêt️."` fold
//! to the same text. Consent keywords and FAQ keywords are compared in this form only.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// How much of a message is read for keywords, in bytes. A longer one is a letter, and its opening says what it is about.
pub const READ_AT_MOST_BYTES: usize = 4096;

/// Folds a text: compatibility forms decomposed, marks and invisible characters dropped, upper case, every run of
/// anything but letters and digits turned into one space, none at the ends. Folding twice changes nothing.
#[must_use]
pub fn fold(text: &str) -> String {
    let text = opening(text);
    let mut folded = Folded { text: String::with_capacity(text.len()), gap: false };
    for c in text.chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_uppercase());
            continue;
        }
        // One character at a time: decomposing a whole text reorders its marks alone, and they are dropped.
        decompose_compatible(c, |part| {
            if is_combining_mark(part) || is_invisible(part) {
                return;
            }
            // Upper case may be several characters, and may decompose in its turn.
            for upper in part.to_uppercase() {
                decompose_compatible(upper, |c| {
                    if !is_combining_mark(c) {
                        folded.push(c);
                    }
                });
            }
        });
    }
    folded.text
}

struct Folded {
    text: String,
    gap: bool,
}

impl Folded {
    fn push(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.gap = true;
            return;
        }
        if self.gap && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.gap = false;
        self.text.push(c);
    }
}

fn opening(text: &str) -> &str {
    if text.len() <= READ_AT_MOST_BYTES { text } else { &text[..text.floor_char_boundary(READ_AT_MOST_BYTES)] }
}

/// Characters without width, which keyboards and messengers leave inside words: soft hyphen, joiners, directions, BOM.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    #[test]
    fn spellings_of_one_word_fold_to_one_text() {
        for (typed, folded) in [
            ("stop", "STOP"),
            ("  Stop !\n", "STOP"),
            ("«STOP»", "STOP"),
            ("Arrêt", "ARRET"),
            ("arre\u{302}t\u{fe0f}", "ARRET"),
            ("ST\u{200d}OP", "STOP"),
            ("\u{feff}\u{202a}stop\u{202c}", "STOP"),
            ("STOP 🛑", "STOP"),
            ("Ｓｔｏｐ", "STOP"),
            ("𝐒𝐓𝐎𝐏", "STOP"),
            ("se   désabonner", "SE DESABONNER"),
            ("opt-out", "OPT OUT"),
            ("l’ouverture", "L OUVERTURE"),
            ("œuvre", "ŒUVRE"),
            ("straße", "STRASSE"),
            ("9 h à 19 h", "9 H A 19 H"),
            ("", ""),
            ("?!… 🙂", ""),
        ] {
            assert_eq!(fold(typed), folded, "{typed:?}");
        }
    }

    #[test]
    fn folding_any_character_twice_changes_nothing() {
        for c in '\0'..=char::MAX {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn a_very_long_message_is_read_by_its_opening() {
        let folded = fold(&"é".repeat(60_000));
        assert_eq!(folded.len(), READ_AT_MOST_BYTES / 2);
    }

    /// A text as a whole: what folding its characters one by one must come to.
    fn folded_whole(text: &str) -> String {
        let mut folded = Folded { text: String::new(), gap: false };
        for c in text.nfkd().filter(|c| !is_combining_mark(*c) && !is_invisible(*c)) {
            c.to_uppercase().nfkd().filter(|c| !is_combining_mark(*c)).for_each(|c| folded.push(c));
        }
        folded.text
    }

    proptest! {
        #[test]
        fn characters_are_folded_one_by_one(text in any::<String>(), marked in "([a-zà-ÿ가-힣][\u{300}-\u{36f}]{0,3} ?){0,20}") {
            prop_assert_eq!(fold(&text), folded_whole(&text));
            prop_assert_eq!(fold(&marked), folded_whole(&marked));
        }

        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_and_surroundings_do_not_matter(
            word in "[a-zéèêàçûîôë]{1,12}",
            before in "[ .,!?«\u{a0}\u{fe0f}]{0,4}",
            after in "[ .,!?»\u{a0}\u{fe0f}🙂]{0,4}",
        ) {
            prop_assert_eq!(fold(&format!("{before}{}{after}", word.to_uppercase())), fold(&word));
        }
    }
}
