//! Bearer keys of the API: which tenants they see, and what they may do.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap};
use palabre_actors::domain::ids::TenantId;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::problems;
use super::visibility::Visibility;
pub use crate::config::ApiScope as Scope;
use crate::http::problem::HttpProblem;
use crate::service::permissions::granted_by;
use crate::service::{self, Permission, Permissions, Tenants, Who};

/// A key of the configuration. What is kept of it is a digest.
#[derive(Clone)]
pub struct Key {
    name: Arc<str>,
    digest: [u8; 32],
    tenants: Tenants,
    permissions: Permissions,
}

impl Key {
    /// A key with its name, for logs; whose tenants it sees; what it may do.
    #[must_use]
    pub fn new(name: &str, secret: &str, tenants: Tenants, scopes: &[Scope]) -> Self {
        let permissions = Permissions::of_scopes(scopes);
        Self { name: Arc::from(name), digest: Sha256::digest(secret).into(), tenants, permissions }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) name: Arc<str>,
    service: service::Caller,
}

impl Caller {
    /// The caller whose key the request carries. Every key is compared, and each whole, so that the time it takes tells
    /// nothing.
    pub(super) fn of(keys: &[Key], headers: &HeaderMap) -> Result<Self, HttpProblem> {
        let Some(token) = bearer(headers) else { return Err(problems::NO_KEY) };
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut found = u32::MAX;
        for (place, key) in (0_u32..).zip(keys) {
            let same: Choice = key.digest.ct_eq(&digest);
            found.conditional_assign(&place, same);
        }
        let key = usize::try_from(found).ok().and_then(|place| keys.get(place)).ok_or(problems::UNKNOWN_KEY)?;
        let who = Who::Key(Arc::clone(&key.name));
        let service = service::Caller { who, tenants: key.tenants.clone(), permissions: key.permissions };
        Ok(Self { name: Arc::clone(&key.name), service })
    }

    /// The caller behind one of the keys that the database keeps.
    pub(super) fn kept(name: &str, service: service::Caller) -> Self {
        Self { name: Arc::from(name), service }
    }

    /// Refuses a caller before anything else of the request is read. What they may do is decided by each use case.
    pub(super) fn may(&self, scope: Scope) -> Result<(), HttpProblem> {
        let has_it = self.service.permissions.includes(granted_by(scope));
        if has_it { Ok(()) } else { Err(problems::not_allowed(scope)) }
    }

    /// The caller of use cases.
    pub(super) const fn service(&self) -> &service::Caller {
        &self.service
    }

    /// What this caller gets to see.
    pub(super) fn visibility(&self) -> Visibility {
        if self.service.may(Permission::ContentRead) { Visibility::Whole } else { Visibility::Masked }
    }

    /// The tenants that a request is about: the one it names, when this caller sees it, else all that they see. One that
    /// they do not see is like one that is not there.
    pub(super) fn among(&self, named: Option<&TenantId>) -> Result<Tenants, HttpProblem> {
        let named = named.map_or(Tenants::All, |tenant| Tenants::Of(vec![tenant.clone()]));
        self.service.among(&named).map_err(HttpProblem::from)
    }

    /// The one tenant that the key is for, if it is for one alone.
    pub(super) fn only_tenant(&self) -> Option<&TenantId> {
        match &self.service().tenants {
            Tenants::Of(tenants) if tenants.len() == 1 => tenants.first(),
            _ => None,
        }
    }

    pub(super) fn sees(&self, tenant: &TenantId) -> bool {
        self.service.sees(tenant)
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (_, token) = given?.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn caller(authorization: Option<&str>) -> Result<Caller, HttpProblem> {
        let of = |tenant| Tenants::Of(vec![TenantId::new(tenant)]);
        let keys = [
            Key::new("crm", "first-secret", of("belle"), &[Scope::Read, Scope::Send]),
            Key::new("ops", "second-secret", Tenants::All, &[Scope::Read, Scope::Operate, Scope::ReadContent]),
        ];
        let request = TestRequest::get();
        let request = match authorization {
            Some(value) => request.insert_header((header::AUTHORIZATION, value)),
            None => request,
        };
        Caller::of(&keys, request.to_http_request().headers())
    }

    #[test]
    fn a_key_is_known_by_all_of_it() {
        assert_eq!(&*caller(Some("Bearer first-secret")).unwrap().name, "crm");
        assert_eq!(&*caller(Some("bearer second-secret")).unwrap().name, "ops");
        for wrong in
            [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Bearer first-secre"), Some("Basic first-secret")]
        {
            assert_eq!(caller(wrong).unwrap_err().status.as_u16(), 401, "{wrong:?}");
        }
    }

    #[test]
    fn i9_a_key_sees_its_tenants_alone() {
        let crm = caller(Some("Bearer first-secret")).unwrap();
        assert!(crm.sees(&TenantId::new("belle")) && !crm.sees(&TenantId::new("taxi")));
        assert_eq!(crm.among(Some(&TenantId::new("taxi"))).unwrap_err().status.as_u16(), 404);
        assert_eq!(crm.may(Scope::Operate).unwrap_err().status.as_u16(), 403);
        assert_eq!(crm.visibility(), Visibility::Masked);
        let ops = caller(Some("Bearer second-secret")).unwrap();
        assert_eq!(ops.visibility(), Visibility::Whole);
        assert!(ops.may(Scope::Send).is_err() && ops.sees(&TenantId::new("taxi")));
        assert!(!format!("{:?}", Key::new("crm", "first-secret", Tenants::All, &[])).contains("first-secret"));
    }
}
