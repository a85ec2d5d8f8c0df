//! Move of an installation from SQLite to PostgreSQL (`docs/decisions/0015`).
//!
//! There is one way to copy, whatever was copied before: both sides are read in the order of their keys, a page at a
//! time, and what differs is written. So the command may be killed at any moment and go on where it was, and the
//! daemon may go on writing meanwhile: the next pass finds what it changed. The event log, which is only appended to
//! and has no order but SQLite's own, goes on after the last event that was copied. The last pass, during which
//! nobody writes, compares every row and reads back what it wrote: it is the verification.

mod catalogue;
mod comparison;
mod marks;
mod passing;
mod source;
mod sql;
mod target;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::Utc;
use palabre_actors::domain::Timestamp;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;
use uuid::Uuid;

use self::catalogue::{CopyMethod, TABLES};
use self::marks::{MoveMark, MoveStage};
pub(super) use self::marks::{admits, is_under_way};
use self::source::MoveSource;
use self::target::MoveTarget;
use self::text::{Cells, digest};
use super::{DatabaseKind, Lock, StoreError};

/// Rows of a page, by default.
pub const PAGE_ROWS: usize = 2_000;
/// Copying ends when a pass wrote no more than this, so that the last pass is short, or after so many passes: a busy
/// daemon always writes something.
const LITTLE: u64 = 5_000;
const PASSES: usize = 4;

/// Why a move does not go on. Nothing was changed but what an earlier run had begun.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Not from SQLite to PostgreSQL.
    #[error("a move goes from sqlite://… to postgres://…, and no other way")]
    Direction,
    /// There is no such file.
    #[error("there is no database {}", path.display())]
    NoSource { path: PathBuf },
    /// The source has another schema than this program.
    #[error(
        "the schema of the SQLite database is not that of this palabre: both must be the same version; when the daemon's \
         is the older one, stop it, run `palabre migrate` on the database, and start the new one"
    )]
    Versions,
    /// The target has rows of another origin.
    #[error("the target is not empty: {table} has rows, and they are not of an earlier run of this move")]
    Occupied { table: &'static str },
    #[error("another installation is being moved, or was moved, into this target")]
    NotOurs,
    /// The source was moved to another target, to its end.
    #[error("this database was moved elsewhere on {}, and is not in use any more", at.format("%Y-%m-%d"))]
    Elsewhere { at: Timestamp },
    /// A finished target, but the source was used again.
    #[error("the target was moved to already and may have been in use since: to move again, begin with an empty one")]
    Overtaken,
    /// Another `palabre migrate` is running.
    #[error("another `palabre migrate` works on this target")]
    Busy,
    /// A value that no version of Palabre wrote.
    #[error("{table}.{column} has a value that is none of its kind: find the row, mend it, and run this again")]
    Unreadable { table: &'static str, column: &'static str },
    /// A database is away or refuses, or the daemon runs.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for MoveError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// Progress of one table.
#[derive(Clone, Copy, Debug)]
pub struct MoveProgress {
    pub table: &'static str,
    pub read: u64,
    /// Estimated number of rows.
    pub about: u64,
    pub written: u64,
}

/// Result of a pass over all tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct MovePass {
    /// Rows of the source.
    pub read: u64,
    /// Rows that were missing or different in the target.
    pub written: u64,
    pub took: Duration,
    /// Estimate for the last pass, at the pace of this one: it reads the event log as well.
    pub last_takes: Duration,
}

/// All rows of a table, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    pub checksum: u128,
}

impl Sum {
    fn add(&mut self, cells: &Cells) {
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(digest(cells));
    }
}

/// One table on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    pub table: &'static str,
    /// As SQLite has it.
    pub source: Sum,
    /// As it reads back from PostgreSQL.
    pub target: Sum,
}

impl Compared {
    /// Whether both sides are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// Result of the last pass.
#[derive(Clone, Debug)]
pub struct MoveVerdict {
    pub tables: Vec<Compared>,
    pub pass: MovePass,
}

impl MoveVerdict {
    /// Whether the move is done. Otherwise the source is as it was, and in use.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tables.iter().all(Compared::is_same)
    }
}

/// A move that may go on, or one that is done.
#[derive(Debug)]
pub enum MoveState {
    /// There is something to do.
    Ready(Box<Move>),
    /// It was finished before.
    Done { at: Timestamp },
}

/// A move that is under way.
pub struct Move {
    from: String,
    source: MoveSource,
    target: MoveTarget,
    of_source: MoveMark,
    of_target: MoveMark,
    page_rows: usize,
}

impl std::fmt::Debug for Move {
    /// A URL may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Move").field("of_target", &self.of_target).finish_non_exhaustive()
    }
}

impl Move {
    /// Begins a move, or goes on with one. The target's schema is made; the source gets one row that says where it
    /// goes.
    ///
    /// # Errors
    /// [`MoveError`]
    pub async fn open(from: &str, to: &str, page_rows: usize) -> Result<MoveState, MoveError> {
        if (DatabaseKind::of(from)?, DatabaseKind::of(to)?) != (DatabaseKind::Sqlite, DatabaseKind::Postgres) {
            return Err(MoveError::Direction);
        }
        let source = MoveSource::open(from, page_rows).await?;
        let pending = Migrator::get_pending_migrations_read_only(source.through_sea_orm()?).await;
        // An error is a migration that this program does not know.
        if !pending.is_ok_and(|pending| pending.is_empty()) {
            return Err(MoveError::Versions);
        }
        let mut target = MoveTarget::open(to).await?;
        let (of_source, of_target) = match (source.mark().await?, target.mark().await?) {
            (None, Some(_)) => return Err(MoveError::NotOurs),
            (Some(ours), Some(theirs)) if ours.id != theirs.id => return Err(MoveError::NotOurs),
            (Some(ours), theirs)
                if ours.stage == MoveStage::Finished
                    && theirs.as_ref().is_none_or(|theirs| theirs.target != ours.target) =>
            {
                return Err(MoveError::Elsewhere { at: ours.at });
            }
            (Some(ours), Some(theirs)) if theirs.stage == MoveStage::Finished => match ours.stage {
                MoveStage::Copying => return Err(MoveError::Overtaken),
                MoveStage::Finished => return Ok(MoveState::Done { at: theirs.at }),
            },
            (Some(ours), Some(theirs)) => (ours, theirs),
            (ours, None) => {
                if let Some(table) = target.occupied().await? {
                    return Err(MoveError::Occupied { table });
                }
                let id = ours.map_or_else(|| Uuid::now_v7().to_string(), |ours| ours.id);
                let mark = MoveMark { id, stage: MoveStage::Copying, at: Utc::now(), target: None, log: None };
                (mark.clone(), MoveMark { target: Some(Uuid::now_v7().to_string()), ..mark })
            }
        };
        let mut opened = Self { from: from.to_owned(), source, target, of_source, of_target, page_rows };
        opened.touch().await?;
        Ok(MoveState::Ready(Box::new(opened)))
    }

    /// Marks both sides as being worked on: the target first, which no daemon may use from then on.
    async fn touch(&mut self) -> Result<(), MoveError> {
        let now = Utc::now();
        self.of_target.at = now;
        self.target.keep(&self.of_target).await?;
        if self.of_source.stage == MoveStage::Copying {
            self.of_source.at = now;
            self.source.keep(&self.of_source).await?;
        }
        Ok(())
    }

    /// Copies while the daemon goes on, pass by pass, until little is left. Returns the passes.
    ///
    /// # Errors
    /// [`MoveError`]; the same again goes on.
    pub async fn copy(&mut self, tell: &mut (dyn FnMut(MoveProgress) + Send)) -> Result<Vec<MovePass>, MoveError> {
        self.make_months().await?;
        let mut passes: Vec<MovePass> = Vec::new();
        while passes.len() < PASSES && passes.last().is_none_or(|pass| pass.written > LITTLE) {
            passes.push(self.pass(None, tell).await?);
            self.touch().await?;
        }
        self.target.analyze().await?;
        Ok(passes)
    }

    /// The last pass. Nobody writes to the source from its beginning on, so what differs then is an error. When all
    /// is the same, the source is marked as left and then the target as whole, so that at no moment both can be used.
    ///
    /// # Errors
    /// [`MoveError`], among them [`StoreError::InUse`] while a daemon has the source.
    pub async fn finish(&mut self, tell: &mut (dyn FnMut(MoveProgress) + Send)) -> Result<MoveVerdict, MoveError> {
        let _no_daemon = Lock::take(&self.from)?;
        self.make_months().await?;
        let nobody_writes = self.source.lock().await?;
        let mut tables = Vec::with_capacity(TABLES.len());
        let pass = self.pass(Some(&mut tables), tell).await?;
        let verdict = MoveVerdict { tables, pass };
        if !verdict.is_done() {
            return Ok(verdict);
        }
        self.target.advance_id_clock().await?;
        let now = Utc::now();
        let target = self.of_target.target.clone();
        self.of_source = MoveMark { stage: MoveStage::Finished, at: now, target, ..self.of_source.clone() };
        self.of_source.write(&nobody_writes).await?;
        nobody_writes.commit().await?;
        self.of_target = MoveMark { stage: MoveStage::Finished, at: now, ..self.of_target.clone() };
        self.target.keep_for_good(&self.of_target).await?;
        Ok(verdict)
    }

    async fn pass(
        &mut self,
        mut compared: Option<&mut Vec<Compared>>,
        tell: &mut (dyn FnMut(MoveProgress) + Send),
    ) -> Result<MovePass, MoveError> {
        let begun = Instant::now();
        let mut pass = MovePass::default();
        for table in TABLES {
            let passed = self.pass_over(table, compared.is_some(), tell).await?;
            pass.read += passed.source.rows;
            pass.written += passed.written;
            if let Some(compared) = compared.as_deref_mut() {
                compared.push(Compared { table: table.name, source: passed.source, target: passed.target });
            }
        }
        pass.took = begun.elapsed();
        let log = TABLES.iter().filter(|table| table.copy_method == CopyMethod::Appended);
        let mut all = pass.read;
        for table in log {
            all += self.source.about(table).await;
        }
        let more = u32::try_from(all / pass.read.max(1)).unwrap_or(u32::MAX).saturating_add(1);
        pass.last_takes = pass.took.saturating_mul(more);
        Ok(pass)
    }
}
