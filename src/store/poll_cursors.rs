//! Poll cursors: where polling of a channel stands, and which node may poll it.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, NodeId, TenantId};

use super::statement::{all, change, integer, text, time};
use super::values::Row;
use super::{Store, StoreError, sql};

impl Store {
    /// Takes a channel's poll lease, or prolongs it. Answers where polling stands (`Some(None)`: nowhere yet); `None`: another
    /// node has the lease.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or was not reached yet.
    pub async fn lease_polling(
        &self,
        (tenant, channel): (&TenantId, &ChannelId),
        node: &NodeId,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<Option<i64>>, StoreError> {
        self.prepared()?;
        let values = [text(tenant.as_str()), text(channel.as_str()), text(node.as_str()), time(now), time(until)];
        let rows = all(&self.0.writes, sql::LEASE_POLLING, values).await?;
        Ok(rows.first().map(|row: &Row| row.get::<Option<i64>>(0)).transpose()?)
    }

    /// Notes where polling goes on: everything before is durable. `false`: another node has the lease now.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn advance_polling(
        &self,
        (tenant, channel): (&TenantId, &ChannelId),
        node: &NodeId,
        position: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), text(channel.as_str()), text(node.as_str()), integer(position), time(now)];
        Ok(change(&self.0.writes, sql::ADVANCE_POLLING, values).await? > 0)
    }

    /// Gives up all poll leases of a node.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn release_polling(&self, node: &NodeId) -> Result<(), StoreError> {
        self.prepared()?;
        change(&self.0.writes, sql::RELEASE_POLLING, [text(node.as_str())]).await?;
        Ok(())
    }
}
