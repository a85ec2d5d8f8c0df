//! Paid chats: whether the bot can let people in and out, and when they are compared with the ledgers.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use sea_orm::DbErr;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, change, integer, list, text, time, time_or_null};
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
    /// When it was last compared with the ledgers.
    pub audited_at: Option<Timestamp>,
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

impl Operator {
    /// A chat has another id now: places in it are places there. Returns whether that is new.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_chat_has_migrated(
        &self,
        tenant: &TenantId,
        (from, to): (&str, &str),
    ) -> Result<bool, StoreError> {
        let values = || [text(tenant.as_str()), text(from), text(to)];
        change(self.writes(), sql::GRANTS_FOLLOW_CHAT, values()).await?;
        change(self.writes(), sql::MEMBERS_FOLLOW_CHAT, values()).await?;
        Ok(change(self.writes(), sql::ACCESS_CHAT_HAS_MIGRATED, values()).await? > 0)
    }

    /// Chats that have another id now: tenant, the id that they had, the one that they have.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn migrated_chats(&self) -> Result<Vec<(TenantId, String, String)>, StoreError> {
        let rows = all(self.writes(), sql::MIGRATED_CHATS, []).await?;
        Ok(rows.iter().map(|row| Ok((row.tenant(0)?, row.get(1)?, row.get(2)?))).collect::<Result<_, DbErr>>()?)
    }

    /// Has these chats compared with the ledgers from now on. Those that are known stay as they are.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_access_chats(&self, chats: &[(TenantId, String)], now: Timestamp) -> Result<(), StoreError> {
        let rows = chats.iter().map(|(tenant, chat)| [text(tenant.as_str()), text(chat.as_str())]);
        change(self.writes(), sql::ADD_ACCESS_CHATS, [list(rows), time(now)]).await?;
        Ok(())
    }

    /// Takes a chat that is due to be compared, for until then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_chat_audit(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(TenantId, String)>, StoreError> {
        let rows = all(self.writes(), sql::CLAIM_CHAT_AUDIT, [time(now), time(until)]).await?;
        Ok(rows.first().map(|row| Ok::<_, DbErr>((row.tenant(0)?, row.get(1)?))).transpose()?)
    }

    /// A chat was compared, or could not be (`audited_at` is `None`): when it is due again.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_chat_audit(
        &self,
        (tenant, chat): (&TenantId, &str),
        audited_at: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(chat), time_or_null(audited_at), time(next)];
        change(self.writes(), sql::SETTLE_CHAT_AUDIT, values).await?;
        Ok(())
    }

    /// Has a bot's list of payments read from now on. Those that are known stay as they are.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_access_bots(&self, bots: &[(TenantId, ChannelId)], now: Timestamp) -> Result<(), StoreError> {
        let rows = bots.iter().map(|(tenant, bot)| [text(tenant.as_str()), text(bot.as_str())]);
        change(self.writes(), sql::ADD_ACCESS_BOTS, [list(rows), time(now)]).await?;
        Ok(())
    }

    /// Takes a bot whose list of payments is due to be read, for until then: how far it was read.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_access_bot(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(TenantId, ChannelId, i64)>, StoreError> {
        let rows = all(self.writes(), sql::CLAIM_ACCESS_BOT, [time(now), time(until)]).await?;
        Ok(rows.first().map(|row| Ok::<_, DbErr>((row.tenant(0)?, row.channel(1)?, row.get(2)?))).transpose()?)
    }

    /// How far a bot's list of payments was read, and when it is due again.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_access_bot(
        &self,
        (tenant, bot): (&TenantId, &ChannelId),
        read_up_to: i64,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(bot.as_str()), integer(read_up_to), time(next)];
        change(self.writes(), sql::SETTLE_ACCESS_BOT, values).await?;
        Ok(())
    }
}

fn chat(row: &Row) -> Result<AccessChat, DbErr> {
    Ok(AccessChat {
        tenant: row.tenant(0)?,
        chat: row.get(1)?,
        stuck_since: row.time_or_null(2)?,
        mended_at: row.time_or_null(3)?,
        audited_at: row.time_or_null(4)?,
    })
}
