//! Copying the log back into the file, beside the writer instead of in its way.
//!
//! SQLite's own checkpoints run in whichever commit fills the log, which waits for two fsyncs and some thousand copied
//! pages: a third of a busy writer's time. A passive one on a connection of its own blocks nobody. Under a steady flood it
//! never reaches the end of a log that grows meanwhile, so once the log is long the writer itself copies the little that
//! is left and begins the log anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::sync::Notify;

use crate::store::sqlite::sql;

use super::bind::query;

/// Rows written between two checkpoints: some four thousand pages.
const ROWS_BETWEEN: usize = 2_000;
/// What was written is copied after this long at the latest.
const AT_LATEST: Duration = Duration::from_secs(5);
/// From so many pages on the log is long: 64 MB, which a start after a crash reads in a tenth of a second.
const LONG_PAGES: i64 = 16_384;

/// How much was written since the last checkpoint.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Written(Arc<Tally>);

#[derive(Debug, Default)]
struct Tally {
    rows: AtomicUsize,
    enough: Notify,
}

impl Written {
    /// A transaction wrote so many rows.
    pub fn note(&self, rows: usize) {
        // A transaction that counts no rows wrote something all the same.
        let before = self.0.rows.fetch_add(rows.max(1), Ordering::Relaxed);
        if before < ROWS_BETWEEN && before + rows >= ROWS_BETWEEN {
            self.0.enough.notify_one();
        }
    }

    /// Resolves when it is time to copy.
    async fn enough(&self) {
        loop {
            // Past the time anything is enough; when nothing was written, there is nothing to do.
            let _ = tokio::time::timeout(AT_LATEST, self.0.enough.notified()).await;
            if self.0.rows.swap(0, Ordering::Relaxed) > 0 {
                return;
            }
        }
    }
}

/// Copies whenever enough was written, until it is dropped. `long_log` is told when the writer should help.
pub(in crate::store) async fn run(conn: DatabaseConnection, written: Written, long_log: impl AsyncFn()) {
    loop {
        written.enough().await;
        match copy(&conn).await {
            Ok(pages) if pages >= LONG_PAGES => long_log().await,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "the log was not copied back, trying again"),
        }
    }
}

/// Copies what can be copied without waiting for anybody. Answers how many pages the log has.
pub(in crate::store) async fn copy(conn: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let rows = query(conn, Cow::Borrowed(sql::CHECKPOINT_PASSIVE), Vec::new()).await?;
    let pages: Option<i64> = rows.first().map(|row| row.get(1)).transpose()?;
    Ok(pages.unwrap_or_default())
}
