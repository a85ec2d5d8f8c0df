//! Marks of a move in each database: one row of `installation`.
//!
//! By them a killed command goes on where it was, and no daemon uses a database that is half full or was left.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{Dialect, SqlExecutor, all, change, text};
use crate::store::values::corrupt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum MoveStage {
    Copying,
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct MoveMark {
    /// The id of the installation that moves, made at the first move: both sides have the same.
    pub id: String,
    pub stage: MoveStage,
    pub at: Timestamp,
    /// The target's own id, made when it is first used; on the source: where it went.
    pub target: Option<String>,
    /// On the target: up to where the event log is copied.
    pub log: Option<Copied>,
}

/// The last event that was copied: its rowid, and its id, which shows whether the rowids are still the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Copied {
    pub number: i64,
    pub event: String,
}

impl MoveMark {
    pub async fn read(executor: &impl SqlExecutor) -> Result<Option<Self>, DbErr> {
        let rows = all(executor, sql::MOVE_MARK, []).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Self::from_text(&row.get::<String>(0)?).map(Some)
    }

    pub fn from_text(text: &str) -> Result<Self, DbErr> {
        serde_json::from_str(text).map_err(|_| corrupt("the mark of a move"))
    }

    pub async fn write(&self, executor: &impl SqlExecutor) -> Result<(), DbErr> {
        change(executor, sql::KEEP_MOVE_MARK, [text(self.as_text()?)]).await.map(drop)
    }

    pub fn as_text(&self) -> Result<String, DbErr> {
        serde_json::to_string(self).map_err(|_| corrupt("the mark of a move"))
    }
}

/// Checks that a daemon or an operator may use this database.
///
/// # Errors
/// [`StoreError::Moved`]: it was left for another. [`StoreError::Moving`]: it is not whole yet.
pub(in crate::store) async fn admits(executor: &impl SqlExecutor, is_source: bool) -> Result<(), StoreError> {
    match (MoveMark::read(executor).await?, is_source) {
        (Some(MoveMark { stage: MoveStage::Finished, at, .. }), true) => Err(StoreError::Moved { at }),
        (Some(MoveMark { stage: MoveStage::Copying, .. }), false) => Err(StoreError::Moving),
        _ => Ok(()),
    }
}

/// Whether this SQLite database is being moved, and the move was worked on since then.
pub(in crate::store) async fn is_under_way(executor: &impl SqlExecutor, since: Timestamp) -> Result<bool, DbErr> {
    let mark = if executor.dialect() == Dialect::Sqlite { MoveMark::read(executor).await? } else { None };
    Ok(mark.is_some_and(|mark| mark.stage == MoveStage::Copying && mark.at >= since))
}
