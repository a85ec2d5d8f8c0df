//! The connection that a writer keeps for its whole life.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, TransactionTrait};

use crate::store::database::WriteLock;
use crate::store::error::{is_answer, is_collision, is_poison};
use crate::store::postgres::DedicatedConnection;
use crate::store::sqlite::{self, StatementScript};
use crate::store::statement::{Dialect, SqlExecutor, Value};
use crate::store::values::{Row, corrupt};

/// The longest that a server may take for a transaction: callers are told before their own deadline of 10 s.
const TRANSACTION: Duration = Duration::from_secs(9);

/// Takes the write lock at once.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Transactions begin and end in [`WriterConnection::transact`].
pub(in crate::store) enum WriterConnection {
    Sqlite(SqliteConnection),
    Postgres(DedicatedConnection),
}

/// A connection to SQLite. Taken from the pool for each transaction, it would be pinged when it goes back and waited
/// for when it is wanted again: three hand-overs between threads, a tenth of a busy writer's time. sea-orm lends a
/// connection for the length of a transaction and in no other way, so for sea-orm this is one endless transaction.
pub(in crate::store) struct SqliteConnection {
    pool: DatabaseConnection,
    conn: DatabaseTransaction,
    /// Others of the process write to the file between its transactions.
    lock: WriteLock,
    /// Statements that go with the next one. A transaction that writes nothing never begins.
    script: Mutex<StatementScript>,
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(in crate::store) enum TransactFailure {
    /// Nothing was committed.
    Before(DbErr),
    /// Perhaps it was committed: the answer to the commit was lost.
    AtCommit(DbErr),
}

impl TransactFailure {
    pub fn into_error(self) -> DbErr {
        match self {
            Self::Before(error) | Self::AtCommit(error) => error,
        }
    }
}

impl WriterConnection {
    pub async fn take(pool: &DatabaseConnection, lock: WriteLock) -> Result<Self, DbErr> {
        SqliteConnection::take(pool, lock).await.map(Self::Sqlite)
    }

    /// Commits what `work` writes, or nothing of it. On SQLite, what it reads cannot change until its end. After any
    /// failure, even a panic, the next transaction begins afresh.
    ///
    /// # Errors
    /// What `work` returns; its panic is an error that [`crate::store::error::is_poison`] knows. That a transaction
    /// cannot begin or end is not an entry's fault: it is `Unavailable` for every task.
    pub async fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&Self) -> Result<T, DbErr>,
    ) -> Result<T, TransactFailure> {
        let turn = match self {
            Self::Sqlite(conn) => Some(conn.lock.wait().await),
            Self::Postgres(_) => None,
        };
        let done = match self {
            Self::Sqlite(_) => self.attempt(work).await,
            // A server may stop answering; a file does not.
            Self::Postgres(_) => match tokio::time::timeout(TRANSACTION, self.attempt(work)).await {
                Ok(done) => done,
                Err(_) => {
                    Err(TransactFailure::AtCommit(DbErr::Custom("the database did not answer in time".to_owned())))
                }
            },
        };
        match (self, &done) {
            (_, Ok(_)) => {}
            (Self::Sqlite(conn), Err(_)) => conn.roll_back().await,
            (Self::Postgres(conn), Err(TransactFailure::Before(_))) => _ = conn.plain("ROLLBACK").await,
            // The state of the transaction is unknown: the server ends it with the connection.
            (Self::Postgres(conn), Err(TransactFailure::AtCommit(_))) => conn.drop_connection().await,
        }
        drop(turn);
        done
    }

    async fn attempt<T>(&self, work: impl AsyncFnOnce(&Self) -> Result<T, DbErr>) -> Result<T, TransactFailure> {
        let begun = match self {
            Self::Sqlite(conn) => {
                conn.script().add(BEGIN, Vec::new());
                Ok(())
            }
            Self::Postgres(conn) => conn.begin().await,
        };
        begun.map_err(TransactFailure::Before)?;
        let written = match AssertUnwindSafe(work(self)).catch_unwind().await {
            Ok(written) => written.map_err(TransactFailure::Before)?,
            Err(_) => return Err(TransactFailure::Before(DbErr::Type("the writer panicked".to_owned()))),
        };
        match self {
            Self::Sqlite(conn) => conn.commit().await.map_err(TransactFailure::Before)?,
            // What a server refuses at the commit is not written.
            Self::Postgres(conn) => conn.plain("COMMIT").await.map_err(|error| {
                let refused = is_poison(&error) || is_collision(&error);
                if refused { TransactFailure::Before(error) } else { TransactFailure::AtCommit(error) }
            })?,
        }
        Ok(written)
    }

    /// Gives SQLite's connection back to the pool, which expects a transaction to end, or closes the server's.
    pub async fn release(self) {
        match self {
            Self::Sqlite(SqliteConnection { conn, .. }) => {
                if conn.execute_unprepared("BEGIN IMMEDIATE").await.is_ok() {
                    let _ = conn.rollback().await;
                }
            }
            Self::Postgres(conn) => conn.close().await,
        }
    }
}

impl SqliteConnection {
    async fn take(pool: &DatabaseConnection, lock: WriteLock) -> Result<Self, DbErr> {
        let conn = pool.begin().await?;
        conn.execute_unprepared("COMMIT").await?;
        Ok(Self { pool: pool.clone(), conn, lock, script: Mutex::default() })
    }

    fn script(&self) -> MutexGuard<'_, StatementScript> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        let (sql, values) = self.with_script(sql, values);
        sqlite::query(&self.conn, sql, values).await.map_err(transaction_error)
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        if self.script().is_empty() {
            return sqlite::execute(&self.conn, sql, values).await;
        }
        // The statements before this one have changed rows as well, so SQLite is asked for the changes of the last
        // one.
        let (sql, values) = {
            let mut script = self.script();
            script.add(&sql, values);
            script.add("SELECT changes()", Vec::new());
            script.take()
        };
        let rows = sqlite::query(&self.conn, sql.into(), values).await.map_err(transaction_error)?;
        let changed: i64 = rows.first().ok_or_else(|| corrupt("a number of changes"))?.get(0)?;
        u64::try_from(changed).map_err(|_| corrupt("a number of changes"))
    }

    fn with_script(&self, sql: Cow<'static, str>, values: Vec<Value>) -> (Cow<'static, str>, Vec<Value>) {
        let mut script = self.script();
        if script.is_empty() {
            return (sql, values);
        }
        script.add(&sql, values);
        let (sql, values) = script.take();
        (sql.into(), values)
    }

    /// A `BEGIN` alone is not flushed: there is nothing to wait for.
    async fn flush(&self) -> Result<(), DbErr> {
        let (sql, values) = {
            let mut script = self.script();
            if script.is_empty() || script.is_only(BEGIN) {
                return Ok(());
            }
            script.take()
        };
        sqlite::execute(&self.conn, sql.into(), values).await.map(drop).map_err(transaction_error)
    }

    async fn commit(&self) -> Result<(), DbErr> {
        if self.script().is_only(BEGIN) {
            self.script().take();
            return Ok(());
        }
        let (sql, values) = self.with_script("COMMIT".into(), Vec::new());
        sqlite::execute(&self.conn, sql, values).await.map(drop).map_err(transaction_error)
    }

    /// The connection, outside of a transaction.
    pub fn idle(&self) -> &DatabaseTransaction {
        &self.conn
    }

    /// Rolls back after an error. An error of ROLLBACK itself says nothing, because the database may have rolled back
    /// already; but one that is no answer of the database means that the connection is lost, and another one is
    /// taken.
    async fn roll_back(&mut self) {
        self.script().take();
        let Err(error) = self.conn.execute_unprepared("ROLLBACK").await else { return };
        if !is_answer(&error) {
            tracing::error!(error = %error, "the writer's connection was lost, another one is taken");
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        match Self::take(&self.pool, self.lock.clone()).await {
            Ok(another) => *self = another,
            // The next transaction fails as this one did, and tries again.
            Err(error) => tracing::error!(error = %error, "the writer has no connection"),
        }
    }
}

/// An error about transactions has the result code of a bad entry (1) and must not be taken for one.
fn transaction_error(error: DbErr) -> DbErr {
    let text = error.to_string();
    let of_transaction = ["cannot start a transaction", "cannot commit"].iter().any(|start| text.contains(start));
    if of_transaction { DbErr::Conn(RuntimeErr::Internal(text)) } else { error }
}

impl SqlExecutor for WriterConnection {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(conn) => conn.query(sql, values).await,
            Self::Postgres(conn) => conn.query(sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(conn) => conn.execute(sql, values).await,
            Self::Postgres(conn) => conn.execute(sql, values).await,
        }
    }

    async fn later(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.script().add(&sql, values),
            Self::Postgres(conn) => _ = conn.execute(sql, values).await?,
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(conn) => conn.flush().await,
            Self::Postgres(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::DatabasePool;
    use crate::store::error::{is_poison, port_error};
    use crate::store::sqlite::{open_readers, open_writer};
    use crate::store::statement::rows;
    use palabre_actors::ports::PortErrorKind;
    use tempfile::TempDir;

    struct Rig {
        writer: WriterConnection,
        pool: DatabaseConnection,
        reads: DatabasePool,
        _folder: TempDir,
    }

    impl Rig {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("held.db").display());
            let pool = open_writer(&url).await.unwrap();
            pool.execute_unprepared("CREATE TABLE notes (note TEXT)").await.unwrap();
            let writer = WriterConnection::take(&pool, WriteLock::default()).await.unwrap();
            // Locks are not waited for in these tests.
            let reads = DatabasePool::Sqlite(open_readers(&url).await.unwrap());
            let rig = Self { writer, pool, reads, _folder: folder };
            rig.idle().execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
            rig
        }

        async fn writes(&mut self, note: &str) -> Result<(), TransactFailure> {
            self.writer.transact(async |tx| insert(tx, note).await).await
        }

        /// Outside of a transaction.
        fn idle(&self) -> &DatabaseTransaction {
            let WriterConnection::Sqlite(SqliteConnection { conn, .. }) = &self.writer else { panic!("a file") };
            conn
        }

        /// Every note that is committed.
        async fn notes(&self) -> Vec<String> {
            let rows = rows(&self.reads, "SELECT note FROM notes ORDER BY rowid", Vec::new()).await.unwrap();
            rows.iter().map(|row| row.get(0).unwrap()).collect()
        }
    }

    async fn insert(tx: &impl SqlExecutor, note: &str) -> Result<(), DbErr> {
        tx.execute(format!("INSERT INTO notes VALUES ('{note}')").into(), Vec::new()).await.map(drop)
    }

    fn kind(done: Result<(), TransactFailure>) -> (PortErrorKind, bool) {
        let error = done.unwrap_err().into_error();
        let poison = is_poison(&error);
        (port_error(error).kind, poison)
    }

    /// No entry is to blame, and none is set aside.
    const NO_ENTRY: (PortErrorKind, bool) = (PortErrorKind::Unavailable, false);

    #[tokio::test]
    async fn i1_a_panic_leaves_nothing_behind_and_the_next_transaction_goes_on() {
        let mut rig = Rig::new().await;
        let panicked = rig.writer.transact(async |tx| -> Result<(), DbErr> {
            insert(tx, "half").await?;
            panic!("on purpose")
        });
        assert_eq!(kind(panicked.await), (PortErrorKind::Corrupt, true));
        rig.writes("whole").await.unwrap();
        assert_eq!(rig.notes().await, ["whole"]);
    }

    #[tokio::test]
    async fn a_transaction_that_cannot_begin_is_no_entrys_fault() {
        let mut rig = Rig::new().await;
        let other = rig.pool.begin().await.unwrap();
        other.execute_unprepared("INSERT INTO notes VALUES ('theirs')").await.unwrap();
        assert_eq!(kind(rig.writes("ours").await), NO_ENTRY, "somebody has the lock");
        other.commit().await.unwrap();
        rig.writes("ours").await.unwrap();
        // A transaction that stays open costs one attempt.
        rig.idle().execute_unprepared("BEGIN").await.unwrap();
        insert(&rig.writer, "stray").await.unwrap();
        assert_eq!(kind(rig.writes("late").await), NO_ENTRY);
        rig.writes("last").await.unwrap();
        assert_eq!(rig.notes().await, ["theirs", "ours", "last"]);
    }

    #[tokio::test]
    async fn i1_what_the_database_rolled_back_by_itself_is_not_taken_for_written() {
        let mut rig = Rig::new().await;
        let lost = rig.writer.transact(async |tx| {
            insert(tx, "lost").await?;
            tx.execute("ROLLBACK".into(), Vec::new()).await.map(drop)
        });
        assert_eq!(kind(lost.await), NO_ENTRY);
        rig.writes("kept").await.unwrap();
        assert_eq!(rig.notes().await, ["kept"]);
    }

    #[tokio::test]
    async fn i1_a_full_disk_refuses_every_entry_until_there_is_room_again() {
        let mut rig = Rig::new().await;
        rig.writes("before").await.unwrap();
        // The file may have as many pages as it has: the next one does not fit.
        rig.idle().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let large = "x".repeat(100_000);
        assert_eq!(kind(rig.writes(&large).await), NO_ENTRY);
        assert_eq!(rig.notes().await, ["before"]);
        rig.idle().execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
        rig.writes("after").await.unwrap();
        assert_eq!(rig.notes().await, ["before", "after"]);
    }

    #[tokio::test]
    async fn a_lost_connection_is_replaced_and_its_place_in_the_pool_is_free_again() {
        let mut rig = Rig::new().await;
        rig.writes("first").await.unwrap();
        for _ in 0..3 {
            let WriterConnection::Sqlite(conn) = &mut rig.writer else { panic!("a file") };
            conn.renew().await;
        }
        rig.writes("second").await.unwrap();
        rig.pool.ping().await.unwrap();
        assert_eq!(rig.notes().await, ["first", "second"]);
    }
}
