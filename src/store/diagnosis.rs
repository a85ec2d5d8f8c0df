//! What can be told of a database from outside, whatever state it is in.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;
use sea_orm::sqlx::{Executor, Row as _};

use super::database::DatabasePool;
use super::operator::{Operator, Tenants};
use super::statement::{SqlText, all, rows, time};
use super::{DatabaseKind, StoreError, postgres, sqlite};

const UNANSWERED: SqlText =
    SqlText { sqlite: sqlite::diagnosis::UNANSWERED, postgres: postgres::diagnosis::UNANSWERED };

const OLDEST_DUE: SqlText =
    SqlText { sqlite: sqlite::diagnosis::OLDEST_DUE, postgres: postgres::diagnosis::OLDEST_DUE };

/// A database that answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// `SQLite 3.46.0`, `PostgreSQL 17.2`
    pub version: String,
    /// Steps of the schema that it does not have yet.
    pub missing_migrations: usize,
    pub bytes: u64,
    /// Settings that let a power cut lose what was acknowledged.
    pub unsafe_settings: Vec<String>,
    /// What a server alone has.
    pub server: Option<ServerFacts>,
}

/// What is known of PostgreSQL alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    pub now: Timestamp,
    /// It takes no changes.
    pub is_read_only: bool,
    pub connections: u64,
    pub max_connections: u64,
    /// Transactions that have been open for minutes.
    pub long_transactions: u64,
    /// How long the longest of them.
    pub longest_s: u64,
}

impl DatabaseFacts {
    /// Asks the database. Nothing is changed, and no file is made.
    ///
    /// # Errors
    /// [`StoreError`]: the URL names no database, or it does not answer.
    pub async fn read(url: &str) -> Result<Self, StoreError> {
        match DatabaseKind::of(url)? {
            DatabaseKind::Sqlite => Self::of_file(url).await,
            DatabaseKind::Postgres => Self::of_server(url).await,
        }
    }

    async fn of_file(url: &str) -> Result<Self, StoreError> {
        let conn = sqlite::open_readers(url).await?;
        let missing_migrations = Migrator::get_pending_migrations_read_only(&conn).await?.len();
        let pool = DatabasePool::Sqlite(conn);
        let state = rows(&pool, sqlite::diagnosis::STATE, Vec::new()).await?;
        let mut facts = Self { missing_migrations, ..Self::default() };
        if let Some(row) = state.first() {
            facts.version = format!("SQLite {}", row.get::<String>(0)?);
            if row.get::<String>(1)? != "wal" {
                facts.unsafe_settings.push("journal_mode".to_owned());
            }
            facts.bytes = u64::try_from(row.get::<i64>(2)?).unwrap_or_default();
        }
        pool.close().await?;
        Ok(facts)
    }

    async fn of_server(url: &str) -> Result<Self, StoreError> {
        let pool = postgres::cold_pool(url)?;
        let missing = Migrator::get_pending_migrations_read_only(&postgres::through_sea_orm(pool.clone())).await?.len();
        let failed = postgres::failed;
        let state = pool.fetch_one(postgres::diagnosis::STATE).await.map_err(failed)?;
        let long = pool.fetch_one(postgres::diagnosis::LONG_TRANSACTIONS).await.map_err(failed)?;
        let number = |row: &sea_orm::sqlx::postgres::PgRow, column: usize| -> Result<u64, StoreError> {
            Ok(u64::try_from(row.try_get::<i64, _>(column).map_err(failed)?).unwrap_or_default())
        };
        let facts = Self {
            version: format!("PostgreSQL {}", state.try_get::<String, _>(0).map_err(failed)?),
            missing_migrations: missing,
            bytes: number(&state, 3)?,
            unsafe_settings: postgres::unsafe_settings(&pool).await?,
            server: Some(ServerFacts {
                now: state.try_get(1).map_err(failed)?,
                is_read_only: state.try_get(2).map_err(failed)?,
                connections: number(&state, 4)?,
                max_connections: number(&state, 5)?,
                long_transactions: number(&long, 0)?,
                longest_s: number(&long, 1)?,
            }),
        };
        pool.close().await;
        Ok(facts)
    }
}

impl Operator {
    /// How many messages that came before a moment had no turn yet, and when the oldest came.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn unanswered_since(
        &self,
        tenants: &Tenants,
        before: Timestamp,
    ) -> Result<(u64, Option<Timestamp>), StoreError> {
        let rows = all(self.reads(), UNANSWERED, [self.among(tenants).await?, time(before)]).await?;
        let Some(row) = rows.first() else { return Ok((0, None)) };
        Ok((u64::try_from(row.get::<i64>(0)?).unwrap_or_default(), row.time_or_null(1)?))
    }

    /// Each of these tenants with messages that were due before a moment and wait, and since when the first is due.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn oldest_due(
        &self,
        tenants: &Tenants,
        before: Timestamp,
    ) -> Result<Vec<(TenantId, Timestamp)>, StoreError> {
        let rows = all(self.reads(), OLDEST_DUE, [self.among(tenants).await?, time(before)]).await?;
        Ok(rows.iter().map(|row| Ok((row.tenant(0)?, row.time(1)?))).collect::<Result<_, DbErr>>()?)
    }
}
