//! Journals: the events that their files are written from, how far each is, and which node writes them.

use std::collections::HashSet;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{CorrelationId, NodeId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::database::DatabasePool;
use super::operator::Operator;
use super::statement::{Dialect, SqlExecutor, Value, all, change, column, count, list, text, text_or_null, time};
use super::values::{Row, first_id_of};
use super::{Store, StoreError, sql};

/// Events that are read at a time.
const PAGE: usize = 1000;
/// A younger event is left for the next page: an inbound message's conversation is known once it had its turn.
const SETTLED: TimeDelta = TimeDelta::milliseconds(300);
/// An event with an id from further ahead was made by a clock that was wrong: it is not waited for.
const AHEAD: TimeDelta = TimeDelta::seconds(5);
/// On PostgreSQL an event may be committed so long after one with a later id. What is older is complete once it was read again.
const LATE: TimeDelta = TimeDelta::seconds(60);
/// PostgreSQL reads so much of the log at a time: the index of ids finds the beginning of a range, not its first rows.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// How far a journal is in the event log. On SQLite, the number of a row: rows are appended as they are committed. On PostgreSQL,
/// the last id that was read, and the id up to which nothing can be missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition {
    newest: String,
    complete: String,
}

/// A message that came to be in a state: a line of a journal. `Debug` does not show the text (I10).
#[derive(Clone)]
pub struct JournalRow {
    /// The event.
    pub id: Uuid,
    pub tenant: TenantId,
    /// `None`: the message is gone by retention, as with the fields that follow it.
    pub channel: Option<String>,
    pub provider: Option<String>,
    pub is_outbound: bool,
    pub event: String,
    /// `None`: the message belongs to no conversation yet.
    pub contact: Option<Uuid>,
    /// The CRM's record of the contact, or the newest of their leads.
    pub lead: Option<String>,
    pub message: Uuid,
    pub correlation: CorrelationId,
    pub created_at: Timestamp,
    /// For tenants whose texts are meant.
    pub content: Option<JournalContent>,
}

/// Who wrote what to whom.
#[derive(Clone)]
pub struct JournalContent {
    pub from: Option<String>,
    pub to: Option<String>,
    pub body: Option<String>,
}

impl std::fmt::Debug for JournalRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalRow").field("id", &self.id).field("event", &self.event).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for JournalContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalContent").finish_non_exhaustive()
    }
}

/// What was read.
#[derive(Debug)]
pub struct JournalPage {
    /// On PostgreSQL events of the last minute come twice, and whoever writes them knows their ids.
    pub rows: Vec<JournalRow>,
    /// Where the next page begins.
    pub next: JournalPosition,
    /// Whether more is there already.
    pub has_more: bool,
}

/// What a journal has to say about a message: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFact {
    pub message: Uuid,
    pub event: String,
    pub created_at: Timestamp,
}

impl JournalPosition {
    /// Events before it are never read again. `None`: none is.
    #[must_use]
    pub fn complete_before(&self) -> Option<Uuid> {
        self.complete.parse().ok()
    }
}

impl Store {
    /// Takes the journals of tenants, or prolongs that, and keeps how far each is. Answers those that the node has, each with
    /// its position (`None`: it was never written). Those of other nodes are missing.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or was not reached yet.
    pub async fn lease_journals(
        &self,
        journals: &[(TenantId, Option<JournalPosition>)],
        node: &NodeId,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Vec<(TenantId, Option<JournalPosition>)>, StoreError> {
        self.prepared()?;
        let rows = journals.iter().map(|(tenant, position)| {
            let newest = position.as_ref().map(|position| position.newest.as_str());
            let complete = position.as_ref().map(|position| position.complete.as_str());
            [text(tenant.as_str()), text_or_null(newest), text_or_null(complete)]
        });
        let rows = list(rows);
        let values = [rows, text(node.as_str()), time(now), time(until)];
        let rows = all(&self.0.writes, sql::LEASE_JOURNALS, values).await?;
        let leased = |row: &Row| {
            let (newest, complete): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            let position = newest.map(|newest| JournalPosition { newest, complete: complete.unwrap_or_default() });
            Ok((row.tenant(0)?, position))
        };
        Ok(rows.iter().map(leased).collect::<Result<_, DbErr>>()?)
    }

    /// Gives up all journals of a node.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn release_journals(&self, node: &NodeId) -> Result<(), StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::RELEASE_JOURNALS, [text(node.as_str())]).await?;
        Ok(())
    }

    /// Where a journal begins that has no position: after an event that stands in its files, or at the end of the log.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn journal_start(&self, after: Option<Uuid>, now: Timestamp) -> Result<JournalPosition, StoreError> {
        match self.0.reads.dialect() {
            Dialect::Sqlite => {
                let after = after.map(|id| id.to_string()).unwrap_or_default();
                let rows = all(&self.0.reads, sql::JOURNAL_START, [text(after)]).await?;
                let newest = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
                Ok(JournalPosition { newest, complete: String::new() })
            }
            Dialect::Postgres => {
                let newest = after.map_or_else(|| first_id_of(now), |id| id.to_string());
                let complete = after.and_then(made_at).map_or_else(|| newest.clone(), |at| first_id_of(at - LATE));
                Ok(JournalPosition { newest, complete })
            }
        }
    }

    /// Events of these tenants after a position; with `revealed` whose texts are meant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn journal_page(
        &self,
        position: &JournalPosition,
        (tenants, revealed): (&[TenantId], &[TenantId]),
        now: Timestamp,
    ) -> Result<JournalPage, StoreError> {
        // A statement over an empty list is not run.
        let revealed = column(revealed.iter().map(TenantId::as_str).chain([""]));
        let log = LogReader { reads: &self.0.reads, tenants: column(tenants), revealed };
        match self.0.reads.dialect() {
            Dialect::Sqlite => {
                let found = log.range(&position.newest, "").await?;
                let mut next = position.clone();
                let mut rows = Vec::new();
                let young = (first_id_of(now - SETTLED), first_id_of(now + AHEAD));
                for row in &found {
                    let id: String = row.get(1)?;
                    if (&young.0..&young.1).contains(&&id) {
                        return Ok(JournalPage { rows, next, has_more: false });
                    }
                    next.newest = row.get(0)?;
                    rows.extend(read(row)?);
                }
                Ok(JournalPage { rows, next, has_more: found.len() == PAGE })
            }
            Dialect::Postgres => {
                let mut next = position.clone();
                let late = first_id_of(now - LATE);
                let (newest, more) = log.step(&position.newest, &first_id_of(now - SETTLED), &mut next.newest).await?;
                let (again, more_again) = log.step(&position.complete, &late, &mut next.complete).await?;
                let mut rows = Vec::new();
                let mut known = HashSet::new();
                for row in newest.iter().chain(&again) {
                    if known.insert(row.get::<String>(1)?) {
                        rows.extend(read(row)?);
                    }
                }
                Ok(JournalPage { rows, next, has_more: more || more_again })
            }
        }
    }
}

impl Operator {
    /// Since when a tenant's journal is written. `None`: it was never.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn journal_since(&self, tenant: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        let rows = all(self.reads(), sql::JOURNAL_SINCE, [text(tenant.as_str())]).await?;
        Ok(rows.first().map(|row| row.time(0)).transpose()?)
    }

    /// What a tenant's journal has to say of a time.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn journal_facts(
        &self,
        tenant: &TenantId,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Vec<JournalFact>, StoreError> {
        let rows = all(self.reads(), sql::JOURNAL_OF, [text(tenant.as_str()), time(from), time(until)]).await?;
        let fact = |row: &Row| Ok(JournalFact { message: row.parse(0)?, event: row.get(1)?, created_at: row.time(2)? });
        Ok(rows.iter().map(fact).collect::<Result<_, DbErr>>()?)
    }
}

/// Reads the event log for some tenants.
struct LogReader<'a> {
    reads: &'a DatabasePool,
    tenants: Value,
    revealed: Value,
}

impl LogReader<'_> {
    async fn range(&self, after: &str, before: &str) -> Result<Vec<Row>, DbErr> {
        let values = [text(after), text(before), self.tenants.clone(), self.revealed.clone(), count(PAGE)];
        all(self.reads, sql::JOURNAL_PAGE, values).await
    }

    /// One range of ids, at most a window, and whether there is more before its end. `next` moves behind it.
    async fn step(&self, after: &str, before: &str, next: &mut String) -> Result<(Vec<Row>, bool), DbErr> {
        if after >= before {
            return Ok((Vec::new(), false));
        }
        let window = after.parse().ok().and_then(made_at).map(|at| first_id_of(at + WINDOW));
        let end = window.filter(|window| window.as_str() < before).unwrap_or_else(|| before.to_owned());
        let rows = self.range(after, &end).await?;
        match rows.last().filter(|_| rows.len() == PAGE) {
            Some(last) => *next = last.get(0)?,
            None => next.clone_from(&end),
        }
        let has_more = next.as_str() < before;
        Ok((rows, has_more))
    }
}

/// Columns as `sql::JOURNAL_PAGE` selects them. `None`: it stands in no journal.
fn read(row: &Row) -> Result<Option<JournalRow>, DbErr> {
    if !row.get::<bool>(16)? {
        return Ok(None);
    }
    let shown: bool = row.get(12)?;
    let content =
        if shown { Some(JournalContent { from: row.get(13)?, to: row.get(14)?, body: row.get(15)? }) } else { None };
    Ok(Some(JournalRow {
        id: row.parse(1)?,
        tenant: row.tenant(2)?,
        event: row.get(3)?,
        is_outbound: row.get(4)?,
        message: row.parse(5)?,
        channel: row.get(6)?,
        provider: row.get(7)?,
        contact: row.parse_or_null(8)?,
        lead: row.get(9)?,
        correlation: row.parse(10)?,
        created_at: row.time(11)?,
        content,
    }))
}

/// When an id was made: its first 48 bits.
fn made_at(id: Uuid) -> Option<Timestamp> {
    Timestamp::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}
