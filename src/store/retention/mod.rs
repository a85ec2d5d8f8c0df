//! Retention: deletes old messages and events.
//!
//! On PostgreSQL whole months are dropped ([`partitions`]); rows of the default partitions, and everything on SQLite,
//! are deleted a page at a time ([`pages`]), each page a short job of the writer.
//!
//! The ids that providers gave to inbound messages stay: a captured webhook is good for as long as its key is, and it must not
//! be taken as new when its message is gone (I2).
//!
//! What is open is never deleted, however old it is, nor is what it refers to and the events of its flow; nor are
//! consents, and the messages that prove them. A message's age counts from its last change.

mod old_rows;
mod pages;
mod partitions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use palabre_actors::domain::Timestamp;

pub(super) use self::old_rows::{OldRows, RetainedTable};
use super::moving;
use super::{Store, StoreError};

/// While a move goes on, SQLite's rows stay: they would have to be deleted twice. A move that nobody continued for so
/// long was given up.
const MOVE_GIVEN_UP: TimeDelta = TimeDelta::days(7);

/// What is older may be deleted. `None`: it stays for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionCutoffs {
    /// For `messages_in`, `messages_out`.
    pub messages: Option<Timestamp>,
    /// `event_log`
    pub events: Option<Timestamp>,
}

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Rows, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Dropped partitions.
    pub months: Vec<String>,
    /// Partitions that are old enough and stay: too many of their rows must, or the table was in use all the time.
    pub held: Vec<String>,
}

impl RetentionReport {
    /// Whether nothing was deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.values().all(|rows| *rows == 0) && self.months.is_empty()
    }

    fn add(&mut self, table: &'static str, rows: u64) {
        if rows > 0 {
            *self.rows.entry(table).or_default() += rows;
        }
    }
}

impl Store {
    /// Deletes what is older. The next call goes on where this one ended, however it ended. Of several nodes one
    /// deletes months at a time; the others find nothing to do.
    ///
    /// # Errors
    /// [`StoreError`]: the database is away or refused; what was deleted stays so.
    pub async fn delete_old(&self, before: RetentionCutoffs) -> Result<RetentionReport, StoreError> {
        self.prepared()?;
        let mut report = RetentionReport::default();
        if moving::is_under_way(&self.0.reads, Utc::now() - MOVE_GIVEN_UP).await? {
            tracing::info!("the database is being moved, nothing is deleted meanwhile");
            return Ok(report);
        }
        if let Some(server) = self.0.startup.server() {
            partitions::delete_old(server, before, &mut report).await?;
        }
        if let Some(since) = before.messages {
            // Outbound first: whether an inbound message stays depends on the answers that are left.
            for table in [RetainedTable::Outbound, RetainedTable::Inbound] {
                let rows = self.forget_messages(table, since).await?;
                report.add(table.table(), rows);
            }
        }
        if let Some(since) = before.events {
            let rows = self.forget_events(since).await?;
            report.add(RetainedTable::Events.table(), rows);
        }
        Ok(report)
    }
}
