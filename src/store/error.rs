//! What goes wrong below, in the words of the ports.

use std::path::PathBuf;

use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::{DbErr, RuntimeErr};

/// The store cannot be opened, migrated or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names a database that is not supported.
    #[error("database.url must begin with sqlite:")]
    UnsupportedUrl,
    /// Another daemon has the database.
    #[error("another palabre has the database {}: stop it first, or give this one a database of its own", database.display())]
    InUse {
        /// Its file.
        database: PathBuf,
    },
    /// A file beside the database cannot be made.
    #[error("{} cannot be made", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The schema is of an earlier version.
    #[error(
        "the database's schema is older than this palabre: run `palabre migrate`, or start the daemon, which does so"
    )]
    Outdated,
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(#[from] DbErr),
}

/// A failure of the database as the heart sees it.
pub(super) fn port_error(error: DbErr) -> PortError {
    let kind = match &error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => PortErrorKind::Corrupt,
        _ => match result_code(&error) {
            Some(CONSTRAINT) => PortErrorKind::Conflict,
            Some(ERROR | TOO_BIG | MISMATCH) => PortErrorKind::Corrupt,
            _ => PortErrorKind::Unavailable,
        },
    };
    PortError::new(kind, error)
}

/// Whether the failure lies with what was written, so that another entry may do better: a constraint, a value, a text
/// that no version of Palabre wrote. A full disk or a lost connection fails everybody alike.
pub(super) fn is_poison(error: &DbErr) -> bool {
    match error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => true,
        _ => matches!(result_code(error), Some(ERROR | CONSTRAINT | TOO_BIG | MISMATCH)),
    }
}

/// Whether the database itself said so. Anything else means that it was not reached.
pub(super) fn is_answer(error: &DbErr) -> bool {
    result_code(error).is_some()
}

// SQLite's primary result codes: https://www.sqlite.org/rescode.html
const ERROR: u32 = 1;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;

fn result_code(error: &DbErr) -> Option<u32> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
