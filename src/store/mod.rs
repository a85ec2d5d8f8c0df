//! The core's ports over SQLite and PostgreSQL.
//!
//! All writing goes through one task, or a few, that commit whatever waits as one transaction ([`writer`]); questions
//! that come by the thousand are answered in bulk ([`reader`]). Each database's own code and SQL stand in [`sqlite`]
//! and [`postgres`]; [`statement`] is what they have in common.

mod assistant_usage;
pub mod audit;
mod backup;
mod blocked_reason;
pub mod broadcasts;
pub mod calendar_feeds;
mod composed;
pub mod conversations;
pub mod crm;
mod database;
mod diagnosis;
mod dialect;
mod dump;
mod error;
mod events;
pub mod events_out;
mod faq_entries;
pub mod figures;
mod history;
mod identities;
mod insert;
mod journals;
mod media;
mod moving;
mod nodes;
mod notices;
pub mod operator;
pub mod paid_access;
pub mod people;
mod poll_cursors;
mod ports;
mod postgres;
pub mod privacy;
pub mod push;
mod quota_leases;
mod reader;
mod retention;
mod same_phone;
pub mod search;
mod sellers;
mod silence;
mod sql;
mod sqlite;
mod startup;
mod statement;
mod tenants;
#[cfg(test)]
pub(crate) mod tests;
mod timestamp_list;
mod values;
mod write_health;
mod writer;

pub mod entity;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::ports::PortError;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;
use tokio::sync::OnceCell;

pub use self::backup::{SnapshotContent, SnapshotError, examine_snapshot, prepare_restored, snapshot};
pub use self::blocked_reason::BlockedReason;
pub use self::diagnosis::{DatabaseFacts, ServerFacts};
pub use self::dump::{Dump, RowReference};
pub use self::error::StoreError;
pub(crate) use self::faq_entries::phrases;
pub use self::faq_entries::{FaqRow, StoredFaq, with_rows};
pub use self::history::{FlowHistory, HistoryReader, RowCounts};
pub use self::journals::{JournalContent, JournalFact, JournalPage, JournalPosition, JournalRow};
pub use self::media::{DueMedia, MediaClaim, MediaOutcome, UnwantedMedia};
pub use self::moving::{Compared, Move, MoveError, MovePass, MoveProgress, MoveState, MoveVerdict, PAGE_ROWS, Sum};
pub use self::nodes::{ALIVE_FOR, Heartbeat};
pub use self::notices::DueNotice;
pub use self::retention::{RetentionCutoffs, RetentionReport};
pub use self::sellers::Sellers;
pub use self::sqlite::Lock;
pub(crate) use self::sqlite::path_of as sqlite_path;
pub use self::tenants::{ChannelRow, TenantRow};

use self::database::{DatabasePool, WriteLock};
use self::reader::{BatchReader, LoadConversation, LoadRecipientStatus, ReadConnection};
use self::silence::AddressKey;
use self::startup::StartupState;
use self::statement::{all, text};
use self::values::Row;
use self::write_health::WriteHealth;
use self::writer::{Ids, ScanCursors, Writer, WriterConnection};

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseKind {
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
    write_health: Arc<WriteHealth>,
    conversations: BatchReader<LoadConversation>,
    recipient_statuses: BatchReader<LoadRecipientStatus>,
    cursors: Mutex<ScanCursors>,
    writes: DatabasePool,
    reads: DatabasePool,
    /// What searches read: SQLite has it in a file of its own. `None`: that file cannot be made, and nothing is searched.
    index: Option<DatabasePool>,
    lacks_trigrams: AtomicBool,
    /// Hashes addresses of persons who were erased; read when it is first needed.
    address_key: OnceCell<AddressKey>,
    /// SQLite's, for copying its log back.
    checkpointer: Option<DatabasePool>,
    startup: StartupState,
    countries: sellers::Countries,
}

impl Store {
    /// Opens `sqlite://path`, making the file when it is not there, or `postgres://…`, and migrates it when `migrate` says
    /// so. Its tasks run on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`StoreError`]: the URL names another database, it cannot be opened, or a migration failed.
    pub async fn open(url: &str, migrate: bool) -> Result<Self, StoreError> {
        match DatabaseKind::of(url)? {
            DatabaseKind::Sqlite => Self::open_sqlite(url, migrate, true).await,
            DatabaseKind::Postgres => {
                let store = Self::later(url, migrate)?;
                store.prepare().await?;
                store.admit();
                Ok(store)
            }
        }
    }

    /// Opens a database that a daemon has open, for a command that asks something of conversations.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn beside(url: &str) -> Result<Self, StoreError> {
        match DatabaseKind::of(url)? {
            DatabaseKind::Sqlite => Self::open_sqlite(url, false, false).await,
            DatabaseKind::Postgres => Self::open(url, false).await,
        }
    }

    async fn open_sqlite(url: &str, migrate: bool, is_daemon: bool) -> Result<Self, StoreError> {
        let write_conn = sqlite::open_writer(url).await?;
        if migrate {
            Migrator::up(&write_conn, None).await?;
        }
        let write_lock = WriteLock::default();
        let writes = DatabasePool::SqliteWrites(write_conn.clone(), write_lock.clone());
        moving::admits(&writes, true).await?;
        // SQLite has one daemon at a time: reconciler leases and channel notices of an earlier process are void.
        let void = [
            sqlite::sql::RELEASE_RECONCILER_LEASES,
            sqlite::sql::CLEAR_CHANNEL_NOTICES,
            sqlite::sql::RESET_QUOTA_WAITS,
            sqlite::sql::RELEASE_MEDIA,
        ];
        for sql in void.into_iter().filter(|_| is_daemon) {
            writes.unprepared(sql).await?;
        }
        identities::check(&writes).await?;
        identities::check_waiting(&writes).await?;
        let last = all(&writes, sql::LAST_INBOUND, []).await?;
        let last = last.first().map(|row: &Row| row.parse_or_null(0)).transpose()?.flatten();
        let reads = DatabasePool::Sqlite(sqlite::open_readers(url).await?);
        let checkpointer = sqlite::open_checkpointer(url).await?;
        let index = sqlite::open_index(url).await.map(DatabasePool::Sqlite);
        let conn = WriterConnection::take(&write_conn, write_lock).await?;
        let write_health = WriteHealth::new(sqlite::path_of(url).as_deref());
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(conn, checkpointer.clone(), Ids::after(last), Arc::clone(&write_health)),
            write_health,
            conversations: BatchReader::open(ReadConnection::Pool(reads.clone())),
            recipient_statuses: BatchReader::open(ReadConnection::Pool(reads.clone())),
            cursors: Mutex::default(),
            writes,
            reads,
            index,
            lacks_trigrams: AtomicBool::new(false),
            address_key: OnceCell::new(),
            checkpointer: Some(DatabasePool::Sqlite(checkpointer)),
            startup: StartupState::done(),
            countries: sellers::Countries::default(),
        })))
    }

    /// Brings the schema up to date and does nothing else: `palabre migrate`. Returns the names of the migrations
    /// that were missing.
    ///
    /// # Errors
    /// [`StoreError`], as [`Store::open`].
    pub async fn migrate(url: &str) -> Result<Vec<String>, StoreError> {
        if DatabaseKind::of(url)? == DatabaseKind::Postgres {
            return Ok(postgres::migrate(url).await?);
        }
        sqlite::make_private(url)?;
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

    /// Why nothing can be written, although the database may answer: its disk is full, or fails. `None`: what was written last
    /// was written.
    #[must_use]
    pub fn write_problem(&self) -> Option<&'static str> {
        self.0.write_health.problem()
    }

    /// The message that has this idempotency key: the turn that repeats the key gets a conflict.
    ///
    /// # Errors
    /// As every question of the ports.
    pub async fn asked_before(&self, tenant: &TenantId, key: &str) -> Result<Option<OutboundId>, PortError> {
        let rows = self.read(sql::ASKED_BEFORE, [text(tenant.as_str()), text(key)], |row| row.parse(0)).await?;
        Ok(rows.first().copied())
    }

    /// A history reader over the same database.
    #[must_use]
    pub fn history(&self) -> HistoryReader {
        HistoryReader::over(self.0.reads.clone())
    }

    /// Writes the jobs that wait, takes no more, and leaves SQLite's file without a log beside it.
    ///
    /// # Errors
    /// [`StoreError`]: the log could not be copied back; the next start does it.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.writer.close().await;
        self.0.reads.close().await?;
        if let Some(index) = &self.0.index {
            index.close().await?;
        }
        if let Some(checkpointer) = &self.0.checkpointer {
            checkpointer.close().await?;
            self.0.writes.unprepared(sqlite::sql::CHECKPOINT).await?;
        }
        self.0.writes.close().await?;
        Ok(())
    }
}
