//! The writer's connection, held for as long as the writer lives.
//!
//! Taken from the pool anew for each transaction, a connection would be pinged when it goes back and waited for when it is
//! wanted again: three hand-overs between threads, a tenth of a busy writer's time.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, TransactionTrait};

use crate::store::error::is_answer;

/// The connection. sea-orm lends one out for the length of a transaction and no other way, so this is a transaction in its
/// eyes; in the database's, transactions begin and end in [`Held::transact`].
pub(in crate::store) struct Held {
    pool: DatabaseConnection,
    lent: DatabaseTransaction,
}

impl Held {
    pub async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let lent = pool.begin().await?;
        lent.execute_unprepared("COMMIT").await?;
        Ok(Self { pool: pool.clone(), lent })
    }

    /// Commits what `work` writes, or nothing of it. What it reads cannot change until its end. Whatever goes wrong, even a
    /// panic, the next one begins afresh.
    ///
    /// # Errors
    /// What `work` answers; a panic of it is an error that [`crate::store::error::is_poison`] knows. That a transaction
    /// cannot begin or end is nobody's poison: it is `Unavailable` to everyone.
    pub async fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
    ) -> Result<T, DbErr> {
        let done = match self.run("BEGIN IMMEDIATE").await {
            Ok(()) => match AssertUnwindSafe(work(&self.lent)).catch_unwind().await {
                Ok(Ok(written)) => self.run("COMMIT").await.map(|()| written),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(DbErr::Type("the writer panicked".to_owned())),
            },
            Err(error) => Err(error),
        };
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    /// Outside of a transaction.
    pub fn idle(&self) -> &DatabaseTransaction {
        &self.lent
    }

    /// Gives it back to the pool, which expects a transaction to end.
    pub async fn give_back(self) {
        if self.run("BEGIN IMMEDIATE").await.is_ok() {
            let _ = self.lent.rollback().await;
        }
    }

    async fn run(&self, word: &str) -> Result<(), DbErr> {
        let done = self.lent.execute_unprepared(word).await;
        // The code of such an error may be one of those that mean a bad entry (`cannot start a transaction within a
        // transaction`), and it must not be taken for that.
        done.map(drop).map_err(|error| DbErr::Conn(RuntimeErr::Internal(format!("{word}: {error}"))))
    }

    /// After an error. The database may have rolled back by itself, so its own complaint says nothing; when not even a
    /// complaint comes back, the connection is lost, and another one takes its place.
    async fn roll_back(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::{is_poison, port_error};
    use crate::store::sqlite::{open_readers, open_writer};
    use crate::store::values::all;
    use palabre_actors::ports::PortErrorKind;
    use tempfile::TempDir;

    struct Rig {
        held: Held,
        pool: DatabaseConnection,
        reads: DatabaseConnection,
        _folder: TempDir,
    }

    impl Rig {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("held.db").display());
            let pool = open_writer(&url).await.unwrap();
            pool.execute_unprepared("CREATE TABLE notes (note TEXT)").await.unwrap();
            let held = Held::take(&pool).await.unwrap();
            // Locks are not waited for here.
            held.idle().execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
            Self { held, pool, reads: open_readers(&url).await.unwrap(), _folder: folder }
        }

        async fn writes(&mut self, note: &str) -> Result<(), DbErr> {
            self.held.transact(async |tx| insert(tx, note).await).await
        }

        /// Everything that is committed.
        async fn notes(&self) -> Vec<String> {
            let rows = all(&self.reads, "SELECT note FROM notes ORDER BY rowid", []).await.unwrap();
            rows.iter().map(|row| row.get(0).unwrap()).collect()
        }
    }

    async fn insert(tx: &DatabaseTransaction, note: &str) -> Result<(), DbErr> {
        tx.execute_unprepared(&format!("INSERT INTO notes VALUES ('{note}')")).await.map(drop)
    }

    fn kind(done: Result<(), DbErr>) -> (PortErrorKind, bool) {
        let error = done.unwrap_err();
        let poison = is_poison(&error);
        (port_error(error).kind, poison)
    }

    /// Nobody's entry is to blame, and nobody's is set aside for it.
    const EVERYBODY: (PortErrorKind, bool) = (PortErrorKind::Unavailable, false);

    #[tokio::test]
    async fn i1_a_panic_leaves_nothing_behind_and_the_next_transaction_goes_on() {
        let mut rig = Rig::new().await;
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
        let mut rig = Rig::new().await;
        let other = rig.pool.begin().await.unwrap();
        insert(&other, "theirs").await.unwrap();
        assert_eq!(kind(rig.writes("ours").await), EVERYBODY, "somebody has the lock");
        other.commit().await.unwrap();
        rig.writes("ours").await.unwrap();
        // Should one ever stay open, it costs one attempt and nothing else.
        rig.held.idle().execute_unprepared("BEGIN").await.unwrap();
        insert(rig.held.idle(), "stray").await.unwrap();
        assert_eq!(kind(rig.writes("late").await), EVERYBODY);
        rig.writes("last").await.unwrap();
        assert_eq!(rig.notes().await, ["theirs", "ours", "last"]);
    }

    #[tokio::test]
    async fn i1_what_the_database_rolled_back_by_itself_is_not_taken_for_written() {
        let mut rig = Rig::new().await;
        let lost = rig.held.transact(async |tx| {
            insert(tx, "lost").await?;
            tx.execute_unprepared("ROLLBACK").await.map(drop)
        });
        assert_eq!(kind(lost.await), EVERYBODY);
        rig.writes("kept").await.unwrap();
        assert_eq!(rig.notes().await, ["kept"]);
    }

    #[tokio::test]
    async fn i1_a_full_disk_refuses_everybody_and_all_is_well_when_there_is_room_again() {
        let mut rig = Rig::new().await;
        rig.writes("before").await.unwrap();
        // As many pages as there are: the next one does not fit.
        rig.held.idle().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let large = "x".repeat(100_000);
        assert_eq!(kind(rig.writes(&large).await), EVERYBODY);
        assert_eq!(rig.notes().await, ["before"]);
        rig.held.idle().execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
        rig.writes("after").await.unwrap();
        assert_eq!(rig.notes().await, ["before", "after"]);
    }

    #[tokio::test]
    async fn a_lost_connection_is_replaced_and_its_place_in_the_pool_is_free_again() {
        let mut rig = Rig::new().await;
        rig.writes("first").await.unwrap();
        for _ in 0..3 {
            rig.held.renew().await;
        }
        rig.writes("second").await.unwrap();
        rig.pool.ping().await.unwrap();
        assert_eq!(rig.notes().await, ["first", "second"]);
    }
}
