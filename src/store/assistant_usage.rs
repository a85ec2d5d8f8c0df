//! What assistants cost, day by day, shared by all nodes.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;

use super::statement::{change, integer, text, time};
use super::{Store, StoreError, sql};

impl Store {
    /// Takes an amount, in millionths of the tenant's currency, unless the day's sum would pass the limit. Whether it was
    /// taken.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn take_assistant_budget(
        &self,
        (tenant, day): (&TenantId, &str),
        micros: i64,
        limit: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), text(day), integer(micros), integer(limit), time(now)];
        Ok(change(&self.0.writes, sql::TAKE_ASSISTANT, values).await? > 0)
    }

    /// Adds to a day's sum, or takes off it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn correct_assistant_budget(
        &self,
        (tenant, day): (&TenantId, &str),
        micros: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(day), integer(micros), time(now)];
        change(&self.0.writes, sql::CORRECT_ASSISTANT, values).await?;
        Ok(())
    }
}
