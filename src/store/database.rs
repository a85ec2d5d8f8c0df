//! A connection pool of either database.

use std::borrow::Cow;

use sea_orm::sqlx::postgres::PgPool;
use sea_orm::sqlx::{self, Executor, Postgres};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::Mutex;

use super::statement::{Dialect, SqlExecutor, Value};
use super::values::Row;
use super::{postgres, sqlite};

/// A pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub(super) enum DatabasePool {
    Sqlite(DatabaseConnection),
    Postgres(PgPool),
}

/// A transaction; dropping it rolls it back.
pub(super) enum Tx {
    Sqlite(DatabaseTransaction),
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl DatabasePool {
    /// Begins a transaction that may write. On SQLite, nothing that it has read changes before it ends. On PostgreSQL
    /// its statements lock what they must not lose.
    pub async fn begin(&self) -> Result<Tx, DbErr> {
        Ok(match self {
            Self::Sqlite(conn) => {
                let immediate = Some(SqliteTransactionMode::Immediate);
                let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
                Tx::Sqlite(conn.begin_with_options(options).await?)
            }
            Self::Postgres(pool) => Tx::Postgres(Mutex::new(pool.begin().await.map_err(postgres::failed)?)),
        })
    }

    pub async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.ping().await,
            Self::Postgres(pool) => pool.execute("SELECT 1").await.map(|_| ()).map_err(postgres::failed),
        }
    }

    /// Runs statements without values.
    pub async fn unprepared(&self, sql: &'static str) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.execute_unprepared(sql).await.map(|_| ()),
            Self::Postgres(pool) => pool.execute(sql).await.map(|_| ()).map_err(postgres::failed),
        }
    }

    pub async fn close(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.close_by_ref().await,
            Self::Postgres(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

impl Tx {
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.into_inner().commit().await.map_err(postgres::failed),
        }
    }
}

impl SqlExecutor for DatabasePool {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(conn) => sqlite::query(conn, sql, values).await,
            Self::Postgres(pool) => postgres::query(pool, sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(conn) => sqlite::execute(conn, sql, values).await,
            Self::Postgres(pool) => postgres::execute(pool, sql, values).await,
        }
    }
}

impl SqlExecutor for Tx {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(tx) => sqlite::query(tx, sql, values).await,
            Self::Postgres(tx) => postgres::query(&mut **tx.lock().await, sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(tx) => sqlite::execute(tx, sql, values).await,
            Self::Postgres(tx) => postgres::execute(&mut **tx.lock().await, sql, values).await,
        }
    }
}
