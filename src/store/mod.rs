//! The heart's ports over SQLite and PostgreSQL.
//!
//! All writing goes through one task, or a few, that commit whatever waits as one transaction ([`writer`]); questions that
//! come by the thousand are answered in bulk ([`reader`]). What is one database's own, and its SQL, stands in [`sqlite`]
//! and [`postgres`]; [`link`] is what they have in common.

mod blocked_reason;
pub mod conversations;
mod database;
mod dump;
mod error;
mod events;
mod history;
mod link;
mod moving;
mod nodes;
pub mod operator;
mod ports;
mod postgres;
mod quota_leases;
mod reader;
mod retention;
pub mod search;
mod sellers;
mod sql;
mod sqlite;
mod startup;
mod tenants;
#[cfg(test)]
pub(crate) mod tests;
mod timestamp_list;
mod values;
mod writer;

pub mod entity;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::ports::PortError;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;

pub use self::blocked_reason::Wait;
pub use self::dump::{Census, Link};
pub use self::error::StoreError;
pub use self::history::{Archive, Counts, Story};
pub use self::moving::{Compared, Move, MoveError, Opened, PAGE_ROWS, Pass, Progress, Sum, Verdict};
pub use self::nodes::ALIVE_FOR;
pub use self::retention::{Before, Forgotten};
pub use self::sellers::Sellers;
pub use self::sqlite::Lock;
pub use self::tenants::{ChannelRow, TenantRow};

use self::database::Database;
use self::link::{all, text};
use self::reader::{Counter, Desk, Load, RecipientStatusOf};
use self::startup::Arrival;
use self::values::Row;
use self::writer::{Ids, Rounds, Writer, WriterConnection};

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn of(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Ok(Self::Sqlite)
        } else if postgres::is_ours(url) {
            Ok(Self::Postgres)
        } else {
            Err(StoreError::UnsupportedUrl)
        }
    }
}

/// The store: implements `Inbox`, `Turns`, `Outbox` and `RecipientStatuses`. Clones share it. Every future has a deadline.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Writer,
    loads: Counter<Load>,
    standings: Counter<RecipientStatusOf>,
    rounds: Mutex<Rounds>,
    writes: Database,
    reads: Database,
    /// What searches read: SQLite has it in a file of its own.
    index: Database,
    lacks_trigrams: AtomicBool,
    /// SQLite's, for copying its log back.
    copies: Option<Database>,
    arrival: Arrival,
}

impl Store {
    /// Opens `sqlite://path`, making the file when it is not there, or `postgres://…`, and migrates it when `migrate` says
    /// so. Its tasks run on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`StoreError`]: the URL names another database, it cannot be opened, or a migration failed.
    pub async fn open(url: &str, migrate: bool) -> Result<Self, StoreError> {
        match Kind::of(url)? {
            Kind::Sqlite => Self::open_sqlite(url, migrate).await,
            Kind::Postgres => {
                let store = Self::later(url, migrate)?;
                store.prepare().await?;
                store.admit();
                Ok(store)
            }
        }
    }

    async fn open_sqlite(url: &str, migrate: bool) -> Result<Self, StoreError> {
        let write_conn = sqlite::open_writer(url).await?;
        if migrate {
            Migrator::up(&write_conn, None).await?;
        }
        let writes = Database::Sqlite(write_conn.clone());
        moving::admits(&writes, true).await?;
        // One daemon at a time: who asked providers about unknown messages before this one, or let channels rest, is gone.
        for sql in [sqlite::sql::FORGET_ASKERS, sqlite::sql::FORGET_RESTS, sqlite::sql::RECONSIDER] {
            writes.unprepared(sql).await?;
        }
        let last = all(&writes, sql::LAST_INBOUND, []).await?;
        let last = last.first().map(|row: &Row| row.parse_or_null(0)).transpose()?.flatten();
        let reads = Database::Sqlite(sqlite::open_readers(url).await?);
        let copies = sqlite::open_checkpointer(url).await?;
        let index = Database::Sqlite(sqlite::open_index(url).await?);
        let held = WriterConnection::take(&write_conn).await?;
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(held, copies.clone(), Ids::after(last)),
            loads: Counter::open(Desk::Pool(reads.clone())),
            standings: Counter::open(Desk::Pool(reads.clone())),
            rounds: Mutex::default(),
            writes,
            reads,
            index,
            lacks_trigrams: AtomicBool::new(false),
            copies: Some(Database::Sqlite(copies)),
            arrival: Arrival::over(),
        })))
    }

    /// Brings the schema up to date and does nothing else: `palabre migrate`. Answers the names of the steps that were
    /// missing.
    ///
    /// # Errors
    /// [`StoreError`], as [`Store::open`].
    pub async fn migrate(url: &str) -> Result<Vec<String>, StoreError> {
        if Kind::of(url)? == Kind::Postgres {
            return Ok(postgres::migrate(url).await?);
        }
        let conn = sqlite::open_writer(url).await?;
        let missing = Migrator::get_pending_migrations(&conn).await?;
        let missing = missing.iter().map(|step| step.name().to_owned()).collect();
        Migrator::up(&conn, None).await?;
        conn.close().await?;
        Ok(missing)
    }

    /// Whether the database has been reached and brought up to date.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.admitted().is_ok()
    }

    /// Whether the database answers, and somebody is there to write to it.
    ///
    /// # Errors
    /// [`StoreError`]: it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if !self.0.writer.is_alive() {
            return Err(DbErr::Custom("the writer is gone".to_owned()).into());
        }
        self.admitted().map_err(|_| DbErr::Custom("the database was not reached yet".to_owned()))?;
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

    /// Finishes what waits, takes nothing more, and leaves SQLite's one file without a log beside it.
    ///
    /// # Errors
    /// [`StoreError`]: the log could not be copied back; the next start does it.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.writer.close().await;
        self.0.reads.close().await?;
        self.0.index.close().await?;
        if let Some(copies) = &self.0.copies {
            copies.close().await?;
            self.0.writes.unprepared(sqlite::sql::CHECKPOINT).await?;
        }
        self.0.writes.close().await?;
        Ok(())
    }
}
