//! Errors and warnings, each with its position, printed as a compiler prints them.

use std::cell::RefCell;
use std::{fmt, io};

use palabre_actors::domain::printable::is_obeyed;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It holds, but probably does not do what was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A file or folder as a whole.
    File(String),
    /// A position in a file, counted from 1, columns in characters.
    Line {
        /// The file as it was named.
        file: String,
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// A variable of the environment.
    Variable(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Line { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => write!(f, "the environment's {name}"),
        }
    }
}

/// One mistake or doubt. Neither its texts nor its excerpt show a secret or a whole phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Location,
    /// Which key it is about (`channels[0].address`), `rights` for who may read a file, or empty.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line as it stands in the file, when it may be shown.
    pub(super) excerpt: Option<Excerpt>,
}

/// A line of source and what to point at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Characters to underline.
    pub(super) width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.severity.as_str(), self.reason)?;
        let gutter = match &self.place {
            Location::Line { line, .. } => line.to_string().len(),
            Location::File(_) | Location::Variable(_) => 1,
        };
        writeln!(f, "{:gutter$}--> {}", "", self.place)?;
        if let (Location::Line { line, column, .. }, Some(excerpt)) = (&self.place, &self.excerpt) {
            let before = column.saturating_sub(1);
            writeln!(f, "{:gutter$} |", "")?;
            writeln!(f, "{line} | {}", excerpt.text)?;
            writeln!(f, "{:gutter$} | {:before$}{}", "", "", "^".repeat(excerpt.width))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Why a configuration is refused: everything that is wrong with it, in the order of the files.
#[derive(Clone, Debug, thiserror::Error)]
pub struct ConfigErrors {
    /// Errors and warnings; at least one error.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        let errors = self.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        write!(f, "the configuration is refused: {errors} error{}", if errors == 1 { "" } else { "s" })
    }
}

/// Collects problems while everything else goes on.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, mut problem: Problem) {
        problem.reason = printable(&problem.reason);
        problem.key = printable(&problem.key);
        problem.help = problem.help.as_deref().map(printable);
        self.0.borrow_mut().push(problem);
    }

    /// An error about a file or folder that cannot be read at all.
    pub(super) fn unreadable(&self, file: &str, reason: String, help: &str) {
        self.add(Problem {
            severity: Severity::Error,
            place: Location::File(printable(file)),
            key: String::new(),
            reason,
            help: Some(help.to_owned()),
            excerpt: None,
        });
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.0.borrow().iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    pub(super) fn any_errors(&self) -> bool {
        self.0.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    pub(super) fn has_error(&self, place: &Location, key: &str) -> bool {
        let problems = self.0.borrow();
        problems.iter().any(|known| known.severity == Severity::Error && known.key == key && known.place == *place)
    }

    /// Everything by place; problems of one place stay in the order in which they were found.
    pub(super) fn sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by(|a, b| a.place.file_order().cmp(&b.place.file_order()));
        problems.dedup();
        problems
    }
}

impl Location {
    fn file_order(&self) -> (u8, &str, usize, usize) {
        match self {
            Self::Variable(name) => (0, name, 0, 0),
            Self::File(file) => (1, file, 0, 0),
            Self::Line { file, line, column } => (1, file, *line, *column),
        }
    }
}

/// Why a file cannot be read, in plain words.
pub(super) fn plainly(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "the user that runs this may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        other => other.to_string(),
    }
}

/// Names and lines come from files that anyone may have written: nothing that a terminal obeys reaches it.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect()
}
