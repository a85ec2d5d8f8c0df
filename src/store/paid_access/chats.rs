//! Paid chats: since when the bot can let nobody in or out.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, change, text, time};
use crate::store::values::Row;

/// How it stands with a paid chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChat {
    pub tenant: TenantId,
    /// The chat's address.
    pub chat: String,
    /// Since when the bot can let nobody in or out. `None`: it can.
    pub stuck_since: Option<Timestamp>,
    /// When it could again.
    pub mended_at: Option<Timestamp>,
}

impl Operator {
    /// The bot can let nobody in or out of a chat. Returns whether that is new.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_chat_is_stuck(
        &self,
        tenant: &TenantId,
        chat: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), text(chat), time(now)];
        Ok(change(self.writes(), sql::ACCESS_CHAT_IS_STUCK, values).await? > 0)
    }

    /// The bot can let people in and out of a chat again. Returns whether that is new.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_chat_is_mended(
        &self,
        tenant: &TenantId,
        chat: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), text(chat), time(now)];
        Ok(change(self.writes(), sql::ACCESS_CHAT_IS_MENDED, values).await? > 0)
    }

    /// The paid chats of these tenants of which something was noted.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_chats(&self, tenants: &Tenants) -> Result<Vec<AccessChat>, StoreError> {
        let rows = all(self.writes(), sql::ACCESS_CHATS, [self.among(tenants).await?]).await?;
        Ok(rows.iter().map(chat).collect::<Result<_, DbErr>>()?)
    }
}

fn chat(row: &Row) -> Result<AccessChat, DbErr> {
    Ok(AccessChat {
        tenant: row.tenant(0)?,
        chat: row.get(1)?,
        stuck_since: row.time_or_null(2)?,
        mended_at: row.time_or_null(3)?,
    })
}
