//! Waiting list: who waits for a time, and who is taken off.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{CorrelationId, TenantId, WaitingId};
use palabre_actors::domain::turn::{BookingAct, BookingRequest, Command};

use super::handling::{ConversationAccess, answered, asked_by};
use super::permissions::Permission::{BookingRead, BookingWrite};
use super::{Caller, ServiceError, audit};
use crate::store::operator::{Operator, WaitingRow};

/// Who waits for a time of a tenant, whoever asked first before the others.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<WaitingRow>, ServiceError> {
    caller.require(BookingRead)?;
    caller.within(tenant)?;
    Ok(store.waiting(tenant, now, (None, limit)).await?)
}

/// Takes somebody off the list. They are not told; a time that was kept for them goes to the next one.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's, or over.
pub async fn remove(
    caller: &Caller,
    at: ConversationAccess<'_>,
    (tenant, entry): (&TenantId, WaitingId),
    now: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(BookingWrite)?;
    caller.within(tenant)?;
    let rows = at.store.waiting(tenant, now, (Some(entry), 1)).await?;
    let row = rows.first().ok_or(ServiceError::NotFound("entry of the waiting list"))?;
    audit::note(caller, at.store, tenant, "waiting.remove", ("waiting", &entry.to_string())).await?;
    let act = BookingAct::LeaveList(entry);
    let request = asked_by(caller, CorrelationId::fresh(), Command::Booking(BookingRequest { act, tells: false }));
    answered(at.outgoing.request(tenant.clone(), row.conversation, request).await)?;
    Ok(())
}
