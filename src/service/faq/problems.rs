//! Why a line of a table of entries does not hold.

use super::columns::COLUMNS;

/// Why a line does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineProblem {
    /// It is no CSV.
    Unreadable(String),
    /// The first line does not name question and answer.
    NoColumns,
    /// There is no such column.
    UnknownColumn(String),
    /// A line before it has the same question.
    Twice,
    /// The column `enabled` says neither yes nor no.
    Enabled,
    /// The entry does not hold.
    NotValid {
        /// Which column.
        field: &'static str,
        reason: String,
    },
}

impl LineProblem {
    /// The word under which its text stands.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoColumns => "no_columns",
            Self::UnknownColumn(_) => "unknown_column",
            Self::Twice => "twice",
            Self::Enabled => "enabled",
            Self::NotValid { field, .. } => field,
        }
    }
}

impl std::fmt::Display for LineProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(reason) => f.write_str(reason),
            Self::NoColumns => write!(f, "the first line must name the columns: {}", COLUMNS.join(",")),
            Self::UnknownColumn(name) => write!(f, "there is no column {name}: they are {}", COLUMNS.join(", ")),
            Self::Twice => f.write_str("question stands here twice"),
            Self::Enabled => f.write_str("enabled must be yes or no"),
            Self::NotValid { field, reason } => write!(f, "{field} {reason}"),
        }
    }
}
