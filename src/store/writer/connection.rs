//! The connection that a writer holds for as long as it lives.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, TransactionTrait};

use crate::store::error::{is_answer, is_collision, is_poison};
use crate::store::link::{Dialect, Link, Value};
use crate::store::postgres::Line;
use crate::store::sqlite::{self, Script};
use crate::store::values::{Row, corrupt};

/// The longest that a server may take for a transaction; whoever waits for it is told before they give up themselves.
const TRANSACTION: Duration = Duration::from_secs(9);

/// Takes the lock at once.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The connection. Transactions begin and end in [`WriterConnection::transact`].
pub(in crate::store) enum WriterConnection {
    Sqlite(Lent),
    Postgres(Line),
}

/// SQLite's. Taken from the pool anew for each transaction, a connection would be pinged when it goes back and waited for
/// when it is wanted again: three hand-overs between threads, a tenth of a busy writer's time. sea-orm lends one out for
/// the length of a transaction and no other way, so this is a transaction in its eyes.
pub(in crate::store) struct Lent {
    pool: DatabaseConnection,
    lent: DatabaseTransaction,
    /// What goes with the next statement. When a transaction writes nothing, it never begins.
    script: Mutex<Script>,
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(in crate::store) enum Failure {
    /// Nothing of it was.
    Before(DbErr),
    /// Perhaps it was: the answer to the commit was lost.
    AtCommit(DbErr),
}

impl Failure {
    pub fn into_error(self) -> DbErr {
        match self {
            Self::Before(error) | Self::AtCommit(error) => error,
        }
    }
}

impl WriterConnection {
    pub async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        Lent::take(pool).await.map(Self::Sqlite)
    }

    /// Commits what `work` writes, or nothing of it. On SQLite, what it reads cannot change until its end. Whatever goes
    /// wrong, even a panic, the next one begins afresh.
    ///
    /// # Errors
    /// What `work` answers; a panic of it is an error that [`crate::store::error::is_poison`] knows. That a transaction
    /// cannot begin or end is nobody's poison: it is `Unavailable` to everyone.
    pub async fn transact<T>(&mut self, work: impl AsyncFnOnce(&Self) -> Result<T, DbErr>) -> Result<T, Failure> {
        let done = match self {
            Self::Sqlite(_) => self.attempt(work).await,
            // A server may fall silent. A file does not.
            Self::Postgres(_) => match tokio::time::timeout(TRANSACTION, self.attempt(work)).await {
                Ok(done) => done,
                Err(_) => Err(Failure::AtCommit(DbErr::Custom("the database did not answer in time".to_owned()))),
            },
        };
        match (self, &done) {
            (_, Ok(_)) => {}
            (Self::Sqlite(lent), Err(_)) => lent.roll_back().await,
            (Self::Postgres(line), Err(Failure::Before(_))) => _ = line.plain("ROLLBACK").await,
            // Where it is, nobody knows: it is left to the server.
            (Self::Postgres(line), Err(Failure::AtCommit(_))) => line.drop_connection().await,
        }
        done
    }

    async fn attempt<T>(&self, work: impl AsyncFnOnce(&Self) -> Result<T, DbErr>) -> Result<T, Failure> {
        let begun = match self {
            Self::Sqlite(lent) => {
                lent.script().add(BEGIN, Vec::new());
                Ok(())
            }
            Self::Postgres(line) => line.begin().await,
        };
        begun.map_err(Failure::Before)?;
        let written = match AssertUnwindSafe(work(self)).catch_unwind().await {
            Ok(written) => written.map_err(Failure::Before)?,
            Err(_) => return Err(Failure::Before(DbErr::Type("the writer panicked".to_owned()))),
        };
        match self {
            Self::Sqlite(lent) => lent.commit().await.map_err(Failure::Before)?,
            // What a server says no to at the commit, it has not written.
            Self::Postgres(line) => line.plain("COMMIT").await.map_err(|error| {
                let refused = is_poison(&error) || is_collision(&error);
                if refused { Failure::Before(error) } else { Failure::AtCommit(error) }
            })?,
        }
        Ok(written)
    }

    /// Gives it back: SQLite's to the pool, which expects a transaction to end.
    pub async fn give_back(self) {
        match self {
            Self::Sqlite(Lent { lent, .. }) => {
                if lent.execute_unprepared("BEGIN IMMEDIATE").await.is_ok() {
                    let _ = lent.rollback().await;
                }
            }
            Self::Postgres(line) => line.close().await,
        }
    }
}

impl Lent {
    async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let lent = pool.begin().await?;
        lent.execute_unprepared("COMMIT").await?;
        Ok(Self { pool: pool.clone(), lent, script: Mutex::default() })
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        let (sql, values) = self.with_script(sql, values);
        sqlite::query(&self.lent, sql, values).await.map_err(whose)
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        if self.script().is_empty() {
            return sqlite::execute(&self.lent, sql, values).await;
        }
        // What the statements changed is added up: asked for it, SQLite speaks of the last one alone.
        let (sql, values) = {
            let mut script = self.script();
            script.add(&sql, values);
            script.add("SELECT changes()", Vec::new());
            script.take()
        };
        let rows = sqlite::query(&self.lent, sql.into(), values).await.map_err(whose)?;
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

    /// What began is not flushed alone: there is nothing to wait for.
    async fn flush(&self) -> Result<(), DbErr> {
        let (sql, values) = {
            let mut script = self.script();
            if script.is_empty() || script.is_only(BEGIN) {
                return Ok(());
            }
            script.take()
        };
        sqlite::execute(&self.lent, sql.into(), values).await.map(drop).map_err(whose)
    }

    async fn commit(&self) -> Result<(), DbErr> {
        if self.script().is_only(BEGIN) {
            self.script().take();
            return Ok(());
        }
        let (sql, values) = self.with_script("COMMIT".into(), Vec::new());
        sqlite::execute(&self.lent, sql, values).await.map(drop).map_err(whose)
    }

    /// Outside of a transaction.
    pub fn idle(&self) -> &DatabaseTransaction {
        &self.lent
    }

    /// After an error. The database may have rolled back by itself, so its own complaint says nothing; when not even a
    /// complaint comes back, the connection is lost, and another one takes its place.
    async fn roll_back(&mut self) {
        self.script().take();
        let Err(error) = self.lent.execute_unprepared("ROLLBACK").await else { return };
        if !is_answer(&error) {
            tracing::error!(error = %error, "the writer lost its connection, taking another");
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        match Self::take(&self.pool).await {
            Ok(another) => *self = another,
            // The next transaction fails as this one did, and tries again.
            Err(error) => tracing::error!(error = %error, "the writer has no connection"),
        }
    }
}

/// That a transaction stands in another's place has the code of a bad entry, and must not be taken for one.
fn whose(error: DbErr) -> DbErr {
    let words = error.to_string();
    let of_transaction = ["cannot start a transaction", "cannot commit"].iter().any(|start| words.contains(start));
    if of_transaction { DbErr::Conn(RuntimeErr::Internal(words)) } else { error }
}

impl Link for WriterConnection {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match self {
            Self::Sqlite(lent) => lent.query(sql, values).await,
            Self::Postgres(line) => line.query(sql, values).await,
        }
    }

    async fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, DbErr> {
        match self {
            Self::Sqlite(lent) => lent.execute(sql, values).await,
            Self::Postgres(line) => line.execute(sql, values).await,
        }
    }

    async fn later(&self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(lent) => lent.script().add(&sql, values),
            Self::Postgres(line) => _ = line.execute(sql, values).await?,
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(lent) => lent.flush().await,
            Self::Postgres(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::Database;
    use crate::store::error::{is_poison, port_error};
    use crate::store::link::rows;
    use crate::store::sqlite::{open_readers, open_writer};
    use palabre_actors::ports::PortErrorKind;
    use tempfile::TempDir;

    struct SqliteConnection {
        held: WriterConnection,
        pool: DatabaseConnection,
        reads: Database,
        _folder: TempDir,
    }

    impl SqliteConnection {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("held.db").display());
            let pool = open_writer(&url).await.unwrap();
            pool.execute_unprepared("CREATE TABLE notes (note TEXT)").await.unwrap();
            let held = WriterConnection::take(&pool).await.unwrap();
            // Locks are not waited for here.
            let reads = Database::Sqlite(open_readers(&url).await.unwrap());
            let rig = Self { held, pool, reads, _folder: folder };
            rig.idle().execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
            rig
        }

        async fn writes(&mut self, note: &str) -> Result<(), Failure> {
            self.held.transact(async |tx| insert(tx, note).await).await
        }

        /// Outside of a transaction.
        fn idle(&self) -> &DatabaseTransaction {
            let WriterConnection::Sqlite(Lent { lent, .. }) = &self.held else { panic!("a file") };
            lent
        }

        /// Everything that is committed.
        async fn notes(&self) -> Vec<String> {
            let rows = rows(&self.reads, "SELECT note FROM notes ORDER BY rowid", Vec::new()).await.unwrap();
            rows.iter().map(|row| row.get(0).unwrap()).collect()
        }
    }

    async fn insert(tx: &impl Link, note: &str) -> Result<(), DbErr> {
        tx.execute(format!("INSERT INTO notes VALUES ('{note}')").into(), Vec::new()).await.map(drop)
    }

    fn kind(done: Result<(), Failure>) -> (PortErrorKind, bool) {
        let error = done.unwrap_err().into_error();
        let poison = is_poison(&error);
        (port_error(error).kind, poison)
    }

    /// Nobody's entry is to blame, and nobody's is set aside for it.
    const EVERYBODY: (PortErrorKind, bool) = (PortErrorKind::Unavailable, false);

    #[tokio::test]
    async fn i1_a_panic_leaves_nothing_behind_and_the_next_transaction_goes_on() {
        let mut rig = SqliteConnection::new().await;
        let panicked = rig.held.transact(async |tx| -> Result<(), DbErr> {
            insert(tx, "half").await?;
            panic!("on purpose")
        });
        assert_eq!(kind(panicked.await), (PortErrorKind::Corrupt, true));
        rig.writes("whole").await.unwrap();
        assert_eq!(rig.notes().await, ["whole"]);
    }

    #[tokio::test]
    async fn a_transaction_that_cannot_begin_is_nobodys_poison() {
        let mut rig = SqliteConnection::new().await;
        let other = rig.pool.begin().await.unwrap();
        other.execute_unprepared("INSERT INTO notes VALUES ('theirs')").await.unwrap();
        assert_eq!(kind(rig.writes("ours").await), EVERYBODY, "somebody has the lock");
        other.commit().await.unwrap();
        rig.writes("ours").await.unwrap();
        // Should one ever stay open, it costs one attempt and nothing else.
        rig.idle().execute_unprepared("BEGIN").await.unwrap();
        insert(&rig.held, "stray").await.unwrap();
        assert_eq!(kind(rig.writes("late").await), EVERYBODY);
        rig.writes("last").await.unwrap();
        assert_eq!(rig.notes().await, ["theirs", "ours", "last"]);
    }

    #[tokio::test]
    async fn i1_what_the_database_rolled_back_by_itself_is_not_taken_for_written() {
        let mut rig = SqliteConnection::new().await;
        let lost = rig.held.transact(async |tx| {
            insert(tx, "lost").await?;
            tx.execute("ROLLBACK".into(), Vec::new()).await.map(drop)
        });
        assert_eq!(kind(lost.await), EVERYBODY);
        rig.writes("kept").await.unwrap();
        assert_eq!(rig.notes().await, ["kept"]);
    }

    #[tokio::test]
    async fn i1_a_full_disk_refuses_everybody_and_all_is_well_when_there_is_room_again() {
        let mut rig = SqliteConnection::new().await;
        rig.writes("before").await.unwrap();
        // As many pages as there are: the next one does not fit.
        rig.idle().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let large = "x".repeat(100_000);
        assert_eq!(kind(rig.writes(&large).await), EVERYBODY);
        assert_eq!(rig.notes().await, ["before"]);
        rig.idle().execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
        rig.writes("after").await.unwrap();
        assert_eq!(rig.notes().await, ["before", "after"]);
    }

    #[tokio::test]
    async fn a_lost_connection_is_replaced_and_its_place_in_the_pool_is_free_again() {
        let mut rig = SqliteConnection::new().await;
        rig.writes("first").await.unwrap();
        for _ in 0..3 {
            let WriterConnection::Sqlite(lent) = &mut rig.held else { panic!("a file") };
            lent.renew().await;
        }
        rig.writes("second").await.unwrap();
        rig.pool.ping().await.unwrap();
        assert_eq!(rig.notes().await, ["first", "second"]);
    }
}
