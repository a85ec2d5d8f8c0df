//! Who waits for a time, as people look at it.

use std::fmt;

use chrono::NaiveTime;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ConversationId, TenantId, WaitingId};
use palabre_actors::domain::waiting::WaitingState;
use sea_orm::DbErr;

use super::Operator;
use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{all, count, text, text_or_null, time};
use crate::store::values::Row;

/// A row of `waiting_list` with whose it is. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct WaitingRow {
    pub id: WaitingId,
    pub conversation: ConversationId,
    /// The name that the contact last showed.
    pub contact_name: Option<String>,
    /// Where they are written to; `None`: the conversation is gone.
    pub address: Option<Address>,
    pub service: String,
    /// With whom, if that was wished.
    pub resource: Option<String>,
    pub from: Timestamp,
    pub until: Timestamp,
    pub hours: Option<(NaiveTime, NaiveTime)>,
    pub state: WaitingState,
    pub since: Timestamp,
}

impl fmt::Debug for WaitingRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Operator {
    /// Who waits for a time of a tenant, whoever asked first before the others; one alone, if it is named.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn waiting(
        &self,
        tenant: &TenantId,
        now: Timestamp,
        (one, limit): (Option<WaitingId>, usize),
    ) -> Result<Vec<WaitingRow>, StoreError> {
        let one = text_or_null(one.map(|id| id.to_string()));
        let values = [text(tenant.as_str()), time(now), one, count(limit)];
        let rows = all(self.reads(), sql::LIST_WAITING, values).await?;
        Ok(rows.iter().map(WaitingRow::read).collect::<Result<_, DbErr>>()?)
    }
}

impl WaitingRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let address: Option<String> = row.get(3)?;
        Ok(Self {
            id: row.parse(0)?,
            conversation: row.parse(1)?,
            contact_name: row.get(2)?,
            address: address.as_deref().map(Address::from_normalised),
            service: row.get(4)?,
            resource: row.get(5)?,
            from: row.time(6)?,
            until: row.time(7)?,
            hours: row.hours(8)?,
            state: row.parse(10)?,
            since: row.time(11)?,
        })
    }
}
