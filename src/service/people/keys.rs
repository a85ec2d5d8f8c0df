//! Keys of the API that people make: their own, and those of programs.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;
use uuid::Uuid;

use super::{People, Token};
use crate::config::ApiScope;
use crate::service::permissions::Permission::KeyWrite;
use crate::service::permissions::{Permissions, Role};
use crate::service::{Caller, ServiceError, Tenants, Who, audit};
use crate::store::operator::Operator;
use crate::store::people::{NewKey, StoredKey};

/// How a key of the database begins, so that whoever finds one knows what it is.
const PREFIX: &str = "palabre_";
/// A use is noted no more often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(5);
const LONGEST_NAME: usize = 64;

/// A key to be made.
#[derive(Debug)]
pub struct KeyWanted<'a> {
    pub tenant: &'a TenantId,
    pub name: &'a str,
    pub scopes: &'a [ApiScope],
    /// Whether it is the caller's own: it allows no more than their role, and ends with their membership.
    pub is_own: bool,
    /// `None`: until it is revoked.
    pub ends_at: Option<Timestamp>,
}

/// Makes a key. It is shown this once.
///
/// # Errors
/// [`ServiceError`]: `Invalid` names the field that does not hold; `Denied` when it would allow more than the caller may.
pub async fn make(caller: &Caller, people: &People, wanted: KeyWanted<'_>) -> Result<(Uuid, Token), ServiceError> {
    caller.require(KeyWrite)?;
    caller.within(wanted.tenant)?;
    let name = wanted.name.trim();
    let holds = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(holds) {
        return Err(ServiceError::Invalid("name"));
    }
    if wanted.scopes.is_empty() {
        return Err(ServiceError::Invalid("scopes"));
    }
    if wanted.scopes.contains(&ApiScope::ReadContent) && !wanted.scopes.contains(&ApiScope::Read) {
        return Err(ServiceError::Invalid("scopes"));
    }
    if !caller.permissions.includes(Permissions::of_scopes(wanted.scopes)) {
        return Err(ServiceError::Denied(KeyWrite));
    }
    let user = match &caller.who {
        Who::User(user) if wanted.is_own => Some(*user),
        _ if wanted.is_own => return Err(ServiceError::Invalid("is_own")),
        _ => None,
    };
    let token = Token::shown(&format!("{PREFIX}{}", Token::fresh()?.as_str()));
    let words: Vec<&str> = wanted.scopes.iter().map(|scope| scope.as_str()).collect();
    let (created_by, scopes, digest) = (caller.who.to_string(), words.join(" "), token.digest());
    let key = NewKey {
        tenant: wanted.tenant,
        user,
        name,
        digest: &digest,
        scopes: &scopes,
        created_by: &created_by,
        ends_at: wanted.ends_at,
    };
    audit::note(caller, &people.store, wanted.tenant, "key.make", ("key", name)).await?;
    let id = people.store.add_key(key, people.now()).await?;
    Ok((id, token))
}

/// The keys of the tenants that a caller sees, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(caller: &Caller, people: &People, tenants: &Tenants) -> Result<Vec<StoredKey>, ServiceError> {
    caller.require(KeyWrite)?;
    Ok(people.store.keys(&caller.among(tenants)?).await?)
}

/// Revokes a key: its next request is refused.
///
/// # Errors
/// [`ServiceError`]
pub async fn revoke(caller: &Caller, people: &People, tenant: &TenantId, key: Uuid) -> Result<(), ServiceError> {
    caller.require(KeyWrite)?;
    caller.within(tenant)?;
    audit::note(caller, &people.store, tenant, "key.revoke", ("key", &key.to_string())).await?;
    let tenants = Tenants::Of(vec![tenant.clone()]);
    let is_revoked = people.store.revoke_key(&tenants, key, people.now()).await?;
    if is_revoked { Ok(()) } else { Err(ServiceError::NotFound("key")) }
}

/// Whether a bearer token may be one of the database's keys.
#[must_use]
pub fn is_kept(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The name and the caller behind a bearer token. `None`: it is none, or holds no more.
///
/// # Errors
/// [`ServiceError`]
pub async fn holder(
    store: &Operator,
    clock: &dyn Clock,
    token: &str,
) -> Result<Option<(String, Caller)>, ServiceError> {
    let now = clock.now();
    let Some(found) = store.key(&Token::shown(token).digest(), now).await? else { return Ok(None) };
    let key = found.key;
    let words = key.scopes.split(' ');
    let scopes: Vec<ApiScope> =
        words.filter_map(|word| ApiScope::ALL.iter().find(|scope| scope.as_str() == word).copied()).collect();
    let granted = Permissions::of_scopes(&scopes);
    let permissions = match (key.user, found.role.and_then(|role| role.parse::<Role>().ok())) {
        (None, _) => granted,
        (Some(_), Some(role)) if !found.is_disabled => granted.shared_with(role.permissions()),
        // Whose key it was is not there any more.
        (Some(_), _) => return Ok(None),
    };
    if key.used_at.is_none_or(|used_at| now - used_at > NOTED_EVERY) {
        store.key_used(key.id, now).await?;
    }
    let who = Who::Key(format!("{}:{}", key.tenant, key.name).into());
    Ok(Some((key.name, Caller { who, tenants: Tenants::Of(vec![key.tenant]), permissions })))
}
