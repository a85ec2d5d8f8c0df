//! The configuration's tenants and channels, written as rows.

use super::statement::{change, text, time};
use super::{Store, StoreError, sql};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};

/// A tenant as it stands in `tenants`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
    pub id: TenantId,
    /// The name customers know.
    pub name: String,
    /// `fr` or `en`.
    pub language: String,
    /// IANA.
    pub timezone: String,
    /// Its sender accounts.
    pub channels: Vec<ChannelRow>,
}

/// A channel as it stands in `channels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// Its slug.
    pub id: ChannelId,
    /// `twilio-whatsapp`, …
    pub provider: String,
    /// The sender's address at the provider.
    pub address: Address,
}

impl Store {
    /// Writes the configuration's tenants and channels down. Rows of what is no longer configured stay, because messages
    /// name them.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written.
    pub async fn sync_tenants(&self, tenants: &[TenantRow], now: Timestamp) -> Result<(), StoreError> {
        let tx = self.0.writes.begin().await?;
        for tenant in tenants {
            let id = tenant.id.as_str();
            let values = [id, &tenant.name, &tenant.language, &tenant.timezone].map(text);
            change(&tx, sql::SYNC_TENANT, values.into_iter().chain([time(now)])).await?;
            for channel in &tenant.channels {
                let values = [channel.id.as_str(), id, &channel.provider, channel.address.as_str()].map(text);
                change(&tx, sql::SYNC_CHANNEL, values.into_iter().chain([time(now)])).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
