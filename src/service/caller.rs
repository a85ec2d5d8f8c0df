//! Caller of a use case: who it is, which tenants it sees, what it may do.

use std::fmt;
use std::sync::Arc;

use palabre_actors::domain::ids::{TenantId, UserId};

use super::ServiceError;
use super::permissions::{Permission, Permissions};
use crate::store::operator::Tenants;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever holds the API key of this name.
    Key(Arc<str>),
    /// A person who is signed in.
    User(UserId),
    /// Somebody at this machine's command line.
    CommandLine,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => write!(f, "key:{name}"),
            // Without hyphens, no part of it can be taken for a phone number.
            Self::User(user) => write!(f, "user:{}", user.0.simple()),
            Self::CommandLine => f.write_str("command-line"),
        }
    }
}

/// The first argument of every use case.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    /// Whose data they see.
    pub tenants: Tenants,
    pub permissions: Permissions,
}

impl Caller {
    /// Somebody at this machine's command line, who can read the database file anyway: they may do everything.
    #[must_use]
    pub const fn command_line() -> Self {
        Self { who: Who::CommandLine, tenants: Tenants::All, permissions: Permissions::EVERY }
    }

    /// Whether this caller may do whatever the owner of a tenant may: only they make owners.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.permissions == Permissions::EVERY
    }

    /// Whether this caller sees a tenant.
    #[must_use]
    pub fn sees(&self, tenant: &TenantId) -> bool {
        self.tenants.contains(tenant)
    }

    /// Whether this caller may do something.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.allows(permission)
    }

    /// Refuses a caller who may not do something.
    ///
    /// # Errors
    /// [`ServiceError::Denied`]
    pub const fn require(&self, permission: Permission) -> Result<(), ServiceError> {
        if self.may(permission) { Ok(()) } else { Err(ServiceError::Denied(permission)) }
    }

    /// As [`Self::require`], for what concerns every tenant: whoever sees some alone may not do it.
    ///
    /// # Errors
    /// [`ServiceError::Denied`]
    pub fn require_for_all(&self, permission: Permission) -> Result<(), ServiceError> {
        self.require(permission)?;
        if self.tenants == Tenants::All { Ok(()) } else { Err(ServiceError::Denied(permission)) }
    }

    /// The tenants that a request is about: those that it names, when this caller sees them, else all that they see. A
    /// tenant that they do not see is told apart from none by nothing (I9).
    ///
    /// # Errors
    /// [`ServiceError::UnknownTenant`]
    pub fn among(&self, named: &Tenants) -> Result<Tenants, ServiceError> {
        match named {
            Tenants::All => Ok(self.tenants.clone()),
            Tenants::Of(tenants) if tenants.iter().all(|tenant| self.sees(tenant)) => Ok(named.clone()),
            Tenants::Of(_) => Err(ServiceError::UnknownTenant),
        }
    }

    /// Refuses a caller who does not see a tenant.
    ///
    /// # Errors
    /// [`ServiceError::UnknownTenant`]
    pub fn within(&self, tenant: &TenantId) -> Result<(), ServiceError> {
        if self.sees(tenant) { Ok(()) } else { Err(ServiceError::UnknownTenant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenants: &[&str]) -> Tenants {
        Tenants::Of(tenants.iter().map(|tenant| TenantId::new(tenant)).collect())
    }

    #[test]
    fn i10_a_person_may_be_named_in_events() {
        for id in [uuid::Uuid::now_v7(), uuid::Uuid::from_u128(0x019c_1a2b_0612_7345_8678_0000_0000_0042)] {
            let who = Who::User(UserId(id)).to_string();
            assert!(!palabre_actors::domain::event::looks_personal(&who), "{who}");
        }
    }

    #[test]
    fn i9_a_caller_reaches_the_tenants_that_they_see_alone() {
        let caller = Caller {
            who: Who::Key("crm".into()),
            tenants: of(&["belle", "taxi"]),
            permissions: Permissions::of(&[Permission::OutboxRead]),
        };
        assert_eq!(caller.among(&Tenants::All).unwrap(), of(&["belle", "taxi"]));
        assert_eq!(caller.among(&of(&["taxi"])).unwrap(), of(&["taxi"]));
        for foreign in [of(&["seller"]), of(&["taxi", "seller"])] {
            assert!(matches!(caller.among(&foreign), Err(ServiceError::UnknownTenant)), "{foreign:?}");
        }
        assert!(caller.require(Permission::OutboxRead).is_ok());
        assert!(matches!(caller.require(Permission::OutboxWrite), Err(ServiceError::Denied(Permission::OutboxWrite))));
        assert!(Caller::command_line().sees(&TenantId::new("seller")));
    }
}
