//! The connection that a writer holds for as long as it lives.

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use crate::store::link::{Dialect, Link, Value};
use crate::store::postgres::Line;
use crate::store::sqlite;
use crate::store::values::Row;

/// The connection. Taken from SQLite's pool anew for each transaction, it would be pinged when it goes back and waited for
/// when it is wanted again: three hand-overs between threads, a tenth of a busy writer's time. sea-orm lends one out for
/// the length of a transaction and no other way, so this is a transaction in its eyes; in the database's, transactions
/// begin and end by [`Held::begin`], [`Held::commit`] and [`Held::roll_back`].
pub(in crate::store) enum Held {
    Sqlite(DatabaseTransaction),
    Postgres(Line),
}

impl Held {
    pub async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let held = Self::Sqlite(pool.begin().await?);
        held.commit().await?;
        Ok(held)
    }

    /// Begins a transaction that may write: on SQLite, what it reads cannot change until its end.
    pub async fn begin(&self) -> Result<&Self, DbErr> {
        match self {
            Self::Sqlite(conn) => conn.execute_unprepared("BEGIN IMMEDIATE").await.map(|_| self),
            Self::Postgres(line) => line.begin().await.map(|()| self),
        }
    }

    pub async fn commit(&self) -> Result<(), DbErr> {
        self.end("COMMIT").await
    }

    /// After an error: the database may have rolled back by itself, so this one's own error says nothing.
    pub async fn roll_back(&self) {
        let _ = self.end("ROLLBACK").await;
    }

    async fn end(&self, sql: &'static str) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.execute_unprepared(sql).await.map(|_| ()),
            Self::Postgres(line) => line.plain(sql).await,
        }
    }

    /// Where a transaction is, nobody knows: it is left to the server.
    pub async fn abandon(&self) {
        if let Self::Postgres(line) = self {
            line.drop_connection().await;
        }
    }

    /// Gives it back: SQLite's to the pool, which expects a transaction to end.
    pub async fn give_back(self) {
        match self {
            Self::Sqlite(conn) => {
                if conn.execute_unprepared("BEGIN IMMEDIATE").await.is_ok() {
                    let _ = conn.rollback().await;
                }
            }
            Self::Postgres(line) => line.close().await,
        }
    }
}

impl Link for Held {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(conn) => sqlite::query(conn, sql, values).await,
            Self::Postgres(line) => line.query(sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(conn) => sqlite::execute(conn, sql, values).await,
            Self::Postgres(line) => line.execute(sql, values).await,
        }
    }
}
