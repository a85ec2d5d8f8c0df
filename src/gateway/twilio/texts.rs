//! Texts of a webhook, made fit for the database.

/// At most so many bytes of a text, and whether that is all of it.
pub(super) fn cut(text: &str, most: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(most);
    (&text[..end], end == text.len())
}

/// PostgreSQL's text cannot hold NUL: the replacement character stands in for it.
pub(super) fn without_nul(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text.to_owned() }
}
