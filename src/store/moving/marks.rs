//! What each database says about a move: one row of `installation`, so that a command that was killed goes on where it
//! was, and no daemon takes a database for its own that is half full or was left.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::store::link::{Dialect, Link, all, change, text};
use crate::store::sql;
use crate::store::values::corrupt;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Stage {
    Copying,
    Finished,
}

/// The row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Mark {
    /// Of the installation that moves, made when it first does: both sides have the same.
    pub id: String,
    pub stage: Stage,
    /// When somebody last worked on it.
    pub at: Timestamp,
    /// The target's own, made when it is first used: on the source, where it went.
    pub target: Option<String>,
    /// On the target: up to where the log of events is copied.
    pub log: Option<Copied>,
}

/// The last event that was copied: SQLite's number for it, and its id, by which it is known that the numbers still mean
/// the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Copied {
    pub number: i64,
    pub event: String,
}

impl Mark {
    pub async fn read(link: &impl Link) -> Result<Option<Self>, DbErr> {
        let rows = all(link, sql::MOVE_MARK, []).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Self::from_text(&row.get::<String>(0)?).map(Some)
    }

    pub fn from_text(text: &str) -> Result<Self, DbErr> {
        serde_json::from_str(text).map_err(|_| corrupt("the mark of a move"))
    }

    pub async fn write(&self, link: &impl Link) -> Result<(), DbErr> {
        change(link, sql::KEEP_MOVE_MARK, [text(self.as_text()?)]).await.map(drop)
    }

    pub fn as_text(&self) -> Result<String, DbErr> {
        serde_json::to_string(self).map_err(|_| corrupt("the mark of a move"))
    }
}

/// Whether a daemon, or an operator, may work on this database.
///
/// # Errors
/// [`StoreError::Moved`]: it was left for another. [`StoreError::Moving`]: it is not whole yet.
pub(in crate::store) async fn admits(link: &impl Link, is_source: bool) -> Result<(), StoreError> {
    match (Mark::read(link).await?, is_source) {
        (Some(Mark { stage: Stage::Finished, at, .. }), true) => Err(StoreError::Moved { at }),
        (Some(Mark { stage: Stage::Copying, .. }), false) => Err(StoreError::Moving),
        _ => Ok(()),
    }
}

/// Whether this SQLite is being moved, and somebody was at it since then.
pub(in crate::store) async fn is_under_way(link: &impl Link, since: Timestamp) -> Result<bool, DbErr> {
    let mark = if link.dialect() == Dialect::Sqlite { Mark::read(link).await? } else { None };
    Ok(mark.is_some_and(|mark| mark.stage == Stage::Copying && mark.at >= since))
}
