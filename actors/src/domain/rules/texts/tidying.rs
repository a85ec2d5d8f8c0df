//! Tidies a text in which a name was missing: `Merci , nous` becomes `Merci, nous`.

/// Trims, joins spaces, takes the space before a comma or a full stop away (French keeps it before `!`, `?`, `:` and
/// `;`), drops commas that nothing precedes, and cuts what is longer than `most` UTF-16 units. Line breaks stay.
pub(super) fn tidy(text: &str, most: usize) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut gap = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if tidied.is_empty() && (c.is_whitespace() || c == ',') {
            continue;
        }
        match c {
            ' ' | '\t' | '\r' => gap = true,
            '\n' => {
                gap = false;
                tidied.push(c);
            }
            c => {
                let ends_sentence = c == '.' && rest.peek().is_none_or(|next| next.is_whitespace());
                if gap && c != ',' && !ends_sentence && !tidied.ends_with('\n') {
                    tidied.push(' ');
                }
                gap = false;
                tidied.push(c);
            }
        }
    }
    tidied.truncate(tidied.trim_end().len());
    cut(tidied, most)
}

fn cut(mut text: String, most: usize) -> String {
    // A character of one to three bytes is one unit, of four bytes two: bytes are never fewer.
    if text.len() <= most || text.encode_utf16().count() <= most {
        return text;
    }
    let mut units = 1;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > most
    });
    text.truncate(end.map_or(text.len(), |(at, _)| at));
    text.truncate(text.trim_end().len());
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_close() {
        for (text, tidied) in [
            ("Merci , nous avons bien reçu.", "Merci, nous avons bien reçu."),
            ("Merci  , nous", "Merci, nous"),
            ("Bonjour  !", "Bonjour !"),
            ("Vos horaires ? Oui ; ou non : voilà !", "Vos horaires ? Oui ; ou non : voilà !"),
            ("Merci .", "Merci."),
            ("et ... voilà", "et ... voilà"),
            (", bonjour", "bonjour"),
            ("  a  b\t c  ", "a b c"),
            ("a \n  b\r\n\nc\n", "a\nb\n\nc"),
            ("prix : 30\u{a0}€", "prix : 30\u{a0}€"),
            ("", ""),
            (" , ", ""),
        ] {
            assert_eq!(tidy(text, 1600), tidied, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(tidy("abcdef", 6), "abcdef");
        assert_eq!(tidy("abcdefg", 6), "abcde…");
        assert_eq!(tidy("ééééééé", 6), "ééééé…");
        assert_eq!(tidy("🙂🙂🙂🙂", 6), "🙂🙂…");
        assert_eq!(tidy("abcd efg", 6), "abcd…");
    }

    proptest! {
        #[test]
        fn tidying_twice_changes_nothing(text in "[a-c ,.!\n\t\u{a0}é🙂]{0,60}", most in 5_usize..60) {
            let once = tidy(&text, most);
            prop_assert!(once.encode_utf16().count() <= most);
            prop_assert_eq!(tidy(&once, most), once);
        }

        #[test]
        fn no_text_is_too_long(text in any::<String>(), most in 1_usize..60) {
            prop_assert!(tidy(&text, most).encode_utf16().count() <= most);
        }
    }
}
