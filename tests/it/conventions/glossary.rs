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
    ("src/gateway/twilio/", "form", "the form encoding of a request's body, which HTTP calls so"),
    ("src/spool/mod.rs", "entry", "an entry of the spool"),
    ("src/console/", "page", "a page of the console"),
    ("src/console/", "form", "a form of the console"),
    ("src/console/", "account", "a person's own page"),
    ("src/console/", "entry", "what stands in a timeline"),
    ("src/console/", "line", "a thin line of a timeline"),
    ("src/console/", "standing", "how a conversation stands, on its page"),
    ("src/service/people/", "account", "a person's own account"),
    ("src/service/people/", "place", "where somebody signs in from"),
    ("src/gateway/whatsapp_cloud/", "entry", "what Meta calls a part of a webhook"),
    ("src/gateway/whatsapp_cloud/", "place", "a place on the map"),
    ("actors/src/domain/faq/", "entry", "an entry of the FAQ"),
];

/// Types and modules with a name of the list, in any crate.
pub(super) fn complaints(files: &[Code]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for of in &file.definitions {
            let name = word_of(&of.name);
            if REPLACED.contains(&name.as_str()) && !EXCEPTIONS.iter().any(|exception| covers(exception, file, &name)) {
                let what = if of.kind == Kind::Module { "module" } else { "type" };
                complaints
                    .push(format!("{}:{}: the {what} `{}` has a word that was replaced", file.path, of.line, of.name));
            }
        }
    }
    complaints
}

/// Exceptions that nothing needs.
pub(super) fn idle_exceptions(files: &[Code]) -> Vec<String> {
    let is_needed = |exception| {
        files.iter().any(|file| {
            let mut names = file.definitions.iter().map(|of| word_of(&of.name));
            names.any(|name| REPLACED.contains(&name.as_str()) && covers(exception, file, &name))
        })
    };
    let idle = EXCEPTIONS.iter().filter(|exception| !is_needed(exception));
    idle.map(|(begin, name, _)| format!("{begin}: no exception for `{name}` is needed")).collect()
}

fn word_of(name: &str) -> String {
    name.to_lowercase().replace('_', "")
}

fn covers((begin, word, _): &(&str, &str, &str), file: &Code, name: &str) -> bool {
    file.path.starts_with(begin) && *word == name
}

#[test]
fn a_replaced_word_is_seen() {
    let code =
        Code::read("src/a.rs", "pub struct Desk;\nmod tally; struct InFlightCounter; enum SpoolEntry {}\n// lane\n");
    let excepted = Code::read("src/spool/mod.rs", "mod entry;");
    assert_eq!(
        complaints(&[code, excepted]),
        [
            "src/a.rs:1: the type `Desk` has a word that was replaced",
            "src/a.rs:2: the module `tally` has a word that was replaced",
        ]
    );
}
