//! The configuration's tenants and channels, written as rows.

use super::statement::{all, change, text, time};
use super::{Store, StoreError, sql};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, HomeCountry};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use sea_orm::DbErr;

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
    /// What numbers without `+` in its tables mean. It has no column: the configuration says it.
    pub country: Option<HomeCountry>,
    /// Its sender accounts.
    pub channels: Vec<ChannelRow>,
}

/// A channel as it stands in `channels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// Its slug.
    pub id: ChannelId,
    /// Its name in the configuration.
    pub provider: String,
    /// The sender's address at the provider.
    pub address: Address,
}

impl Store {
    /// The channels that the database knows, configured or not, each with its provider's name.
    ///
    /// # Errors
    /// [`StoreError`]: the database was not reached yet, or refused.
    pub async fn stored_channels(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.prepared()?;
        let rows = all(&self.0.reads, sql::STORED_CHANNELS, []).await?;
        let channels: Result<_, DbErr> = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect();
        Ok(channels?)
    }

    /// Writes the configuration's tenants and channels down. Rows of what is no longer configured stay, because messages
    /// name them.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written.
    pub async fn sync_tenants(&self, tenants: &[TenantRow], now: Timestamp) -> Result<(), StoreError> {
        for tenant in tenants {
            self.0.countries.set(&tenant.id, tenant.country);
        }
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
