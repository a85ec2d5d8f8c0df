//! What is older than its retention goes: messages, events, and the keys by which repeats are known.
//!
//! On PostgreSQL whole months are dropped ([`months`]); what the default partitions hold, and everything on SQLite, goes a
//! page at a time ([`pages`]), each page a short job of the writer among others.
//!
//! What has no end yet is never deleted, however old it is, nor is what it refers to and what happened in its flow; nor are
//! consents, and the messages that prove them. A message's age counts from the last thing that happened to it.

mod pages;
mod partitions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use palabre_actors::domain::Timestamp;

pub(super) use self::pages::{Shelf, Strip};
use super::moving;
use super::{Store, StoreError};

/// While a move goes on, SQLite's rows stay: they would have to be deleted twice. One that nobody went on with for so long
/// was given up.
const MOVE_GIVEN_UP: TimeDelta = TimeDelta::days(7);

/// What is older than this may go. `None`: it stays for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// `messages_in`, `messages_out`.
    pub messages: Option<Timestamp>,
    /// `event_log`
    pub events: Option<Timestamp>,
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Partitions.
    pub months: Vec<String>,
    /// Partitions that are old enough and stay: too many of their rows must, or somebody was using the table all the time.
    pub held: Vec<String>,
}

impl Forgotten {
    /// Whether nothing went.
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
    /// Deletes what is older. Whoever asks again goes on where this one ended, however it did. Of several nodes one does it
    /// at a time; the others find nothing to do.
    ///
    /// # Errors
    /// [`StoreError`]: the database is away or refused; what was deleted stays so.
    pub async fn forget(&self, before: Before) -> Result<Forgotten, StoreError> {
        self.prepared()?;
        let mut forgotten = Forgotten::default();
        if moving::is_under_way(&self.0.reads, Utc::now() - MOVE_GIVEN_UP).await? {
            tracing::info!("the database is being moved, nothing is deleted meanwhile");
            return Ok(forgotten);
        }
        if let Some(server) = self.0.arrival.server() {
            partitions::forget(server, before, &mut forgotten).await?;
        }
        if let Some(since) = before.messages {
            // Answers first: what they answer is looked at in the light of those that are left.
            for shelf in [Shelf::Outbound, Shelf::Inbound] {
                let rows = self.forget_messages(shelf, since).await?;
                forgotten.add(shelf.table(), rows);
            }
        }
        if let Some(since) = before.events {
            let rows = self.forget_events(since).await?;
            forgotten.add(Shelf::Events.table(), rows);
        }
        Ok(forgotten)
    }
}
