//! Characters that a terminal obeys instead of showing them.

/// Control characters, and marks that change the direction of what follows: `user\u{202e}gpj.exe` shows as another name.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control() || turns_text(c)
}

/// Bidirectional marks, and the separators that end lines and paragraphs.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text whose obeyed characters are written as JSON writes them, but for line ends and tabs: what reads JSON reads the same
/// text.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) && !matches!(c, '\n' | '\t') {
            shown.push_str(&escaped(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `\u202e`. All obeyed characters have four digits.
#[must_use]
pub fn escaped(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        for (text, expected) in [
            ("Bonjour à tous ☀️ 👩‍🚀", "Bonjour à tous ☀️ 👩‍🚀"),
            ("שלום", "שלום"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("user\u{202e}gpj.exe", "user\\u202egpj.exe"),
            ("\u{2066}a\u{2069}\u{200f}\u{61c}", "\\u2066a\\u2069\\u200f\\u061c"),
            ("\u{1b}[2J\r\u{7}", "\\u001b[2J\\u000d\\u0007"),
            ("\u{9b}31m\u{2028}", "\\u009b31m\\u2028"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn json_means_the_same(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let read: String = serde_json::from_str(&shown(&json)).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn nothing_obeyed_is_left(text in any::<String>()) {
            prop_assert!(!shown(&text).chars().any(|c| is_obeyed(c) && !matches!(c, '\n' | '\t')));
        }
    }
}
