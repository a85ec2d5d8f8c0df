//! One table's pass: what the source has and the target has not is written there.

use chrono::{DateTime, TimeDelta, Utc};
use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use super::catalogue::{Manner, Table};
use super::comparison::difference;
use super::marks::Copied;
use super::text::key;
use super::{Move, MoveError, Progress, Sum, sql};
use crate::store::values::{corrupt, parse_time};

/// SQLite numbers rows from 1 on.
const FIRST: i64 = 0;
/// Nobody has months of before.
const OLDEST: TimeDelta = TimeDelta::days(20 * 366);

type Key = Vec<Option<String>>;

/// What a pass over one table brought.
#[derive(Default)]
pub(super) struct Passed {
    pub written: u64,
    /// What was read there; without a checksum, unless it is asked for.
    pub source: Sum,
    pub target: Sum,
}

/// What to do about what differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Clear,
    Write,
    /// Write, and add up what both sides have then.
    Verify,
}

impl Move {
    pub(super) async fn pass_over(
        &mut self,
        table: &'static Table,
        verify: bool,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Passed, MoveError> {
        let doing = if verify { Doing::Verify } else { Doing::Write };
        match table.manner {
            Manner::Appended => {
                let mut passed = self.append(table, tell).await?;
                if verify {
                    (passed.source, passed.target) = self.sums_of_log(table, tell).await?;
                    if passed.source != passed.target {
                        // Some were deleted meanwhile, or changed by hand. Which, nothing tells.
                        self.begin_log().await?;
                        passed.written += self.append(table, tell).await?.written;
                        (passed.source, passed.target) = self.sums_of_log(table, tell).await?;
                    }
                }
                Ok(passed)
            }
            Manner::Compared => self.compare(table, doing, tell).await,
            Manner::ClearedFirst => {
                self.compare(table, Doing::Clear, tell).await?;
                self.compare(table, doing, tell).await
            }
        }
    }

    async fn compare(
        &mut self,
        table: &Table,
        doing: Doing,
        tell: &mut (dyn FnMut(Progress) + Send),
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
            // As many as were asked for: there may be more of them, which are for the next page.
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
            if doing == Doing::Clear {
                differing.add.clear();
            }
            read += ours.len() as u64;
            passed.written += differing.add.len() as u64;
            tell(Progress { table: table.name, read, about, written: passed.written });
            let target = &mut self.target;
            let written = async {
                target.write(table, &differing).await?;
                if differing.is_empty() || doing != Doing::Verify {
                    return Ok(None);
                }
                target.range(table, after.as_deref(), Some(&end), ours.len() + 1).await.map(Some)
            };
            let (stored, next) = tokio::join!(written, self.source.page(table, Some(&end)));
            if doing == Doing::Verify {
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

    /// Adds the events that came since the last time.
    async fn append(&mut self, table: &Table, tell: &mut (dyn FnMut(Progress) + Send)) -> Result<Passed, MoveError> {
        let about = self.source.about(table).await;
        let mut passed = Passed::default();
        let mut after = match &self.of_target.log {
            Some(Copied { number, event }) if self.source.event(*number).await?.as_ref() == Some(event) => *number,
            // SQLite gave its rows other numbers (VACUUM may): nobody knows which are there.
            _ => self.begin_log().await?,
        };
        let mut page = self.source.log(table, after).await?;
        while let Some(last) = page.last() {
            after = last.number;
            let event = last.cells.first().cloned().flatten().ok_or_else(|| corrupt("an event's id"))?;
            self.of_target.log = Some(Copied { number: after, event });
            let events: Vec<_> = page.iter().map(|numbered| &numbered.cells).collect();
            passed.source.rows += events.len() as u64;
            tell(Progress { table: table.name, read: passed.source.rows, about, written: passed.source.rows });
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

    /// Both sides at once: it is the longest part of the end.
    async fn sums_of_log(
        &mut self,
        table: &'static Table,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(Sum, Sum), MoveError> {
        let about = self.source.about(table).await;
        let source = tokio::spawn(self.source.clone().sum_of_log(table));
        let target = self.target.sum(table, |read| tell(Progress { table: table.name, read, about, written: 0 }));
        let target = target.await?;
        let source = source.await.map_err(|_| corrupt("the log of events"))?;
        Ok((source?, target))
    }

    /// Partitions for all months of which something is moved.
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
        // What is older than that was made by a clock that was wrong: the default partition takes it.
        let since = oldest.into_iter().min().unwrap_or(now).max(now - OLDEST);
        self.target.make_months(since).await
    }
}
