//! Start of a store whose PostgreSQL may be away.
//!
//! The store exists at once and answers `Unavailable` until the database was reached and migrated.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::sqlx::postgres::PgPool;
use tokio::sync::OnceCell;

use super::database::DatabasePool;
use super::postgres::{self, DedicatedConnection};
use super::reader::{BatchReader, ReadConnection};
use super::sellers::Countries;
use super::write_health::WriteHealth;
use super::writer::{Writer, WriterConnection};
use super::{DatabaseKind, Inner, Store, StoreError, identities, moving};

/// Writer shards at most, beside the writer that accepts (docs/decisions/0012).
const SHARDS: usize = 4;
/// On a small machine more shards only make smaller transactions, each of which costs the same.
const CORES_PER_SHARD: usize = 2;

/// Whether the database has been reached.
#[derive(Debug)]
pub(super) struct StartupState {
    /// The database was reached and migrated.
    prepared: AtomicBool,
    /// What this process needs was read from it: the ports are open.
    admitted: AtomicBool,
    server: Option<Server>,
}

pub(super) struct Server {
    url: String,
    migrate: bool,
    pool: PgPool,
}

impl std::fmt::Debug for Server {
    /// The URL may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("migrate", &self.migrate).finish_non_exhaustive()
    }
}

impl Server {
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl StartupState {
    /// The PostgreSQL server, if it is one.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// For a file, which is open already.
    pub fn done() -> Self {
        Self { prepared: AtomicBool::new(true), admitted: AtomicBool::new(true), server: None }
    }
}

impl Store {
    /// A store over PostgreSQL that has not been reached: every port answers `Unavailable` until [`Store::prepare`] has
    /// succeeded and [`Store::admit`] was called. Its tasks run on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`StoreError`]: the URL is not PostgreSQL's.
    pub fn later(url: &str, migrate: bool) -> Result<Self, StoreError> {
        if DatabaseKind::of(url)? != DatabaseKind::Postgres {
            return Err(StoreError::UnsupportedUrl);
        }
        let hot = postgres::hot(url)?;
        let pool = postgres::pool(url)?;
        let shard = || WriterConnection::Postgres(DedicatedConnection::to(hot.clone()));
        let cores = available_parallelism().map_or(1, NonZero::get);
        let shards = (cores / CORES_PER_SHARD).clamp(1, SHARDS);
        let write_health = WriteHealth::new(None);
        Ok(Self(Arc::new(Inner {
            writer: Writer::start_shards(shard(), (0..shards).map(|_| shard()), &write_health),
            write_health,
            conversations: BatchReader::open(ReadConnection::Dedicated(DedicatedConnection::to(hot.clone()))),
            recipient_statuses: BatchReader::open(ReadConnection::Dedicated(DedicatedConnection::to(hot))),
            cursors: Mutex::default(),
            writes: DatabasePool::Postgres(pool.clone()),
            reads: DatabasePool::Postgres(pool.clone()),
            index: Some(DatabasePool::Postgres(pool.clone())),
            lacks_trigrams: AtomicBool::new(false),
            address_key: OnceCell::new(),
            checkpointer: None,
            countries: Countries::default(),
            startup: StartupState {
                prepared: AtomicBool::new(false),
                admitted: AtomicBool::new(false),
                server: Some(Server { url: url.to_owned(), migrate, pool }),
            },
        })))
    }

    /// Connects, migrates, and checks the database.
    ///
    /// # Errors
    /// [`StoreError`]; when [`StoreError::is_away`], the same again may do better.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let Some(server) = &self.0.startup.server else { return Ok(()) };
        // A pool would retry for seconds.
        DedicatedConnection::to(postgres::hot(&server.url)?).ready().await?;
        if server.migrate {
            postgres::migrate(&server.url).await?;
        }
        self.0.reads.ping().await?;
        moving::admits(&self.0.reads, false).await?;
        identities::check(&self.0.writes).await?;
        identities::check_waiting(&self.0.writes).await?;
        postgres::reset_quota_waits(&server.pool).await?;
        postgres::warn_of_unsafe_settings(&server.pool).await?;
        self.0.startup.prepared.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Checks that [`Store::prepare`] has succeeded. Before that nothing is written: another installation may be
    /// being moved into the database.
    pub(super) fn prepared(&self) -> Result<(), StoreError> {
        if self.0.startup.prepared.load(Ordering::SeqCst) { Ok(()) } else { Err(StoreError::NotReached) }
    }

    /// Opens the ports.
    pub fn admit(&self) {
        if let Some(server) = &self.0.startup.server
            && !self.0.startup.admitted.swap(true, Ordering::SeqCst)
        {
            postgres::partitions::maintain(server.pool.clone());
        }
    }

    pub(super) fn admitted(&self) -> Result<(), PortError> {
        if self.0.startup.admitted.load(Ordering::SeqCst) { Ok(()) } else { Err(PortErrorKind::Unavailable.into()) }
    }
}
