//! Conversations in which a flow goes on.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::{FlowState, Handler};
use palabre_actors::domain::ids::{ConversationId, TenantId};
use sea_orm::DbErr;

use super::Operator;
use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{all, count, text};
use crate::store::values::{Row, corrupt};

/// A conversation with its flow, and whose it is. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct InFlowRow {
    pub conversation: ConversationId,
    pub flow: FlowState,
    pub handler: Handler,
    pub last_inbound_at: Option<Timestamp>,
    pub contact_name: Option<String>,
    pub address: Address,
}

impl fmt::Debug for InFlowRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlowRow").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

impl Operator {
    /// Conversations of a tenant in which a flow goes on, those that wrote last before the others.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn in_flows(&self, tenant: &TenantId, limit: usize) -> Result<Vec<InFlowRow>, StoreError> {
        let rows = all(self.reads(), sql::IN_FLOWS, [text(tenant.as_str()), count(limit)]).await?;
        Ok(rows.iter().map(InFlowRow::read).collect::<Result<_, DbErr>>()?)
    }
}

impl InFlowRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let (flow, address): (String, String) = (row.get(1)?, row.get(5)?);
        Ok(Self {
            conversation: row.parse(0)?,
            flow: serde_json::from_str(&flow).map_err(|_| corrupt("a flow"))?,
            handler: row.parse(2)?,
            last_inbound_at: row.time_or_null(3)?,
            contact_name: row.get(4)?,
            address: Address::from_normalised(&address),
        })
    }
}
