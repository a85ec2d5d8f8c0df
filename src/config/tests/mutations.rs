//! Tests with random bytes: the loader always answers, never panics, and never shows a secret.

use proptest::prelude::*;

use super::{SECRET, TENANT, environment};
use crate::config::{Config, ConfigErrors, DEFAULTS, Loaded};
use crate::gateway::PROVIDERS;

const SAMPLES: [&str; 4] = [
    include_str!("../../../config/tenants/institut-belle.toml"),
    include_str!("../../../config/tenants/martin-plomberie.toml"),
    include_str!("../../../config/tenants/chez-fatou.toml"),
    TENANT,
];

/// Pieces that change what the text around them means.
const PIECES: [&str; 26] = [
    "\"",
    "\"\"\"",
    "'",
    "=",
    "[",
    "]",
    "[[channels]]\n",
    "{",
    "}",
    "#",
    "\n",
    ".",
    "1e999",
    "-1",
    "9223372036854775807",
    "true",
    "1979-05-27T07:32:00Z",
    "\u{0}",
    "\u{fffd}é",
    "{{",
    "{% if",
    "%}",
    "auth_token = ",
    "id = ",
    "\\u0000",
    ",",
];

fn load(main: &str, tenants: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    Config::from_toml_texts(main, tenants, &environment(), &PROVIDERS)
}

fn shown(result: &Result<Loaded, ConfigErrors>) -> String {
    match result {
        Ok(loaded) => format!("{loaded:?}"),
        Err(errors) => format!("{errors}{errors:?}"),
    }
}

/// A text with pieces put in and spans taken out.
fn mutated(text: &str, changes: &[(prop::sample::Index, usize, prop::sample::Index)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, cut, piece) in changes {
        let start = place.index(chars.len() + 1);
        let end = (start + cut).min(chars.len());
        chars.splice(start..end, piece.get(&PIECES).chars());
    }
    chars.into_iter().collect()
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, prop::sample::Index)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, any::<prop::sample::Index>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = shown(&load(&text, &[("t.toml", &text)]));
    }

    #[test]
    fn mutated_tenants_never_panic(sample in prop::sample::select(&SAMPLES[..]), changes in changes()) {
        let text = mutated(sample, &changes);
        let _ = shown(&load("", &[("t.toml", &text), ("belle.toml", TENANT)]));
    }

    #[test]
    fn mutated_daemon_files_never_panic(changes in changes()) {
        let _ = shown(&load(&mutated(DEFAULTS, &changes), &[("belle.toml", TENANT)]));
    }

    /// A secret written out stays hidden whatever else is broken, as long as its key can still be read.
    #[test]
    fn a_secret_in_a_broken_file_stays_hidden(changes in changes()) {
        let inline = format!("\nauth_token = \"{SECRET}\"\n");
        let text = mutated(&TENANT.replace("auth_token = { env = \"TOKEN\" }", ""), &changes) + &inline;
        let shown = shown(&load("", &[("t.toml", &text)]));
        prop_assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    for text in [
        format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
    ] {
        assert!(load(&text, &[("t.toml", &text)]).is_err());
    }
}
