//! Snapshots of a SQLite database beside its daemon, and restoring one.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use palabre_actors::domain::Timestamp;
use palabre_migrations::{Migrator, MigratorTrait};

use super::database::DatabasePool;
use super::operator::Operator;
use super::statement::{SqlExecutor as _, SqlText, change, rows, text, time};
use super::{DatabaseKind, StoreError, postgres, sqlite};

const SUSPECT_SENDS: SqlText =
    SqlText { sqlite: sqlite::backup::SUSPECT_SENDS, postgres: postgres::backup::SUSPECT_SENDS };

/// It holds personal data.
const PRIVATE: u32 = 0o600;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotContent {
    pub inbound: u64,
    pub outbound: u64,
    /// Messages that have no turn yet: they will be answered.
    pub unanswered: u64,
    /// Messages that wait to be sent, or may have been: providers will be asked.
    pub unsent: u64,
    /// Steps of the schema that this program would make at its start.
    pub missing_migrations: usize,
}

/// A snapshot is no whole database.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Writes a whole, consistent copy of a SQLite database into a new file. Its daemon may go on writing meanwhile.
///
/// # Errors
/// [`StoreError`]: it is a server, it cannot be read, or the file cannot be written.
pub async fn snapshot(url: &str, into: &Path) -> Result<(), StoreError> {
    if DatabaseKind::of(url)? != DatabaseKind::Sqlite {
        return Err(StoreError::UnsupportedUrl);
    }
    // It takes an empty file as it takes none, and keeps its rights.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .open(into)
        .map_err(|source| StoreError::File { path: into.to_owned(), source })?;
    let conn = sqlite::open_checkpointer(url).await?;
    let pool = DatabasePool::Sqlite(conn);
    let path = into.to_string_lossy().into_owned();
    pool.execute(Cow::Borrowed(sqlite::backup::SNAPSHOT), vec![text(path)]).await?;
    pool.close().await?;
    Ok(())
}

/// Reads a whole snapshot, and counts what is in it.
///
/// # Errors
/// [`SnapshotError`]: it is damaged, of a newer version, or no database of ours.
pub async fn examine_snapshot(database: &Path) -> Result<SnapshotContent, SnapshotError> {
    let content = examined(database).await;
    // Readers leave these behind.
    for end in ["-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
    content
}

async fn examined(database: &Path) -> Result<SnapshotContent, SnapshotError> {
    let conn = sqlite::open_readers(&url_of(database)).await.map_err(StoreError::from)?;
    let missing = Migrator::get_pending_migrations_read_only(&conn).await.map_err(StoreError::from)?.len();
    let pool = DatabasePool::Sqlite(conn);
    let read = async |sql: &'static str| rows(&pool, sql, Vec::new()).await.map_err(StoreError::from);
    for row in read(sqlite::backup::INTEGRITY).await? {
        let said: String = row.get(0).map_err(StoreError::from)?;
        if said != "ok" {
            return Err(SnapshotError::Damaged(said));
        }
    }
    let mut content = SnapshotContent { missing_migrations: missing, ..SnapshotContent::default() };
    if let Some(row) = read(sqlite::backup::SNAPSHOT_COUNTS).await?.first() {
        let number = |column: usize| -> Result<u64, StoreError> {
            Ok(u64::try_from(row.get::<i64>(column)?).unwrap_or_default())
        };
        content.inbound = number(0)?;
        content.outbound = number(1)?;
        content.unanswered = number(2)?;
        content.unsent = number(3)?;
    }
    pool.close().await.map_err(StoreError::from)?;
    Ok(content)
}

/// Prepares a restored database for its daemon. Whatever could have been sent since the snapshot counts as being sent by a
/// process that died: its outcome is unknown, and the provider is asked before anything is repeated (I5). Answers how many
/// messages that are.
///
/// # Errors
/// [`StoreError`]
pub async fn prepare_restored(database: &Path, now: Timestamp) -> Result<u64, StoreError> {
    let pool = DatabasePool::Sqlite(sqlite::open_writer(&url_of(database)).await?);
    let suspects = change(&pool, SUSPECT_SENDS, [time(now)]).await?;
    pool.unprepared(sqlite::sql::CHECKPOINT).await?;
    pool.close().await?;
    Ok(suspects)
}

impl Operator {
    /// [`prepare_restored`] for a database that was restored by other means. No daemon may run on it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn prepare_restored(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(change(self.writes(), SUSPECT_SENDS, [time(now)]).await?)
    }
}

fn url_of(database: &Path) -> String {
    let path = database.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;

    /// Positions in the event log are kept by rowids, so a copy must have the same.
    #[tokio::test]
    async fn a_snapshot_keeps_rowids_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let conn = sqlite::open_writer(&url_of(&from)).await.expect("it opens");
        for sql in
            ["CREATE TABLE t (x TEXT)", "INSERT INTO t VALUES ('a'), ('b'), ('c')", "DELETE FROM t WHERE x = 'a'"]
        {
            conn.execute_unprepared(sql).await.expect("it holds");
        }
        snapshot(&url_of(&from), &to).await.expect("a copy");
        assert_eq!(std::fs::metadata(&to).expect("a file").permissions().mode() & 0o777, PRIVATE);
        let copy = DatabasePool::Sqlite(sqlite::open_readers(&url_of(&to)).await.expect("it opens"));
        let found = rows(&copy, "SELECT rowid FROM t ORDER BY x", Vec::new()).await.expect("rows");
        let found: Vec<i64> = found.iter().map(|row| row.get(0).expect("a number")).collect();
        assert_eq!(found, [2, 3]);
        assert!(matches!(snapshot(&url_of(&from), &to).await, Err(StoreError::File { .. })), "it writes over nothing");
        assert!(examine_snapshot(&to).await.is_err(), "it is no database of ours");
    }
}
