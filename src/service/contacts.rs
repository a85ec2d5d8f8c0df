//! Contacts: the persons of tenants.

use palabre_actors::domain::ids::ContactId;

use super::permissions::Permission::ContactRead;
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::conversations::ContactRow;
use crate::store::operator::Operator;

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
