//! Flows as they happen: where contacts stand, and putting one on a step.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::flow::{Running, STORED_AS};
use palabre_actors::domain::ids::{ConversationId, CorrelationId, TenantId};
use palabre_actors::domain::turn::{Command, Placing};

use super::conversations::find;
use super::handling::{ConversationAccess, answered, asked_by};
use super::permissions::Permission::{ConversationRead, ConversationWrite, MessageSend};
use super::{Caller, ServiceError, audit};
use crate::store::operator::{InFlowRow, Operator};

/// A contact in a flow. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct InFlow {
    pub conversation: ConversationId,
    pub contact_name: Option<String>,
    pub address: Address,
    /// The flow's name, and the id of the step whose answer is waited for.
    pub flow: String,
    pub step: String,
    /// When the flow began.
    pub since: Timestamp,
}

impl fmt::Debug for InFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlow").field("flow", &self.flow).field("step", &self.step).finish_non_exhaustive()
    }
}

/// Where the contacts of a tenant stand in its flows, those that wrote last before the others. What another feature keeps in a
/// flow's place is none.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    limit: usize,
) -> Result<Vec<InFlow>, ServiceError> {
    caller.require(ConversationRead)?;
    caller.within(tenant)?;
    let rows = store.in_flows(tenant, limit).await?;
    Ok(rows.into_iter().filter_map(of_row).collect())
}

fn of_row(row: InFlowRow) -> Option<InFlow> {
    if row.flow.version != STORED_AS {
        return None;
    }
    let running: Running = serde_json::from_value(row.flow.state).ok()?;
    Some(InFlow {
        conversation: row.conversation,
        contact_name: row.contact_name,
        address: row.address,
        flow: running.flow,
        step: running.step,
        since: running.since,
    })
}

/// Puts a contact on a step of a flow: the bot goes on there, and asks the step's question. It has the conversation again.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's; `NotDone` when there is no such step, or they said STOP.
pub async fn place(
    caller: &Caller,
    at: ConversationAccess<'_>,
    (tenant, conversation): (&TenantId, ConversationId),
    placing: Placing,
) -> Result<(), ServiceError> {
    caller.require(ConversationWrite)?;
    caller.require(MessageSend)?;
    caller.within(tenant)?;
    let row = find(caller, at.store, conversation).await?;
    if row.tenant != *tenant {
        return Err(ServiceError::NotFound("conversation"));
    }
    audit::note(caller, at.store, tenant, "conversation.place", ("conversation", &conversation.to_string())).await?;
    let request = asked_by(caller, CorrelationId::fresh(), Command::Place(placing));
    answered(at.outgoing.request(tenant.clone(), conversation, request).await)?;
    Ok(())
}
