//! SQLite: WAL, one writer, a few readers.

pub(super) mod audit;
pub(super) mod backup;
mod bind;
pub(super) mod broadcasts;
pub(super) mod checkpoints;
pub(super) mod conversations;
pub(super) mod crm;
pub(super) mod diagnosis;
pub(super) mod events_out;
pub(super) mod figures;
pub(super) mod inbox;
mod lock;
pub(super) mod operator;
pub(super) mod paid_access;
pub(super) mod people;
mod script;
pub(super) mod search;
mod search_file;
pub(super) mod sql;

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

pub(super) use self::bind::{execute, insert, insert_at_last, insert_later, query};
pub use self::lock::Lock;
pub(super) use self::lock::make_private;
pub(crate) use self::lock::path_of;
pub(super) use self::script::StatementScript;
pub(super) use self::search_file::{open_index, open_index_beside};

/// Connections that read. More would only share the same two cores.
const READERS: u32 = 3;
/// How long a connection waits for another process's lock (`palabre` subcommands beside the daemon).
const BUSY: Duration = Duration::from_secs(5);

/// Opens the writer's connection, and one for the little that is written beside it. `synchronous=FULL` makes every
/// commit survive a power cut (I1).
pub(in crate::store) async fn open_writer(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(2).min_connections(1).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .busy_timeout(BUSY)
            .foreign_keys(false)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            // Negative: KiB.
            .pragma("cache_size", "-16384")
            .pragma("temp_store", "MEMORY")
            // The log is copied back beside the writer (`checkpoints`), not by its commits.
            .pragma("wal_autocheckpoint", "0")
            // What is deleted or overwritten is zeroed: it may be a person's who was erased (I16).
            .pragma("secure_delete", "ON")
            .pragma("journal_size_limit", "67108864")
            .command_buffer_size(64)
            .row_buffer_size(512)
            // Inserts of every length for every table, and all other statements.
            .statement_cache_capacity(512)
    });
    connect(options).await
}

/// Opens the connection for checkpoints.
pub(in crate::store) async fn open_checkpointer(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).min_connections(0).map_sqlx_sqlite_opts(|sqlite| {
        let sqlite = sqlite.create_if_missing(false).busy_timeout(BUSY).foreign_keys(false);
        sqlite.pragma("synchronous", "FULL").pragma("wal_autocheckpoint", "0").pragma("cache_size", "-256")
    });
    connect(options).await
}

/// Opens connections that only read. The file must exist.
pub(in crate::store) async fn open_readers(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(READERS).min_connections(1).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(false)
            .busy_timeout(BUSY)
            .foreign_keys(false)
            .pragma("query_only", "ON")
            .pragma("cache_size", "-2048")
            .row_buffer_size(512)
    });
    connect(options).await
}

async fn connect(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    // Statements carry addresses and bodies: they must not be logged (I10).
    options.sqlx_logging(false).record_stmt_in_spans(false).test_before_acquire(false);
    // A file does not go away, so connections and their prepared statements are kept.
    options.idle_timeout(None).max_lifetime(None);
    Database::connect(options).await
}
