//! Files of messages, as people and programs look at them.

use std::collections::BTreeMap;
use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;
use uuid::Uuid;

use super::{Operator, Tenants};
use crate::store::statement::{all, column, id};
use crate::store::values::Row;
use crate::store::{StoreError, sql};

/// A file. `Debug` does not show its name.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaRow {
    pub id: Uuid,
    pub tenant: TenantId,
    /// The message that it came with. `None`: it was uploaded.
    pub message: Option<Uuid>,
    /// `waiting`, `stored`, `refused`, `failed` or `expired`.
    pub state: String,
    pub reason: Option<String>,
    /// What its bytes show, or what the provider says.
    pub content_type: String,
    pub size: Option<u64>,
    pub hash: Option<String>,
    /// As the sender called it.
    pub name: Option<String>,
    pub created_at: Timestamp,
}

impl fmt::Debug for MediaRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Operator {
    /// The files of messages, by message, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn media_of(
        &self,
        tenants: &Tenants,
        messages: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<MediaRow>>, StoreError> {
        let rows = all(self.reads(), sql::MEDIA_OF, [self.among(tenants).await?, column(messages)]).await?;
        let mut media: BTreeMap<Uuid, Vec<MediaRow>> = BTreeMap::new();
        for row in &rows {
            let row = media_row(row)?;
            if let Some(message) = row.message {
                media.entry(message).or_default().push(row);
            }
        }
        Ok(media)
    }

    /// One file.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn media(&self, tenants: &Tenants, media: Uuid) -> Result<Option<MediaRow>, StoreError> {
        let rows = all(self.reads(), sql::MEDIA_BY_ID, [self.among(tenants).await?, id(media)]).await?;
        Ok(rows.first().map(media_row).transpose()?)
    }
}

fn media_row(row: &Row) -> Result<MediaRow, DbErr> {
    Ok(MediaRow {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        message: row.parse_or_null(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        content_type: row.get(5)?,
        size: row.get::<Option<i64>>(6)?.and_then(|size| u64::try_from(size).ok()),
        hash: row.get(7)?,
        name: row.get(8)?,
        created_at: row.time(9)?,
    })
}
