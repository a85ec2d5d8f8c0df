//! Text of a configuration file, and the position of each key in it.

use std::collections::HashMap;
use std::ops::Range;

use figment::value::{Dict, Value as Tree};
use toml_edit::{Item, TableLike, Value};

use super::masking::{is_secret, masked, may_be_secret};
use super::problem::{Excerpt, Location, Problem, Problems, Severity, printable};

/// The longest line that is shown.
const LONGEST_EXCERPT: usize = 160;

/// Keys that are written with two brackets.
pub(super) const LISTS_OF_TABLES: [&str; 8] =
    ["channels", "faq", "templates", "services", "flows", "drivers", "plans", "keys"];

/// A configuration file.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    text: String,
    keys: HashMap<String, Range<usize>>,
    values: HashMap<String, Range<usize>>,
}

/// What to point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The key alone; what follows it in its line is not shown, because nobody knows what it is.
    Key,
    Value,
}

impl Source {
    /// Reads a text. `None` for the tree when it is not TOML at all: the reason is reported then.
    pub(super) fn parse(name: &str, text: &str, problems: &Problems) -> (Self, Option<Dict>) {
        let mut source =
            Self { name: printable(name), text: text.to_owned(), keys: HashMap::new(), values: HashMap::new() };
        match toml_edit::Document::parse(text) {
            Ok(document) => {
                let tree = source.table(document.as_table(), "", problems);
                (source, Some(tree))
            }
            Err(error) => {
                source.syntax_error(&error, problems);
                (source, None)
            }
        }
    }

    /// Where a key path stands, or the nearest table around it.
    pub(super) fn place(&self, path: &str, part: Part) -> (Location, Option<Excerpt>) {
        let range = match part {
            Part::Key => self.keys.get(path).or_else(|| self.values.get(path)),
            Part::Value => self.values.get(path).or_else(|| self.keys.get(path)),
        };
        match range {
            Some(range) => self.line(range.clone(), part == Part::Key, is_secret(path)),
            None => match parent(path) {
                "" if path.is_empty() => (Location::File(self.name.clone()), None),
                around => self.place(around, Part::Value),
            },
        }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.values.contains_key(path) || self.keys.contains_key(path)
    }

    fn table(&mut self, table: &dyn TableLike, path: &str, problems: &Problems) -> Dict {
        let mut tree = Dict::new();
        for (name, item) in table.iter() {
            let here = join(path, name);
            if let Some(span) = table.key(name).and_then(toml_edit::Key::span) {
                self.keys.insert(here.clone(), span);
            }
            if let Some(value) = self.item(item, &here, problems) {
                tree.insert(name.to_owned(), value);
            }
        }
        tree
    }

    fn item(&mut self, item: &Item, path: &str, problems: &Problems) -> Option<Tree> {
        // A table that only exists through dotted keys has no span of its own: its key's serves.
        if let Some(span) = item.span() {
            self.values.insert(path.to_owned(), span);
        }
        match item {
            Item::None => None,
            Item::Value(value) => self.value(value, path, problems),
            Item::Table(table) => Some(self.table(table, path, problems).into()),
            Item::ArrayOfTables(tables) => {
                let mut items = Vec::with_capacity(tables.len());
                for (index, table) in tables.iter().enumerate() {
                    let here = format!("{path}[{index}]");
                    if let Some(span) = table.span() {
                        self.values.insert(here.clone(), span);
                    }
                    items.push(Tree::from(self.table(table, &here, problems)));
                }
                Some(items.into())
            }
        }
    }

    fn value(&mut self, value: &Value, path: &str, problems: &Problems) -> Option<Tree> {
        if let Some(span) = value.span() {
            self.values.insert(path.to_owned(), span);
        }
        Some(match value {
            Value::String(text) => Tree::from(text.value().as_str()),
            Value::Integer(number) => Tree::from(*number.value()),
            Value::Float(number) => Tree::from(*number.value()),
            Value::Boolean(flag) => Tree::from(*flag.value()),
            Value::Datetime(_) => {
                let (place, excerpt) = self.place(path, Part::Value);
                problems.add(Problem {
                    severity: Severity::Error,
                    place,
                    key: path.to_owned(),
                    reason: format!("`{path}` is a date, and no key takes one"),
                    help: Some("put it in quotes if it is meant as text".to_owned()),
                    excerpt,
                });
                return None;
            }
            Value::Array(array) => {
                let items = array.iter().enumerate();
                items
                    .filter_map(|(index, item)| self.value(item, &format!("{path}[{index}]"), problems))
                    .collect::<Vec<_>>()
                    .into()
            }
            Value::InlineTable(table) => Tree::from(self.table(table, path, problems)),
        })
    }

    fn syntax_error(&self, error: &toml_edit::TomlError, problems: &Problems) {
        let span = error.span().unwrap_or(0..0);
        // Inside a text of several lines nobody can tell which key it belongs to.
        let lowered = self.text.to_lowercase();
        let long_texts = lowered.contains("\"\"\"") || lowered.contains("'''");
        let hide = long_texts && may_be_secret(&lowered);
        let help = syntax_help(self.line_around(span.start), error.message(), &self.text);
        let (place, excerpt) = self.line(span, false, hide);
        problems.add(Problem {
            severity: Severity::Error,
            place,
            key: String::new(),
            reason: format!("this is not TOML: {}", error.message().lines().collect::<Vec<_>>().join(", ")),
            help,
            excerpt,
        });
    }

    /// The line in which a place is; at its end too.
    fn line_around(&self, at: usize) -> &str {
        let at = floor(&self.text, at);
        let (before, after) = self.text.split_at(at);
        let (start, end) = (before.rfind('\n').map_or(0, |end| end + 1), after.find('\n').unwrap_or(after.len()));
        self.text.get(start..at + end).unwrap_or_default()
    }

    fn line(&self, range: Range<usize>, key_only: bool, hide: bool) -> (Location, Option<Excerpt>) {
        let start = floor(&self.text, range.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = self.text.get(line_start..start).unwrap_or_default().chars().count() + 1;
        let end = floor(&self.text, range.end.max(start)).min(line_start + line.len()).max(start);
        let width = self.text.get(start..end).unwrap_or_default().chars().count().max(1);
        let place = Location::Line { file: self.name.clone(), line: before.matches('\n').count() + 1, column };
        if hide || may_be_secret(line) {
            return (place, None);
        }
        let shown = if key_only && end < line_start + line.len() {
            format!("{} …", masked(self.text.get(line_start..end).unwrap_or_default()))
        } else {
            masked(line)
        };
        (place, excerpt(&shown, column, width))
    }
}

/// Quotes that word processors and phones write.
const TYPOGRAPHIC: [char; 9] = ['“', '”', '„', '«', '»', '‘', '’', '‚', '″'];

/// What was probably meant where a text is no TOML. It repeats nothing of the line but a quote.
fn syntax_help(line: &str, message: &str, text: &str) -> Option<String> {
    let lists = |name: &&&str| {
        let has = |head: String| text.lines().any(|line| line.trim_start().starts_with(&head));
        line.trim_start().starts_with(&format!("[[{name}]]"))
            || line.trim_start().starts_with(&format!("[{name}]")) && has(format!("[[{name}]]"))
    };
    if message.contains("duplicate")
        && let Some(name) = LISTS_OF_TABLES.iter().find(lists)
    {
        return Some(format!("write `[[{name}]]` everywhere, with two brackets on each side: `[{name}]` is one table"));
    }
    if line.trim_start().starts_with("//") {
        return Some("a comment begins with `#`".to_owned());
    }
    // In a text of several lines a quote says nothing.
    if line.contains("\"\"\"") || line.contains("'''") {
        return None;
    }
    let (mut open, mut before) = (None, ' ');
    for c in line.trim_end().chars() {
        match open {
            None if c == '#' => break,
            None if TYPOGRAPHIC.contains(&c) => return Some(straight(c)),
            None if is_unseen(c) => {
                return Some(format!(
                    "a character that cannot be seen (U+{:04X}) is in this line: write it anew",
                    u32::from(c)
                ));
            }
            None if matches!(c, '"' | '\'') => open = Some(c),
            Some(quote) if c == quote && !(quote == '"' && before == '\\') => open = None,
            _ => {}
        }
        before = if before == '\\' && c == '\\' { ' ' } else { c };
    }
    let quote = open?;
    Some(match line.trim_end().chars().next_back().filter(|last| TYPOGRAPHIC.contains(last)) {
        Some(typographic) => straight(typographic),
        None => format!("a text that begins with `{quote}` in this line does not end in it: close it with `{quote}`"),
    })
}

/// What web pages and chats put between words instead of a space, or beside it: TOML knows blanks and tabs alone.
fn is_unseen(c: char) -> bool {
    !c.is_ascii() && c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn straight(quote: char) -> String {
    format!("`{quote}` is a typographic quote: write `\"` around texts")
}

/// `a.b`
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path one step up: `a.b[2]` → `a.b` → `a` → ``.
fn parent(path: &str) -> &str {
    path.rfind(['.', '[']).and_then(|at| path.get(..at)).unwrap_or_default()
}

fn excerpt(line: &str, column: usize, width: usize) -> Option<Excerpt> {
    if column > LONGEST_EXCERPT {
        return None;
    }
    let mut text: String = printable(&line.replace('\t', " ")).chars().take(LONGEST_EXCERPT).collect();
    if line.chars().nth(LONGEST_EXCERPT).is_some() {
        text.push('…');
    }
    Some(Excerpt { text, width: width.min(LONGEST_EXCERPT + 1 - column) })
}

/// The nearest character boundary at or before a byte offset.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
