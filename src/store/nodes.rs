//! The nodes of an installation: who is alive, the secret that they share, and how they wake each other.

use std::time::Duration;

use palabre_actors::domain::ids::NodeId;
use sea_orm::DbErr;

use super::database::Database;
use super::link::{Dialect, Link, all, change, integer, text};
use super::{Store, StoreError, postgres, sql};

/// A node that was not seen for so long counts no more.
pub const ALIVE_FOR: Duration = Duration::from_secs(10);

impl Store {
    /// Whether other nodes may be at work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.reads.dialect() == Dialect::Postgres
    }

    /// A node begins: those that are long gone are forgotten.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or was not reached yet.
    pub async fn node_begins(&self, node: &NodeId) -> Result<u32, StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODES_FORGET, [text(node.as_str())]).await?;
        self.node_lives(node).await
    }

    /// A node says that it is alive. Answers how many are, by the database's clock: those that said so within
    /// [`ALIVE_FOR`].
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn node_lives(&self, node: &NodeId) -> Result<u32, StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODE_SEEN, [text(node.as_str())]).await?;
        let rows = all(&self.0.writes, sql::NODES_ALIVE, [integer(ALIVE_FOR.as_secs())]).await?;
        let count: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(1);
        Ok(u32::try_from(count).unwrap_or(1).max(1))
    }

    /// A node ends, and the others need not wait until they notice.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn node_ends(&self, node: &NodeId) -> Result<(), StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODE_GONE, [text(node.as_str())]).await?;
        Ok(())
    }

    /// The installation's secret: the one that is kept, or from now on this one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn secret_or(&self, fresh: &str) -> Result<String, StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::KEEP_SECRET, [text(fresh)]).await?;
        let rows = all(&self.0.writes, sql::SECRET, []).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default())
    }

    /// Passes texts on to those who [`Store::listen`], one short transaction each: commits that notify go one after
    /// another, so this is for now and then, never for what is hot. On SQLite nobody listens.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn notify(&self, texts: &[String]) -> Result<(), StoreError> {
        Ok(notify(&self.0.writes, texts).await?)
    }

    /// Hears what is passed on, over a connection of its own that comes back when it breaks, for as long as the task runs
    /// that this answers. What was said meanwhile is lost.
    ///
    /// # Errors
    /// [`StoreError`]: the URL leads nowhere.
    pub fn listen(
        &self,
        url: &str,
        hear: impl FnMut(&str) + Send + 'static,
    ) -> Result<Option<tokio::task::JoinHandle<()>>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        Ok(Some(postgres::listen(url, hear)?))
    }
}

pub(super) async fn notify(database: &Database, texts: &[String]) -> Result<(), DbErr> {
    for said in texts {
        all(database, sql::NOTIFY, [text(said.as_str())]).await?;
    }
    Ok(())
}
