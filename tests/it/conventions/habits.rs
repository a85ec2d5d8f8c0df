//! Habits of files: their length, their names, where SQL stands, where doc comments are required.

use super::code::Code;
use super::tree::Tree;

/// Lines of a file, and of a file of tests.
const LONGEST: usize = 400;
const LONGEST_OF_TESTS: usize = 600;
/// Files that are longer and wait to be parted, with the lines that they may have until then.
const TO_BE_PARTED: [(&str, usize); 3] = [
    ("actors/src/conversation/mod.rs", 420),
    ("src/cli/explain/sentences/events.rs", 420),
    ("src/store/moving/catalogue.rs", 545),
];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["utils", "util", "common", "helpers", "helper", "misc", "manager", "managers", "miscellaneous"];
/// Where SQL may stand; tests look at tables from outside.
const SQL_FOLDERS: [&str; 3] = ["src/store/", "migrations/", "tests/"];
/// Words that begin SQL, with those that may follow; an empty list takes anything.
const SQL: [(&str, &[&str]); 8] = [
    ("SELECT", &[]),
    ("INSERT", &["INTO", "OR"]),
    ("DELETE", &["FROM"]),
    ("UPDATE", &[]),
    ("CREATE", &["TABLE", "INDEX", "UNIQUE", "TRIGGER", "VIEW"]),
    ("ALTER", &["TABLE"]),
    ("DROP", &["TABLE", "INDEX"]),
    ("PRAGMA", &[]),
];

/// Files that are too long.
pub(super) fn lengths(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in tree.with_ending(".rs") {
        let of_tests = path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs");
        let longest = if of_tests { LONGEST_OF_TESTS } else { LONGEST };
        let allowed = TO_BE_PARTED.iter().find(|(known, _)| *known == path).map(|(_, lines)| *lines);
        let longest = allowed.unwrap_or(longest);
        let lines = text.lines().count();
        if lines > longest {
            complaints.push(format!("{path}: {lines} lines, more than {longest}: what are the two things in it?"));
        }
    }
    complaints
}

/// Files and folders whose names say nothing.
pub(super) fn names(tree: &Tree) -> Vec<String> {
    tree.with_ending(".rs")
        .filter(|(path, _)| path.trim_end_matches(".rs").split('/').any(|name| EMPTY_NAMES.contains(&name)))
        .map(|(path, _)| format!("{path}: the name says nothing about what is inside"))
        .collect()
}

/// SQL outside of the store.
pub(super) fn raw_sql(files: &[Code]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| !SQL_FOLDERS.iter().any(|folder| file.path.starts_with(folder))) {
        for (line, text) in &file.texts {
            if is_sql(text) {
                complaints.push(format!("{}:{line}: SQL stands in src/store and migrations alone: {text}", file.path));
            }
        }
    }
    complaints
}

fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    words
        .windows(2)
        .any(|pair| SQL.iter().any(|(begin, next)| pair[0] == *begin && (next.is_empty() || next.contains(&pair[1]))))
}

/// Where addresses come from providers: what they write is no matter of a country.
const PROVIDERS_WRITE: [&str; 2] = ["src/gateway/", "src/service/paid_access/settle.rs"];

/// Addresses that a person wrote, read by another function than `Address::written`, which knows the tenant's country.
pub(super) fn addresses_read_otherwise(tree: &Tree) -> Vec<String> {
    tree.with_ending(".rs")
        .filter(|(path, _)| path.starts_with("src/") && !path.contains("/tests") && !path.ends_with("tests.rs"))
        .filter(|(path, _)| !PROVIDERS_WRITE.iter().any(|folder| path.starts_with(folder)))
        .filter(|(_, text)| text.split("#[cfg(test)]").next().is_some_and(|code| code.contains("Address::parse(")))
        .map(|(path, _)| format!("{path}: what a person writes is read by `Address::written`"))
        .collect()
}

/// Doc comments are required of the core's public API and of nothing else.
pub(super) fn missing_docs(tree: &Tree) -> Vec<String> {
    const CORE: &str = "actors/src/lib.rs";
    let mut complaints = Vec::new();
    if !tree.text(CORE).unwrap_or_default().contains("#![warn(missing_docs") {
        complaints.push(format!("{CORE}: `#![warn(missing_docs)]` is missing"));
    }
    for (path, text) in tree.files().filter(|(path, _)| *path != CORE) {
        let is_manifest = path.ends_with("Cargo.toml") && text.contains("missing_docs");
        let is_source = path.ends_with(".rs")
            && ["#![warn(missing_docs", "#![deny(missing_docs"]
                .iter()
                .any(|lint| text.lines().any(|line| line.starts_with(lint)));
        if is_manifest || is_source {
            complaints.push(format!("{path}: doc comments are required of {CORE} alone"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_seen() {
        let (short, long, longer) = ("\n".repeat(400), "\n".repeat(401), "\n".repeat(601));
        let tree = Tree::planted(&[
            ("src/a.rs", &short),
            ("src/b.rs", &long),
            ("src/c/tests.rs", &long),
            ("tests/it/d.rs", &longer),
            ("Cargo.lock", &longer),
        ]);
        let complaints = lengths(&tree);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("src/b.rs: 401 lines") && complaints[1].starts_with("tests/it/d.rs: 601"));
    }

    #[test]
    fn names_that_say_nothing_are_seen() {
        let tree = Tree::planted(&[("src/utils.rs", ""), ("src/helpers/mod.rs", ""), ("src/uncommon.rs", "")]);
        let complaints = names(&tree);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
    }

    #[test]
    fn sql_is_seen() {
        let sql = r##"const A: &str = "SELECT 1 FROM a"; const B: &str = r#"insert: INSERT
            INTO b"#; /* DELETE FROM c */ const C: &str = "Please SELECT"; const D: &str = "update from";"##;
        let complaints = raw_sql(&[Code::read("src/http/mod.rs", sql), Code::read("src/store/sql.rs", sql)]);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints.iter().all(|complaint| complaint.starts_with("src/http/mod.rs:1: ")), "{complaints:?}");
    }

    #[test]
    fn addresses_read_without_the_tenants_country_are_seen() {
        let parse = "let a = Address::parse(scheme, text, None);";
        let tree = Tree::planted(&[
            ("src/http/api/a.rs", parse),
            ("src/gateway/b/decode.rs", parse),
            ("src/cli/c.rs", &format!("let a = Address::written(b);\n#[cfg(test)]\n{parse}")),
            ("src/crm/tests.rs", parse),
        ]);
        let complaints = addresses_read_otherwise(&tree);
        assert!(complaints.len() == 1 && complaints[0].starts_with("src/http/api/a.rs"), "{complaints:?}");
    }

    #[test]
    fn required_doc_comments_outside_of_the_core_are_seen() {
        let lint = "#![warn(missing_docs)]\n";
        let tree = Tree::planted(&[("actors/src/lib.rs", lint), ("src/lib.rs", "//! A crate.\n")]);
        assert!(missing_docs(&tree).is_empty());
        let tree = Tree::planted(&[("Cargo.toml", "missing_docs = \"warn\"\n"), ("src/lib.rs", lint)]);
        assert_eq!(missing_docs(&tree).len(), 3, "none in the core, one in a manifest, one in another crate");
    }
}
