//! One document of the configuration: its values, their positions, and the problems found in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use figment::error::{Actual, Kind};
use figment::value::{Dict, Tag, Value};
use serde::de::DeserializeOwned;

use super::masking::{is_secret, masked};
use super::problem::{Excerpt, Location, Problem, Problems, Severity};
use super::raw::INLINE_SECRET;
use super::source::{LISTS_OF_TABLES, Part, Source, join};
use super::suggest;

/// A file with the variables that override it.
#[derive(Debug)]
pub(super) struct Document {
    source: Source,
    /// Key path → the variable that set it.
    variables: BTreeMap<String, String>,
    /// Paths whose value was reported and taken out: what is missing there is no second mistake.
    removed: RefCell<BTreeSet<String>>,
}

impl Document {
    pub(super) fn new(source: Source, variables: BTreeMap<String, String>) -> Self {
        Self { source, variables, removed: RefCell::default() }
    }

    /// Makes raw types of a tree. serde stops at its first mistake; so each is reported, taken out of the tree, and the
    /// rest is tried again.
    pub(super) fn read<T: DeserializeOwned + Default>(&self, tree: Dict, problems: &Problems) -> T {
        self.read_at("", tree, &[], problems)
    }

    /// [`Document::read`] of a part of the document; `others` are keys that may stand in it as well, and were taken out.
    fn read_at<T: DeserializeOwned + Default>(
        &self,
        base: &str,
        tree: Dict,
        others: &[&str],
        problems: &Problems,
    ) -> T {
        let mut tree = Value::Dict(Tag::Default, tree);
        loop {
            let error = match tree.deserialize::<T>() {
                Ok(raw) => return raw,
                Err(error) => error,
            };
            let steps = error.path.clone();
            let path = join_path(base, &path_of(&steps, &tree));
            self.report(&path, error.kind, if steps.len() == 1 { others } else { &[] }, problems);
            match take_out(&mut tree, &steps) {
                Some(path) => self.removed.borrow_mut().insert(join_path(base, &path)),
                // Nothing left to take out: the root itself does not fit, which a table always does.
                None => return T::default(),
            };
        }
    }

    fn report(&self, path: &str, kind: Kind, others: &[&str], problems: &Problems) {
        let shown = self.spelling(path);
        let (part, reason, help) = match kind {
            Kind::UnknownField(name, known) => {
                let known: Vec<&str> = others.iter().chain(known).copied().collect();
                let shown = if self.is_variable(path) { shown } else { masked(&name) };
                let meant = suggest::closest(&name, known.iter().copied());
                let help = match meant {
                    Some(meant) => format!("did you mean `{}`?", self.spelling_instead(path, meant)),
                    None => format!("the keys here are {}", suggest::list(&known)),
                };
                (Part::Key, format!("unknown key `{shown}`"), Some(help))
            }
            Kind::InvalidType(Actual::Map, expected) if expected == "a sequence" && has_tables(path) => {
                let help = format!("write `[[{path}]]`, with two brackets on each side: there may be several");
                (Part::Value, format!("`{shown}` must be a list of tables, not one table"), Some(help))
            }
            Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
                (Part::Value, format!("`{shown}` must be {}, not {}", expectation(&expected), described(&actual)), None)
            }
            Kind::Message(message) if message == INLINE_SECRET => {
                let help = "write `{ env = \"NAME\" }` to take it from the environment, or `{ file = \"path\" }`; \
                            and replace the secret if this file was ever shared";
                (Part::Value, message, Some(help.to_owned()))
            }
            // Whatever else may come has texts of serde's own making, which may quote a value.
            _ => (Part::Value, format!("`{shown}` does not fit"), None),
        };
        let (place, excerpt) = self.place(path, part);
        problems.add(Problem { severity: Severity::Error, place, key: path.to_owned(), reason, help, excerpt });
    }

    fn place(&self, path: &str, part: Part) -> (Location, Option<Excerpt>) {
        match self.variable(path) {
            Some(name) => (Location::Variable(name.to_owned()), None),
            None => self.source.place(path, part),
        }
    }

    /// The variable that set a path, or a part of it, or the table that it is in.
    fn variable(&self, path: &str) -> Option<&str> {
        if path.is_empty() {
            return None;
        }
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let sets = self.variables.iter().filter(|(set, _)| inside(set, path));
        // The innermost variable is the one that says it.
        let nearest = sets.max_by_key(|(set, _)| set.len());
        let within = || self.variables.iter().find(|(set, _)| inside(path, set) && !self.source.has(path));
        nearest.or_else(within).map(|(_, name)| name.as_str())
    }

    fn is_variable(&self, path: &str) -> bool {
        self.variable(path).is_some()
    }

    /// A key as whoever wrote it spelt it.
    fn spelling(&self, path: &str) -> String {
        self.variable(path).map_or_else(|| masked(path), ToOwned::to_owned)
    }

    /// How the key that was meant is written where the wrong one stands.
    fn spelling_instead(&self, path: &str, meant: &str) -> String {
        let Some(name) = self.variable(path) else { return meant.to_owned() };
        // `PALABRE` comes before the first step of the path.
        let wrong = path.matches('.').count() + 1;
        let steps = name.split("__").enumerate();
        steps
            .map(|(at, step)| if at == wrong { meant.to_uppercase() } else { step.to_owned() })
            .collect::<Vec<_>>()
            .join("__")
    }

    fn was_removed(&self, path: &str) -> bool {
        self.removed.borrow().iter().any(|removed| {
            path.strip_prefix(removed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// A table of a document, and where to report what is wrong in it.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    document: &'a Document,
    problems: &'a Problems,
    path: String,
}

impl<'a> Scope<'a> {
    pub(super) fn root(document: &'a Document, problems: &'a Problems) -> Self {
        Self { document, problems, path: String::new() }
    }

    pub(super) fn problems(&self) -> &'a Problems {
        self.problems
    }

    pub(super) fn table(&self, key: &str) -> Self {
        Self { path: join(&self.path, key), ..self.clone() }
    }

    /// An element of an array in this table.
    pub(super) fn element(&self, key: &str, index: usize) -> Self {
        Self { path: format!("{}[{index}]", join(&self.path, key)), ..self.clone() }
    }

    /// A part of this table as `T`: what does not fit is reported and missing in the result. `others` are keys that may
    /// stand in the table as well.
    pub(super) fn read<T: DeserializeOwned + Default>(&self, tree: Dict, others: &[&str]) -> T {
        self.document.read_at(&self.path, tree, others, self.problems)
    }

    /// Reports a key that this table cannot have.
    pub(super) fn unknown_key(&self, key: &str, known: &[&str]) {
        let (path, known) = (self.path_of(key), known.to_vec());
        self.document.report(&path, Kind::UnknownField(key.to_owned(), &[]), &known, self.problems);
        self.document.removed.borrow_mut().insert(path);
    }

    /// The full name of a key, as it would be written in its file or variable.
    pub(super) fn name(&self, key: &str) -> String {
        self.document.spelling(&self.path_of(key))
    }

    /// Where a key stands; an empty key is the table itself.
    pub(super) fn place(&self, key: &str) -> Location {
        self.document.place(&self.path_of(key), Part::Value).0
    }

    /// Reports an error of a key, whose full name comes before the reason.
    pub(super) fn wrong(&self, key: &str, reason: &str, help: &str) {
        self.add(Severity::Error, key, format!("`{}` {reason}", self.name(key)), help);
    }

    /// Whether something was taken out of a table because it was reported; an empty key is this table. Of a file's own keys
    /// those in its tables do not count.
    pub(super) fn is_incomplete(&self, table: &str) -> bool {
        let path = self.path_of(table);
        let removed = self.document.removed.borrow();
        if path.is_empty() {
            return removed.iter().any(|removed| !removed.contains(['.', '[']));
        }
        let inside = format!("{path}.");
        removed.iter().any(|removed| *removed == path || removed.starts_with(&inside))
    }

    /// Whether the operator wrote a key, in the file or as a variable; else it is a default.
    pub(super) fn is_written(&self, key: &str) -> bool {
        let path = self.path_of(key);
        self.document.source.has(&path) || self.document.variables.contains_key(&path)
    }

    /// Whether a key was found wrong already, or taken out because of it.
    pub(super) fn is_reported(&self, key: &str) -> bool {
        let path = self.path_of(key);
        self.document.was_removed(&path) || self.problems.has_error(&self.document.place(&path, Part::Value).0, &path)
    }

    /// Reports an error whose text names the key itself.
    pub(super) fn error(&self, key: &str, reason: String, help: &str) {
        self.add(Severity::Error, key, reason, help);
    }

    pub(super) fn warning(&self, key: &str, reason: String, help: &str) {
        self.add(Severity::Warning, key, reason, help);
    }

    /// The value. A missing one is reported, unless it was there and was reported already.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>, help: &str) -> Option<T> {
        if value.is_none() && !self.document.was_removed(&self.path_of(key)) {
            self.add(Severity::Error, key, format!("`{}` is missing", self.name(key)), help);
        }
        value
    }

    fn path_of(&self, key: &str) -> String {
        if key.is_empty() { self.path.clone() } else { join(&self.path, key) }
    }

    fn add(&self, severity: Severity, key: &str, reason: String, help: &str) {
        let path = self.path_of(key);
        let (place, excerpt) = self.document.place(&path, Part::Value);
        let excerpt = excerpt.filter(|_| !is_secret(&path));
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        self.problems.add(Problem { severity, place, key: path, reason, help, excerpt });
    }
}

/// `["faq", "2", "answer"]` → `faq[2].answer`. Only the tree can tell an index from a key that is a number.
fn path_of(steps: &[String], tree: &Value) -> String {
    let mut path = String::new();
    let mut at = Some(tree);
    for step in steps {
        match at {
            Some(Value::Array(_, items)) => {
                path = format!("{path}[{step}]");
                at = step.parse().ok().and_then(|index: usize| items.get(index));
            }
            _ => {
                path = join(&path, step);
                at = at.and_then(Value::as_dict).and_then(|table| table.get(step));
            }
        }
    }
    path
}

/// A path inside a part of a document.
fn join_path(base: &str, path: &str) -> String {
    if path.is_empty() { base.to_owned() } else { join(base, path) }
}

/// Removes the innermost table entry on the way, so that the indexes of arrays keep their meaning, and says which.
fn take_out(tree: &mut Value, steps: &[String]) -> Option<String> {
    // The last step that is a key of a table.
    let mut depth = None;
    let mut at = &*tree;
    for (index, step) in steps.iter().enumerate() {
        let next = match at {
            Value::Dict(_, table) => {
                let next = table.get(step);
                if next.is_some() {
                    depth = Some(index);
                }
                next
            }
            Value::Array(_, items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    let depth = depth?;
    let path = path_of(steps.get(..=depth)?, tree);
    let mut at = tree;
    for step in steps.get(..depth)? {
        at = match at {
            Value::Dict(_, table) => table.get_mut(step)?,
            Value::Array(_, items) => items.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    match at {
        Value::Dict(_, table) => table.remove(steps.get(depth)?).map(|_| path),
        _ => None,
    }
}

/// Whether the items of a list are tables.
fn has_tables(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    LISTS_OF_TABLES.contains(&name)
}

/// serde's word for what it wants, in the words of the file's author.
fn expectation(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "an array, such as [\"…\"]",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// What was found, without showing it.
fn described(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) => "a number",
        Actual::Float(_) => "a decimal number",
        Actual::Str(_) | Actual::Char(_) => "text",
        Actual::Seq => "an array",
        Actual::Map => "a table",
        _ => "this",
    }
}
