//! Media: files that came with messages, which are to be fetched, and what became of that.

use std::collections::BTreeMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, InboundId, TenantId};
use palabre_actors::domain::message::{Media, NewInbound};
use sea_orm::DbErr;
use uuid::Uuid;

use super::insert::Rows;
use super::operator::{Operator, Tenants};
use super::statement::{Value, all, change, column, count, id, integer, text, text_or_null, time};
use super::values::{Row, number};
use super::{Store, StoreError, sql};

/// A file to fetch. `Debug` does not show where it is: the URL may be all that it takes to read it.
#[derive(Clone)]
pub struct DueMedia {
    pub id: Uuid,
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// As the provider named it.
    pub media: Media,
    /// This attempt counted.
    pub attempts: u32,
    pub created_at: Timestamp,
}

impl std::fmt::Debug for DueMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueMedia").field("id", &self.id).field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

/// What became of an attempt to fetch a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaOutcome {
    Stored {
        content_type: String,
        size: u64,
        hash: String,
    },
    /// It is not taken, and why.
    Refused(&'static str),
    /// It cannot be had any more, and why.
    Failed(&'static str),
    /// Again then.
    Later(&'static str, Timestamp),
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRow {
    pub id: Uuid,
    pub tenant: TenantId,
    pub message: Uuid,
    /// `waiting`, `stored`, `refused`, `failed` or `expired`.
    pub state: String,
    pub reason: Option<String>,
    /// What was found out, or what the provider says.
    pub content_type: String,
    pub size: Option<u64>,
    pub hash: Option<String>,
}

/// How many files may be claimed.
#[derive(Clone, Copy, Debug)]
pub struct MediaClaim<'a> {
    pub limit: usize,
    pub of_one_tenant: usize,
    /// Tenants that have enough.
    pub without: &'a [TenantId],
}

/// The rows of a message's files.
pub(super) fn push(rows: &mut Rows, new: &NewInbound, message: InboundId) {
    for (position, file) in new.content.details.media.iter().enumerate() {
        rows.push([
            id(Uuid::now_v7()),
            text(new.tenant.as_str()),
            text(new.channel.as_str()),
            id(message),
            count(position),
            text(file.url.as_str()),
            text(file.content_type.as_str()),
            text("waiting"),
            integer(0),
            time(new.received_at),
            time(new.received_at),
            time(new.received_at),
        ]);
    }
}

impl Store {
    /// Claims files whose messages had their turn, until then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or was not reached yet.
    pub async fn claim_media(
        &self,
        claim: MediaClaim<'_>,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Vec<DueMedia>, StoreError> {
        self.prepared()?;
        // A look costs the writers nothing.
        if all(&self.0.reads, sql::DUE_MEDIA, [time(now)]).await?.is_empty() {
            return Ok(Vec::new());
        }
        // A statement over an empty list is not run.
        let without = column(claim.without.iter().map(TenantId::as_str).chain([""]));
        let values = [time(now), time(until), count(claim.limit), count(claim.of_one_tenant), without];
        let rows = all(&self.0.writes, sql::CLAIM_MEDIA, values).await?;
        let due = |row: &Row| {
            Ok(DueMedia {
                id: row.parse(0)?,
                tenant: row.tenant(1)?,
                channel: row.channel(2)?,
                media: Media { url: row.get(3)?, content_type: row.get(4)? },
                attempts: number(row.get(5)?)?,
                created_at: row.time(6)?,
            })
        };
        Ok(rows.iter().map(due).collect::<Result<_, DbErr>>()?)
    }

    /// Writes what became of an attempt, unless another one began meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_media(&self, due: &DueMedia, outcome: &MediaOutcome, now: Timestamp) -> Result<(), StoreError> {
        let (state, reason, again) = match outcome {
            MediaOutcome::Stored { .. } => ("stored", None, now),
            MediaOutcome::Refused(why) => ("refused", Some(*why), now),
            MediaOutcome::Failed(why) => ("failed", Some(*why), now),
            MediaOutcome::Later(why, at) => ("waiting", Some(*why), *at),
        };
        let stored = match outcome {
            MediaOutcome::Stored { content_type, size, hash } => {
                [text(content_type.as_str()), integer(*size), text(hash.as_str())]
            }
            _ => [Value::Text(None), Value::Number(None), Value::Text(None)],
        };
        let [content_type, size, hash] = stored;
        let values = [
            id(due.id),
            integer(due.attempts),
            text(state),
            text_or_null(reason),
            content_type,
            size,
            hash,
            time(again),
            time(now),
        ];
        change(&self.0.writes, sql::SETTLE_MEDIA, values).await?;
        Ok(())
    }

    /// Forgets files whose messages retention deleted. Answers the bytes that no file has any more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_media(&self, limit: usize) -> Result<Vec<(TenantId, String)>, StoreError> {
        let rows = all(&self.0.reads, sql::MEDIA_LEFT, [count(limit)]).await?;
        let mut hashes: BTreeMap<(TenantId, String), ()> = BTreeMap::new();
        let mut ids = Vec::new();
        for row in &rows {
            ids.push(row.get::<String>(0)?);
            if let Some(hash) = row.get::<Option<String>>(2)? {
                hashes.insert((row.tenant(1)?, hash), ());
            }
        }
        change(&self.0.writes, sql::FORGET_MEDIA, [column(ids)]).await?;
        let mut unused = Vec::new();
        for (tenant, hash) in hashes.into_keys() {
            let values = [text(tenant.as_str()), text(hash.as_str())];
            let left = all(&self.0.writes, sql::MEDIA_WITH_HASH, values).await?;
            if left.first().map(|row| row.get::<i64>(0)).transpose()? == Some(0) {
                unused.push((tenant, hash));
            }
        }
        Ok(unused)
    }
}

impl Operator {
    /// The files of messages, by message, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn media_of(
        &self,
        tenant: &TenantId,
        messages: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<MediaRow>>, StoreError> {
        let rows = all(self.reads(), sql::MEDIA_OF, [column([tenant.as_str()]), column(messages)]).await?;
        let mut media: BTreeMap<Uuid, Vec<MediaRow>> = BTreeMap::new();
        for row in &rows {
            let row = media_row(row)?;
            media.entry(row.message).or_default().push(row);
        }
        Ok(media)
    }

    /// The files of one message of these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn media_of_message(&self, tenants: &Tenants, message: Uuid) -> Result<Vec<MediaRow>, StoreError> {
        let tenants = self.ids_of(tenants).await?;
        let rows = all(self.reads(), sql::MEDIA_OF, [column(tenants), column([message])]).await?;
        Ok(rows.iter().map(media_row).collect::<Result<_, DbErr>>()?)
    }

    /// One file of these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn media(&self, tenants: &Tenants, media: Uuid) -> Result<Option<MediaRow>, StoreError> {
        let tenants = self.ids_of(tenants).await?;
        let rows = all(self.reads(), sql::MEDIA_BY_ID, [column(tenants), id(media)]).await?;
        Ok(rows.first().map(media_row).transpose()?)
    }
}

fn media_row(row: &Row) -> Result<MediaRow, DbErr> {
    Ok(MediaRow {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        message: row.parse(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        content_type: row.get(5)?,
        size: row.get::<Option<i64>>(6)?.and_then(|size| u64::try_from(size).ok()),
        hash: row.get(7)?,
    })
}
