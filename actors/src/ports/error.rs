//! Error of a port.

use std::error::Error;
use std::fmt;

/// A port failed.
#[derive(Debug, thiserror::Error)]
pub struct PortError {
    /// The kind of failure.
    pub kind: PortErrorKind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a port's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// The dependency is unavailable.
    Unavailable,
    /// It did not answer in time; the outcome is unknown.
    Timeout,
    /// Another writer was first, or a constraint refused; nothing was written.
    Conflict,
    /// The stored data cannot be read; trying again does not help.
    Corrupt,
}

impl PortError {
    /// A failure with its cause.
    pub fn new(kind: PortErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// Trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, PortErrorKind::Unavailable | PortErrorKind::Timeout)
    }

    /// It may or may not have happened.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        self.kind == PortErrorKind::Timeout
    }
}

impl From<PortErrorKind> for PortError {
    fn from(kind: PortErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PortErrorKind::Unavailable => "the dependency is unavailable",
            PortErrorKind::Timeout => "the dependency did not answer in time",
            PortErrorKind::Conflict => "somebody else was first",
            PortErrorKind::Corrupt => "the stored data makes no sense",
        })
    }
}
