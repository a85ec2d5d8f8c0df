//! Live sessions of tenants and what was ordered in them, as people look at them.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ContactId, ConversationId, LiveSessionId, OrderLineId, TenantId};
use palabre_actors::domain::live::OrderState;
use sea_orm::DbErr;

use super::{Operator, Tenants};
use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{all, count, id_or_null, text, time_or_null};
use crate::store::values::Row;

/// A row of `live_sessions` with its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSessionSummary {
    pub id: LiveSessionId,
    pub tenant: TenantId,
    pub opened_at: Timestamp,
    /// When a seller last wrote.
    pub last_message_at: Timestamp,
    /// Since when no orders are taken.
    pub paused_at: Option<Timestamp>,
    /// `None`: it goes on.
    pub closed_at: Option<Timestamp>,
    /// How many people wrote, once a seller ended it.
    pub clients: Option<i64>,
    /// How many of them asked what nobody answered, once a seller ended it.
    pub unanswered: Option<i64>,
    /// How many pieces are ordered.
    pub pieces: i64,
    /// How many people ordered.
    pub buyers: i64,
}

/// A row of `order_lines` with whose it is. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct OrderLineRow {
    pub id: OrderLineId,
    pub tenant: TenantId,
    pub session: LiveSessionId,
    pub conversation: ConversationId,
    pub contact: ContactId,
    /// The name that the contact last showed.
    pub contact_name: Option<String>,
    /// Where they are written to; `None`: the conversation is gone.
    pub address: Option<Address>,
    pub reference: String,
    pub size: Option<String>,
    pub quantity: i64,
    pub state: OrderState,
    pub created_at: Timestamp,
}

impl fmt::Debug for OrderLineRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderLineRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Operator {
    /// Live sessions that opened before a time, the newest first; or the one of an id.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn live_sessions(
        &self,
        tenants: &Tenants,
        session: Option<LiveSessionId>,
        (before, limit): (Option<Timestamp>, usize),
    ) -> Result<Vec<LiveSessionSummary>, StoreError> {
        let mut sessions = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            let values = [text(tenant.as_str()), id_or_null(session), time_or_null(before), count(limit)];
            for row in &all(self.reads(), sql::LIST_LIVE, values).await? {
                sessions.push(LiveSessionSummary::read(row, &tenant)?);
            }
        }
        sessions.sort_by_key(|session| std::cmp::Reverse((session.opened_at, session.id)));
        sessions.truncate(limit);
        Ok(sessions)
    }

    /// Lines of orders, the newest first; those of one session, when it is given.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn order_lines(
        &self,
        tenants: &Tenants,
        session: Option<LiveSessionId>,
        limit: usize,
    ) -> Result<Vec<OrderLineRow>, StoreError> {
        let mut lines = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            let values = [text(tenant.as_str()), id_or_null(session), count(limit)];
            for row in &all(self.reads(), sql::LIST_ORDERS, values).await? {
                lines.push(OrderLineRow::read(row, &tenant)?);
            }
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.id));
        lines.truncate(limit);
        Ok(lines)
    }
}

impl LiveSessionSummary {
    fn read(row: &Row, tenant: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: TenantId::new(tenant),
            opened_at: row.time(1)?,
            last_message_at: row.time(2)?,
            paused_at: row.time_or_null(3)?,
            closed_at: row.time_or_null(4)?,
            clients: row.get(5)?,
            unanswered: row.get(6)?,
            pieces: row.get(7)?,
            buyers: row.get(8)?,
        })
    }
}

impl OrderLineRow {
    fn read(row: &Row, tenant: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: TenantId::new(tenant),
            session: row.parse(1)?,
            conversation: row.parse(2)?,
            contact: row.parse(3)?,
            contact_name: row.get(4)?,
            address: row.get::<Option<String>>(5)?.as_deref().map(Address::from_normalised),
            reference: row.get(6)?,
            size: row.get(7)?,
            quantity: row.get(8)?,
            state: row.parse(9)?,
            created_at: row.time(10)?,
        })
    }
}
