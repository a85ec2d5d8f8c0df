//! Removes from the search index what was deleted from the tables.

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::indexing::{SearchIndex, remove};
use super::sql;
use super::words::mark;
use crate::store::StoreError;
use crate::store::statement::{SqlText, all, change, column, count, integer, list, text};
use crate::store::values::Row;

/// Rows that one page of [`SearchIndex::verify`] looks at.
const PAGE: usize = 500;

impl SearchIndex {
    /// Removes messages and contacts that were deleted, page by page, and answers how many. Searches do not show them meanwhile,
    /// because they read what they show from the messages themselves.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn verify(&mut self) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut after = 0_i64;
        loop {
            let rows = all(&self.index, sql::PAGE, [integer(after), count(PAGE)]).await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0)?;
            removed += self.verify_page(&rows).await?;
        }
        let mut after = String::new();
        loop {
            let rows = all(&self.index, sql::CONTACT_PAGE, [text(after.as_str()), count(PAGE)]).await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0)?;
            let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
            let there = self.there(sql::CONTACTS_THERE, &ids).await?;
            let gone: Vec<_> = ids.iter().filter(|id| !there.contains(*id)).collect();
            if !gone.is_empty() {
                let tx = self.index.begin().await?;
                removed += change(&tx, sql::REMOVE_CONTACTS, [column(gone)]).await?;
                tx.commit().await?;
            }
        }
        self.forget_words().await?;
        Ok(removed)
    }

    /// Removes words that no message has any more.
    pub(super) async fn forget_words(&mut self) -> Result<(), StoreError> {
        self.known_words.clear();
        let mut after = (String::new(), String::new());
        loop {
            let from = [text(after.0.as_str()), text(after.1.as_str()), count(PAGE)];
            let rows = all(&self.index, sql::WORD_PAGE, from).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.get(0)?, last.get(1)?);
            let mut words = Vec::with_capacity(rows.len());
            for row in &rows {
                let (tenant, word): (String, String) = (row.get(0)?, row.get(1)?);
                let marked = format!("{}{word}", mark(&tenant));
                words.push([text(tenant), text(word), text(marked)]);
            }
            let tx = self.index.begin().await?;
            if change(&tx, sql::REMOVE_WORDS, [list(words)]).await? > 0 {
                tx.commit().await?;
            }
        }
    }

    async fn verify_page(&self, rows: &[Row]) -> Result<u64, StoreError> {
        let (mut inbound, mut outbound) = (Vec::new(), Vec::new());
        for row in rows {
            let ids: &mut Vec<String> = if row.get(2)? { &mut outbound } else { &mut inbound };
            ids.push(row.get(1)?);
        }
        let mut there = self.there(sql::INBOUND_THERE, &inbound).await?;
        there.extend(self.there(sql::OUTBOUND_THERE, &outbound).await?);
        let mut gone: Vec<i64> = Vec::new();
        for row in rows {
            if !there.contains(&row.get::<String>(1)?) {
                gone.push(row.get(0)?);
            }
        }
        if !gone.is_empty() {
            let tx = self.index.begin().await?;
            remove(&tx, &gone).await?;
            tx.commit().await?;
        }
        Ok(gone.len() as u64)
    }

    async fn there(&self, sql: SqlText, ids: &[String]) -> Result<BTreeSet<String>, DbErr> {
        all(&self.reads, sql, [column(ids)]).await?.iter().map(|row| row.get(0)).collect()
    }
}
