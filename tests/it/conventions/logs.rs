//! Log lines and spans: their messages are the same each time, and their fields are those of `docs/logs.md`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use super::tree::Tree;

const SCHEMA: &str = "docs/logs.md";
/// The heading of the table of fields.
const HEADING: &str = "## Fields";
/// Those that every line has, whoever says it.
const OF_EVERY_LINE: [&str; 4] = ["timestamp", "level", "message", "target"];
/// Macros that make a line or a span; `$level` stands for one in a macro of ours.
const MACROS: [&str; 7] = ["error", "warn", "info", "debug", "trace", "info_span", "level"];
/// Messages that are put together, of words that are known.
const PUT_TOGETHER: [&str; 1] = ["{problem}, nothing can be written"];
/// What `problem` of it may be stands beside it.
const PUT_TOGETHER_IN: &str = ", nothing can be written";

/// What the sources say.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Fields, with a place where each is written.
    fields: BTreeMap<String, String>,
    messages: BTreeSet<String>,
}

impl Said {
    /// By the repository's own sources.
    pub(crate) fn by_the_sources() -> Self {
        Self::by(&Tree::of_the_repository())
    }

    /// Whether a message is one of them.
    pub(crate) fn has(&self, message: &str) -> bool {
        self.messages.contains(message) || message.ends_with(PUT_TOGETHER_IN)
    }

    fn by(tree: &Tree) -> Self {
        let mut said = Self::default();
        for (path, text) in tree.with_ending(".rs") {
            let of_tests = ["/tests/", "/tests.rs", "/testing/"].iter().any(|part| path.contains(part));
            if of_tests || !(path.starts_with("src/") || path.starts_with("actors/src/")) {
                continue;
            }
            let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            said.walk(tokens, path);
        }
        said
    }

    fn walk(&mut self, tokens: TokenStream, path: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else { continue };
            let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at)).map(ToString::to_string);
            if before(2).as_deref() == Some("mod") && before(1).as_deref() == Some("tests") {
                continue;
            }
            let name = before(2).unwrap_or_default();
            if before(1).as_deref() == Some("!") && MACROS.contains(&name.as_str()) {
                self.line(group.stream(), path, name == "info_span");
            } else {
                self.walk(group.stream(), path);
            }
        }
    }

    fn line(&mut self, arguments: TokenStream, path: &str, is_span: bool) {
        let arguments: Vec<TokenTree> = arguments.into_iter().collect();
        for argument in arguments.split(|token| token.to_string() == ",") {
            match argument {
                [TokenTree::Literal(text), ..] if !is_span => {
                    let text = text.to_string();
                    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
                    self.messages.insert(inside.replace("\\\"", "\""));
                }
                [TokenTree::Ident(word), colon, ..] if word == "target" && colon.to_string() == ":" => {}
                _ => {
                    let name: String = argument
                        .iter()
                        .skip_while(|token| matches!(token.to_string().as_str(), "%" | "?"))
                        .map(ToString::to_string)
                        .take_while(|word| {
                            word == "." || word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                        })
                        .collect();
                    if !name.is_empty() {
                        self.fields.entry(name).or_insert_with(|| path.to_owned());
                    }
                }
            }
        }
    }
}

/// The fields of the schema.
pub(crate) fn documented() -> BTreeSet<String> {
    fields_of(Tree::of_the_repository().text(SCHEMA).expect("the schema is there"))
}

fn fields_of(schema: &str) -> BTreeSet<String> {
    let table = schema.lines().skip_while(|line| *line != HEADING).skip(1);
    let rows = table.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    let names = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// Fields that the schema does not know, fields that nobody writes, messages that differ each time.
pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let (said, known) = (Said::by(tree), fields_of(tree.text(SCHEMA).unwrap_or_default()));
    let unknown = said.fields.iter().filter(|(name, _)| !known.contains(*name));
    let unknown = unknown.map(|(name, path)| format!("{path}: {SCHEMA} has no field `{name}`"));
    let unused = known.iter().filter(|name| !OF_EVERY_LINE.contains(&name.as_str()));
    let unused = unused.filter(|name| !said.fields.contains_key(*name));
    let unused = unused.map(|name| format!("{SCHEMA}: nothing writes `{name}`"));
    let differing = said.messages.iter().filter(|text| text.contains('{') && !PUT_TOGETHER.contains(&text.as_str()));
    let differing = differing.map(|text| format!("a message that differs each time: {text}"));
    unknown.chain(unused).chain(differing).collect()
}

#[test]
fn fields_and_messages_are_read_from_the_sources() {
    let source = r#"
        fn f() {
            tracing::warn!(tenant.id = %key.tenant, code, error = &error as &dyn Error, cause = a.map(|b| c(b, d)), "lost \"it\"");
            let line = debug!(%until, "said {}", 1);
            tracing::info_span!(target: TARGET, "turn", message.id = %message.id, turn.outcome = Empty)
        }
        mod tests { fn g() { info!(of.tests = 1, "left out"); } }
    "#;
    let schema = "## Fields\n| `timestamp`, `level` | x |\n| `tenant.id`, `code`, `error` | `not.one` |\n| `idle` | y |\n## Next\n| `other` | z |";
    let tree = Tree::planted(&[("src/a.rs", source), ("src/tests/b.rs", "fn h() { warn!(c = 1); }"), (SCHEMA, schema)]);
    assert_eq!(
        complaints(&tree),
        [
            "src/a.rs: docs/logs.md has no field `cause`",
            "src/a.rs: docs/logs.md has no field `message.id`",
            "src/a.rs: docs/logs.md has no field `turn.outcome`",
            "src/a.rs: docs/logs.md has no field `until`",
            "docs/logs.md: nothing writes `idle`",
            "a message that differs each time: said {}",
        ]
    );
    let said = Said::by(&tree);
    assert!(said.has("lost \"it\"") && !said.has("left out"));
}
