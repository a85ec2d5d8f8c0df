//! Documents: links lead somewhere, decisions are in order, and every invariant names its tests.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::code::Code;
use super::tree::Tree;

/// Invariants that `tests/README.md` must have a row for.
const INVARIANTS: std::ops::RangeInclusive<usize> = 1..=16;
/// Those whose row must name a test. The features of the others are not there yet.
const DEFENDED: std::ops::RangeInclusive<usize> = 1..=11;
/// Documents whose paths in code spans must exist: they tell people where to look.
const GUIDES: [&str; 3] = ["CONTRIBUTING.md", "docs/glossary.md", "docs/decisions/"];
/// How a path of the repository begins.
const FOLDERS: [&str; 7] = ["src/", "actors/", "migrations/", "tests/", "benches/", "config/", "docs/"];
/// Lines of a decision.
const LONGEST_DECISION: usize = 60;
/// What would tell where the repository was made or built, in two parts so that this file does not hold it.
const PLACES: [(&str, &str); 9] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("registry.npm", "js.org"),
    ("registry.yarn", "pkg.com"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("files.python", "hosted.org"),
    ("proxy.gol", "ang.org"),
    ("deb.deb", "ian.org"),
];

fn markdown(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Relative links to files that are not there, or to headings that they do not have.
pub(super) fn links(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.with_ending(".md") {
        for event in markdown(text) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else { continue };
            if dest_url.contains("://") || dest_url.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
            let target = if file.is_empty() { Some(path.to_owned()) } else { joined(path, file) };
            let complaint = match target {
                None => "leads out of the repository",
                Some(target) if !target.is_empty() && !tree.has(&target) => "leads nowhere",
                Some(target) if !heading.is_empty() => match tree.text(&target) {
                    Some(text) if target.ends_with(".md") && !headings(text).contains(heading) => "has no such heading",
                    _ => continue,
                },
                Some(_) => continue,
            };
            complaints.push(format!("{path}: {dest_url} {complaint}"));
        }
    }
    complaints
}

/// Paths in code spans of the guides that are not in the repository.
pub(super) fn paths(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let guides = tree.with_ending(".md").filter(|(path, _)| GUIDES.iter().any(|guide| path.starts_with(guide)));
    for (path, text) in guides {
        for event in markdown(text) {
            let Event::Code(span) = event else { continue };
            let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder))
                && span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && !tree.has(span.trim_end_matches('/')) {
                complaints.push(format!("{path}: there is no `{span}`"));
            }
        }
    }
    complaints
}

/// A relative path from a file; `None` when it leads out of the repository.
fn joined(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors that forges give to headings.
pub(super) fn headings(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in markdown(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
                anchors.extend(
                    heading.take().map(|h| h.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")),
                );
            }
            _ => {}
        }
    }
    anchors
}

/// Paths and hosts of the machine that something was made on.
pub(super) fn places(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            for (begin, end) in PLACES {
                if line.contains(&format!("{begin}{end}")) {
                    complaints.push(format!("{path}:{}: {begin}{end} does not belong into the repository", number + 1));
                }
            }
        }
    }
    complaints
}

/// Decisions that are out of order, too long, or lack a part.
pub(super) fn decisions(tree: &Tree) -> Vec<String> {
    const FOLDER: &str = "docs/decisions/";
    let mut complaints = Vec::new();
    let files = tree.with_ending(".md").filter(|(path, _)| path.starts_with(FOLDER) && !path.ends_with("/README.md"));
    for (number, (path, text)) in files.enumerate() {
        let wanted = format!("{:04}-", number + 1);
        if !path[FOLDER.len()..].starts_with(&wanted) {
            complaints.push(format!("{path}: the next number is {wanted}"));
        }
        if text.lines().count() >= LONGEST_DECISION {
            complaints.push(format!("{path}: a decision has fewer than {LONGEST_DECISION} lines"));
        }
        let headings = headings(text);
        for part in ["context", "decision", "consequences"] {
            if !headings.contains(part) {
                complaints.push(format!("{path}: no heading `{part}`"));
            }
        }
    }
    complaints
}

/// Invariants without tests, and tests that are not there. `i6_*` stands for every test that begins so.
pub(super) fn invariants(tree: &Tree, code: &[Code]) -> Vec<String> {
    let rows = rows(tree.text("tests/README.md").unwrap_or_default());
    let tests: BTreeSet<&str> = code.iter().flat_map(|file| &file.tests).map(String::as_str).collect();
    let mut complaints = Vec::new();
    for number in INVARIANTS {
        match rows.get(&format!("I{number}")) {
            None => complaints.push(format!("tests/README.md: I{number} has no row")),
            Some(names) if names.is_empty() && DEFENDED.contains(&number) => {
                complaints.push(format!("tests/README.md: I{number} names no test"));
            }
            Some(_) => {}
        }
    }
    for (invariant, names) in &rows {
        for name in names {
            let there = match name.strip_suffix('*') {
                Some(beginning) => tests.iter().any(|test| test.starts_with(beginning)),
                None => tests.contains(name.as_str()),
            };
            if !there {
                complaints.push(format!("tests/README.md: {invariant} names `{name}`, which is no test"));
            }
        }
    }
    complaints
}

/// Rows of tables whose first cell begins with an invariant's id: the code words behind the first cell.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut first_cell = false;
    for event in markdown(text) {
        match event {
            Event::Start(Tag::TableRow) => (current, first_cell) = (None, true),
            Event::End(TagEnd::TableCell) => first_cell = false,
            Event::Text(text) if first_cell && current.is_none() => {
                current = text.split_whitespace().next().filter(|word| is_invariant(word)).map(str::to_owned);
                rows.extend(current.clone().map(|id| (id, Vec::new())));
            }
            Event::Code(name) if !first_cell => {
                if let Some(names) = current.as_ref().and_then(|id| rows.get_mut(id)) {
                    names.push(name.to_string());
                }
            }
            _ => {}
        }
    }
    rows
}

fn is_invariant(word: &str) -> bool {
    word.strip_prefix('I').is_some_and(|number| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_seen() {
        let tree = Tree::planted(&[
            (
                "README.md",
                "[a](docs/a.md) [b](docs/b.md) ![c](c.png) [d](../d.md) [e](docs/a.md#the-end-of-it) [f](docs/a.md#start)\n\
                [g](https://a.example/x) [h](docs/) [i](#top) [j](#bottom)\n\n# Top\n\n`[k](k.md)`\n",
            ),
            ("docs/a.md", "# The `end` of it!\n\n[back](../README.md#top) [l][1]\n\n[1]: nowhere.md\n"),
        ]);
        assert_eq!(
            links(&tree),
            [
                "README.md: docs/b.md leads nowhere",
                "README.md: c.png leads nowhere",
                "README.md: ../d.md leads out of the repository",
                "README.md: docs/a.md#start has no such heading",
                "README.md: #bottom has no such heading",
                "docs/a.md: nowhere.md leads nowhere",
            ]
        );
    }

    #[test]
    fn paths_that_lead_nowhere_are_seen() {
        let tree = Tree::planted(&[
            ("CONTRIBUTING.md", "`src/a.rs` `src/b.rs`, `src/c/` and `src/<name>/x.rs` `cargo test`"),
            ("docs/decisions/0001-a.md", "`actors/src/`\n"),
            ("docs/load.md", "`src/b.rs`\n"),
            ("src/a.rs", ""),
            ("src/c/d.rs", ""),
        ]);
        assert_eq!(
            paths(&tree),
            ["CONTRIBUTING.md: there is no `src/b.rs`", "docs/decisions/0001-a.md: there is no `actors/src/`"]
        );
    }

    #[test]
    fn places_are_seen() {
        let (path, host) = (format!("see /{}/x", "root"), format!("\"https://registry.{}.org/x\"", "npmjs"));
        let tree = Tree::planted(&[("a.md", "nothing\n"), ("b.rs", &path), ("c/package-lock.json", &host)]);
        let complaints = places(&tree);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("b.rs:1: ") && complaints[1].starts_with("c/package-lock.json:1: "));
    }

    #[test]
    fn decisions_out_of_order_are_seen() {
        let whole = "# A\n## Context\n## Decision\n## Consequences\n";
        let long = format!("{whole}{}", "\n".repeat(60));
        let tree = Tree::planted(&[
            ("docs/decisions/0001-a.md", whole),
            ("docs/decisions/0003-b.md", &long),
            ("docs/decisions/0003-c.md", "# C\n## Context\n"),
        ]);
        assert_eq!(
            decisions(&tree),
            [
                "docs/decisions/0003-b.md: the next number is 0002-",
                "docs/decisions/0003-b.md: a decision has fewer than 60 lines",
                "docs/decisions/0003-c.md: no heading `decision`",
                "docs/decisions/0003-c.md: no heading `consequences`",
            ]
        );
    }

    #[test]
    fn invariants_without_tests_are_seen() {
        let rows: String = (1..=10).map(|n| format!("| I{n} `x` | `kept`, `i{n}_*` |\n")).collect();
        let later: String = (13..=16).map(|n| format!("| I{n} | not defended yet |\n")).collect();
        let table = format!("| id | tests |\n|---|---|\n{rows}| I11 | |\n{later}| not I12 | `other` |\n\nI12 `kept`\n");
        let tests: String = (2..=10).map(|n| format!("#[test] fn i{n}_holds() {{}}\n")).collect();
        let code = [Code::read("src/a.rs", &format!("{tests} #[test] fn kept() {{}} fn i1_is_no_test() {{}}"))];
        let tree = Tree::planted(&[("tests/README.md", &table)]);
        assert_eq!(
            invariants(&tree, &code),
            [
                "tests/README.md: I11 names no test",
                "tests/README.md: I12 has no row",
                "tests/README.md: I1 names `i1_*`, which is no test",
            ]
        );
    }
}
