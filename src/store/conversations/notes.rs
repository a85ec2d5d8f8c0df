//! Notes, labels and canned replies.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ConversationId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql::inbox as sql;
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::statement::{all, change, id, text, time};

/// What somebody of the tenant wrote about a conversation. `Debug` shows no text (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct NoteRow {
    pub id: Uuid,
    pub author: String,
    pub author_name: String,
    pub body: String,
    pub created_at: Timestamp,
}

/// An answer that people write often. `Debug` shows no text (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct CannedReply {
    pub id: Uuid,
    /// What is typed behind `/`.
    pub shortcut: String,
    pub body: String,
}

impl std::fmt::Debug for NoteRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoteRow").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CannedReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CannedReply").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Operator {
    /// The notes of a conversation, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn notes(&self, tenant: &TenantId, of: ConversationId) -> Result<Vec<NoteRow>, StoreError> {
        let rows = all(self.reads(), sql::NOTES, [text(tenant.as_str()), id(of)]).await?;
        let notes = rows.iter().map(|row| {
            Ok(NoteRow {
                id: row.parse(0)?,
                author: row.get(1)?,
                author_name: row.get(2)?,
                body: row.get(3)?,
                created_at: row.time(4)?,
            })
        });
        Ok(notes.collect::<Result<_, DbErr>>()?)
    }

    /// Writes a note.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn add_note(&self, tenant: &TenantId, of: ConversationId, note: &NoteRow) -> Result<(), StoreError> {
        let values = [
            id(note.id),
            text(tenant.as_str()),
            id(of),
            text(note.author.as_str()),
            text(note.author_name.as_str()),
            text(note.body.as_str()),
            time(note.created_at),
        ];
        change(self.writes(), sql::ADD_NOTE, values).await?;
        Ok(())
    }

    /// Labels that the tenant's conversations have.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn labels(&self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        let rows = all(self.reads(), sql::LABELS, [text(tenant.as_str())]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?)
    }

    /// Puts a label on a conversation, or takes it off.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn label(
        &self,
        tenant: &TenantId,
        of: ConversationId,
        (label, is_on): (&str, bool),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut values = vec![text(tenant.as_str()), id(of), text(label)];
        if is_on {
            values.push(time(at));
            change(self.writes(), sql::ADD_LABEL, values).await?;
        } else {
            change(self.writes(), sql::REMOVE_LABEL, values).await?;
        }
        Ok(())
    }

    /// The tenant's canned replies, by their shortcuts.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn canned_replies(&self, tenant: &TenantId) -> Result<Vec<CannedReply>, StoreError> {
        let rows = all(self.reads(), sql::CANNED_REPLIES, [text(tenant.as_str())]).await?;
        let replies =
            rows.iter().map(|row| Ok(CannedReply { id: row.parse(0)?, shortcut: row.get(1)?, body: row.get(2)? }));
        Ok(replies.collect::<Result<_, DbErr>>()?)
    }

    /// Keeps a canned reply; the shortcut's earlier text is replaced.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn keep_canned_reply(
        &self,
        tenant: &TenantId,
        reply: &CannedReply,
        (author, at): (&str, Timestamp),
    ) -> Result<(), StoreError> {
        let values = [
            id(reply.id),
            text(tenant.as_str()),
            text(reply.shortcut.as_str()),
            text(reply.body.as_str()),
            text(author),
            time(at),
        ];
        change(self.writes(), sql::KEEP_CANNED_REPLY, values).await?;
        Ok(())
    }

    /// Deletes a canned reply of a tenant. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn remove_canned_reply(&self, tenant: &TenantId, reply: Uuid) -> Result<bool, StoreError> {
        let removed = change(self.writes(), sql::REMOVE_CANNED_REPLY, [text(tenant.as_str()), id(reply)]).await?;
        Ok(removed > 0)
    }
}
