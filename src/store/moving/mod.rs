//! The move of an installation from SQLite to PostgreSQL (`docs/decisions/0015`).
//!
//! There is one way to copy, whatever was copied before: both sides are read in the order of their keys, a page at a time,
//! and what differs is written. So the command may be killed at any moment and go on where it was, and the daemon may go
//! on writing meanwhile: the next pass finds what it changed. The log of events, which is only added to and has no order
//! but SQLite's own, goes on after the last event that was copied. The last pass, which nobody writes beside, compares
//! every row and reads back what it wrote: it is the verification.

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

use self::catalogue::{Manner, TABLES};
use self::marks::{Mark, Stage};
pub(super) use self::marks::{admits, is_under_way};
use self::source::Source;
use self::target::Target;
use self::text::{Cells, digest};
use super::{Kind, Lock, StoreError};

/// Rows of a page, when nobody says otherwise.
pub const PAGE_ROWS: usize = 2_000;
/// Copying ends when a pass had so little to write that the last one is short, or after so many passes: a daemon that is
/// busy always writes something.
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
    NoSource {
        /// Where it should be.
        path: PathBuf,
    },
    /// The source has another schema than this program.
    #[error(
        "the schema of the SQLite database is not that of this palabre: both must be the same version; when the daemon's \
         is the older one, stop it, run `palabre migrate` on the database, and start the new one"
    )]
    Versions,
    /// Rows of somebody else's.
    #[error("the target is not empty: {table} has rows, and they are not of an earlier run of this move")]
    Occupied {
        /// Where the first of them are.
        table: &'static str,
    },
    /// Another installation moves there.
    #[error("another installation is being moved, or was moved, into this target")]
    NotOurs,
    /// The source was moved to another target, to its end.
    #[error("this database was moved elsewhere on {}, and is not in use any more", at.format("%Y-%m-%d"))]
    Elsewhere {
        /// When.
        at: Timestamp,
    },
    /// The target was moved to, to the end, and the source was taken up again.
    #[error("the target was moved to already and may have been in use since: to move again, begin with an empty one")]
    Overtaken,
    /// Another `palabre migrate` is at it.
    #[error("another `palabre migrate` works on this target")]
    Busy,
    /// A value that no version of Palabre wrote.
    #[error("{table}.{column} has a value that is none of its kind: find the row, mend it, and run this again")]
    Unreadable {
        /// Of SQLite.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// A database is away or refuses, or the daemon runs.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for MoveError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// How far one table is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Of PostgreSQL.
    pub table: &'static str,
    /// Rows that were read so far.
    pub read: u64,
    /// How many there may be.
    pub about: u64,
    /// Rows that were written so far.
    pub written: u64,
}

/// What a pass over all tables did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass {
    /// Rows of the source.
    pub read: u64,
    /// Rows that the target did not have, or not like this.
    pub written: u64,
    /// How long it took.
    pub took: Duration,
    /// How long the last pass would take, at the pace of this one: it reads the log of events as well.
    pub last_takes: Duration,
}

/// All rows of a table, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub rows: u64,
    /// Of what is in them.
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
    /// Of PostgreSQL.
    pub table: &'static str,
    /// As SQLite has it.
    pub source: Sum,
    /// As it reads back from PostgreSQL.
    pub target: Sum,
}

impl Compared {
    /// Whether nothing is missing, and nothing is other than it was.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// What became of the last pass.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Every table.
    pub tables: Vec<Compared>,
    /// What it did.
    pub pass: Pass,
}

impl Verdict {
    /// Whether the move is done. Otherwise the source is as it was, and in use.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tables.iter().all(Compared::is_same)
    }
}

/// A move that may go on, or one that is done.
#[derive(Debug)]
pub enum Opened {
    /// There is something to do.
    Ready(Box<Move>),
    /// It was finished before.
    Done {
        /// When.
        at: Timestamp,
    },
}

/// A move that is under way.
pub struct Move {
    from: String,
    source: Source,
    target: Target,
    of_source: Mark,
    of_target: Mark,
    page_rows: usize,
}

impl std::fmt::Debug for Move {
    /// A URL may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Move").field("of_target", &self.of_target).finish_non_exhaustive()
    }
}

impl Move {
    /// Begins a move, or goes on with one. The target's schema is made; the source gets one row that says where it goes.
    ///
    /// # Errors
    /// [`MoveError`]
    pub async fn open(from: &str, to: &str, page_rows: usize) -> Result<Opened, MoveError> {
        if (Kind::of(from)?, Kind::of(to)?) != (Kind::Sqlite, Kind::Postgres) {
            return Err(MoveError::Direction);
        }
        let source = Source::open(from, page_rows).await?;
        let pending = Migrator::get_pending_migrations_read_only(source.through_sea_orm()?).await;
        // An error is a step that this program does not know.
        if !pending.is_ok_and(|pending| pending.is_empty()) {
            return Err(MoveError::Versions);
        }
        let mut target = Target::open(to).await?;
        let (of_source, of_target) = match (source.mark().await?, target.mark().await?) {
            (None, Some(_)) => return Err(MoveError::NotOurs),
            (Some(ours), Some(theirs)) if ours.id != theirs.id => return Err(MoveError::NotOurs),
            (Some(ours), theirs)
                if ours.stage == Stage::Finished
                    && theirs.as_ref().is_none_or(|theirs| theirs.target != ours.target) =>
            {
                return Err(MoveError::Elsewhere { at: ours.at });
            }
            (Some(ours), Some(theirs)) if theirs.stage == Stage::Finished => match ours.stage {
                Stage::Copying => return Err(MoveError::Overtaken),
                Stage::Finished => return Ok(Opened::Done { at: theirs.at }),
            },
            (Some(ours), Some(theirs)) => (ours, theirs),
            (ours, None) => {
                if let Some(table) = target.occupied().await? {
                    return Err(MoveError::Occupied { table });
                }
                let id = ours.map_or_else(|| Uuid::now_v7().to_string(), |ours| ours.id);
                let mark = Mark { id, stage: Stage::Copying, at: Utc::now(), target: None, log: None };
                (mark.clone(), Mark { target: Some(Uuid::now_v7().to_string()), ..mark })
            }
        };
        let mut opened = Self { from: from.to_owned(), source, target, of_source, of_target, page_rows };
        opened.touch().await?;
        Ok(Opened::Ready(Box::new(opened)))
    }

    /// Both sides know that somebody is at work: the target first, which no daemon may take for its own from then on.
    async fn touch(&mut self) -> Result<(), MoveError> {
        let now = Utc::now();
        self.of_target.at = now;
        self.target.keep(&self.of_target).await?;
        if self.of_source.stage == Stage::Copying {
            self.of_source.at = now;
            self.source.keep(&self.of_source).await?;
        }
        Ok(())
    }

    /// Copies while the daemon goes on, pass by pass, until little is left. Answers the passes.
    ///
    /// # Errors
    /// [`MoveError`]; the same again goes on.
    pub async fn copy(&mut self, tell: &mut (dyn FnMut(Progress) + Send)) -> Result<Vec<Pass>, MoveError> {
        self.make_months().await?;
        let mut passes: Vec<Pass> = Vec::new();
        while passes.len() < PASSES && passes.last().is_none_or(|pass| pass.written > LITTLE) {
            passes.push(self.pass(None, tell).await?);
            self.touch().await?;
        }
        self.target.analyze().await?;
        Ok(passes)
    }

    /// The last pass: nobody writes to the source from its beginning on, and what differs then is an error. When all is the
    /// same, the source is marked as left and the target as whole, in this order, so that at no moment both can be used.
    ///
    /// # Errors
    /// [`MoveError`], among them [`StoreError::InUse`] while a daemon has the source.
    pub async fn finish(&mut self, tell: &mut (dyn FnMut(Progress) + Send)) -> Result<Verdict, MoveError> {
        let _no_daemon = Lock::take(&self.from)?;
        self.make_months().await?;
        let nobody_writes = self.source.lock().await?;
        let mut tables = Vec::with_capacity(TABLES.len());
        let pass = self.pass(Some(&mut tables), tell).await?;
        let verdict = Verdict { tables, pass };
        if !verdict.is_done() {
            return Ok(verdict);
        }
        self.target.follow_on().await?;
        let now = Utc::now();
        let target = self.of_target.target.clone();
        self.of_source = Mark { stage: Stage::Finished, at: now, target, ..self.of_source.clone() };
        self.of_source.write(&nobody_writes).await?;
        nobody_writes.commit().await?;
        self.of_target = Mark { stage: Stage::Finished, at: now, ..self.of_target.clone() };
        self.target.keep_for_good(&self.of_target).await?;
        Ok(verdict)
    }

    async fn pass(
        &mut self,
        mut compared: Option<&mut Vec<Compared>>,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Pass, MoveError> {
        let begun = Instant::now();
        let mut pass = Pass::default();
        for table in TABLES {
            let passed = self.pass_over(table, compared.is_some(), tell).await?;
            pass.read += passed.source.rows;
            pass.written += passed.written;
            if let Some(compared) = compared.as_deref_mut() {
                compared.push(Compared { table: table.name, source: passed.source, target: passed.target });
            }
        }
        pass.took = begun.elapsed();
        let log = TABLES.iter().filter(|table| table.manner == Manner::Appended);
        let mut all = pass.read;
        for table in log {
            all += self.source.about(table).await;
        }
        let more = u32::try_from(all / pass.read.max(1)).unwrap_or(u32::MAX).saturating_add(1);
        pass.last_takes = pass.took.saturating_mul(more);
        Ok(pass)
    }
}
