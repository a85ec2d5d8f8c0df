//! Who is signed in, and which tenant they look at.

use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::ids::TenantId;

use super::{People, Roles, Token, UserRow, UserSession, role_in, roles};
use crate::service::permissions::Role;
use crate::service::{Caller, ServiceError, Tenants, Who};
use crate::store::people::SessionStage;

/// A use is noted no more often: a page asks for several things at once.
const NOTED_EVERY: Duration = Duration::from_mins(5);

/// A person who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: UserRow,
    pub session: UserSession,
    /// The tenants that they may look at, by name.
    pub tenants: Vec<TenantId>,
    /// Whether they may look at every tenant.
    pub sees_all: bool,
    roles: Roles,
}

/// Where a person who is signed in stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// They look at this tenant.
    Tenant(TenantId),
    /// They have several, and chose none yet.
    Unchosen,
    /// They belong to no tenant any more.
    Nowhere,
}

impl SignedIn {
    /// The tenant that they look at.
    #[must_use]
    pub fn place(&self) -> Place {
        let chosen = self.session.tenant.as_ref().filter(|chosen| self.tenants.contains(chosen));
        match (chosen, self.tenants.as_slice()) {
            (Some(chosen), _) => Place::Tenant(chosen.clone()),
            (None, []) => Place::Nowhere,
            (None, [only]) => Place::Tenant(only.clone()),
            (None, _) => Place::Unchosen,
        }
    }

    /// What they are to a tenant.
    #[must_use]
    pub fn role(&self, tenant: &TenantId) -> Option<Role> {
        role_in(&self.roles, tenant)
    }

    /// Them as the caller of use cases about the installation. `None`: they belong to tenants alone.
    #[must_use]
    pub fn of_installation(&self) -> Option<Caller> {
        let (_, role) = self.roles.iter().find(|(tenant, _)| tenant.is_none())?;
        Some(Caller { who: Who::User(self.user.id), tenants: Tenants::All, permissions: role.permissions() })
    }

    /// Them as the caller of use cases about one tenant.
    #[must_use]
    pub fn caller(&self, tenant: &TenantId) -> Caller {
        let permissions = self.role(tenant).map(Role::permissions).unwrap_or_default();
        Caller { who: Who::User(self.user.id), tenants: Tenants::Of(vec![tenant.clone()]), permissions }
    }
}

/// Who holds a token. `None`: nobody, or their session has ended.
///
/// # Errors
/// [`ServiceError`]
pub async fn signed_in(people: &People, token: &Token) -> Result<Option<SignedIn>, ServiceError> {
    let Some((session, user)) = people.store.session(&token.digest()).await? else { return Ok(None) };
    let now = people.now();
    let unused = (now - session.seen_at).to_std().unwrap_or_default();
    let has_ended = session.ends_at <= now || unused > people.sessions.idle;
    if has_ended || session.stage != SessionStage::Whole || user.disabled_at.is_some() {
        return Ok(None);
    }
    if unused > NOTED_EVERY.min(people.sessions.idle / 10) {
        people.store.session_seen(session.id, now).await?;
    }
    let roles = roles(people.store.memberships(user.id).await?);
    let sees_all = roles.iter().any(|(tenant, _)| tenant.is_none());
    let mut tenants: Vec<TenantId> = if sees_all {
        people.store.ids_of(&Tenants::All).await?.iter().map(|tenant| TenantId::new(tenant)).collect()
    } else {
        roles.iter().filter_map(|(tenant, _)| tenant.clone()).collect()
    };
    tenants.sort();
    Ok(Some(SignedIn { user, session, tenants, sees_all, roles }))
}

/// Looks at another of one's tenants from now on.
///
/// # Errors
/// [`ServiceError::UnknownTenant`]: it is none of theirs.
pub async fn look_at(people: &People, person: &SignedIn, tenant: &TenantId) -> Result<(), ServiceError> {
    if !person.tenants.contains(tenant) {
        return Err(ServiceError::UnknownTenant);
    }
    Ok(people.store.session_looks_at(person.session.id, tenant).await?)
}

/// Deletes sessions and links that have ended. Returns how many sessions.
///
/// # Errors
/// [`ServiceError`]
pub async fn forget_ended(people: &People) -> Result<u64, ServiceError> {
    let now = people.now();
    let idle = TimeDelta::from_std(people.sessions.idle).unwrap_or(TimeDelta::days(366));
    Ok(people.store.forget_sessions(now, now - idle).await?)
}
