//! Words of the glossary: no type and no module has a name that the field's own word replaced.

use super::code::{Code, Kind};

/// Words that the code used before, for things that the field has names for (see `docs/glossary.md`).
const REPLACED: &[&str] = &[
    "house",
    "foundation",
    "beam",
    "collapsed",
    "outside",
    "kit",
    "desk",
    "page",
    "place",
    "slot",
    "served",
    "lane",
    "line",
    "behind",
    "promote",
    "held",
    "lent",
    "patience",
    "hurry",
    "company",
    "crowd",
    "gather",
    "portion",
    "tide",
    "flood",
    "saving",
    "haste",
    "hasten",
    "tally",
    "unsettled",
    "letter",
    "form",
    "passage",
    "clerk",
    "board",
    "stock",
    "kept",
    "brought",
    "inquiry",
    "unknowns",
    "twins",
    "upkeep",
    "tend",
    "rounds",
    "horizon",
    "account",
    "ticket",
    "readiness",
    "allowance",
    "reserve",
    "reserves",
    "wish",
    "tenure",
    "pacing",
    "gate",
    "gates",
    "pass",
    "duties",
    "standing",
    "stands",
    "bury",
    "burial",
    "life",
    "era",
    "round",
    "later",
    "waits",
    "holds",
    "rests",
    "bell",
    "ring",
    "hear",
    "wakes",
    "strangers",
    "inlet",
    "face",
    "entry",
    "access",
    "asks",
    "documents",
    "ways",
    "spelling",
    "story",
    "census",
    "moments",
    "samples",
    "months",
    "ticks",
    "weather",
    "executioner",
    "cast",
    "teller",
    "heart",
    "shell",
    "room",
];

/// Names that may stay, by the beginning of the path and the name in lower case, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("migrations/", "", "databases keep the names of the migrations that they ran"),
    ("src/gateway/", "form", "the form encoding of a request's body, which HTTP calls so"),
    ("", "entry", "an entry of a map, of a log or of the spool"),
    ("", "page", "one page of a list"),
    ("tests/it/conventions", "documents", "the documents of the repository"),
    ("src/config/tests/", "documents", "the documents that the configuration is read from"),
    ("src/config/", "line", "a line of a configuration file"),
    ("src/config/problem.rs", "place", "a position in a configuration file"),
    ("src/cli/explain/", "waits", "to become the blocked reasons"),
    ("src/cli/explain/", "samples", "samples of timelines in tests"),
    ("src/cli/outbox", "story", "to become the message history"),
    ("src/store/moving/", "pass", "one pass over the tables that are moved"),
    ("src/lab/demo/", "story", "to be renamed with the demo's parts"),
    ("src/lab/demo/", "ticks", "to be renamed with the demo's parts"),
];

/// Types and modules with a name of the list, in any crate.
pub(super) fn complaints(files: &[Code]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for of in &file.definitions {
            let name = of.name.to_lowercase().replace('_', "");
            let may_stay = |(begin, word, _): &(&str, &str, &str)| {
                file.path.starts_with(begin) && (word.is_empty() || *word == name)
            };
            if REPLACED.contains(&name.as_str()) && !EXCEPTIONS.iter().any(may_stay) {
                let what = if of.kind == Kind::Module { "module" } else { "type" };
                complaints
                    .push(format!("{}:{}: the {what} `{}` has a word that was replaced", file.path, of.line, of.name));
            }
        }
    }
    complaints
}

#[test]
fn a_replaced_word_is_seen() {
    let code = Code::read("src/a.rs", "pub struct Desk;\nmod tally; struct InFlightCounter; enum Entry {}\n// lane\n");
    let old = Code::read("migrations/src/a.rs", "mod house;");
    assert_eq!(
        complaints(&[code, old]),
        [
            "src/a.rs:1: the type `Desk` has a word that was replaced",
            "src/a.rs:2: the module `tally` has a word that was replaced",
        ]
    );
}
