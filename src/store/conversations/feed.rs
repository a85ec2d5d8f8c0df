//! What the console's live updates read: the newest events of tenants, each with its conversation.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql::inbox as sql;
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::statement::{all, column, count, integer, text, time};
use crate::store::values::{Row, first_id_of};

/// A transaction that takes this long may commit events behind those that were read.
pub const OVERLAP: TimeDelta = TimeDelta::seconds(10);

/// How far a reader is. SQLite counts rows in the order of their commits; PostgreSQL's are read by time, with an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    row: i64,
    at: Timestamp,
}

/// An event, and the conversation that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    pub id: Uuid,
    pub tenant: TenantId,
    pub event_type: String,
    /// `None`: it is about none, or about a message that has had no turn.
    pub conversation: Option<Uuid>,
}

impl Operator {
    /// The end of the event log: what comes after it is new.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn feed_end(&self) -> Result<FeedPosition, StoreError> {
        let rows = all(self.reads(), sql::FEED_END, []).await?;
        let Some(row) = rows.first() else { return Ok(FeedPosition { row: 0, at: Timestamp::UNIX_EPOCH }) };
        Ok(FeedPosition { row: row.get(0)?, at: row.time(1)? })
    }

    /// Events of these tenants after a position, and the position after them. On PostgreSQL, those of the last seconds come
    /// again: a transaction that began earlier may have committed later.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn feed(
        &self,
        tenants: &[TenantId],
        from: FeedPosition,
        limit: usize,
    ) -> Result<(Vec<FeedRow>, FeedPosition), StoreError> {
        let values = [integer(from.row), time(from.at - OVERLAP), column(tenants), count(limit)];
        let rows = all(self.reads(), sql::FEED, values).await?;
        let mut next = from;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            next = FeedPosition { row: next.row.max(row.get(0)?), at: next.at.max(row.time(5)?) };
            found.push(FeedRow::read(row)?);
        }
        Ok((found, next))
    }

    /// Events of a tenant since one that a browser saw, that one and its neighbours included, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn missed(
        &self,
        tenant: &TenantId,
        (id, made_at): (Uuid, Timestamp),
        limit: usize,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let since = first_id_of(made_at - OVERLAP).min(id.to_string());
        let values = [text(tenant.as_str()), text(since), time(made_at - OVERLAP), count(limit)];
        let rows = all(self.reads(), sql::MISSED, values).await?;
        Ok(rows.iter().map(FeedRow::read).collect::<Result<_, _>>()?)
    }

    /// A contact's conversation on a channel, by any of their addresses.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn conversation_with(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Result<Option<Uuid>, StoreError> {
        let values = [text(tenant.as_str()), text(channel.as_str()), text(address.as_str())];
        let rows = all(self.reads(), sql::WITH_ADDRESS, values).await?;
        Ok(rows.first().map(|row| row.parse(0)).transpose()?)
    }
}

impl FeedRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(1)?,
            tenant: row.tenant(2)?,
            event_type: row.get(3)?,
            conversation: row.parse_or_null(4)?,
        })
    }
}
