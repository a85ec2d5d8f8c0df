//! Checkpoints of the write-ahead log, beside the writer.
//!
//! SQLite's own checkpoints run in whichever commit fills the log, which waits for two fsyncs and some thousand
//! copied pages: a third of a busy writer's time. A passive checkpoint on a connection of its own blocks nobody.
//! Under steady load it never reaches the end of a log that grows meanwhile, so once the log is long the writer
//! itself checkpoints the rest and begins the log anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::sync::Notify;

use crate::store::error::unwritable;
use crate::store::sqlite::sql;

use super::bind::query;

/// Rows written between two checkpoints: some four thousand pages.
const ROWS_BETWEEN: usize = 2_000;
/// What was written is checkpointed after this long at the latest.
const AT_LATEST: Duration = Duration::from_secs(5);
/// From so many pages on the log is long: 64 MB, which a start after a crash reads in a tenth of a second.
const LONG_PAGES: i64 = 16_384;

/// From so many pages on, 256 MB, it is not load that holds the checkpoint up but a reader that does not end: a shell
/// left open in a transaction, a backup that hangs.
const ALARMING_PAGES: i64 = 4 * LONG_PAGES;

/// How much was written since the last checkpoint.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct LogGrowth(Arc<RowCounter>);

#[derive(Debug, Default)]
struct RowCounter {
    rows: AtomicUsize,
    enough: Notify,
}

impl LogGrowth {
    /// A transaction wrote so many rows.
    pub fn note(&self, rows: usize) {
        // A transaction that counts no rows wrote something all the same.
        let before = self.0.rows.fetch_add(rows.max(1), Ordering::Relaxed);
        if before < ROWS_BETWEEN && before + rows >= ROWS_BETWEEN {
            self.0.enough.notify_one();
        }
    }

    /// Resolves when it is time for a checkpoint.
    async fn enough(&self) {
        loop {
            // After the time-out any number of rows is enough; without rows there is nothing to do.
            let _ = tokio::time::timeout(AT_LATEST, self.0.enough.notified()).await;
            if self.0.rows.swap(0, Ordering::Relaxed) > 0 {
                return;
            }
        }
    }
}

/// Checkpoints whenever enough was written, until it is dropped. Calls `long_log` when the writer should help.
pub(in crate::store) async fn run(conn: DatabaseConnection, written: LogGrowth, long_log: impl AsyncFn()) {
    let mut alarming = ALARMING_PAGES;
    loop {
        written.enough().await;
        match copy(&conn).await {
            Ok(pages) if pages >= LONG_PAGES => {
                if pages >= alarming {
                    tracing::warn!(
                        log.pages = pages,
                        "the write-ahead log grows: a reader has held the database for long"
                    );
                    alarming = pages.saturating_mul(2);
                }
                long_log().await;
            }
            Ok(_) => alarming = ALARMING_PAGES,
            // A full disk is told by the writer.
            Err(error) if unwritable(&error).is_some() => {}
            Err(error) => tracing::warn!(error = %error, "the write-ahead log was not checkpointed, trying again"),
        }
    }
}

/// Checkpoints without waiting for anybody. Returns how many pages the log has.
pub(in crate::store) async fn copy(conn: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let rows = query(conn, Cow::Borrowed(sql::CHECKPOINT_PASSIVE), Vec::new()).await?;
    let pages: Option<i64> = rows.first().map(|row| row.get(1)).transpose()?;
    Ok(pages.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sea_orm::TransactionTrait as _;

    use super::*;
    use crate::store::sqlite::{open_checkpointer, open_readers, open_writer};

    async fn count(conn: &impl ConnectionTrait) -> i64 {
        query(conn, "SELECT count(*) FROM notes".into(), Vec::new()).await.unwrap()[0].get(0).unwrap()
    }

    #[tokio::test]
    async fn a_reader_that_stays_holds_up_nobody_and_the_log_begins_anew_once_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("log.db").display());
        let writer = open_writer(&url).await.unwrap();
        writer.execute_unprepared("CREATE TABLE notes (note TEXT)").await.unwrap();
        let (copies, reads) = (open_checkpointer(&url).await.unwrap(), open_readers(&url).await.unwrap());
        let write = async || {
            for _ in 0..50 {
                writer.execute_unprepared("INSERT INTO notes VALUES (zeroblob(9000))").await.unwrap();
            }
        };
        let reader = reads.begin().await.unwrap();
        assert_eq!(count(&reader).await, 0);
        write().await;
        let held_up = copy(&copies).await.unwrap();
        write().await;
        let longer = copy(&copies).await.unwrap();
        assert!(longer > held_up && held_up > 50, "{held_up}, then {longer}");
        assert_eq!(count(&reader).await, 0, "it sees what it saw");
        reader.commit().await.unwrap();
        copy(&copies).await.unwrap();
        writer.execute_unprepared("INSERT INTO notes VALUES ('')").await.unwrap();
        let anew = copy(&copies).await.unwrap();
        assert!(anew < 10, "{anew} pages after {longer}");
        assert_eq!(count(&writer).await, 101);
    }
}
