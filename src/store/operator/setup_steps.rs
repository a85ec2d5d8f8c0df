//! Steps of a tenant's set-up, and when its channels last brought or sent something.

use super::*;
use crate::store::statement::{change, text, time};
use crate::store::values::Row;

/// A channel, and when something last came in and went out by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelActivity {
    pub channel: ChannelId,
    pub last_inbound_at: Option<Timestamp>,
    /// The beginning of the quarter of an hour in which a provider last took something: `usage` counts by them.
    pub last_sent_in: Option<Timestamp>,
}

impl Operator {
    /// The steps of a tenant's set-up that somebody went through.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn setup_steps(&self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        let rows = all(&self.reads, sql::SETUP_STEPS, [text(tenant.as_str())]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, DbErr>>()?)
    }

    /// Notes that somebody went through a step.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn confirm_setup_step(
        &self,
        tenant: &TenantId,
        step: &str,
        (author, at): (&str, Timestamp),
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(step), text(author), time(at)];
        change(&self.writes, sql::CONFIRM_SETUP_STEP, values).await?;
        Ok(())
    }

    /// When something last came in and went out by each channel of a tenant; one by which nothing ever did is missing.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn channel_activity(&self, tenant: &TenantId) -> Result<Vec<ChannelActivity>, StoreError> {
        let rows = all(&self.reads, sql::CHANNEL_ACTIVITY, [text(tenant.as_str())]).await?;
        let activity = |row: &Row| {
            let (last_inbound_at, last_sent_in) = (row.time_or_null(1)?, row.time_or_null(2)?);
            Ok(ChannelActivity { channel: row.channel(0)?, last_inbound_at, last_sent_in })
        };
        Ok(rows.iter().map(activity).collect::<Result<_, DbErr>>()?)
    }
}
