//! How the file of SQLite's search index is opened.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr};
use tracing::{error, warn};

use super::{BUSY, bind, connect, path_of, search};
use crate::store::StoreError;
use crate::store::values::corrupt;

/// Grows when the words of a text are read in another way, or the tables change: an index of another version is made anew.
const VERSION: i64 = 1;
/// Its words are the tenants': for its owner alone.
const PRIVATE: u32 = 0o600;
/// One that fills it, and those who search.
const CONNECTIONS: u32 = 3;

/// Opens the index of a database, and makes it when it is not there, or is of no use: everything in it stands in the database.
/// `None`: it cannot be made. Everything but searches works without it.
pub(in crate::store) async fn open_index(url: &str) -> Option<DatabaseConnection> {
    let opened = match file_of(url) {
        Some(path) => open_or_replace(&path).await,
        None => Err(StoreError::UnsupportedUrl),
    };
    let report = |error: &StoreError| {
        error!(
            error = error as &dyn std::error::Error,
            "the search index cannot be made: searches are refused until the daemon starts again with a place for it"
        );
    };
    opened.inspect_err(report).ok()
}

async fn open_or_replace(path: &Path) -> Result<DatabaseConnection, StoreError> {
    match open(path).await {
        Ok(conn) => Ok(conn),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "the search index cannot be used and is made anew");
            for end in ["", "-wal", "-shm"] {
                let mut file = path.as_os_str().to_owned();
                file.push(end);
                // One that is not there, or cannot be removed, shows when the index is opened again.
                let _ = std::fs::remove_file(PathBuf::from(file));
            }
            open(path).await
        }
    }
}

/// The index of a database beside its daemon. `None`: no daemon has made one.
pub(in crate::store) async fn open_index_beside(url: &str) -> Result<Option<DatabaseConnection>, StoreError> {
    match file_of(url).filter(|path| path.exists()) {
        Some(path) => Ok(Some(connect(options(&path)).await?)),
        None => Ok(None),
    }
}

async fn open(path: &Path) -> Result<DatabaseConnection, StoreError> {
    let file = OpenOptions::new().create(true).append(true).mode(PRIVATE).open(path);
    file.map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    let conn = connect(options(path)).await?;
    match version(&conn).await? {
        0 => {
            conn.execute_unprepared(search::SCHEMA).await?;
            conn.execute_unprepared(&format!("PRAGMA user_version = {VERSION}")).await?;
        }
        VERSION => {}
        _ => {
            conn.close().await?;
            return Err(corrupt("a search index of another version").into());
        }
    }
    Ok(conn)
}

async fn version(conn: &DatabaseConnection) -> Result<i64, DbErr> {
    let rows = bind::query(conn, "PRAGMA user_version".into(), Vec::new()).await?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

/// A power cut may take back the last commits, positions and all: the index goes on from there.
fn options(path: &Path) -> ConnectOptions {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite:");
    options.max_connections(CONNECTIONS).min_connections(0).map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite.filename(&path).create_if_missing(false).busy_timeout(BUSY).foreign_keys(false);
        sqlite
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "NORMAL")
            .pragma("cache_size", "-8192")
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            // 32 MiB: pages that many batches change are copied into the file once.
            .pragma("wal_autocheckpoint", "8192")
            .pragma("journal_size_limit", "67108864")
    });
    options
}

/// The file of SQLite's index: beside the database's, with its name.
fn file_of(url: &str) -> Option<PathBuf> {
    let mut file = path_of(url)?.into_os_string();
    file.push("-search");
    Some(file.into())
}
