//! Who was seen in paid chats.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, change, list, text, text_or_null, time};
use crate::store::values::{Row, corrupt};

/// What somebody was last seen to be in a paid chat. `Debug` does not show who.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatMember {
    pub tenant: TenantId,
    pub chat: String,
    pub address: Address,
    /// `owner`, `administrator`, `member`, `outside` or `banned`.
    pub membership: String,
    /// What the last comparison with the ledgers found. `None`: they are where they should be.
    pub finding: Option<ChatFinding>,
    pub seen_at: Timestamp,
}

impl std::fmt::Debug for ChatMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatMember")
            .field("membership", &self.membership)
            .field("finding", &self.finding)
            .finish_non_exhaustive()
    }
}

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFinding {
    /// They are in, and have not paid.
    Stranger,
    /// They were in, had not paid, and are being removed.
    Removed,
    /// They have paid, and are not in.
    Missing,
}

impl ChatFinding {
    const WORDS: [(Self, &'static str); 3] =
        [(Self::Stranger, "stranger"), (Self::Removed, "removed"), (Self::Missing, "missing")];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(finding, _)| *finding == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Result<Self, DbErr> {
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(finding, _)| *finding).ok_or_else(|| corrupt("a finding"))
    }
}

/// Which of those who were seen in chats.
#[derive(Clone, Copy)]
pub enum SeenMembers<'a> {
    InChat(&'a Address),
    /// In all chats.
    Of(&'a Address),
    /// Who is not where they should be.
    OutOfPlace,
}

impl Operator {
    /// Notes what people were seen to be in a chat.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn keep_chat_members(
        &self,
        (tenant, chat): (&TenantId, &str),
        seen: &[(Address, &'static str, Option<ChatFinding>)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = seen.iter().map(|(address, membership, finding)| {
            let finding = text_or_null(finding.map(ChatFinding::as_str));
            [text(tenant.as_str()), text(chat), text(address.as_str()), text(*membership), finding]
        });
        change(self.writes(), sql::KEEP_CHAT_MEMBERS, [list(rows), time(now)]).await?;
        Ok(())
    }

    /// Who was seen in these tenants' chats, or was looked for there.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn chat_members(&self, tenants: &Tenants, of: SeenMembers<'_>) -> Result<Vec<ChatMember>, StoreError> {
        let (chat, address, finding) = match of {
            SeenMembers::InChat(chat) => (Some(chat.as_str()), None, None),
            SeenMembers::Of(address) => (None, Some(address.as_str()), None),
            SeenMembers::OutOfPlace => (None, None, Some("any")),
        };
        let values = [chat, address, finding].map(text_or_null);
        let values = std::iter::once(self.among(tenants).await?).chain(values);
        let rows = all(self.writes(), sql::CHAT_MEMBERS, values).await?;
        Ok(rows.iter().map(chat_member).collect::<Result<_, DbErr>>()?)
    }
}

fn chat_member(row: &Row) -> Result<ChatMember, DbErr> {
    let finding: Option<String> = row.get(4)?;
    Ok(ChatMember {
        tenant: row.tenant(0)?,
        chat: row.get(1)?,
        address: Address::from_normalised(&row.get::<String>(2)?),
        membership: row.get(3)?,
        finding: finding.as_deref().map(ChatFinding::parse).transpose()?,
        seen_at: row.time(5)?,
    })
}
