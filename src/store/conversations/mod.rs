//! Conversations as people read them: lists, one with its messages, contacts, searches.

mod contacts;
mod feed;
mod inbox;
mod notes;
mod sql;
#[cfg(test)]
mod tests;
mod timeline;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::ids::{ChannelId, ContactId, ConversationId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

pub use self::contacts::{ContactRow, SearchResult};
pub use self::feed::{FeedPosition, FeedRow};
pub use self::inbox::{InboxCounts, InboxFilter, InboxPage, InboxRow, MessageEventRow};
pub use self::notes::{CannedReply, NoteRow};
pub use self::timeline::{MessageRow, Timeline, TimelinePage, TimelineSide};
use super::StoreError;
use super::operator::{Operator, Tenants, endless};
use super::statement::{Value, all, change, count, id, text, text_or_null, time};
use super::values::Row;

/// A conversation in a list. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub contact: ContactId,
    /// The name that the contact last showed.
    pub contact_name: Option<String>,
    /// Where they were last written to.
    pub address: Address,
    pub status: ConversationStatus,
    pub handler: Handler,
    pub assignee: Option<String>,
    /// Grows by one with every turn.
    pub version: i64,
    pub last_message_at: Option<Timestamp>,
    pub last_inbound_at: Option<Timestamp>,
    /// The contact's messages that nobody has read.
    pub unread: i64,
    pub created_at: Timestamp,
    /// The tenant's people want to hear nothing of the contact.
    pub is_blocked: bool,
}

impl std::fmt::Debug for ConversationRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConversationRow").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    pub tenants: Tenants,
    pub status: Option<ConversationStatus>,
    pub handler: Option<Handler>,
    pub channel: Option<ChannelId>,
    pub assignee: Option<AssignedTo>,
}

/// Whose conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignedTo {
    Nobody,
    Person(String),
}

/// Which part of a list of conversations.
#[derive(Clone, Copy, Debug)]
pub struct ConversationPage {
    /// Those before this one: the last of the page before.
    pub before: Option<(Timestamp, ConversationId)>,
    pub limit: usize,
}

impl ConversationRow {
    /// Where the page after this row begins.
    #[must_use]
    pub fn place(&self) -> (Timestamp, ConversationId) {
        (self.last_message_at.unwrap_or(self.created_at), self.id)
    }

    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            channel: row.channel(2)?,
            contact: row.parse(3)?,
            contact_name: row.get(4)?,
            address: row.address(5)?,
            status: row.parse(6)?,
            handler: row.parse(7)?,
            assignee: row.get(8)?,
            version: row.get(9)?,
            last_message_at: row.time_or_null(10)?,
            last_inbound_at: row.time_or_null(11)?,
            unread: row.get(12)?,
            created_at: row.time(13)?,
            is_blocked: row.get(14)?,
        })
    }
}

impl Operator {
    /// Conversations that fit, those with the newest messages first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn conversations(
        &self,
        filter: &ConversationFilter,
        page: ConversationPage,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let assignee = filter.assignee.as_ref().map(|assignee| match assignee {
            AssignedTo::Nobody => "",
            AssignedTo::Person(name) => name,
        });
        let (at, before) = page
            .before
            .map_or_else(|| (endless(), super::operator::LAST_ID.to_owned()), |(at, id)| (at, id.to_string()));
        let mut found = Vec::new();
        // Each tenant's list is read along its index, and no further than the page.
        for tenant in self.ids_of(&filter.tenants).await? {
            let values = [
                text(tenant),
                text_or_null(filter.status.map(ConversationStatus::as_str)),
                text_or_null(filter.handler.map(Handler::as_str)),
                text_or_null(filter.channel.as_ref().map(ChannelId::as_str)),
                text_or_null(assignee),
                time(at),
                text(before.as_str()),
                count(page.limit),
            ];
            for row in &all(self.reads(), sql::LIST, values).await? {
                found.push(ConversationRow::read(row)?);
            }
        }
        found.sort_by_key(|row| std::cmp::Reverse(row.place()));
        found.truncate(page.limit);
        Ok(found)
    }

    /// One conversation. `None`: these tenants have no such conversation.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn conversation(
        &self,
        tenants: &Tenants,
        conversation: ConversationId,
    ) -> Result<Option<ConversationRow>, StoreError> {
        let values = [self.among(tenants).await?, id(conversation)];
        let rows = all(self.reads(), sql::ONE, values).await?;
        Ok(rows.first().map(ConversationRow::read).transpose()?)
    }

    /// Somebody has read a conversation to its end.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn mark_read(&self, tenants: &Tenants, conversation: ConversationId) -> Result<(), StoreError> {
        let values = [self.among(tenants).await?, id(conversation)];
        change(self.writes(), sql::READ, values).await?;
        Ok(())
    }

    async fn of_contacts(&self, among: &Value, contacts: Value) -> Result<Vec<ConversationRow>, DbErr> {
        let rows = all(self.reads(), sql::OF_CONTACTS, [among.clone(), contacts]).await?;
        rows.iter().map(ConversationRow::read).collect()
    }
}

fn uuid_text(id: Uuid) -> String {
    id.to_string()
}
