//! Takes messages and contacts of persons who are erased out of the search index.

use sea_orm::DbErr;
use uuid::Uuid;

use super::indexing::{SearchIndex, remove};
use super::sql;
use super::words::sequence;
use crate::store::StoreError;
use crate::store::database::{DatabasePool, Tx};
use crate::store::statement::{all, change, column, integer, list, text};

/// Messages of one transaction.
const PAGE: usize = 500;
/// Merges the parts of the full-text tables, so that no part is left that has the words of what was removed.
const MERGE: &str = "INSERT INTO search_text (search_text) VALUES ('optimize');
    INSERT INTO search_trigrams (search_trigrams) VALUES ('optimize');
    INSERT INTO search_contact_text (search_contact_text) VALUES ('optimize');";

impl SearchIndex {
    pub(in crate::store) fn over(index: DatabasePool, reads: DatabasePool) -> Self {
        Self::new(index, reads)
    }

    /// Removes messages and contacts, and adds messages again whose texts were changed. The tables of messages were changed
    /// before. Their words are gone once [`Self::finish_erasing`] came after.
    pub(in crate::store) async fn erase(
        &mut self,
        (gone, changed): (&[String], &[String]),
        contacts: &[String],
    ) -> Result<(), StoreError> {
        for page in gone.chunks(PAGE) {
            let tx = self.begin_alone().await?;
            remove_messages(&tx, page).await?;
            tx.commit().await?;
        }
        for page in changed.chunks(PAGE) {
            let tx = self.begin_alone().await?;
            remove_messages(&tx, page).await?;
            self.add_again(&tx, page).await?;
            tx.commit().await?;
        }
        let tx = self.begin_alone().await?;
        change(&tx, sql::REMOVE_CONTACTS, [column(contacts)]).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets words that no message has any more, and what the full-text tables kept of them.
    pub(in crate::store) async fn finish_erasing(&mut self) -> Result<(), StoreError> {
        self.forget_words().await?;
        if matches!(self.index, DatabasePool::Sqlite(_)) {
            self.index.unprepared(MERGE).await?;
        }
        Ok(())
    }

    /// A transaction while nobody else fills the index: what was read before the tables changed is in it by then.
    async fn begin_alone(&self) -> Result<Tx, DbErr> {
        loop {
            let tx = self.index.begin().await?;
            if !all(&tx, sql::TAKE, []).await?.is_empty() {
                return Ok(tx);
            }
            drop(tx);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

async fn remove_messages(tx: &Tx, ids: &[String]) -> Result<(), DbErr> {
    let asked = ids.iter().filter_map(|id| {
        let uuid: Uuid = id.parse().ok()?;
        Some([integer(sequence(uuid)), text(id.as_str())])
    });
    let found = all(tx, sql::NUMBERS, [list(asked)]).await?;
    let numbers = found.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
    remove(tx, &numbers).await
}
