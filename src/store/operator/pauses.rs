//! Pauses of channels.

use palabre_actors::ports::{ChannelKey, Pause};

use super::*;
use crate::store::statement::{change, text, time};
use crate::store::values::Row;

/// The end of a pause that somebody has to resume: the last time that the columns hold.
#[must_use]
pub fn endless() -> Timestamp {
    const LAST_SECOND: i64 = 253_402_300_799;
    Timestamp::from_timestamp(LAST_SECOND, 0).unwrap_or(Timestamp::MAX_UTC)
}

impl Operator {
    /// The pauses of these tenants' channels. Those whose time is over may still be listed.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn pauses(&self, tenants: &Tenants) -> Result<Vec<Pause>, StoreError> {
        let among = self.among(tenants).await?;
        let rows = all(&self.reads, sql::PAUSES, [among]).await?;
        let pause = |row: &Row| {
            let channel_key = ChannelKey { channel: row.channel(0)?, tenant: row.tenant(1)? };
            Ok(Pause { channel_key, reason: row.get(2)?, until: row.time(3)? })
        };
        Ok(rows.iter().map(pause).collect::<Result<_, DbErr>>()?)
    }

    /// Pauses a channel until then. `None`: these tenants have no such channel.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn pause(
        &self,
        tenants: &Tenants,
        channel: &ChannelId,
        reason: &OperatorReason,
        (until, at): (Timestamp, Timestamp),
    ) -> Result<Option<Pause>, StoreError> {
        let Some(tenant) = self.owner(tenants, channel).await? else { return Ok(None) };
        let values = [text(channel.as_str()), text(tenant.as_str()), text(reason.as_str()), time(until), time(at)];
        change(&self.writes, sql::PAUSE, values).await?;
        self.notify_nodes(Notification::channel_key(&tenant, channel));
        let channel_key = ChannelKey { tenant, channel: channel.clone() };
        Ok(Some(Pause { channel_key, reason: reason.as_str().to_owned(), until }))
    }

    /// Ends a channel's pause. Returns whether there was one; `None`: these tenants have no such channel.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn resume(&self, tenants: &Tenants, channel: &ChannelId) -> Result<Option<bool>, StoreError> {
        let Some(tenant) = self.owner(tenants, channel).await? else { return Ok(None) };
        let among = self.among(tenants).await?;
        let resumed = change(&self.writes, sql::RESUME, [among, text(channel.as_str())]).await? > 0;
        self.notify_nodes(Notification::channel_key(&tenant, channel));
        Ok(Some(resumed))
    }

    /// Whose a channel is, among these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn channel_owner(&self, tenants: &Tenants, channel: &ChannelId) -> Result<Option<TenantId>, StoreError> {
        self.owner(tenants, channel).await
    }

    async fn owner(&self, tenants: &Tenants, channel: &ChannelId) -> Result<Option<TenantId>, StoreError> {
        let among = self.among(tenants).await?;
        let rows = all(&self.reads, sql::CHANNEL, [among, text(channel.as_str())]).await?;
        Ok(rows.first().map(|row| row.tenant(0)).transpose()?)
    }
}
