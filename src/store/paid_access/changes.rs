//! Changes of subscriptions beside those of their ledgers: moves to another account, and turns that are waited for.

use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use super::sql;
use super::subscriptions::{Subscription, added, saved};
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::statement::{change, column, id, time};

impl Operator {
    /// Writes a purchase that belongs to another account now, and has `left`, which is that account's, take its places over.
    /// Returns whether nobody else had changed it meanwhile; if somebody had, nothing is written (I12).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn move_subscription(
        &self,
        moved: &Subscription,
        left: Option<&Subscription>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let tx = self.begin().await?;
        if change(&tx, sql::SAVE_SUBSCRIPTION, saved(moved, now)?).await? == 0 {
            return Ok(false);
        }
        if let Some(left) = left {
            change(&tx, sql::ADD_SUBSCRIPTION, added(left)?).await?;
            change(&tx, sql::HAND_PLACES_OVER, [id(moved.id), id(left.id)]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Has these subscriptions, which are leased until `lease`, looked at then, unless something has happened to them since.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn postpone_subscriptions(
        &self,
        ids: &[Uuid],
        lease: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        change(self.writes(), sql::POSTPONE_SUBSCRIPTIONS, [column(ids), time(lease), time(until)]).await?;
        Ok(())
    }
}
