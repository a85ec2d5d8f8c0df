//! Masks what lines of a configuration may show: phone numbers, tokens, secrets.

/// Words that announce a secret, in keys and anywhere else in a line.
const SECRET_WORDS: [&str; 9] =
    ["token", "secret", "passw", "auth", "credential", "apikey", "api_key", "private", "dsn"];

/// Whether a key's value is a secret.
pub(super) fn is_secret(path: &str) -> bool {
    let path = path.to_lowercase();
    path == "redis.url" || names_a_key(&path) || SECRET_WORDS.iter().any(|word| path.contains(word))
}

/// `key` alone is what API keys stand behind; `keywords` and `keys` are other words.
fn names_a_key(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(|word| word == "key")
}

/// Whether a line may show a secret: by a word in it, or by a URL with credentials.
pub(super) fn may_be_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    let credentials = line.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', '"', '\'']).next().unwrap_or_default();
        // A password may hold a slash that should have been encoded: then the `@` comes later.
        authority.contains('@') || rest.split(['"', '\'']).next().unwrap_or_default().contains('@')
    });
    credentials || names_a_key(&line) || SECRET_WORDS.iter().any(|word| line.contains(word))
}

/// A text of the operator's with the middle of every phone number hidden, and all but the beginning of what may be a token
/// in the wrong place; its width is kept so that a caret still points right.
pub(crate) fn masked(line: &str) -> String {
    const SHOWN_FIRST: usize = 3;
    const SHOWN_LAST: usize = 2;
    let chars: Vec<char> = line.chars().collect();
    let mut shown = chars.clone();
    hide_tokens(&mut shown);
    let mut at = 0;
    while at < chars.len() {
        let run = chars.iter().skip(at).take_while(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-' | '(' | ')'));
        let run = run.count();
        let digits: Vec<usize> =
            (at..at + run).filter(|index| chars.get(*index).is_some_and(char::is_ascii_digit)).collect();
        if digits.len() >= 8 && !is_count(&chars, at, run) {
            for index in digits.iter().skip(SHOWN_FIRST).take(digits.len() - SHOWN_FIRST - SHOWN_LAST) {
                if let Some(c) = shown.get_mut(*index) {
                    *c = '*';
                }
            }
        }
        at += run.max(1);
    }
    shown.into_iter().collect()
}

/// Letters and digits mixed at this length are nothing that a person chose.
fn hide_tokens(shown: &mut [char]) {
    const LENGTH: usize = 20;
    const SHOWN: usize = 4;
    for word in shown.chunk_by_mut(|a, b| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric()) {
        let count = |is: fn(&char) -> bool| word.iter().filter(|c| is(c)).count();
        let is_mixed = count(char::is_ascii_digit) >= 3 && count(char::is_ascii_alphabetic) >= 3;
        if word.len() >= LENGTH && is_mixed {
            word.iter_mut().skip(SHOWN).for_each(|c| *c = '*');
        }
    }
}

/// Whether a run is what a template counts to, `{% for i in range(10000000) %}`, and cannot be a phone number: a round number
/// alone in the brackets of `range`, within an expression. Any other digits may be somebody's (I10).
fn is_count(line: &[char], start: usize, length: usize) -> bool {
    let text = |chars: &[char]| chars.iter().collect::<String>();
    let before = line.get(..start).map(text).unwrap_or_default();
    let run = line.get(start..start + length).map(text).unwrap_or_default();
    let opened = before.rfind("{%").max(before.rfind("{{"));
    let within = opened.is_some_and(|opened| before.rfind("%}").max(before.rfind("}}")).is_none_or(|end| end < opened));
    let count = run.trim_end().strip_prefix('(').and_then(|run| run.strip_suffix(')')).unwrap_or_default();
    let is_round = count.starts_with(|c: char| c != '0') && count.chars().skip(1).all(|c| c == '0');
    within && before.ends_with(" range") && is_round
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_masked_in_place() {
        let line = r#"sellers = ["+33 6 12 34 56 78", "0612345678"] # 2026-01"#;
        let shown = masked(line);
        assert_eq!(shown, r#"sellers = ["+33 6 ** ** ** 78", "061*****78"] # 2026-01"#);
        assert_eq!(shown.chars().count(), line.chars().count());
    }

    #[test]
    fn a_token_in_the_wrong_place_is_hidden() {
        for (line, expected) in [
            (r#"account_sid = "f3a9c0d1e2f3a4b5c6d7""#, r#"account_sid = "f3a9****************""#),
            (r#"account_sid = "AC0123456789abcdef0123""#, r#"account_sid = "AC01******************""#),
            ("question = \"anticonstitutionnellement\"", "question = \"anticonstitutionnellement\""),
            ("id = \"institut-belle-2\"", "id = \"institut-belle-2\""),
        ] {
            assert_eq!(masked(line), expected);
        }
    }

    #[test]
    fn what_a_template_counts_to_is_shown() {
        let count = r#"answer = "{% for i in range(10000000) %}a{% endfor %}""#;
        assert_eq!(masked(count), count);
        for line in [
            r#"answer = "{{ 33612345678 }}""#,
            r#"answer = "{% if message.body == '33612345678' %}""#,
            r#"answer = "{% for i in range(0612345678) %}""#,
            r#"answer = "{% for i in range(33612345678) %}""#,
            r#"answer = "{% for i in range(1 0000000) %}""#,
            r#"answer = "{% for i in range(+10000000) %}""#,
            r#"answer = "{% for i in range(5) %} range(10000000)""#,
            r#"answer = "{% set x %} range(10000000)""#,
            "# range(10000000)",
        ] {
            assert!(masked(line).contains('*'), "{line}");
        }
    }

    #[test]
    fn secrets_are_suspected() {
        for line in [
            r#"auth_token = "x""#,
            r#"Password = 'x'"#,
            r#"url = "postgres://user:pass@host/db""#,
            r#"url = "redis://:p/ss@host""#,
        ] {
            assert!(may_be_secret(line), "{line}");
        }
        assert!(!may_be_secret(r#"url = "sqlite://palabre.db""#));
        assert!(!may_be_secret(r#"account_sid = "AC1""#));
    }
}
