//! Opt-outs, and the ledger of consents.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::permissions::Permission::{ConsentRead, ConsentRecord, ConsentWrite};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{ConsentRow, Operator, OptOut, PageRequest};

/// Who said STOP to these tenants, newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn opt_outs(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    page: PageRequest,
) -> Result<Vec<OptOut>, ServiceError> {
    caller.require(ConsentRead)?;
    Ok(store.opt_outs(&caller.among(tenants)?, page).await?)
}

/// The ledger of these tenants, of one person (by any of their addresses) or of all, oldest first, after a row.
///
/// # Errors
/// [`ServiceError`]
pub async fn ledger(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    address: Option<&Address>,
    (after, limit): (Option<Uuid>, usize),
) -> Result<Vec<ConsentRow>, ServiceError> {
    caller.require(ConsentRead)?;
    Ok(store.consents(&caller.among(tenants)?, address, after, limit).await?)
}

/// Records a STOP that came another way. Answers how many messages were held back; `None`: it was recorded before.
///
/// # Errors
/// [`ServiceError`]
pub async fn opt_out(
    caller: &Caller,
    store: &Operator,
    (tenant, address): (&TenantId, &Address),
    evidence: Option<&str>,
    at: Timestamp,
) -> Result<Option<usize>, ServiceError> {
    caller.require(ConsentWrite)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "consent.opt_out", ("tenant", tenant.as_str())).await?;
    Ok(store.opt_out(tenant, address, evidence, at).await?)
}

/// Records an explicit START that came another way. Answers whether they had said STOP.
///
/// # Errors
/// [`ServiceError`]
pub async fn opt_in(
    caller: &Caller,
    store: &Operator,
    (tenant, address): (&TenantId, &Address),
    evidence: &str,
    at: Timestamp,
) -> Result<bool, ServiceError> {
    caller.require(ConsentWrite)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "consent.opt_in", ("tenant", tenant.as_str())).await?;
    Ok(store.opt_in(tenant, address, evidence, at).await?)
}

/// Records a consent that was given on paper or by telephone, with what proves it. It does not lift a STOP.
///
/// # Errors
/// [`ServiceError`]: `NotValid` when they said STOP, or nothing proves the consent.
pub async fn record(
    caller: &Caller,
    store: &Operator,
    (tenant, address): (&TenantId, &Address),
    evidence: &str,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(ConsentRecord)?;
    caller.within(tenant)?;
    let not_valid = |field, reason: &str| ServiceError::NotValid { field, reason: reason.to_owned() };
    if evidence.trim().is_empty() {
        return Err(not_valid("evidence", "say what proves it, such as `form of 2026-11-30, folder 12`"));
    }
    audit::note(caller, store, tenant, "consent.record", ("tenant", tenant.as_str())).await?;
    if store.record_consent(tenant, address, evidence.trim(), at).await? {
        return Ok(());
    }
    Err(not_valid("address", "they said STOP, and nothing was recorded: only their own START ends that"))
}
