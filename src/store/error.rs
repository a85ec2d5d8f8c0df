//! Errors of the store, and how they map to port errors.

use std::path::PathBuf;

use palabre_actors::domain::Timestamp;
use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::sqlx::{self, postgres::PgDatabaseError};
use sea_orm::{DbErr, RuntimeErr};

/// `read_only_sql_transaction`
const READ_ONLY: &str = "25006";

/// `disk_full`
const DISK_FULL: &str = "53100";

/// The store cannot be opened, migrated or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names a database that is not supported.
    #[error("database.url must begin with sqlite: or postgres:")]
    UnsupportedUrl,
    /// Another daemon has the database.
    #[error("another palabre has the database {}: stop it first, or give this one a database of its own", database.display())]
    InUse { database: PathBuf },
    /// A file beside the database cannot be made.
    #[error("{} cannot be made", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The schema is of an earlier version.
    #[error(
        "the database's schema is older than this palabre: run `palabre migrate`, or start the daemon, which does so"
    )]
    Outdated,
    /// The database was moved to PostgreSQL.
    #[error(
        "this database was moved to PostgreSQL on {}: set database.url to where it went (docs/runbooks/migrate.md)",
        at.format("%Y-%m-%d %H:%M UTC")
    )]
    Moved { at: Timestamp },
    /// A move into the database is not finished.
    #[error(
        "a move into this database is not finished: `palabre migrate --from … --to … --finish` (docs/runbooks/migrate.md)"
    )]
    Moving,
    /// There is nothing to search in.
    #[error("there is no search index: the daemon makes it when it starts, and its log says why when it cannot")]
    NotIndexed,
    /// It was not reached since the start.
    #[error("the database was not reached yet")]
    NotReached,
    /// The writer failed.
    #[error("the database could not be written to")]
    NotWritten(#[from] PortError),
    /// The server is a read replica, or was set read-only.
    #[error(
        "this PostgreSQL takes no changes: it is a read replica, or was set read-only; give changes to the server that takes them"
    )]
    ReadOnly(#[source] DbErr),
    /// The database refused, or does not answer.
    #[error("the database {how}: {0}", how = if is_broken(.0) { "does not answer" } else { "refused" })]
    Database(#[source] DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_read_only(&error) { Self::ReadOnly(error) } else { Self::Database(error) }
    }
}

impl StoreError {
    /// Whether the request itself may not be done: nothing is broken and nothing is away.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Database(_) | Self::ReadOnly(_) | Self::NotWritten(_) | Self::File { .. } | Self::NotReached
        )
    }

    /// Whether the database could not be reached, or has no room now: the same again may succeed.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Database(error) => is_broken(error) || is_exhausted(error),
            Self::Moving | Self::NotReached | Self::ReadOnly(_) => true,
            Self::NotWritten(error) => error.is_transient(),
            Self::UnsupportedUrl
            | Self::InUse { .. }
            | Self::File { .. }
            | Self::Outdated
            | Self::Moved { .. }
            | Self::NotIndexed => false,
        }
    }
}

/// The error for a stored value that no version of Palabre wrote.
pub(super) fn corrupt(what: &'static str) -> DbErr {
    DbErr::Type(format!("{what} does not read back"))
}

/// The sqlx error inside.
pub(super) fn of_sqlx(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// A database error as the core's port error.
pub(super) fn port_error(error: DbErr) -> PortError {
    let kind = match &error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => PortErrorKind::Corrupt,
        _ => match refusal(&error) {
            Some(Refusal::Constraint) => PortErrorKind::Conflict,
            Some(Refusal::Nonsense) => PortErrorKind::Corrupt,
            _ => PortErrorKind::Unavailable,
        },
    };
    PortError::new(kind, error)
}

/// Whether an entry is to blame (a constraint, a value, a text that no version of Palabre wrote), so that other
/// entries may succeed. A full disk or a lost connection fails every entry alike.
pub(super) fn is_poison(error: &DbErr) -> bool {
    match error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => true,
        _ => matches!(refusal(error), Some(Refusal::Constraint | Refusal::Nonsense)),
    }
}

/// Whether an idempotency key was used before: that is the answer to a repeated request, and no failure.
pub(super) fn is_repeated_request(error: &DbErr) -> bool {
    let Some(error) = of_sqlx(error).and_then(sqlx::Error::as_database_error) else { return false };
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => error.constraint() == Some("messages_asked_pkey"),
        None => error.is_unique_violation() && error.message().contains("messages_out.idempotency_key"),
    }
}

/// Whether two transactions collided and one had to give up: the same again may succeed.
pub(super) fn is_collision(error: &DbErr) -> bool {
    matches!(error, DbErr::RecordNotUpdated) || matches!(refusal(error), Some(Refusal::Collision))
}

/// Whether the database itself answered with this error. Any other error means that it was not reached, or is
/// starting or stopping.
pub(super) fn is_answer(error: &DbErr) -> bool {
    if is_broken(error) {
        return false;
    }
    of_sqlx(error).is_some_and(|error| error.as_database_error().is_some())
}

/// Whether the server has no room or no connection for us (class 53).
fn is_exhausted(error: &DbErr) -> bool {
    let code = of_sqlx(error).and_then(sqlx::Error::as_database_error).and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("53"))
}

/// Why nothing at all can be written now, when that is what an error says: no entry is to blame, and no connection is.
pub(super) fn unwritable(error: &DbErr) -> Option<&'static str> {
    let error = of_sqlx(error)?.as_database_error()?;
    let code = error.code()?;
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return (code == DISK_FULL).then_some("the database server's disk is full");
    }
    let extended: u32 = code.parse().ok()?;
    match extended & 0xff {
        FULL => Some("the disk of the database is full"),
        IOERR => Some("the disk of the database fails"),
        READONLY => Some("the database file cannot be written to"),
        _ => None,
    }
}

/// Why a database refused a statement that it understood.
enum Refusal {
    Constraint,
    Nonsense,
    Collision,
}

// SQLite's primary result codes: https://www.sqlite.org/rescode.html
const ERROR: u32 = 1;
const READONLY: u32 = 8;
const IOERR: u32 = 10;
const FULL: u32 = 13;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;

fn refusal(error: &DbErr) -> Option<Refusal> {
    let error = of_sqlx(error)?;
    if let sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnIndexOutOfBounds { .. } = error {
        return Some(Refusal::Nonsense);
    }
    let error = error.as_database_error()?;
    let code = error.code()?;
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return sql_state(error.code());
    }
    let extended: u32 = code.parse().ok()?;
    match extended & 0xff {
        CONSTRAINT => Some(Refusal::Constraint),
        ERROR | TOO_BIG | MISMATCH => Some(Refusal::Nonsense),
        _ => None,
    }
}

/// PostgreSQL's: <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn sql_state(code: &str) -> Option<Refusal> {
    match code {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Some(Refusal::Collision),
        // A trigger raised it.
        "P0001" => Some(Refusal::Constraint),
        _ => match code.get(..2)? {
            "23" => Some(Refusal::Constraint),
            // Data, syntax and names, limits of the program.
            "22" | "42" | "54" => Some(Refusal::Nonsense),
            _ => None,
        },
    }
}

/// Whether an error means that the connection is of no use any more: it broke, the server stops, or it became a read
/// replica.
pub(super) fn is_broken(error: &DbErr) -> bool {
    match of_sqlx(error) {
        Some(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == READ_ONLY)
        }
        Some(
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolTimedOut,
        ) => true,
        _ => false,
    }
}

/// Whether the server is a read replica.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    matches!(of_sqlx(error), Some(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == READ_ONLY))
}
