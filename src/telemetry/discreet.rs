//! The last look at a text that leaves the installation: what may name somebody is withheld.
//!
//! No text of ours names anybody (I10). An error of a library may quote what it was given.

use std::borrow::Cow;

use palabre_actors::domain::event::names_somebody;

const WITHHELD: &str = "(withheld)";

/// The text without the words that may be a number, an e-mail or an address.
pub(super) fn discreet(text: &str) -> Cow<'_, str> {
    if !names_somebody(text) {
        return Cow::Borrowed(text);
    }
    let words: Vec<&str> = text.split(' ').map(|word| if names_somebody(word) { WITHHELD } else { word }).collect();
    let told = words.join(" ");
    // A number in groups is seen as a whole alone.
    Cow::Owned(if names_somebody(&told) { WITHHELD.to_owned() } else { told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_what_may_name_somebody_is_withheld() {
        for (text, told) in [
            ("the commit failed: the disk is full", "the commit failed: the disk is full"),
            ("src/store/writer/mod.rs:241:17", "src/store/writer/mod.rs:241:17"),
            ("019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b", "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
            ("no mailbox for awa.diallo@example.com here", "no mailbox for (withheld) here"),
            ("to whatsapp:+33612345678: refused", "to (withheld) refused"),
            ("called 06 12 34 56 78 in vain", "(withheld)"),
        ] {
            assert_eq!(discreet(text), told);
        }
    }
}
