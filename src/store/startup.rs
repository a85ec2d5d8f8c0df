//! PostgreSQL that may be away when the daemon starts: the store is there at once, and says that the database is not, until
//! it was reached and brought up to date.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::sqlx::postgres::PgPool;

use super::database::Database;
use super::postgres::{self, Line};
use super::reader::{Counter, Desk};
use super::writer::{Writer, WriterConnection};
use super::{Inner, Kind, Store, StoreError, moving};

/// How many connections at most write what comes of messages, beside the one that accepts them (docs/decisions/0012).
const SHARDS: usize = 4;
/// On a small machine more of them only make smaller transactions, each of which costs the same.
const CORES_PER_SHARD: usize = 2;

/// Whether the database has been reached, and how.
#[derive(Debug)]
pub(super) struct Arrival {
    /// It is there and whole.
    prepared: AtomicBool,
    /// And what this process needs of it was read: the ports let through.
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

impl Arrival {
    /// PostgreSQL, when it is that.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// For a file, which was opened already.
    pub fn over() -> Self {
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
        if Kind::of(url)? != Kind::Postgres {
            return Err(StoreError::UnsupportedUrl);
        }
        let hot = postgres::hot(url)?;
        let pool = postgres::pool(url)?;
        let shard = || WriterConnection::Postgres(Line::to(hot.clone()));
        let cores = available_parallelism().map_or(1, NonZero::get);
        let shards = (cores / CORES_PER_SHARD).clamp(1, SHARDS);
        Ok(Self(Arc::new(Inner {
            writer: Writer::start_shards(shard(), (0..shards).map(|_| shard())),
            loads: Counter::open(Desk::Line(Line::to(hot.clone()))),
            standings: Counter::open(Desk::Line(Line::to(hot))),
            rounds: Mutex::default(),
            writes: Database::Postgres(pool.clone()),
            reads: Database::Postgres(pool.clone()),
            index: Database::Postgres(pool.clone()),
            lacks_trigrams: AtomicBool::new(false),
            copies: None,
            arrival: Arrival {
                prepared: AtomicBool::new(false),
                admitted: AtomicBool::new(false),
                server: Some(Server { url: url.to_owned(), migrate, pool }),
            },
        })))
    }

    /// Reaches the database and brings it up to date.
    ///
    /// # Errors
    /// [`StoreError`]; when [`StoreError::is_away`], the same again may do better.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let Some(server) = &self.0.arrival.server else { return Ok(()) };
        // A pool would go on trying for seconds.
        Line::to(postgres::hot(&server.url)?).ready().await?;
        if server.migrate {
            postgres::migrate(&server.url).await?;
        }
        self.0.reads.ping().await?;
        moving::admits(&self.0.reads, false).await?;
        postgres::reconsider(&server.pool).await?;
        postgres::warn_of_carelessness(&server.pool).await?;
        self.0.arrival.prepared.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Whether [`Store::prepare`] has succeeded. Before that nothing is written: the database may be one that another
    /// installation is being moved into.
    pub(super) fn prepared(&self) -> Result<(), StoreError> {
        if self.0.arrival.prepared.load(Ordering::SeqCst) { Ok(()) } else { Err(StoreError::NotReached) }
    }

    /// Lets the ports through.
    pub fn admit(&self) {
        if let Some(server) = &self.0.arrival.server
            && !self.0.arrival.admitted.swap(true, Ordering::SeqCst)
        {
            postgres::partitions::keep_ahead(server.pool.clone());
        }
    }

    pub(super) fn admitted(&self) -> Result<(), PortError> {
        if self.0.arrival.admitted.load(Ordering::SeqCst) { Ok(()) } else { Err(PortErrorKind::Unavailable.into()) }
    }
}
