//! One table's pass: writes what the target lacks.

use chrono::{DateTime, TimeDelta, Utc};
use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use super::catalogue::{CopyMethod, MoveTable};
use super::comparison::difference;
use super::marks::Copied;
use super::text::key;
use super::{Move, MoveError, MoveProgress, Sum, sql};
use crate::store::values::{corrupt, parse_time};

/// SQLite's rowids begin at 1.
const FIRST: i64 = 0;
/// No installation is older.
const OLDEST: TimeDelta = TimeDelta::days(20 * 366);

type Key = Vec<Option<String>>;

#[derive(Default)]
pub(super) struct Passed {
    pub written: u64,
    /// Rows read, with checksums only when they are compared.
    pub source: Sum,
    pub target: Sum,
}

/// What to do with differences.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CompareMode {
    Clear,
    Write,
    /// Write, and add up what both sides have then.
    Verify,
}

impl Move {
    pub(super) async fn pass_over(
        &mut self,
        table: &'static MoveTable,
        verify: bool,
        tell: &mut (dyn FnMut(MoveProgress) + Send),
    ) -> Result<Passed, MoveError> {
        let mode = if verify { CompareMode::Verify } else { CompareMode::Write };
        match table.copy_method {
            CopyMethod::Appended => {
                let mut passed = self.append(table, tell).await?;
                if verify {
                    (passed.source, passed.target) = self.sums_of_log(table, tell).await?;
                    if passed.source != passed.target {
                        // Events were deleted meanwhile, or changed by hand; which, is not known.
                        self.begin_log().await?;
                        passed.written += self.append(table, tell).await?.written;
                        (passed.source, passed.target) = self.sums_of_log(table, tell).await?;
                    }
                }
                Ok(passed)
            }
            CopyMethod::Compared => self.compare(table, mode, tell).await,
            CopyMethod::ClearedFirst => {
                self.compare(table, CompareMode::Clear, tell).await?;
                self.compare(table, mode, tell).await
            }
        }
    }

    async fn compare(
        &mut self,
        table: &MoveTable,
        mode: CompareMode,
        tell: &mut (dyn FnMut(MoveProgress) + Send),
    ) -> Result<Passed, MoveError> {
        let about = self.source.about(table).await;
        let mut passed = Passed::default();
        let mut read = 0;
        let mut after: Option<Key> = None;
        let mut nothing_behind = false;
        let mut page = self.source.page(table, None).await?;
        loop {
            let last = page.last().map(|cells| key(table, cells).to_vec());
            let mut theirs = Vec::new();
            if !nothing_behind {
                theirs = self.target.range(table, after.as_deref(), last.as_deref(), self.page_rows).await?;
                nothing_behind = theirs.is_empty()
                    && self.target.range(table, last.as_deref().or(after.as_deref()), None, 1).await?.is_empty();
            }
            // The target's page is full: rows behind its end are for the next page.
            let end = match theirs.last() {
                Some(cells) if theirs.len() >= self.page_rows => Some(key(table, cells).to_vec()),
                _ => last,
            };
            let Some(end) = end else {
                passed.source.rows = read;
                return Ok(passed);
            };
            let ours = &page[..page.partition_point(|cells| key(table, cells) <= end.as_slice())];
            let mut differing = difference(table, ours, &theirs);
            if mode == CompareMode::Clear {
                differing.add.clear();
            }
            read += ours.len() as u64;
            passed.written += differing.add.len() as u64;
            tell(MoveProgress { table: table.name, read, about, written: passed.written });
            let target = &mut self.target;
            let written = async {
                target.write(table, &differing).await?;
                if differing.is_empty() || mode != CompareMode::Verify {
                    return Ok(None);
                }
                target.range(table, after.as_deref(), Some(&end), ours.len() + 1).await.map(Some)
            };
            let (stored, next) = tokio::join!(written, self.source.page(table, Some(&end)));
            if mode == CompareMode::Verify {
                let stored = stored?;
                ours.iter().for_each(|cells| passed.source.add(cells));
                stored.as_ref().unwrap_or(&theirs).iter().for_each(|cells| passed.target.add(cells));
            } else {
                stored?;
            }
            page = next?;
            after = Some(end);
        }
    }

    /// Appends the events since the last pass.
    async fn append(
        &mut self,
        table: &MoveTable,
        tell: &mut (dyn FnMut(MoveProgress) + Send),
    ) -> Result<Passed, MoveError> {
        let about = self.source.about(table).await;
        let mut passed = Passed::default();
        let mut after = match &self.of_target.log {
            Some(Copied { number, event }) if self.source.event(*number).await?.as_ref() == Some(event) => *number,
            // SQLite renumbered its rows (VACUUM may): which are copied is not known.
            _ => self.begin_log().await?,
        };
        let mut page = self.source.log(table, after).await?;
        while let Some(last) = page.last() {
            after = last.number;
            let event = last.cells.first().cloned().flatten().ok_or_else(|| corrupt("an event's id"))?;
            self.of_target.log = Some(Copied { number: after, event });
            let events: Vec<_> = page.iter().map(|numbered| &numbered.cells).collect();
            passed.source.rows += events.len() as u64;
            tell(MoveProgress { table: table.name, read: passed.source.rows, about, written: passed.source.rows });
            let (written, next) =
                tokio::join!(self.target.append(table, &events, &self.of_target), self.source.log(table, after));
            written?;
            page = next?;
        }
        passed.written = passed.source.rows;
        Ok(passed)
    }

    async fn begin_log(&mut self) -> Result<i64, MoveError> {
        self.of_target.log = None;
        self.target.begin_log(&self.of_target).await?;
        Ok(FIRST)
    }

    /// Both sides at once: it is the longest part of the last pass.
    async fn sums_of_log(
        &mut self,
        table: &'static MoveTable,
        tell: &mut (dyn FnMut(MoveProgress) + Send),
    ) -> Result<(Sum, Sum), MoveError> {
        let about = self.source.about(table).await;
        let source = tokio::spawn(self.source.clone().sum_of_log(table));
        let target = self.target.sum(table, |read| tell(MoveProgress { table: table.name, read, about, written: 0 }));
        let target = target.await?;
        let source = source.await.map_err(|_| corrupt("the log of events"))?;
        Ok((source?, target))
    }

    /// Makes partitions for all months from which rows are copied.
    pub(super) async fn make_months(&mut self) -> Result<(), MoveError> {
        let mut oldest: Vec<Timestamp> = Vec::new();
        for sql in sql::OLDEST_MESSAGES {
            let id = self.source.value(sql).await?.and_then(|id| Uuid::parse_str(&id).ok());
            let seconds = id.and_then(|id| id.get_timestamp()).map(|at| at.to_unix().0);
            oldest.extend(seconds.and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)));
        }
        let event = self.source.value(sql::OLDEST_EVENT).await?;
        oldest.extend(event.and_then(|at| parse_time(&at).ok()));
        let now = Utc::now();
        // An older time comes from a wrong clock: the default partition takes the row.
        let since = oldest.into_iter().min().unwrap_or(now).max(now - OLDEST);
        self.target.make_months(since).await
    }
}
