//! A connection pool of either database.

use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::sqlx::postgres::PgPool;
use sea_orm::sqlx::{self, Executor, Postgres};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::statement::{Dialect, SqlExecutor, Value};
use super::values::Row;
use super::{postgres, sqlite};

/// A pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub(super) enum DatabasePool {
    Sqlite(DatabaseConnection),
    /// Of a file that the writer's connection writes to as well.
    SqliteWrites(DatabaseConnection, WriteLock),
    Postgres(PgPool),
}

/// Who of this process may write to a SQLite file, first come first served. SQLite lets one connection write at a time, and
/// whoever waits sleeps for ever longer and then tries again: beside a busy writer, a few rows could wait for seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteLock(Arc<Mutex<()>>);

impl WriteLock {
    /// Waits for its turn, which lasts until the guard is dropped.
    pub async fn wait(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// A transaction; dropping it rolls it back.
pub(super) enum Tx {
    Sqlite(DatabaseTransaction, Option<OwnedMutexGuard<()>>),
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl DatabasePool {
    /// Begins a transaction that may write. On SQLite, nothing that it has read changes before it ends. On PostgreSQL
    /// its statements lock what they must not lose.
    pub async fn begin(&self) -> Result<Tx, DbErr> {
        Ok(match self {
            Self::Sqlite(conn) => Tx::Sqlite(begin_immediate(conn).await?, None),
            Self::SqliteWrites(conn, lock) => {
                let turn = lock.wait().await;
                Tx::Sqlite(begin_immediate(conn).await?, Some(turn))
            }
            Self::Postgres(pool) => Tx::Postgres(Mutex::new(pool.begin().await.map_err(postgres::failed)?)),
        })
    }

    pub async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) | Self::SqliteWrites(conn, _) => conn.ping().await,
            Self::Postgres(pool) => pool.execute("SELECT 1").await.map(|_| ()).map_err(postgres::failed),
        }
    }

    /// Runs statements without values.
    pub async fn unprepared(&self, sql: &'static str) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.execute_unprepared(sql).await.map(|_| ()),
            Self::SqliteWrites(conn, lock) => {
                let _turn = lock.wait().await;
                conn.execute_unprepared(sql).await.map(|_| ())
            }
            Self::Postgres(pool) => pool.execute(sql).await.map(|_| ()).map_err(postgres::failed),
        }
    }

    pub async fn close(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) | Self::SqliteWrites(conn, _) => conn.close_by_ref().await,
            Self::Postgres(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

async fn begin_immediate(conn: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
    conn.begin_with_options(options).await
}

impl Tx {
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(tx, turn) => {
                let done = tx.commit().await;
                drop(turn);
                done
            }
            Self::Postgres(tx) => tx.into_inner().commit().await.map_err(postgres::failed),
        }
    }
}

impl SqlExecutor for DatabasePool {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) | Self::SqliteWrites(..) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(conn) | Self::SqliteWrites(conn, _) => sqlite::query(conn, sql, values).await,
            Self::Postgres(pool) => postgres::query(pool, sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(conn) => sqlite::execute(conn, sql, values).await,
            Self::SqliteWrites(conn, lock) => {
                let _turn = lock.wait().await;
                sqlite::execute(conn, sql, values).await
            }
            Self::Postgres(pool) => postgres::execute(pool, sql, values).await,
        }
    }
}

impl SqlExecutor for Tx {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(..) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(tx, _) => sqlite::query(tx, sql, values).await,
            Self::Postgres(tx) => postgres::query(&mut **tx.lock().await, sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(tx, _) => sqlite::execute(tx, sql, values).await,
            Self::Postgres(tx) => postgres::execute(&mut **tx.lock().await, sql, values).await,
        }
    }
}
