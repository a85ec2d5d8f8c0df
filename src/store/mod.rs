//! The heart's ports over SQLite.
//!
//! All writing goes through one task that commits whatever waits as one transaction ([`writer`]); questions that come by
//! the thousand are answered in bulk ([`reader`]). What is SQLite's own, and its SQL, stands in
//! [`sqlite`] alone.

mod census;
mod error;
mod events;
mod explain;
pub mod operator;
mod ports;
mod reader;
mod sellers;
mod sqlite;
mod tenants;
#[cfg(test)]
pub(crate) mod tests;
mod values;
mod waits;
mod writer;

pub mod entity;

use std::sync::{Arc, Mutex};

use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::ports::PortError;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::{DatabaseConnection, DbErr};

pub use self::census::{Census, Link};
pub use self::error::StoreError;
pub use self::explain::{Archive, Counts, Story};
pub use self::sellers::Sellers;
pub use self::sqlite::Lock;
pub use self::tenants::{ChannelRow, TenantRow};
pub use self::waits::Wait;

use self::reader::{Counter, Load, Stands};
use self::sqlite::sql;
use self::values::{Row, all, change, text};
use self::writer::{Held, Ids, Rounds, Writer};

/// The store: implements `Inbox`, `Turns`, `Outbox` and `Standings`. Clones share it. Every future has a deadline.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Writer,
    loads: Counter<Load>,
    standings: Counter<Stands>,
    rounds: Mutex<Rounds>,
    write_conn: DatabaseConnection,
    copies: DatabaseConnection,
    reads: DatabaseConnection,
}

impl Store {
    /// Opens `sqlite://path`, making the file when it is not there, and migrates it when `migrate` says so. Its tasks run
    /// on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`StoreError`]: the URL is not one of SQLite's, the file cannot be opened, or a migration failed.
    pub async fn open(url: &str, migrate: bool) -> Result<Self, StoreError> {
        if !url.starts_with("sqlite:") {
            return Err(StoreError::UnsupportedUrl);
        }
        let write_conn = sqlite::open_writer(url).await?;
        if migrate {
            Migrator::up(&write_conn, None).await?;
        }
        // One daemon at a time: who asked providers about unknown messages before this one is gone.
        change(&write_conn, sql::FORGET_ASKERS, []).await?;
        change(&write_conn, sql::FORGET_RESTS, []).await?;
        change(&write_conn, sql::RECONSIDER, []).await?;
        let last = all(&write_conn, sql::LAST_INBOUND, []).await?;
        let last = last.first().map(|row: &Row| row.parse_or_null(0)).transpose()?.flatten();
        let reads = sqlite::open_readers(url).await?;
        let copies = sqlite::open_checkpointer(url).await?;
        let held = Held::take(&write_conn).await?;
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(held, copies.clone(), Ids::after(last)),
            loads: Counter::open(reads.clone()),
            standings: Counter::open(reads.clone()),
            rounds: Mutex::default(),
            write_conn,
            copies,
            reads,
        })))
    }

    /// Brings the schema up to date and does nothing else: `palabre migrate`. Answers the names of the steps that were
    /// missing.
    ///
    /// # Errors
    /// [`StoreError`], as [`Store::open`].
    pub async fn migrate(url: &str) -> Result<Vec<String>, StoreError> {
        if !url.starts_with("sqlite:") {
            return Err(StoreError::UnsupportedUrl);
        }
        let conn = sqlite::open_writer(url).await?;
        let missing = Migrator::get_pending_migrations(&conn).await?;
        let missing = missing.iter().map(|step| step.name().to_owned()).collect();
        Migrator::up(&conn, None).await?;
        conn.close().await?;
        Ok(missing)
    }

    /// Whether the database answers, and somebody is there to write to it.
    ///
    /// # Errors
    /// [`StoreError`]: it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if !self.0.writer.is_alive() {
            return Err(DbErr::Custom("the writer is gone".to_owned()).into());
        }
        self.0.reads.ping().await.map_err(StoreError::from)
    }

    /// The message that was asked for with this key: what stood in the way of a turn that brought the key again.
    ///
    /// # Errors
    /// As every question of the ports.
    pub async fn asked_before(&self, tenant: &TenantId, key: &str) -> Result<Option<OutboundId>, PortError> {
        let rows = self.read(sql::ASKED_BEFORE, [text(tenant.as_str()), text(key)], |row| row.parse(0)).await?;
        Ok(rows.first().copied())
    }

    /// What was written, to read at leisure.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive::over(self.0.reads.clone())
    }

    /// Finishes what waits, takes nothing more, and leaves one file without a log beside it.
    ///
    /// # Errors
    /// [`StoreError`]: the log could not be copied back; the next start does it.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.writer.close().await;
        self.0.reads.close_by_ref().await?;
        self.0.copies.close_by_ref().await?;
        all(&self.0.write_conn, sql::CHECKPOINT, []).await?;
        self.0.write_conn.close_by_ref().await?;
        Ok(())
    }
}
