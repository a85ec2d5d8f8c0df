//! Words of the audit log: the console has some, in each language, for every action that the use cases note.

use std::collections::BTreeSet;

use super::code::Code;
use super::tree::Tree;

/// Where actions are noted.
const FOLDER: &str = "src/service/";
/// Where their words stand, and in which section.
const WORDS: [&str; 2] = ["src/console/texts/people_fr.toml", "src/console/texts/people_en.toml"];
const SECTION: &str = "[audit_action]";
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// Texts of two words with a dot that are no actions, by how they begin.
const OTHERS: [(&str, &str); 9] = [
    ("escalation.", "keys of a tenant's file"),
    ("notify.", "keys of a tenant's file"),
    ("invoice.", "events of Stripe"),
    ("member.", "events of payments"),
    ("seller.", "events of payments"),
    ("manifest.", "files of an archive"),
    ("readme.html", "a file of an archive"),
    ("palabre.db", "a file of a backup"),
    ("record.md", "the record of processing"),
];

/// Actions without words in a language, words without an action, and exceptions that nothing needs.
pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let (mut actions, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in tree.with_ending(".rs").filter(|(path, _)| path.starts_with(FOLDER) && !is_of_tests(path)) {
        let code = Code::read(path, text.split(TESTS).next().unwrap_or_default());
        for text in code.texts.iter().filter_map(|(_, text)| dotted(text)) {
            match OTHERS.iter().find(|(begin, _)| text.starts_with(begin)) {
                Some((begin, _)) => _ = needed.insert(*begin),
                None => _ = actions.insert((text.replace('.', "_"), format!("{path}: `{text}`"))),
            }
        }
    }
    for file in WORDS {
        let words = words_of(tree.text(file).unwrap_or_default());
        let missing = actions.iter().filter(|(key, _)| !words.contains(key.as_str()));
        complaints.extend(missing.map(|(_, action)| format!("{action} has no words in {file}")));
        let idle = words.iter().filter(|word| !actions.iter().any(|(key, _)| key == *word));
        complaints.extend(idle.map(|word| format!("{file}: nothing notes `{word}`")));
    }
    let idle = OTHERS.iter().filter(|(begin, _)| !needed.contains(begin));
    complaints.extend(idle.map(|(begin, _)| format!("no exception for `{begin}` is needed")));
    complaints
}

fn is_of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// `booking.no_show`, of a literal as it is written.
fn dotted(literal: &str) -> Option<&str> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let (first, second) = text.split_once('.')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_word(first) && is_word(second)).then_some(text)
}

/// The keys of the section.
fn words_of(toml: &str) -> BTreeSet<&str> {
    let lines = toml.lines().skip_while(|line| *line != SECTION).skip(1).take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" = ").map(|(key, _)| key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_without_words_and_words_without_actions_are_seen() {
        let code = "const BEGIN: &str = \"push.subscribe\"; fn f() { note(\"key.make\", \"manifest.json\", \"A b.c\"); }\n\
                    #[cfg(test)]\nmod tests { const A: &str = \"not.noted\"; }";
        let french =
            "[audit]\nwhat = \"x\"\n[audit_action]\nkey_make = \"x\"\npush_subscribe = \"x\"\n[other]\na = \"x\"";
        let english = "[audit_action]\nkey_make = \"x\"\nkey_lose = \"x\"\n";
        let tree = Tree::planted(&[
            ("src/service/push/mod.rs", code),
            ("src/service/push/tests.rs", "const A: &str = \"not.either\";"),
            ("src/console/audit.rs", "const A: &str = \"nor.here\";"),
            (WORDS[0], french),
            (WORDS[1], english),
        ]);
        let complaints = complaints(&tree);
        let told: Vec<&String> = complaints.iter().filter(|complaint| !complaint.starts_with("no exception")).collect();
        assert_eq!(
            told,
            [
                "src/service/push/mod.rs: `push.subscribe` has no words in src/console/texts/people_en.toml",
                "src/console/texts/people_en.toml: nothing notes `key_lose`",
            ]
        );
        assert_eq!(complaints.len(), told.len() + OTHERS.len() - 1);
    }
}
