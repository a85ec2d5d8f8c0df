//! What looks like personal data: phone numbers, e-mails, addresses, sentences.

use crate::domain::address::Scheme;

/// The longest text that may be a code or an id, in bytes.
pub(super) const LONGEST_BYTES: usize = 64;
/// From this many words on, a text counts as a sentence.
const PROSE_WORDS: usize = 6;
/// From this many digits on, a number may be a phone's.
const PHONE_DIGITS: usize = 7;
/// Letters and digits mixed at this length are a provider's id (`SM` and 32 hexadecimal digits), not a number
/// joined to a word.
const ID_CHARS: usize = 20;

const LONGEST_PHONE_DIGITS: usize = 15; // E.164

/// Whether a text may be a phone number, an e-mail, an address or a message's body. It would rather say yes too often:
/// what passes stands in the event log for ever (I10). UUIDs, provider ids such as `SM0123456789abcdef…` and error codes
/// such as `63016` pass.
#[must_use]
pub fn looks_personal(text: &str) -> bool {
    if is_uuid(text) {
        return false;
    }
    text.len() > LONGEST_BYTES
        || text.contains('\n')
        || text.split_whitespace().nth(PROSE_WORDS - 1).is_some()
        || names_somebody(text)
}

/// Whether a text of ours, such as an error's, may have a phone number, an e-mail or an address in it.
#[must_use]
pub fn names_somebody(text: &str) -> bool {
    !is_uuid(text) && (text.contains('@') || has_address(text) || has_phone(text))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn has_address(text: &str) -> bool {
    let named = |before: &str| {
        let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        word.eq_ignore_ascii_case("tel") || Scheme::ALL.iter().any(|s| word.eq_ignore_ascii_case(s.as_str()))
    };
    text.match_indices(':').any(|(at, _)| named(&text[..at]) && !text[at + 1..].trim().is_empty())
}

fn has_phone(text: &str) -> bool {
    // Digits counted over groups that only the usual separators keep apart.
    let mut digits = 0;
    let mut token = Token::default();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_alphanumeric() {
            token.push(c);
            continue;
        }
        if token.chars > 0 {
            if token.is_id() {
                digits = 0;
            } else if token.longest_run >= PHONE_DIGITS || digits + token.first_run >= PHONE_DIGITS {
                return true;
            } else if token.digits < token.chars {
                digits = token.run;
            } else {
                digits += token.digits;
            }
            token = Token::default();
        }
        if !is_separator(c) {
            digits = 0;
        }
    }
    false
}

/// A run of letters and digits.
#[derive(Default)]
struct Token {
    chars: usize,
    digits: usize,
    runs: usize,
    run: usize,
    first_run: usize,
    longest_run: usize,
}

impl Token {
    fn push(&mut self, c: char) {
        self.chars += 1;
        if c.is_numeric() {
            self.digits += 1;
            self.runs += usize::from(self.run == 0);
            self.run += 1;
            self.longest_run = self.longest_run.max(self.run);
            if self.digits == self.chars {
                self.first_run = self.digits;
            }
        } else {
            self.run = 0;
        }
    }

    fn is_id(&self) -> bool {
        let is_word_and_number = self.runs == 1 && self.digits <= LONGEST_PHONE_DIGITS;
        self.digits < self.chars && self.chars >= ID_CHARS && !is_word_and_number
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '+' | '.' | '-' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i10_personal_data_is_seen() {
        for text in [
            "+33612345678",
            "33612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "+33 (0)6-12-34-56-78",
            "call 0612345678",
            "0612345678 please",
            "tel0612345678",
            "x33612345678y",
            "６１２３４５６７８",
            "(415) 523-8886",
            "a@b.fr",
            "from anne@example.com",
            "whatsapp:US.1234",
            "sms:PALABRE",
            "to telegram:42",
            "mailto:x",
            "Tel:12",
            "WHATSAPP:+1",
            "Bonjour, je voudrais un rendez-vous demain",
            "two\nlines",
            "a text that goes on without being many words: antidisestablishmentarianism",
            "33612345678-BAE5F4886F6F2D05",
        ] {
            assert!(looks_personal(text), "{text:?}");
        }
    }

    #[test]
    fn codes_and_ids_pass() {
        for text in [
            "",
            "63016",
            "429",
            "duplicate_detected",
            "opted_out",
            "provider",
            "seller",
            "rate_limited",
            "http 503",
            "SM0123456789abcdef0123456789abcdef",
            "SM00000000000000000000000000000001",
            "AC00000000000000000000000000000001",
            "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
            "12345678-1234-4123-8123-123456789012",
            "belle-wa",
            "institut-belle",
            "timeout after 15 s",
            "reason: unknown",
            "3EB0C767D097B7C7C030",
            "error 30008: unknown",
        ] {
            assert!(!looks_personal(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn i10_no_phone_number_passes(
            before in "[a-z ,:]{0,8}",
            plus in "\\+?",
            digits in "[0-9]{7,15}",
            sep in "[ .-]?",
            every in 1_usize..4,
            after in "([ ,.!][a-z ]{0,8})?",
        ) {
            let mut number = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && i % every == 0 {
                    number.push_str(&sep);
                }
                number.push(digit);
            }
            let text = format!("{before}{plus}{number}{after}");
            prop_assert!(looks_personal(&text), "{}", text);
        }

        #[test]
        fn i10_no_address_passes(
            before in "([a-z]{0,5} )?",
            path in "[a-z0-9.]{1,10}",
            scheme in 0..Scheme::ALL.len(),
        ) {
            let text = format!("{before}{}:{path}", Scheme::ALL[scheme]);
            prop_assert!(looks_personal(&text), "{}", text);
            let mail = format!("{before}{path}@{path}");
            prop_assert!(looks_personal(&mail), "{}", mail);
        }

        #[test]
        fn provider_ids_and_uuids_pass(kind in "(SM|MM|AC|MG)", id in "[0-9a-f]{32}", uuid in any::<u128>()) {
            let sid = format!("{kind}{id}");
            let uuid = uuid::Uuid::from_u128(uuid).to_string();
            prop_assert!(!looks_personal(&sid));
            prop_assert!(!looks_personal(&uuid));
        }
    }
}
