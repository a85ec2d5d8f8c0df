//! The team of a tenant: roles, and who leaves it.

use palabre_actors::domain::ids::{TenantId, UserId};

use super::accounts::may_give;
use super::{People, UserRow};
use crate::service::permissions::Permission::TeamWrite;
use crate::service::permissions::Role;
use crate::service::{Caller, ServiceError, audit};
use crate::store::people::Membership;

/// Gives a member another role.
///
/// # Errors
/// [`ServiceError`]: `Invalid("last_owner")` when nobody would own the tenant any more.
pub async fn set_role(
    caller: &Caller,
    people: &People,
    (tenant, user): (&TenantId, UserId),
    role: Role,
) -> Result<(), ServiceError> {
    may_give(caller, Some(tenant), role)?;
    let member = member(caller, people, (tenant, user)).await?;
    if role != Role::Owner {
        leaves_an_owner(people, &member, tenant).await?;
    }
    audit::note(caller, &people.store, tenant, "team.set_role", ("user", &user.to_string())).await?;
    Ok(people.store.set_membership(Some(tenant), user, role.as_str(), people.now()).await?)
}

/// Takes a member, or an invitation, out of a tenant. Their account stays, and their next request finds them outside.
///
/// # Errors
/// [`ServiceError`]: `Invalid("last_owner")` when nobody would own the tenant any more.
pub async fn remove(caller: &Caller, people: &People, (tenant, user): (&TenantId, UserId)) -> Result<(), ServiceError> {
    caller.require(TeamWrite)?;
    caller.within(tenant)?;
    let invited = people.store.invitations(&[Some(tenant.clone())], people.now()).await?;
    let is_invited = invited.iter().any(|(_, invited)| invited.id == user);
    if !is_invited {
        let member = member(caller, people, (tenant, user)).await?;
        leaves_an_owner(people, &member, tenant).await?;
    }
    audit::note(caller, &people.store, tenant, "team.remove", ("user", &user.to_string())).await?;
    if is_invited {
        people.store.end_invitation(Some(tenant), user).await?;
    } else {
        people.store.end_membership(Some(tenant), user).await?;
    }
    Ok(())
}

/// A member of a tenant, whom a caller may change: owners are changed by owners alone.
async fn member(
    caller: &Caller,
    people: &People,
    (tenant, user): (&TenantId, UserId),
) -> Result<Membership, ServiceError> {
    let memberships = people.store.memberships(user).await?;
    let own = memberships.into_iter().find(|own| own.tenant.as_ref() == Some(tenant));
    let own = own.ok_or(ServiceError::NotFound("user"))?;
    if own.role == Role::Owner.as_str() && !caller.is_owner() {
        return Err(ServiceError::Denied(TeamWrite));
    }
    Ok(own)
}

async fn leaves_an_owner(people: &People, member: &Membership, tenant: &TenantId) -> Result<(), ServiceError> {
    let owner = Role::Owner.as_str();
    if member.role == owner && people.store.others_with_role(tenant, owner, member.user).await? == 0 {
        return Err(ServiceError::Invalid("last_owner"));
    }
    Ok(())
}

/// The names of people, for lists that know their ids: `user:…` as a caller's [`crate::service::Who`] is written.
///
/// # Errors
/// [`ServiceError`]
pub async fn person_of(people: &People, who: &str) -> Result<Option<UserRow>, ServiceError> {
    let id = who.strip_prefix("user:").and_then(|id| id.parse().ok());
    match id {
        Some(id) => Ok(people.store.user(UserId(id)).await?),
        None => Ok(None),
    }
}
