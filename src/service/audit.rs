//! Audit: what people and keys did, and what people looked at, in the audit log.
//!
//! A change is noted before it is made, and is not made when it cannot be noted. What is noted names things by ids, never by an
//! address or a text (I10).

use std::borrow::Cow;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::Payload;
use palabre_actors::domain::ids::{CorrelationId, TenantId, UserId};

use super::permissions::Permission::AuditRead;
use super::{Caller, ServiceError, Tenants, Who};
use crate::store::audit::{AuditEntry, AuditFilter, AuditHead, AuditRow, AuditVerdict};
use crate::store::operator::Operator;

/// What something was done to: its kind, and its id.
type Entity<'a> = (&'static str, &'a str);

/// Notes that a caller changes something of a tenant.
pub(super) async fn note(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    action: &'static str,
    entity: Entity<'_>,
) -> Result<(), ServiceError> {
    let entry = entry(Some(tenant), caller.who.to_string(), action, entity);
    Ok(store.append_audit(vec![entry]).await?)
}

/// Notes that a caller changes something of several tenants.
pub(super) async fn note_in_all(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    action: &'static str,
    entity: Entity<'_>,
) -> Result<(), ServiceError> {
    let tenants = store.ids_of(tenants).await?;
    let who = caller.who.to_string();
    let entries = tenants.iter().map(|tenant| entry(Some(&TenantId::new(tenant)), who.clone(), action, entity));
    Ok(store.append_audit(entries.collect()).await?)
}

/// Notes that a caller changes something of the installation.
pub(super) async fn note_installation(
    caller: &Caller,
    store: &Operator,
    action: &'static str,
    entity: Entity<'_>,
) -> Result<(), ServiceError> {
    Ok(store.append_audit(vec![entry(None, caller.who.to_string(), action, entity)]).await?)
}

/// Notes what a person did to themselves or their session, in each of their tenants; with a role in all of them, in the
/// installation's chain.
pub(super) async fn note_person(
    store: &Operator,
    user: UserId,
    action: &'static str,
    entity: Entity<'_>,
) -> Result<(), ServiceError> {
    let who = Who::User(user).to_string();
    let memberships = store.memberships(user).await?;
    let is_everywhere = memberships.is_empty() || memberships.iter().any(|own| own.tenant.is_none());
    let mut entries: Vec<AuditEntry> = memberships
        .iter()
        .filter_map(|own| own.tenant.as_ref())
        .map(|tenant| entry(Some(tenant), who.clone(), action, entity))
        .collect();
    if is_everywhere {
        entries.push(entry(None, who, action, entity));
    }
    Ok(store.append_audit(entries).await?)
}

/// Notes that a person looks at personal data: once in a quarter of an hour for each thing, or the log would hold little else.
/// What programs read is not noted.
pub(super) async fn look(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    action: &'static str,
    entity: Entity<'_>,
) -> Result<(), ServiceError> {
    if !matches!(caller.who, Who::User(_)) {
        return Ok(());
    }
    let key = format!("{} {tenant} {action} {}", caller.who, entity.1);
    if store.looked_lately(&key, now()) {
        return Ok(());
    }
    note(caller, store, tenant, action, entity).await
}

fn entry(tenant: Option<&TenantId>, actor: String, action: &'static str, entity: Entity<'_>) -> AuditEntry {
    tracing::debug!(caller.who = %actor, action, entity.id = entity.1, "noted in the audit log");
    AuditEntry {
        tenant: tenant.cloned(),
        actor,
        action: Cow::Borrowed(action),
        entity_type: Cow::Borrowed(entity.0),
        entity_id: entity.1.to_owned(),
        correlation: CorrelationId::fresh(),
        at: now(),
        metadata: Payload::builder().finish(),
    }
}

/// When it really happened, whatever clock the rest is tested with; cut to what both databases keep.
fn now() -> Timestamp {
    let now = chrono::Utc::now();
    Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

/// Rows of the tenants that a caller sees, the newest first; whoever sees all tenants finds those of the installation as well.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    (filter, limit): (&AuditFilter, usize),
) -> Result<Vec<AuditRow>, ServiceError> {
    caller.require(AuditRead)?;
    let among = caller.among(tenants)?;
    let installation = among == Tenants::All;
    Ok(store.audit((&among, installation), filter, limit).await?)
}

/// The ends of the chains that a caller sees.
///
/// # Errors
/// [`ServiceError`]
pub async fn heads(caller: &Caller, store: &Operator) -> Result<Vec<AuditHead>, ServiceError> {
    caller.require(AuditRead)?;
    let mut heads = store.audit_heads().await?;
    heads.retain(|head| match &head.tenant {
        Some(tenant) => caller.sees(tenant),
        None => caller.tenants == Tenants::All,
    });
    Ok(heads)
}

/// Reads a chain to its end, and says whether every row is the one that was written.
///
/// # Errors
/// [`ServiceError`]
pub async fn verify(
    caller: &Caller,
    store: &Operator,
    head: AuditHead,
    hash: Option<&str>,
) -> Result<AuditVerdict, ServiceError> {
    caller.require(AuditRead)?;
    if let Some(tenant) = &head.tenant {
        caller.within(tenant)?;
    }
    Ok(store.verify_audit(head, hash).await?)
}
