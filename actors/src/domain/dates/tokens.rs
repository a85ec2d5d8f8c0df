//! Words, numbers and signs of a phrase, with short spellings written out.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::number_words::cardinal;

/// How much of a message is read for a date, in characters. A longer one is a letter.
const READ_AT_MOST: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// A number of at most four digits, and how many digits it was written with; 0 when it was a word.
    Number(u32, u8),
    Sign(char),
}

/// Splits a phrase. Letters and digits that are written together become two tokens: `15h30`, `3pm`, `2e`.
pub(super) fn tokens(phrase: &str, english: bool) -> Vec<Token> {
    let plain: String = phrase
        .chars()
        .take(READ_AT_MOST)
        .collect::<String>()
        .to_lowercase()
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .map(|c| if matches!(c, '\u{2010}'..='\u{2015}') { '-' } else { c })
        .collect();
    let mut tokens = Vec::new();
    let mut before = "";
    let chunks =
        plain.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '\u{2019}' | ',' | '!' | '?' | '(' | ')'));
    let mut chunks = chunks.map(|chunk| chunk.trim_end_matches(['.', ';'])).peekable();
    while let Some(bare) = chunks.next() {
        // French shortens the weekend as English writes itself.
        let after = chunks.peek().copied().unwrap_or_default();
        let is_pronoun = bare == "we" && (english || is_asked(before) || is_told(after));
        before = bare;
        match written_out(bare) {
            Some(_) if is_pronoun => tokens.push(word(bare)),
            Some(full) => tokens.extend(full.split(' ').map(word)),
            None => split(bare, &mut tokens),
        }
    }
    join(tokens)
}

/// What stands before the pronoun `we`.
fn is_asked(word: &str) -> bool {
    matches!(word, "can" | "could" | "shall" | "should" | "may" | "will" | "would" | "do" | "if" | "when" | "are")
}

/// What stands behind it.
fn is_told(word: &str) -> bool {
    matches!(
        word,
        "are" | "re" | "ll" | "ve" | "will" | "would" | "can" | "could" | "need" | "want" | "have" | "had" | "were"
    )
}

fn word(text: &str) -> Token {
    // One is an article as well: `un mardi` is any Tuesday.
    match cardinal(text).filter(|number| *number > 1) {
        Some(number) => Token::Number(number, 0),
        None => Token::Word(text.to_owned()),
    }
}

fn split(chunk: &str, tokens: &mut Vec<Token>) {
    let mut rest = chunk;
    while let Some(first) = rest.chars().next() {
        let alike = |c: char| {
            if first.is_ascii_digit() { c.is_ascii_digit() } else { first.is_alphabetic() && c.is_alphabetic() }
        };
        let end = rest.find(|c| !alike(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (part, after) = rest.split_at(end);
        rest = after;
        if first.is_ascii_digit() {
            match part.parse() {
                Ok(number) if part.len() <= 4 => tokens.push(Token::Number(number, part.len() as u8)),
                _ => tokens.push(Token::Word(part.to_owned())),
            }
        } else if first.is_alphabetic() {
            tokens.push(written_out(part).map_or_else(|| word(part), word));
        } else {
            tokens.push(Token::Sign(first));
        }
    }
}

/// `aujourd'hui` is cut at its apostrophe; hyphens join words that belong together.
fn join(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let before = joined.last().cloned();
        match (&before, &token) {
            (Some(Token::Word(first)), Token::Word(second)) if first == "aujourd" && second == "hui" => {
                joined.pop();
                joined.push(Token::Word("aujourdhui".to_owned()));
            }
            // Between words a hyphen says nothing: `après-demain`, `week-end`.
            (Some(Token::Sign('-')), Token::Word(_)) if matches!(joined.iter().rev().nth(1), Some(Token::Word(_))) => {
                joined.pop();
                joined.push(token);
            }
            _ => joined.push(token),
        }
    }
    joined
}

/// Spellings of text messages, written out.
fn written_out(chunk: &str) -> Option<&'static str> {
    Some(match chunk {
        "dem1" | "2m1" | "2main" | "dmain" | "demin" | "deman" | "2mains" | "dm1" | "demains" => "demain",
        "aprem" | "aprm" | "apm" | "ap-m" | "aprèm" | "apremidi" | "apresmidi" | "apres-midi" | "aprem'" => {
            "apresmidi"
        }
        "apresdemain" | "apres-demain" | "ap-demain" | "apres-dem1" | "apdemain" => "apresdemain",
        "auj" | "ajd" | "ojd" | "aujourdui" | "aujourd'hui" | "ajdh" | "aujourd" | "ojourdhui" | "aujourdhui" => {
            if chunk == "aujourd" {
                return None;
            }
            "aujourdhui"
        }
        "mtn" | "mnt" | "maintenan" | "mnant" | "maintnant" => "maintenant",
        "tmrw" | "tmr" | "2moro" | "tomoz" | "2morrow" | "tomorow" | "tommorow" | "tommorrow" | "tmw" => "tomorrow",
        "2day" | "tdy" => "today",
        "2nite" | "2night" | "tonite" => "tonight",
        "we" | "weekend" | "week-end" | "wkd" | "wkend" => "weekend",
        "prochaine" | "proch" | "prochin" | "pro" => "prochain",
        "nxt" => "next",
        "sem" => "semaine",
        "wk" => "week",
        "avant-hier" => "avanthier",
        "pm" | "p.m" => "pm",
        "am" | "a.m" => "am",
        "1er" | "1ere" => return None,
        "midday" => "noon",
        "minuits" => "minuit",
        "asap" | "dqp" => "asap",
        _ => return None,
    })
}
