//! Nodes of an installation: liveness, the shared secret, notifications.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::NodeId;
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::statement::{Dialect, SqlExecutor, all, change, integer, text};
use super::{Store, StoreError, postgres, silence, sql};

/// What a node saw when it wrote its heartbeat.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// How many nodes are alive, this one included.
    pub nodes: u32,
    /// The database's clock then. `None`: it has none of its own.
    pub database_clock: Option<Timestamp>,
}

/// A node without a heartbeat for this long is not counted any more.
pub const ALIVE_FOR: Duration = Duration::from_secs(10);

impl Store {
    /// Whether other nodes may work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.reads.dialect() == Dialect::Postgres
    }

    /// Registers this node and deletes nodes that ended long ago.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or was not reached yet.
    pub async fn register_node(&self, node: &NodeId) -> Result<Heartbeat, StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODES_FORGET, [text(node.as_str())]).await?;
        self.heartbeat(node).await
    }

    /// Writes this node's heartbeat. Nodes are alive by the database's clock: those with a heartbeat within [`ALIVE_FOR`].
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn heartbeat(&self, node: &NodeId) -> Result<Heartbeat, StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODE_SEEN, [text(node.as_str())]).await?;
        let rows = all(&self.0.writes, sql::NODES_ALIVE, [integer(ALIVE_FOR.as_secs())]).await?;
        let count: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(1);
        let clock: Option<i64> = rows.first().map(|row| row.get(1)).transpose()?.flatten();
        Ok(Heartbeat {
            nodes: u32::try_from(count).unwrap_or(1).max(1),
            database_clock: clock.and_then(Timestamp::from_timestamp_micros),
        })
    }

    /// Removes this node, so that the others need not wait until its heartbeat is old.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn remove_node(&self, node: &NodeId) -> Result<(), StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::NODE_GONE, [text(node.as_str())]).await?;
        Ok(())
    }

    /// The installation's secret: the stored one, or `fresh`, which is stored then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn secret_or(&self, fresh: &str) -> Result<String, StoreError> {
        self.prepared()?;
        Ok(silence::kept(&self.0.reads, &self.0.writes, "secret", fresh).await?)
    }

    /// Publishes texts to those who [`Store::listen`], one short transaction each: commits that notify go one after
    /// another, so this is for occasional use, never for the hot path. On SQLite nobody listens.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn notify(&self, texts: &[String]) -> Result<(), StoreError> {
        Ok(notify(&self.0.writes, texts).await?)
    }

    /// Listens for published texts over a connection of its own, which is made again when it breaks, for as long as
    /// the returned task runs. What is published meanwhile is lost.
    ///
    /// # Errors
    /// [`StoreError`]: the URL leads nowhere.
    pub fn listen(
        &self,
        url: &str,
        on_text: impl FnMut(&str) + Send + 'static,
    ) -> Result<Option<tokio::task::JoinHandle<()>>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        Ok(Some(postgres::listen(url, on_text)?))
    }
}

pub(super) async fn notify(database: &DatabasePool, texts: &[String]) -> Result<(), DbErr> {
    for published in texts {
        all(database, sql::NOTIFY, [text(published.as_str())]).await?;
    }
    Ok(())
}
