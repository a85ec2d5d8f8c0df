//! The search index: filled behind the messages, read by searches and by conversations' pages.
//!
//! Accepting a message and its turn write nothing here. A task of the daemon reads what was committed since its stored
//! position ([`SearchIndex::step`]) and adds it: folded words of texts, names and numbers of contacts, and which conversation
//! each message belongs to. On SQLite the index is a file of its own beside the database (`palabre.db-search`), so that its
//! writes never wait for the writer's, nor the writer for them; on PostgreSQL it is tables, filled by one node at a time. All of
//! it can be made again from the messages.

mod erasure;
mod indexing;
mod question;
pub(in crate::store) mod sql;
mod verification;
mod words;

pub use self::indexing::{Indexed, SearchIndex};
pub(in crate::store) use self::question::Search;
pub use self::question::{FoundContact, FoundMessage, FoundPage, SearchPage};

use std::sync::atomic::Ordering;

use super::database::DatabasePool;
use super::statement::all;
use super::{Store, StoreError};

impl Store {
    /// The index, for the task that fills it. `None`: it could not be made when the store was opened.
    #[must_use]
    pub fn search_index(&self) -> Option<SearchIndex> {
        Some(SearchIndex::new(self.0.index.clone()?, self.0.reads.clone()))
    }

    /// Whether misspelt words are found: PostgreSQL needs its extension `pg_trgm` for that.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or there is no index.
    pub async fn has_trigrams(&self) -> Result<bool, StoreError> {
        let has_them = has_trigrams(self.0.index.as_ref().ok_or(StoreError::NotIndexed)?).await?;
        self.0.lacks_trigrams.store(!has_them, Ordering::Relaxed);
        Ok(has_them)
    }

    /// Whether [`Store::has_trigrams`] found none.
    #[must_use]
    pub fn lacks_trigrams(&self) -> bool {
        self.0.lacks_trigrams.load(Ordering::Relaxed)
    }
}

async fn has_trigrams(index: &DatabasePool) -> Result<bool, sea_orm::DbErr> {
    Ok(!all(index, sql::TRIGRAMS, []).await?.is_empty())
}
