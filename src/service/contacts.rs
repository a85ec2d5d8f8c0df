//! Contacts: the persons of tenants.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ContactId, TenantId};

use super::permissions::Permission::{ContactRead, ContactWrite};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::conversations::ContactRow;
use crate::store::operator::{Operator, Parted};

/// Contacts of these tenants, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    (before, limit): (Option<ContactId>, usize),
) -> Result<Vec<ContactRow>, ServiceError> {
    caller.require(ContactRead)?;
    Ok(store.contacts(&caller.among(tenants)?, before, limit).await?)
}

/// One contact with their conversations.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when they are another tenant's.
pub async fn show(caller: &Caller, store: &Operator, id: ContactId) -> Result<ContactRow, ServiceError> {
    caller.require(ContactRead)?;
    let contact = store.contact(&caller.tenants, id).await?.ok_or(ServiceError::NotFound("contact"))?;
    audit::look(caller, store, &contact.tenant, "contact.look", ("contact", &id.to_string())).await?;
    Ok(contact)
}

/// Whoever has an address, with their conversations. `None`: nobody of this tenant.
///
/// # Errors
/// [`ServiceError`]
pub async fn at(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    address: &Address,
) -> Result<Option<ContactRow>, ServiceError> {
    caller.require(ContactRead)?;
    caller.within(tenant)?;
    Ok(store.contact_at(tenant, address).await?)
}

/// Makes two contacts of one tenant one: the first goes on, and everything of the other is theirs. Whoever said STOP silences
/// both.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when one is another tenant's; `NotValid` when they are one already.
pub async fn merge(
    caller: &Caller,
    store: &Operator,
    (keep, other): (ContactId, ContactId),
    now: Timestamp,
) -> Result<ContactRow, ServiceError> {
    caller.require(ContactWrite)?;
    let unknown = || ServiceError::NotFound("contact");
    let kept = store.contact(&caller.tenants, keep).await?.ok_or_else(unknown)?;
    let gone = store.contact(&caller.tenants, other).await?.ok_or_else(unknown)?;
    let not_valid = |reason: &str| ServiceError::NotValid { field: "with", reason: reason.to_owned() };
    if kept.tenant != gone.tenant {
        return Err(unknown());
    }
    if kept.id == gone.id {
        return Err(not_valid("it is this contact already"));
    }
    audit::note(caller, store, &kept.tenant, "contact.merge", ("contact", &kept.id.to_string())).await?;
    if !store.merge_contacts(&kept.tenant, (kept.id, gone.id), now).await? {
        return Err(not_valid("one of them was merged just now: look again"));
    }
    store.contact(&caller.tenants, kept.id).await?.ok_or_else(unknown)
}

/// Parts a contact from the one that they were merged into: their addresses and conversations are theirs again. If they were
/// silent together, both are silent after it.
///
/// # Errors
/// [`ServiceError`]: `NotValid` when they are not merged, or share a number.
pub async fn unmerge(
    caller: &Caller,
    store: &Operator,
    other: ContactId,
    now: Timestamp,
) -> Result<ContactRow, ServiceError> {
    caller.require(ContactWrite)?;
    let unknown = || ServiceError::NotFound("contact");
    let kept = store.contact(&caller.tenants, other).await?.ok_or_else(unknown)?;
    audit::note(caller, store, &kept.tenant, "contact.unmerge", ("contact", &other.to_string())).await?;
    let not_valid = |reason: &str| ServiceError::NotValid { field: "id", reason: reason.to_owned() };
    match store.part_contact(&kept.tenant, other, now).await? {
        Parted::Done => store.contact(&caller.tenants, other).await?.ok_or_else(unknown),
        Parted::NotMerged => Err(not_valid("this contact is not merged into another: give the id of the one that was")),
        Parted::SameNumber => Err(not_valid("both have the same number, and one number is one person")),
    }
}

/// Contacts that were merged into one that the caller has seen.
///
/// # Errors
/// [`ServiceError`]
pub async fn merged_into(
    caller: &Caller,
    store: &Operator,
    contact: &ContactRow,
) -> Result<Vec<ContactId>, ServiceError> {
    caller.require(ContactRead)?;
    caller.within(&contact.tenant)?;
    Ok(store.merged_contacts(&contact.tenant, contact.id).await?)
}
