//! The writer's connection, held for as long as the writer lives.
//!
//! Taken from the pool anew for each transaction, a connection would be pinged when it goes back and waited for when it is
//! wanted again: three hand-overs between threads, a tenth of a busy writer's time.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

/// The connection. sea-orm lends one out for the length of a transaction and no other way, so this is a transaction in its
/// eyes; in the database's, transactions begin and end by [`Held::begin`], [`Held::commit`] and [`Held::roll_back`].
pub(in crate::store) struct Held(DatabaseTransaction);

impl Held {
    pub async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let held = Self(pool.begin().await?);
        held.commit().await?;
        Ok(held)
    }

    /// Begins a transaction that may write: what it reads cannot change until its end.
    pub async fn begin(&self) -> Result<&DatabaseTransaction, DbErr> {
        self.0.execute_unprepared("BEGIN IMMEDIATE").await?;
        Ok(&self.0)
    }

    pub async fn commit(&self) -> Result<(), DbErr> {
        self.0.execute_unprepared("COMMIT").await.map(|_| ())
    }

    /// Outside of a transaction.
    pub fn idle(&self) -> &DatabaseTransaction {
        &self.0
    }

    /// After an error: the database may have rolled back by itself, so this one's own error says nothing.
    pub async fn roll_back(&self) {
        let _ = self.0.execute_unprepared("ROLLBACK").await;
    }

    /// Gives it back to the pool, which expects a transaction to end.
    pub async fn give_back(self) {
        if self.begin().await.is_ok() {
            let _ = self.0.rollback().await;
        }
    }
}
