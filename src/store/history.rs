//! History reader: one message's history (I11), the outbox, counts.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::status::OutboxState;
use sea_orm::{DbErr, FromQueryResult};
use uuid::Uuid;

use super::database::DatabasePool;
use super::entity::{event_log, message_in, message_out};
use super::statement::{SqlText, Value, all, integer, text, text_or_null};
use super::values::{Row, first_id_of, parse_time};
use super::{DatabaseKind, StoreError, postgres, sql, sqlite};

/// Reads a store beside a running daemon or without one.
#[derive(Clone, Debug)]
pub struct HistoryReader {
    pub(super) conn: DatabasePool,
}

/// One flow from its webhook to the last callback. Times are text; ids and words are as in the tables.
#[derive(Clone)]
pub struct FlowHistory {
    pub correlation_id: String,
    pub tenant_id: String,
    /// The message that started it, if any.
    pub inbound: Option<message_in::Model>,
    /// The messages that it caused, in order.
    pub outbound: Vec<message_out::Model>,
    /// Its events, in the order of time.
    pub events: Vec<event_log::Model>,
}

/// How many rows there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// `messages_in` by state.
    pub inbound: BTreeMap<String, u64>,
    /// `messages_out` by state.
    pub outbound: BTreeMap<String, u64>,
    /// `event_log` by type.
    pub events: BTreeMap<String, u64>,
    pub conversations: u64,
    pub opt_outs: u64,
}

/// How far the time in an answer's id may be from the time of its turn: both come from the same clock within one
/// decision.
const ANSWER_WINDOW: TimeDelta = TimeDelta::minutes(1);

impl HistoryReader {
    /// Opens `sqlite://path` or `postgres://…` for reading. A file must be there.
    ///
    /// # Errors
    /// [`StoreError`]: the URL names another database, or the file cannot be opened.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self::over(match DatabaseKind::of(url)? {
            DatabaseKind::Sqlite => DatabasePool::Sqlite(sqlite::open_readers(url).await?),
            DatabaseKind::Postgres => DatabasePool::Postgres(postgres::cold_pool(url)?),
        }))
    }

    pub(super) fn over(conn: DatabasePool) -> Self {
        Self { conn }
    }

    /// The flow of an id: a message's (ours or the provider's, in or out) or a correlation id. `None`: no row has it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn explain(&self, id: &str) -> Result<Option<FlowHistory>, StoreError> {
        // Our ids are stored in small letters; a provider's id as it came.
        let ours = Uuid::parse_str(id).ok().map(|id| id.to_string());
        let mut inbound = match &ours {
            Some(ours) => self.model(sql::INBOUND_BY_ID, [text(ours.as_str())]).await?,
            None => self.inbound_by_provider_id(id).await?,
        };
        let mut outbound: Option<message_out::Model> = None;
        if inbound.is_none() {
            outbound = match &ours {
                Some(ours) => self.model(sql::OUTBOUND_BY_ID, [text(ours.as_str())]).await?,
                None => self.model(sql::OUTBOUND_OF_PROVIDER, [text(id)]).await?,
            };
        }
        let flow = match (&inbound, &outbound, &ours) {
            (Some(row), _, _) => Some((row.tenant_id.clone(), row.correlation_id.clone())),
            (None, Some(row), _) => Some((row.tenant_id.clone(), row.correlation_id.clone())),
            (None, None, Some(ours)) => self.tenant_of_flow(ours).await?.map(|tenant| (tenant, ours.clone())),
            (None, None, None) => None,
        };
        let Some((tenant_id, correlation_id)) = flow else { return Ok(None) };
        let events = self.events(&tenant_id, &correlation_id).await?;
        if inbound.is_none() {
            inbound = self.first_inbound(outbound.as_ref(), &events).await?;
        }
        let mut answers = self.answers(inbound.as_ref(), &tenant_id, &correlation_id).await?;
        if let Some(row) = outbound.filter(|row| answers.iter().all(|answer| answer.id != row.id)) {
            answers.push(row);
        }
        Ok(Some(FlowHistory { correlation_id, tenant_id, inbound, outbound: answers, events }))
    }

    /// Rows of the outbox, newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn outbox(
        &self,
        tenant: Option<&TenantId>,
        state: Option<OutboxState>,
        limit: u64,
    ) -> Result<Vec<message_out::Model>, StoreError> {
        let tenant = text_or_null(tenant.map(TenantId::as_str));
        let state = text_or_null(state.map(OutboxState::as_str));
        Ok(self.models(sql::OUTBOX, [tenant, state, integer(limit)]).await?)
    }

    pub(super) async fn models<M: FromQueryResult, const N: usize>(
        &self,
        sql: SqlText,
        values: [Value; N],
    ) -> Result<Vec<M>, DbErr> {
        all(&self.conn, sql, values).await?.iter().map(Row::model).collect()
    }

    async fn model<M: FromQueryResult, const N: usize>(
        &self,
        sql: SqlText,
        values: [Value; N],
    ) -> Result<Option<M>, DbErr> {
        all(&self.conn, sql, values).await?.first().map(Row::model).transpose()
    }

    /// How many rows there are of each kind. Reads the whole tables.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn counts(&self) -> Result<RowCounts, StoreError> {
        let mut counts = RowCounts::default();
        for row in all(&self.conn, sql::COUNTS, []).await? {
            let (word, rows): (String, i64) = (row.get(1)?, row.get(2)?);
            let rows = u64::try_from(rows).unwrap_or_default();
            match row.get::<String>(0)?.as_str() {
                "inbound" => _ = counts.inbound.insert(word, rows),
                "outbound" => _ = counts.outbound.insert(word, rows),
                "events" => _ = counts.events.insert(word, rows),
                "conversations" => counts.conversations = rows,
                _ => counts.opt_outs = rows,
            }
        }
        Ok(counts)
    }

    async fn inbound_by_provider_id(&self, id: &str) -> Result<Option<message_in::Model>, DbErr> {
        let rows = all(&self.conn, sql::INBOUND_BY_PROVIDER_ID, [text(id)]).await?;
        match rows.first() {
            Some(row) => self.model(sql::INBOUND_BY_ID, [text(row.get::<String>(0)?)]).await,
            None => Ok(None),
        }
    }

    async fn tenant_of_flow(&self, correlation: &str) -> Result<Option<String>, DbErr> {
        let rows = all(&self.conn, sql::TENANT_OF_FLOW, [text(correlation)]).await?;
        rows.first().map(|row| row.get(0)).transpose()
    }

    async fn events(&self, tenant: &str, correlation: &str) -> Result<Vec<event_log::Model>, DbErr> {
        self.models(sql::FLOW_EVENTS, [text(tenant), text(correlation)]).await
    }

    /// Finds the message that started a flow by the answer or the event that names it.
    async fn first_inbound(
        &self,
        outbound: Option<&message_out::Model>,
        events: &[event_log::Model],
    ) -> Result<Option<message_in::Model>, DbErr> {
        let answered = outbound.and_then(|row| row.in_reply_to.clone());
        let named =
            || events.iter().filter(|event| event.entity_type == "message_in").find_map(|e| e.entity_id.clone());
        match answered.or_else(named) {
            Some(id) => self.model(sql::INBOUND_BY_ID, [text(id)]).await,
            None => Ok(None),
        }
    }

    /// Outbound rows of a flow. No index has the correlation id; but answers' ids were made within the turn, so a
    /// small range of ids is read, and the whole table only when that range has none.
    async fn answers(
        &self,
        inbound: Option<&message_in::Model>,
        tenant: &str,
        correlation: &str,
    ) -> Result<Vec<message_out::Model>, DbErr> {
        if let Some(turn) = inbound.and_then(|row| row.processed_at.as_deref()) {
            let turn = parse_time(turn)?;
            let (from, until) = (first_id_of(turn - ANSWER_WINDOW), first_id_of(turn + ANSWER_WINDOW));
            let near = [text(tenant), text(correlation), text(from), text(until)];
            let near: Vec<message_out::Model> = self.models(sql::FLOW_OUTBOUND_NEAR, near).await?;
            if !near.is_empty() {
                return Ok(near);
            }
        }
        self.models(sql::FLOW_OUTBOUND, [text(tenant), text(correlation)]).await
    }
}
