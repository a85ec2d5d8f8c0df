//! Takes out of files what a database only marks as free.

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::person::DataSubject;
use crate::store::StoreError;
use crate::store::database::DatabasePool;
use crate::store::operator::Operator;
use crate::store::search::SearchIndex;
use crate::store::statement::{Dialect, SqlExecutor, rows};

/// A larger file is not written anew beside a running daemon, which would wait for seconds to write.
const LARGEST_BYTES: i64 = 256 * 1024 * 1024;
/// A checkpoint waits for readers; each try waits as long as a connection waits for a lock.
const TRIES: usize = 5;

impl Operator {
    /// Takes a person out of the search index, and messages of others that were changed anew into it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the same again goes on.
    pub async fn leave_index(&self, person: &DataSubject, changed: &[String]) -> Result<(), StoreError> {
        let Some(index) = self.index() else { return Ok(()) };
        let mut index = SearchIndex::over(index.clone(), self.reads().clone());
        let others: Vec<String> = person.about.iter().chain(changed).cloned().collect();
        let gone: Vec<String> = person.inbound.iter().chain(&person.outbound).cloned().collect();
        let contacts: Vec<String> = person.contacts.iter().cloned().collect();
        index.erase((gone.as_slice(), others.as_slice()), &contacts).await
    }

    /// Takes contacts out of the search index that were deleted meanwhile, and every word that is nobody's any more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the same again goes on.
    pub async fn leave_index_for_good(&self, contacts: &BTreeSet<String>) -> Result<(), StoreError> {
        let Some(index) = self.index() else { return Ok(()) };
        let mut index = SearchIndex::over(index.clone(), self.reads().clone());
        let contacts: Vec<String> = contacts.iter().cloned().collect();
        index.erase((&[], &[]), &contacts).await?;
        index.finish_erasing().await
    }

    /// On SQLite: writes the file anew and empties its log, so that nothing of what was deleted is left in either. Answers
    /// whether that could be done; `None`: it is PostgreSQL, which takes out deleted rows by itself (VACUUM).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn scrub(&self) -> Result<Option<bool>, StoreError> {
        if self.writes().dialect() != Dialect::Sqlite {
            return Ok(None);
        }
        let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let found = rows(self.writes(), size, Vec::new()).await?;
        let bytes: i64 = found.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        // A daemon that writes without a pause leaves no moment for it: what was deleted is zeroed all the same.
        let mut is_clean = bytes <= LARGEST_BYTES && self.writes().unprepared("VACUUM").await.is_ok();
        for pool in std::iter::once(self.writes()).chain(self.index()) {
            is_clean &= empty_log(pool).await?;
        }
        Ok(Some(is_clean))
    }
}

async fn empty_log(pool: &DatabasePool) -> Result<bool, DbErr> {
    for _ in 0..TRIES {
        let found = pool.query("PRAGMA wal_checkpoint(TRUNCATE)".into(), Vec::new()).await?;
        let is_busy: i64 = found.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        if is_busy == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
