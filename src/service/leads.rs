//! Leads: who asked to be called back.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{LeadId, TenantId};
use palabre_actors::domain::lead::LeadState;

use super::permissions::Permission::{LeadRead, LeadWrite};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{LeadRow, Operator};

/// Leads of these tenants, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    state: Option<LeadState>,
    page: (Option<LeadId>, usize),
) -> Result<Vec<LeadRow>, ServiceError> {
    caller.require(LeadRead)?;
    Ok(store.leads(&caller.among(tenants)?, state, page).await?)
}

/// Says where a lead stands.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn mark(
    caller: &Caller,
    store: &Operator,
    (tenant, lead): (&TenantId, LeadId),
    state: LeadState,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(LeadWrite)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "lead.mark", ("lead", &lead.to_string())).await?;
    let found = store.set_lead_state(tenant, lead, state, at).await?;
    if found { Ok(()) } else { Err(ServiceError::NotFound("lead")) }
}
