//! Nodes of an installation, as people look at them.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use super::Operator;
use crate::store::statement::{all, integer};
use crate::store::values::Row;
use crate::store::{ALIVE_FOR, StoreError, sql};

/// A node, by its heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    pub id: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    /// Whether it was seen within [`ALIVE_FOR`], by the database's clock.
    pub is_alive: bool,
}

impl Operator {
    /// Every node that is known: those that run, and those that ended within a day without saying so. The oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let rows = all(self.reads(), sql::NODES, [integer(ALIVE_FOR.as_secs())]).await?;
        let read = |row: &Row| {
            let (started_at, seen_at) = (row.time(1)?, row.time(2)?);
            Ok(NodeRow { id: row.get(0)?, started_at, seen_at, is_alive: row.get(3)? })
        };
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }
}
