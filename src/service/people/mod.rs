//! People: accounts, sign-in, sessions, invitations, teams.

mod account;
mod accounts;
mod keys;
mod limits;
mod oidc;
mod passwords;
mod second_factor;
mod sessions;
mod sign_in;
mod team;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;

pub use self::account::{change_password, devices, set_profile, sign_out_of};
pub use self::accounts::{
    Accepted, Added, InvitationShown, NewUser, Person, accept, add, disable, invitation, join_as, list, reset,
    set_password,
};
pub use self::keys::{KeyWanted, holder, is_kept, list as keys, make as make_key, revoke as revoke_key};
pub use self::limits::SignInLimits;
pub use self::oidc::{AWAY_AT_MOST, Back, Leaving, OidcOutcome, OidcSignIn, come_back, leave};
pub use self::passwords::{Passwords, Weakness};
pub use self::second_factor::{Enrolment, disable as disable_code, enable, enrol, enter_code, forget as forget_code};
pub use self::sessions::{Place, SignedIn, forget_ended, look_at, signed_in};
pub use self::sign_in::{SignIn, Visitor, sign_in, sign_out};
pub use self::team::{person_of, remove, set_role};
pub use self::tokens::Token;
pub(super) use self::tokens::random;
pub use crate::store::people::{UserRow, UserSession};

use super::permissions::Role;
use crate::store::operator::Operator;
use crate::store::people::Membership;

/// What use cases about people need. Clones share it.
#[derive(Clone)]
pub struct People {
    pub store: Operator,
    pub clock: Arc<dyn Clock>,
    pub passwords: Passwords,
    pub limits: Arc<SignInLimits>,
    pub sessions: SessionTimes,
}

/// How long people stay signed in.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimes {
    /// A session that was not used for so long has ended.
    pub idle: Duration,
    /// A session ends after so long, however often it is used.
    pub lasts: Duration,
}

impl People {
    #[must_use]
    pub fn new(store: Operator, clock: Arc<dyn Clock>, sessions: SessionTimes) -> Self {
        Self { store, clock, passwords: Passwords::default(), limits: Arc::default(), sessions }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// What a person is, and to which tenant; `None`: to all.
type Roles = Vec<(Option<TenantId>, Role)>;

/// Roles of memberships; a word that this version does not know gives nothing.
fn roles(memberships: Vec<Membership>) -> Roles {
    memberships.into_iter().filter_map(|membership| Some((membership.tenant, membership.role.parse().ok()?))).collect()
}

/// The role that counts in a tenant: its own before that in all.
fn role_in(roles: &[(Option<TenantId>, Role)], tenant: &TenantId) -> Option<Role> {
    let role = |of: Option<&TenantId>| roles.iter().find(|(own, _)| own.as_ref() == of).map(|(_, role)| *role);
    role(Some(tenant)).or_else(|| role(None))
}

/// An e-mail as it is kept: without space around it, in lower case. `None`: it is none.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (name, host) = email.rsplit_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let is_email = email.len() <= 254 && plain(name) && plain(host) && !host.starts_with('.') && !host.ends_with('.');
    is_email.then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mails_are_kept_in_one_form() {
        for (text, expected) in [
            (" Awa@Institut-Belle.Example ", Some("awa@institut-belle.example")),
            ("a@b", Some("a@b")),
            ("awa", None),
            ("@b.fr", None),
            ("awa@", None),
            ("a wa@b.fr", None),
            ("awa@b.fr.", None),
            ("", None),
        ] {
            assert_eq!(email(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn i9_the_role_in_a_tenant_comes_before_that_in_all() {
        let (belle, taxi) = (TenantId::new("belle"), TenantId::new("taxi"));
        let roles = [(None, Role::Support), (Some(belle.clone()), Role::Viewer)];
        assert_eq!(role_in(&roles, &belle), Some(Role::Viewer));
        assert_eq!(role_in(&roles, &taxi), Some(Role::Support));
        assert_eq!(role_in(&roles[1..], &taxi), None);
    }
}
