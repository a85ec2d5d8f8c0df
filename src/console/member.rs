//! Who is signed in, and at which tenant they look.

use palabre_actors::domain::ids::{TenantId, UserId};
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use crate::service::people::SignedIn;
use crate::service::permissions::Role;
use crate::service::{Caller, Tenants};

/// A person who is signed in and looks at a tenant. As an argument of a handler it keeps everybody else out (`session.rs`):
/// they are led to the sign-in, and from there to the page.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserId,
    pub name: String,
    pub language: Language,
    /// The tenant that they look at.
    pub tenant: TenantId,
    /// Those that they may look at.
    pub tenants: Vec<TenantId>,
    /// Their role in the tenant that they look at.
    pub role: Option<Role>,
    /// For use cases: it sees the one tenant, with the permissions that their role has there.
    pub caller: Caller,
    /// What their forms must carry.
    pub csrf: String,
    /// Whether they may look at every tenant.
    pub sees_all: bool,
    pub session: Uuid,
    /// Them, whichever tenant they look at.
    pub person: SignedIn,
}

impl Member {
    /// The tenant that they look at, for use cases that take several.
    #[must_use]
    pub(super) fn own_tenant(&self) -> Tenants {
        Tenants::Of(vec![self.tenant.clone()])
    }
}
