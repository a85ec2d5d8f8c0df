//! Media: files of messages, those that are to be fetched, and what became of that.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, EventId, InboundId, TenantId};
use palabre_actors::domain::message::NewInbound;
use sea_orm::DbErr;
use uuid::Uuid;

use super::events::Events;
use super::insert::Rows;
use super::statement::{Value, all, change, column, count, id, integer, text, text_or_null, time};
use super::values::{Row, number};
use super::{Store, StoreError, sql};

/// A file to fetch. `Debug` does not show where it is: the URL may be all that it takes to read it.
#[derive(Clone)]
pub struct DueMedia {
    pub id: Uuid,
    pub tenant: TenantId,
    pub channel: ChannelId,
    message: Uuid,
    correlation: CorrelationId,
    /// As the provider named it.
    pub url: String,
    /// What the provider calls it.
    pub declared_type: String,
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

/// How many files may be claimed.
#[derive(Clone, Copy, Debug)]
pub struct MediaClaim<'a> {
    pub limit: usize,
    pub of_one_tenant: usize,
    /// Tenants that have enough.
    pub without: &'a [TenantId],
}

/// A file that is not to be kept any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnwantedMedia {
    pub id: Uuid,
    pub tenant: TenantId,
    /// Of bytes that no other file has.
    pub hash: Option<String>,
}

/// The rows of a message's files.
pub(super) fn push(rows: &mut Rows, new: &NewInbound, message: InboundId) {
    for (position, file) in new.content.details.media.iter().enumerate() {
        rows.push([
            id(Uuid::now_v7()),
            text(new.tenant.as_str()),
            text(new.channel.as_str()),
            id(message),
            id(new.correlation),
            count(position),
            text(file.url.as_str()),
            text(file.content_type.as_str()),
            text_or_null(file.name.as_deref()),
            text("waiting"),
            Value::Text(None),
            Value::Number(None),
            Value::Text(None),
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
                message: row.parse(3)?,
                correlation: row.parse(4)?,
                url: row.get(5)?,
                declared_type: row.get(6)?,
                attempts: number(row.get(7)?)?,
                created_at: row.time(8)?,
            })
        };
        Ok(rows.iter().map(due).collect::<Result<_, DbErr>>()?)
    }

    /// Writes what became of an attempt, with its event, unless another attempt began meanwhile: then `false`.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_media(
        &self,
        due: &DueMedia,
        outcome: &MediaOutcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, reason, again) = match outcome {
            MediaOutcome::Stored { .. } => ("stored", None, now),
            MediaOutcome::Refused(why) => ("refused", Some(*why), now),
            MediaOutcome::Failed(why) => ("failed", Some(*why), now),
            MediaOutcome::Later(why, at) => ("waiting", Some(*why), *at),
        };
        let [content_type, size, hash] = match outcome {
            MediaOutcome::Stored { content_type, size, hash } => {
                [text(content_type.as_str()), integer(*size), text(hash.as_str())]
            }
            _ => [Value::Text(None), Value::Number(None), Value::Text(None)],
        };
        let values = [
            text(due.tenant.as_str()),
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
        let tx = self.0.writes.begin().await?;
        let is_settled = change(&tx, sql::SETTLE_MEDIA, values).await? > 0;
        if let Some(event) = event(due, outcome, now).filter(|_| is_settled) {
            let mut events = Events::none();
            events.push(&event);
            events.into_rows().insert(&tx).await?;
        }
        tx.commit().await?;
        Ok(is_settled)
    }

    /// How many files wait to be fetched.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn waiting_media(&self) -> Result<u64, StoreError> {
        let rows = all(&self.0.reads, sql::WAITING_MEDIA, []).await?;
        Ok(rows.first().map(|row| row.get::<i64>(0)).transpose()?.and_then(|n| n.try_into().ok()).unwrap_or_default())
    }

    /// Files whose messages retention deleted, and uploads from before `uploads`; `None`: uploads stay.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn left_media(&self, uploads: Option<Timestamp>, limit: usize) -> Result<Vec<UnwantedMedia>, StoreError> {
        let uploads = uploads.unwrap_or(Timestamp::UNIX_EPOCH);
        let rows = all(&self.0.reads, sql::MEDIA_LEFT, [time(uploads), count(limit)]).await?;
        self.unwanted(&rows).await
    }

    /// Files that expired and whose bytes are there yet.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn expired_media(&self, limit: usize) -> Result<Vec<UnwantedMedia>, StoreError> {
        let rows = all(&self.0.reads, sql::MEDIA_EXPIRED, [count(limit)]).await?;
        self.unwanted(&rows).await
    }

    /// A hash that another file has as well is left out: its bytes stay.
    async fn unwanted(&self, rows: &[Row]) -> Result<Vec<UnwantedMedia>, StoreError> {
        let read =
            |row: &Row| Ok::<_, DbErr>(UnwantedMedia { id: row.parse(0)?, tenant: row.tenant(1)?, hash: row.get(2)? });
        let mut unwanted = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<Uuid> = unwanted.iter().map(|file| file.id).collect();
        let hashes: BTreeSet<(TenantId, String)> =
            unwanted.iter().filter_map(|file| Some((file.tenant.clone(), file.hash.clone()?))).collect();
        let mut shared = BTreeSet::new();
        for (tenant, hash) in hashes {
            let values = [text(tenant.as_str()), text(hash.as_str()), column(&ids)];
            let others = all(&self.0.writes, sql::MEDIA_WITH_HASH, values).await?;
            if others.first().map(|row| row.get::<i64>(0)).transpose()?.is_some_and(|others| others > 0) {
                shared.insert((tenant, hash));
            }
        }
        for file in &mut unwanted {
            let is_shared = file.hash.clone().is_some_and(|hash| shared.contains(&(file.tenant.clone(), hash)));
            if is_shared {
                file.hash = None;
            }
        }
        Ok(unwanted)
    }

    /// Forgets files whose bytes are deleted.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_media(&self, files: &[Uuid]) -> Result<(), StoreError> {
        change(&self.0.writes, sql::FORGET_MEDIA, [column(files)]).await?;
        Ok(())
    }

    /// Notes that the bytes of expired files are deleted.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_bytes(&self, files: &[Uuid]) -> Result<(), StoreError> {
        change(&self.0.writes, sql::FORGET_BYTES, [column(files)]).await?;
        Ok(())
    }
}

fn event(due: &DueMedia, outcome: &MediaOutcome, now: Timestamp) -> Option<Event> {
    let (event_type, reason) = match outcome {
        MediaOutcome::Stored { .. } => (EventType::MediaStored, None),
        MediaOutcome::Refused(why) | MediaOutcome::Failed(why) => (EventType::MediaRefused, Some(*why)),
        MediaOutcome::Later(..) => return None,
    };
    let payload = Payload::builder().id("media", &due.id.to_string());
    Some(Event {
        id: EventId::fresh(),
        tenant: due.tenant.clone(),
        event_type,
        entity_type: EntityType::MessageIn,
        entity_id: Some(due.message),
        correlation: due.correlation,
        actor_type: ActorType::System,
        payload: match reason {
            Some(reason) => payload.word("reason", reason).finish(),
            None => payload.finish(),
        },
        created_at: now,
    })
}
