//! Files of messages, as people and programs look at them.

use std::collections::BTreeMap;
use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::presentation::{Presentation, SentFile};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{Operator, Tenants};
use crate::store::insert::Rows;
use crate::store::statement::{Value, all, column, id, integer, text, time};
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

/// A file that was uploaded.
#[derive(Clone, Copy)]
pub struct NewUpload<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub content_type: &'a str,
    pub size: u64,
    pub hash: &'a str,
}

impl Operator {
    /// Writes down a file that was uploaded and is kept.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_upload(&self, tenant: &TenantId, upload: NewUpload<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut rows = Rows::of(sql::MEDIA);
        let nothing = || Value::Text(None);
        rows.push([
            id(upload.id),
            text(tenant.as_str()),
            nothing(),
            nothing(),
            nothing(),
            integer(0),
            nothing(),
            text(upload.content_type),
            text(upload.name),
            text("stored"),
            text(upload.content_type),
            integer(upload.size),
            text(upload.hash),
            integer(0),
            time(now),
            time(now),
            time(now),
        ]);
        rows.insert(self.writes()).await?;
        Ok(())
    }

    /// The files that messages of ours have, by message.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or a row does not hold.
    pub async fn sent_files(
        &self,
        tenant: &TenantId,
        messages: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<SentFile>>, StoreError> {
        let rows = all(self.reads(), sql::PRESENTATIONS_OF, [text(tenant.as_str()), column(messages)]).await?;
        let read = |row: &Row| {
            let shown: Presentation = serde_json::from_str(&row.get::<String>(1)?).unwrap_or_default();
            Ok((row.parse(0)?, shown.files))
        };
        let files = rows.iter().map(read).collect::<Result<Vec<(Uuid, Vec<SentFile>)>, DbErr>>()?;
        Ok(files.into_iter().filter(|(_, files)| !files.is_empty()).collect())
    }

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
