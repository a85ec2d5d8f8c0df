//! Dedicated connection: kept by one task for its whole life.
//!
//! Taken from a pool for each transaction, it would be pinged each time it goes back. When it breaks, or its caller
//! gives up half-way, it is dropped, and the next transaction makes another one.

use std::borrow::Cow;
use std::time::Duration;

use sea_orm::DbErr;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{ConnectOptions, Connection, Error, Executor};
use tokio::sync::Mutex;

use super::bind::{self, failed};
use crate::store::error::is_broken;
use crate::store::statement::{Dialect, SqlExecutor, Value};
use crate::store::values::Row;

/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

pub(in crate::store) struct DedicatedConnection {
    options: Box<PgConnectOptions>,
    conn: Mutex<Option<PgConnection>>,
}

impl DedicatedConnection {
    pub fn to(options: PgConnectOptions) -> Self {
        Self { options: Box::new(options), conn: Mutex::new(None) }
    }

    /// Makes the connection when there is none.
    pub async fn ready(&self) -> Result<(), DbErr> {
        let mut conn = self.conn.lock().await;
        if conn.is_none() {
            let connecting = async {
                let mut made = self.options.connect().await?;
                made.execute(super::DURABLE).await?;
                Ok(made)
            };
            let connected = tokio::time::timeout(CONNECT, connecting).await;
            *conn = Some(connected.map_err(|_| failed(Error::PoolTimedOut))?.map_err(failed)?);
        }
        Ok(())
    }

    /// Begins a transaction. A connection that broke while nobody used it is made anew.
    pub async fn begin(&self) -> Result<(), DbErr> {
        self.ready().await?;
        match self.plain("BEGIN").await {
            Err(error) if is_broken(&error) => {
                self.ready().await?;
                self.plain("BEGIN").await
            }
            begun => begun,
        }
    }

    pub async fn plain(&self, sql: &'static str) -> Result<(), DbErr> {
        let mut conn = self.conn.lock().await;
        // Taken out, so that it is dropped when the caller gives up half-way.
        let mut taken = conn.take().ok_or_else(gone)?;
        let done = taken.execute(sql).await.map_err(failed);
        if !done.as_ref().is_err_and(is_broken) {
            *conn = Some(taken);
        }
        done.map(|_| ())
    }

    /// Drops the connection.
    pub async fn drop_connection(&self) {
        self.conn.lock().await.take();
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if let Some(conn) = self.conn.lock().await.take() {
            // The server notices anyway.
            let _ = conn.close().await;
        }
    }
}

impl SqlExecutor for DedicatedConnection {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        let mut conn = self.conn.lock().await;
        let mut taken = conn.take().ok_or_else(gone)?;
        let answer = bind::query(&mut taken, sql, values).await;
        if !answer.as_ref().is_err_and(is_broken) {
            *conn = Some(taken);
        }
        answer
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        let mut conn = self.conn.lock().await;
        let mut taken = conn.take().ok_or_else(gone)?;
        let answer = bind::execute(&mut taken, sql, values).await;
        if !answer.as_ref().is_err_and(is_broken) {
            *conn = Some(taken);
        }
        answer
    }
}

fn gone() -> DbErr {
    failed(Error::WorkerCrashed)
}
