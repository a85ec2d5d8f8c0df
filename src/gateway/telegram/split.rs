//! Splits a text that is longer than one message, between paragraphs, lines, sentences or words.

/// The longest text of one message, in UTF-16 units: <https://core.telegram.org/bots/api#sendmessage>
pub(super) const MOST_UNITS: usize = 4_096;

/// The text in pieces of at most `most` UTF-16 units. Nothing but white space at the cuts is left out.
pub(super) fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = longest(rest, most);
        let cut = if end == rest.len() { end } else { best_cut(&rest[..end]) };
        let piece = rest[..cut].trim_end();
        if !piece.is_empty() {
            pieces.push(piece);
        }
        rest = rest[cut..].trim_start();
    }
    pieces
}

/// Where the longest beginning ends that is not too long, and parts no character: an accent, a tone or a joiner stays with what
/// it belongs to.
fn longest(text: &str, most: usize) -> usize {
    let (mut units, mut safe) = (0, 0);
    let mut joined = false;
    for (at, c) in text.char_indices() {
        if !joined && !belongs_to_the_last(c) {
            safe = at;
        }
        units += c.len_utf16();
        if units > most {
            // A heap of accents longer than a message is cut wherever it must be.
            return if safe > 0 { safe } else { at.max(c.len_utf8()) };
        }
        joined = c == '\u{200d}';
    }
    text.len()
}

fn belongs_to_the_last(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{200d}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// The last good place in the second half of a piece; its end when there is none.
fn best_cut(piece: &str) -> usize {
    let from = piece.floor_char_boundary(piece.len() / 2);
    let late = &piece[from..];
    let after = |mark: &str| late.rfind(mark).map(|at| from + at + mark.len());
    let sentence = || [". ", "! ", "? ", "… ", "。"].into_iter().filter_map(after).max();
    after("\n\n").or_else(|| after("\n")).or_else(sentence).or_else(|| after(" ")).unwrap_or(piece.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_stand_where_people_pause() {
        for (text, most, expected) in [
            ("", 10, &[][..]),
            ("court", 10, &["court"]),
            ("un deux trois", 10, &["un deux", "trois"]),
            ("Bonjour à tous. Voici la suite du texte", 24, &["Bonjour à tous.", "Voici la suite du texte"]),
            ("premier\nsecond mot", 15, &["premier", "second mot"]),
            ("a b c\n\nd e f g h", 12, &["a b c", "d e f g h"]),
            ("aaaaaaaaaaaa", 5, &["aaaaa", "aaaaa", "aa"]),
            ("😀😀😀", 3, &["😀", "😀", "😀"]),
            ("👩\u{200d}🚀👩\u{200d}🚀", 7, &["👩\u{200d}🚀", "👩\u{200d}🚀"]),
            ("e\u{301}e\u{301}e\u{301}", 3, &["e\u{301}", "e\u{301}", "e\u{301}"]),
        ] {
            assert_eq!(pieces(text, most), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_piece_is_too_long_and_nothing_is_lost(text in "[a-c é😀\u{301}\u{200d}.\n]{0,200}", most in 4_usize..40) {
            let pieces = pieces(&text, most);
            prop_assert!(pieces.iter().all(|piece| (1..=most).contains(&piece.encode_utf16().count())));
            let without_space = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(without_space(&pieces.concat()), without_space(&text));
        }
    }
}
