//! Nodes of an installation, as people look at them.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use super::Operator;
use crate::store::statement::all;
use crate::store::values::Row;
use crate::store::{StoreError, sql};

/// A node, by its heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    pub id: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

impl Operator {
    /// Every node that is known: those that run, and those that ended within a day without saying so. The oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let rows = all(self.reads(), sql::NODES, []).await?;
        let read = |row: &Row| Ok(NodeRow { id: row.get(0)?, started_at: row.time(1)?, seen_at: row.time(2)? });
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }
}
