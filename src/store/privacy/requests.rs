//! Table of what was asked for: exports and erasures of persons, with their progress.

use std::str::FromStr;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{ContactId, CorrelationId, EventId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::composed::{Params, execute, query};
use crate::store::events::Events;
use crate::store::operator::{LAST_ID, Operator, Tenants};
use crate::store::statement::{Value, count, id, integer, text, text_or_null, time, time_or_null};
use crate::store::values::Row;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Export,
    Erase,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has begun.
    Waiting,
    Running,
    Done,
    /// It was given up; `error` says why.
    Failed,
}

/// A word of the table that no version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such kind or state of a request")]
pub struct UnknownRequestWord;

impl RequestKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Erase => "erase",
        }
    }
}

impl RequestState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

impl FromStr for RequestKind {
    type Err = UnknownRequestWord;

    fn from_str(word: &str) -> Result<Self, UnknownRequestWord> {
        [Self::Export, Self::Erase].into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownRequestWord)
    }
}

impl FromStr for RequestState {
    type Err = UnknownRequestWord;

    fn from_str(word: &str) -> Result<Self, UnknownRequestWord> {
        let states = [Self::Waiting, Self::Running, Self::Done, Self::Failed];
        states.into_iter().find(|state| state.as_str() == word).ok_or(UnknownRequestWord)
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacyRequest {
    pub id: Uuid,
    pub tenant: TenantId,
    pub kind: RequestKind,
    pub contact: ContactId,
    pub state: RequestState,
    /// `user:…`, `key:…` or `command-line`.
    pub requested_by: String,
    /// `fr` or `en`: of the pages of an export.
    pub language: String,
    /// Of a hundred.
    pub progress: i64,
    pub attempts: i64,
    /// Of an export: the name of its file in the exports' folder, until it is deleted.
    pub file: Option<String>,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    /// Until when the file is kept.
    pub expires_at: Option<Timestamp>,
    /// JSON: what was done, in numbers.
    pub report: String,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// A change of a row.
#[derive(Clone, Debug)]
pub enum RequestChange<'a> {
    /// It goes on, and is held until then. What was done so far, if there is something to say.
    Progress { progress: i64, held_until: Timestamp, report: Option<&'a str> },
    /// It is tried again then.
    Again { error: &'a str, at: Timestamp },
    /// It is given up.
    Failed { error: &'a str },
}

/// The file of an export.
#[derive(Clone, Copy, Debug)]
pub struct DoneFile<'a> {
    pub name: &'a str,
    pub bytes: i64,
    pub sha256: &'a str,
    pub expires_at: Timestamp,
}

const COLUMNS: &str = "id, tenant_id, kind, contact_id, state, requested_by, language, progress, attempts, file, bytes, sha256, \
    expires_at, report, error, created_at, finished_at";

impl PrivacyRequest {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            kind: row.parse(2)?,
            contact: row.parse(3)?,
            state: row.parse(4)?,
            requested_by: row.get(5)?,
            language: row.get(6)?,
            progress: row.get(7)?,
            attempts: row.get(8)?,
            file: row.get(9)?,
            bytes: row.get(10)?,
            sha256: row.get(11)?,
            expires_at: row.time_or_null(12)?,
            report: row.get(13)?,
            error: row.get(14)?,
            created_at: row.time(15)?,
            finished_at: row.time_or_null(16)?,
        })
    }
}

impl Operator {
    /// Adds a request. `held_until`: whoever asks works on it themselves.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_privacy_request(
        &self,
        (tenant, contact): (&TenantId, ContactId),
        kind: RequestKind,
        (requested_by, language): (&str, &str),
        (at, held_until): (Timestamp, Option<Timestamp>),
    ) -> Result<Uuid, StoreError> {
        let request = Uuid::now_v7();
        let state = if held_until.is_some() { RequestState::Running } else { RequestState::Waiting };
        let params = Params::default()
            .with("id", id(request))
            .with("tenant", text(tenant.as_str()))
            .with("kind", text(kind.as_str()))
            .with("contact", id(contact))
            .with("state", text(state.as_str()))
            .with("by", text(requested_by))
            .with("language", text(language))
            .with("held", time_or_null(held_until))
            .with("now", time(at));
        let sql = "INSERT INTO privacy_requests (id, tenant_id, kind, contact_id, state, requested_by, language, held_until, \
            created_at, updated_at) VALUES ({id}, {tenant}, {kind}, {contact}, {state}, {by}, {language}, {held}, {now}, {now})";
        execute(self.writes(), sql, &params).await?;
        Ok(request)
    }

    /// Requests of these tenants, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn privacy_requests(
        &self,
        tenants: &Tenants,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let params = Params::default()
            .with("tenants", self.among(tenants).await?)
            .with("before", before.map_or_else(|| text(LAST_ID), id))
            .with("limit", count(limit));
        let sql = format!(
            "SELECT {COLUMNS} FROM privacy_requests WHERE tenant_id IN {{tenants}} AND id < {{before}} ORDER BY id DESC LIMIT {{limit}}"
        );
        self.read_requests(&sql, &params).await
    }

    /// One request. `None`: these tenants have no such request.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn privacy_request(
        &self,
        tenants: &Tenants,
        request: Uuid,
    ) -> Result<Option<PrivacyRequest>, StoreError> {
        let params = Params::default().with("tenants", self.among(tenants).await?).with("id", id(request));
        let sql = format!("SELECT {COLUMNS} FROM privacy_requests WHERE tenant_id IN {{tenants}} AND id = {{id}}");
        Ok(self.read_requests(&sql, &params).await?.pop())
    }

    /// One request, whoever's it is: for those who show a signed link.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn privacy_request_by_id(&self, request: Uuid) -> Result<Option<PrivacyRequest>, StoreError> {
        let params = Params::default().with("id", id(request));
        let sql = format!("SELECT {COLUMNS} FROM privacy_requests WHERE id = {{id}}");
        Ok(self.read_requests(&sql, &params).await?.pop())
    }

    /// Erasures that were done since a moment.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn erasures_since(&self, since: Timestamp) -> Result<Vec<PrivacyRequest>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM privacy_requests WHERE kind = 'erase' AND state = 'done' AND finished_at >= {{since}} ORDER BY id"
        );
        self.read_requests(&sql, &Params::default().with("since", time(since))).await
    }

    /// Requests about a contact, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn privacy_requests_of(
        &self,
        (tenant, contact): (&TenantId, ContactId),
        limit: usize,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let params = Params::default()
            .with("tenant", text(tenant.as_str()))
            .with("contact", id(contact))
            .with("limit", count(limit));
        let sql = format!(
            "SELECT {COLUMNS} FROM privacy_requests WHERE tenant_id = {{tenant}} AND contact_id = {{contact}} \
            ORDER BY id DESC LIMIT {{limit}}"
        );
        self.read_requests(&sql, &params).await
    }

    /// Takes the oldest request that nobody works on, until `held_until`.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_privacy_request(
        &self,
        now: Timestamp,
        held_until: Timestamp,
    ) -> Result<Option<PrivacyRequest>, StoreError> {
        let params = Params::default().with("now", time(now)).with("held", time(held_until));
        // A concurrent claim changes held_until first, and the condition is checked again on the row as it is then.
        let sql = format!(
            "UPDATE privacy_requests SET state = 'running', attempts = attempts + 1, held_until = {{held}}, updated_at = {{now}} \
            WHERE id = (SELECT id FROM privacy_requests WHERE state IN ('waiting', 'running') \
                AND (held_until IS NULL OR held_until <= {{now}}) ORDER BY id LIMIT 1) \
            AND (held_until IS NULL OR held_until <= {{now}}) AND state IN ('waiting', 'running') RETURNING {COLUMNS}"
        );
        let rows = query(self.writes(), &sql, &params).await?;
        Ok(rows.first().map(PrivacyRequest::read).transpose()?)
    }

    /// Ends a request that was met, and notes it in the event log.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn end_privacy_request(
        &self,
        request: &PrivacyRequest,
        (report, file): (&str, Option<DoneFile<'_>>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let params = Params::default()
            .with("id", id(request.id))
            .with("now", time(now))
            .with("report", text(report))
            .with("file", text_or_null(file.map(|file| file.name)))
            .with("bytes", Value::Number(file.map(|file| file.bytes)))
            .with("sha256", text_or_null(file.map(|file| file.sha256)))
            .with("expires", time_or_null(file.map(|file| file.expires_at)));
        let sql = "UPDATE privacy_requests SET state = 'done', progress = 100, held_until = NULL, error = NULL, finished_at = {now}, \
            report = {report}, file = {file}, bytes = {bytes}, sha256 = {sha256}, expires_at = {expires}, updated_at = {now} \
            WHERE id = {id}";
        let event_type = match request.kind {
            RequestKind::Export => EventType::ContactExported,
            RequestKind::Erase => EventType::ContactErased,
        };
        let tx = self.begin().await?;
        execute(&tx, sql, &params).await?;
        let mut events = Events::none();
        events.push(&Event {
            id: EventId::fresh(),
            tenant: request.tenant.clone(),
            event_type,
            entity_type: EntityType::Contact,
            entity_id: Some(request.contact.0),
            correlation: CorrelationId::fresh(),
            actor_type: ActorType::Operator,
            payload: Payload::EMPTY,
            created_at: now,
        });
        events.into_rows().insert(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Changes a request.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn change_privacy_request(
        &self,
        request: Uuid,
        change: RequestChange<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let params = Params::default().with("id", id(request)).with("now", time(now));
        let (set, params): (&str, Params) = match change {
            RequestChange::Progress { progress, held_until, report } => (
                "progress = {progress}, held_until = {held}, report = coalesce({report}, report)",
                params
                    .with("progress", integer(progress))
                    .with("held", time(held_until))
                    .with("report", text_or_null(report)),
            ),
            RequestChange::Again { error, at } => (
                "state = 'waiting', held_until = {at}, error = {error}",
                params.with("at", time(at)).with("error", text(error)),
            ),
            RequestChange::Failed { error } => (
                "state = 'failed', held_until = NULL, finished_at = {now}, error = {error}",
                params.with("error", text(error)),
            ),
        };
        let sql = format!("UPDATE privacy_requests SET {set}, updated_at = {{now}} WHERE id = {{id}}");
        execute(self.writes(), &sql, &params).await?;
        Ok(())
    }

    async fn read_requests(&self, sql: &str, params: &Params) -> Result<Vec<PrivacyRequest>, StoreError> {
        let rows = query(self.reads(), sql, params).await?;
        Ok(rows.iter().map(PrivacyRequest::read).collect::<Result<_, DbErr>>()?)
    }
}
