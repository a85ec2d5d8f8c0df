//! Keys that could be guessed: short, repeated, or made of runs and of words that everybody tries.

use std::collections::HashSet;

/// A shorter key could be guessed.
const SHORTEST: usize = 16;
/// 16 random hexadecimal digits have fewer different ones once in 300,000,000 keys; a repeated word has few.
const FEWEST_CHARACTERS: usize = 4;
/// Of a million keys of 16 random hexadecimal digits none had fewer than eight pieces.
const FEWEST_PIECES: usize = 7;
/// `abc`, `321` and `aaa` are runs; two characters that follow each other are chance.
const SHORTEST_RUN: usize = 3;
/// Each is one piece, however long it is.
const WORDS: [&str; 17] = [
    "password",
    "passwort",
    "passwd",
    "motdepasse",
    "secret",
    "changeme",
    "changeit",
    "letmein",
    "welcome",
    "bienvenue",
    "bonjour",
    "admin",
    "administrator",
    "qwerty",
    "azerty",
    "iloveyou",
    "palabre",
];

/// Why a key could be guessed. The reason repeats nothing of it.
pub(super) fn weakness(key: &str) -> Option<String> {
    if key.len() < SHORTEST {
        return Some(format!("is shorter than {SHORTEST} characters, and could be guessed"));
    }
    if is_repeated(key) {
        return Some("is a shorter text over and over, and could be guessed".to_owned());
    }
    if key.chars().collect::<HashSet<_>>().len() < FEWEST_CHARACTERS {
        return Some(format!("has fewer than {FEWEST_CHARACTERS} different characters, and could be guessed"));
    }
    if pieces(key) < FEWEST_PIECES {
        return Some(
            "is made of runs such as `abcd` and of words that everybody tries, and could be guessed".to_owned(),
        );
    }
    None
}

/// Whether a text is one of at most half its length, over and over: `testtesttest`.
fn is_repeated(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(one, other)| one == other))
}

/// How many words, runs and single characters a key is made of: what somebody has to guess of it.
fn pieces(key: &str) -> usize {
    let text = key.to_lowercase();
    let (mut rest, mut pieces) = (text.as_str(), 0);
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().filter(|word| rest.starts_with(**word)).map(|word| word.len()).max();
        let length = word.unwrap_or_default().max(run(rest)).max(first.len_utf8());
        rest = rest.get(length..).unwrap_or_default();
        pieces += 1;
    }
    pieces
}

/// The length of the run with which a text begins, up, down or of one character; 0: it begins with none.
fn run(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut steps = bytes.iter().zip(bytes.iter().skip(1)).map(|(one, next)| i16::from(*next) - i16::from(*one));
    let Some(step) = steps.next().filter(|step| (-1..=1).contains(step)) else { return 0 };
    let length = 2 + steps.take_while(|next| *next == step).count();
    if length >= SHORTEST_RUN && text.is_char_boundary(length) { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_be_guessed_are_told_from_others() {
        for (key, why) in [
            ("tiny", "shorter than 16"),
            ("aaaaaaaaaaaaaaaaaaaa", "over and over"),
            ("abcabcabcabcabcabcab", "over and over"),
            ("0123456789abcdef0123456789abcdef", "over and over"),
            ("passwordpassword", "over and over"),
            ("changeme-changeme-changeme", "over and over"),
            ("aaaaaaaaabbbbbbbbbcc", "fewer than 4"),
            ("aaaabbbbccccdddd", "runs"),
            ("0123456789abcdef", "runs"),
            ("0123456789ABCDEF", "runs"),
            ("1234567890123456", "runs"),
            ("abcdefghijklmnopqrstuvwxyz", "runs"),
            ("zyxwvutsrqponmlkjihgfedcba9876543210", "runs"),
            ("0123456789abcdef0123456789abcde1", "runs"),
            ("Password12345678", "runs"),
            ("passwordsecretadmin", "runs"),
            ("ChangeMe!ChangeMe!ChangeMe?", "runs"),
            ("azerty123456azerty", "runs"),
            ("ééééééééèèèèèèèè", "fewer than 4"),
        ] {
            let told = weakness(key);
            assert!(told.as_deref().is_some_and(|told| told.contains(why)), "{key}: {told:?}");
            assert!(!told.unwrap_or_default().contains(key), "{key}");
        }
        for key in [
            "9f86d081884c7d65",
            "4f1bd5c3a2e09786",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "key-of-the-operators-0123456789",
            "correct horse battery staple",
            "0p5-key-0123456789ab",
            "pässwörter-für-müde-größen",
        ] {
            assert_eq!(weakness(key), None, "{key}");
        }
    }
}
