//! Accounts: invitations, links, passwords, disabling.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use palabre_actors::domain::rules::Language;
use secrecy::SecretString;

use super::passwords::weakness;
use super::sign_in::{BEGIN, begin};
use super::{People, Token, UserRow, Visitor, email};
use crate::service::permissions::Permission::TeamWrite;
use crate::service::permissions::Role;
use crate::service::{Caller, ServiceError, Tenants, audit};
use crate::store::people::{LinkPurpose, Membership, NewLink, SessionStage, UserLink};

/// An invitation may lie in a mailbox over a holiday.
const INVITATION_LASTS: TimeDelta = TimeDelta::days(7);
const RESET_LASTS: TimeDelta = TimeDelta::hours(24);
const LONGEST_NAME: usize = 80;

/// A person to be invited or added.
#[derive(Debug)]
pub struct NewUser<'a> {
    pub email: &'a str,
    pub name: &'a str,
    pub language: Language,
    /// `None`: every tenant.
    pub tenant: Option<&'a TenantId>,
    pub role: Role,
    /// Makes them a member at once. Else they are when they accept the invitation.
    pub password: Option<SecretString>,
}

/// What became of it.
#[derive(Debug)]
pub enum Added {
    /// They may sign in now.
    Member(UserId),
    /// They are a member once they open the link with this token.
    Invited(UserId, Token),
}

/// A person of a tenant, as its team sees them.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: UserRow,
    /// `None`: they belong to no tenant.
    pub membership: Option<Membership>,
    /// Whether they have not accepted yet.
    pub is_invited: bool,
}

/// An invitation or a reset, as the person who opens it sees it.
#[derive(Clone, Debug)]
pub struct InvitationShown {
    pub user: UserRow,
    pub link: UserLink,
    /// Whether they choose a password with it. Else they sign in with the one that they have.
    pub asks_for_password: bool,
}

/// What became of a link.
#[derive(Debug)]
pub enum Accepted {
    /// They are signed in under this token.
    SignedIn(Token),
    /// Their password is set, and their second factor is asked for.
    NeedsCode(Token),
    /// They had a session already, and keep it.
    Joined,
}

/// Adds a person to a tenant or to all: at once with a password, else by an invitation. Whoever has an account already keeps its
/// password, and is a member when they accept: an invitation gives nobody another's account.
///
/// # Errors
/// [`ServiceError`]: `Invalid` names the field that does not hold.
pub async fn add(caller: &Caller, people: &People, new: NewUser<'_>) -> Result<Added, ServiceError> {
    may_give(caller, new.tenant, new.role)?;
    let email = email(new.email).ok_or(ServiceError::Invalid("email"))?;
    let name = named(new.name)?;
    if let Some(weak) = new.password.as_ref().and_then(|password| weakness(password, &[&name, &email])) {
        return Err(ServiceError::WeakPassword(weak));
    }
    let now = people.now();
    people.store.add_user(UserId::fresh(), (&email, &name, new.language), now).await?;
    let user = people.store.user_by_email(&email).await?.ok_or(ServiceError::NotFound("user"))?;
    let Some(password) = new.password else {
        let token = Token::fresh()?;
        note(caller, people, new.tenant, "team.invite", user.id).await?;
        let invites = Some((new.tenant, new.role.as_str()));
        let link = NewLink { user: user.id, invites, digest: &token.digest(), ends_at: now + INVITATION_LASTS };
        people.store.add_link(link, now).await?;
        return Ok(Added::Invited(user.id, token));
    };
    if user.password_hash.is_some() {
        return Err(ServiceError::Invalid("has_account"));
    }
    note(caller, people, new.tenant, "team.add", user.id).await?;
    let hash = people.passwords.hash(&password).await?;
    people.store.set_password(user.id, &hash, now).await?;
    people.store.set_membership(new.tenant, user.id, new.role.as_str(), now).await?;
    Ok(Added::Member(user.id))
}

async fn note(
    caller: &Caller,
    people: &People,
    tenant: Option<&TenantId>,
    action: &'static str,
    user: UserId,
) -> Result<(), ServiceError> {
    let (store, id) = (&people.store, user.to_string());
    match tenant {
        Some(tenant) => audit::note(caller, store, tenant, action, ("user", &id)).await,
        None => audit::note_installation(caller, store, action, ("user", &id)).await,
    }
}

/// Refuses a caller who may not give a role in a tenant: an owner is made by an owner, and only whoever sees all tenants gives
/// roles in all of them.
pub(super) fn may_give(caller: &Caller, tenant: Option<&TenantId>, role: Role) -> Result<(), ServiceError> {
    caller.require(TeamWrite)?;
    match tenant {
        Some(tenant) => caller.within(tenant)?,
        None if caller.tenants == Tenants::All => {}
        None => return Err(ServiceError::UnknownTenant),
    }
    let is_of_installation = matches!(role, Role::Operator);
    if is_of_installation && tenant.is_some() {
        return Err(ServiceError::Invalid("role"));
    }
    if role == Role::Owner && !caller.is_owner() {
        return Err(ServiceError::Denied(TeamWrite));
    }
    Ok(())
}

/// The people of the tenants that a caller sees, invited ones too.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(caller: &Caller, people: &People, tenants: &Tenants) -> Result<Vec<Person>, ServiceError> {
    caller.require(crate::service::Permission::TeamRead)?;
    let tenants = caller.among(tenants)?;
    let mut chains: Vec<Option<TenantId>> =
        people.store.ids_of(&tenants).await?.iter().map(|tenant| Some(TenantId::new(tenant))).collect();
    let sees_all = tenants == Tenants::All;
    if sees_all {
        chains.push(None);
    }
    let members = people.store.users_of(&chains).await?.into_iter();
    let mut persons: Vec<Person> =
        members.map(|(user, membership)| Person { user, membership: Some(membership), is_invited: false }).collect();
    for (link, user) in people.store.invitations(&chains, people.now()).await? {
        let is_member = persons.iter().any(|person| {
            person.user.id == user.id && person.membership.as_ref().is_some_and(|own| own.tenant == link.tenant)
        });
        if let (false, Some(role)) = (is_member, link.role) {
            let membership = Membership { user: user.id, tenant: link.tenant, role, created_at: link.created_at };
            persons.push(Person { user, membership: Some(membership), is_invited: true });
        }
    }
    if sees_all {
        let known: Vec<UserId> = persons.iter().map(|person| person.user.id).collect();
        let others = people.store.users_of_none().await?.into_iter().filter(|user| !known.contains(&user.id));
        persons.extend(others.map(|user| Person { user, membership: None, is_invited: false }));
    }
    Ok(persons)
}

/// A link with which a person chooses another password. Their sessions go on until they do.
///
/// # Errors
/// [`ServiceError`]
pub async fn reset(caller: &Caller, people: &People, typed: &str) -> Result<(UserId, Token), ServiceError> {
    let user = of_installation(caller, people, typed).await?;
    let (token, now) = (Token::fresh()?, people.now());
    note(caller, people, None, "user.reset", user.id).await?;
    let link = NewLink { user: user.id, invites: None, digest: &token.digest(), ends_at: now + RESET_LASTS };
    people.store.add_link(link, now).await?;
    Ok((user.id, token))
}

/// Sets a person's password for them, and signs them out everywhere.
///
/// # Errors
/// [`ServiceError`]
pub async fn set_password(
    caller: &Caller,
    people: &People,
    typed: &str,
    password: &SecretString,
) -> Result<UserId, ServiceError> {
    let user = of_installation(caller, people, typed).await?;
    note(caller, people, None, "user.set_password", user.id).await?;
    choose_password(people, &user, password, people.now()).await?;
    people.store.end_sessions(user.id, None).await?;
    Ok(user.id)
}

/// Lets a person sign in no more, or again. Their sessions and links end at once.
///
/// # Errors
/// [`ServiceError`]
pub async fn disable(caller: &Caller, people: &People, typed: &str, is_disabled: bool) -> Result<UserId, ServiceError> {
    let user = of_installation(caller, people, typed).await?;
    let now = people.now();
    note(caller, people, None, if is_disabled { "user.disable" } else { "user.enable" }, user.id).await?;
    people.store.set_disabled(user.id, is_disabled.then_some(now), now).await?;
    Ok(user.id)
}

/// The account of an e-mail, for whoever runs the installation: an account may belong to several tenants.
pub(super) async fn of_installation(caller: &Caller, people: &People, typed: &str) -> Result<UserRow, ServiceError> {
    caller.require(TeamWrite)?;
    if caller.tenants != Tenants::All {
        return Err(ServiceError::NotFound("user"));
    }
    let email = email(typed).ok_or(ServiceError::Invalid("email"))?;
    people.store.user_by_email(&email).await?.ok_or(ServiceError::NotFound("user"))
}

/// What a link is for. `NotFound`: it is none, was used, or is too old.
///
/// # Errors
/// [`ServiceError`]
pub async fn invitation(people: &People, token: &Token) -> Result<InvitationShown, ServiceError> {
    let found = people.store.link(&token.digest(), people.now()).await?;
    let (link, user) = found.filter(|(_, user)| user.disabled_at.is_none()).ok_or(ServiceError::NotFound("link"))?;
    let asks_for_password = link.purpose == LinkPurpose::Reset || user.password_hash.is_none();
    Ok(InvitationShown { user, link, asks_for_password })
}

/// Opens a link with a new password.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as in [`invitation`], `WeakPassword`.
pub async fn accept(
    people: &People,
    token: &Token,
    password: &SecretString,
    visitor: Visitor<'_>,
) -> Result<Accepted, ServiceError> {
    let InvitationShown { user, link, asks_for_password } = invitation(people, token).await?;
    if !asks_for_password {
        return Err(ServiceError::NotFound("link"));
    }
    if let Some(weak) = weakness(password, &[&user.name, &user.email]) {
        return Err(ServiceError::WeakPassword(weak));
    }
    let now = people.now();
    if !people.store.take_link(&token.digest(), now).await? {
        return Err(ServiceError::NotFound("link"));
    }
    choose_password(people, &user, password, now).await?;
    join(people, &user, &link, now).await?;
    audit::note_person(&people.store, user.id, "user.accept", ("user", &user.id.to_string())).await?;
    people.store.end_sessions(user.id, None).await?;
    let stage = if user.totp_enabled_at.is_some() { SessionStage::Code } else { SessionStage::Whole };
    let session = begin(people, user.id, (stage, BEGIN), visitor).await?;
    Ok(if stage == SessionStage::Code { Accepted::NeedsCode(session) } else { Accepted::SignedIn(session) })
}

/// Accepts an invitation as the person who is signed in.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it invites somebody else.
pub async fn join_as(people: &People, token: &Token, user: UserId) -> Result<Accepted, ServiceError> {
    let shown = invitation(people, token).await?;
    let is_theirs = shown.user.id == user && shown.link.purpose == LinkPurpose::Invitation;
    let now = people.now();
    if !is_theirs || !people.store.take_link(&token.digest(), now).await? {
        return Err(ServiceError::NotFound("link"));
    }
    join(people, &shown.user, &shown.link, now).await?;
    audit::note_person(&people.store, user, "user.accept", ("user", &user.to_string())).await?;
    Ok(Accepted::Joined)
}

async fn join(people: &People, user: &UserRow, link: &UserLink, now: Timestamp) -> Result<(), ServiceError> {
    let Some(role) = link.role.as_deref().filter(|_| link.purpose == LinkPurpose::Invitation) else { return Ok(()) };
    Ok(people.store.set_membership(link.tenant.as_ref(), user.id, role, now).await?)
}

pub(super) async fn choose_password(
    people: &People,
    user: &UserRow,
    password: &SecretString,
    now: Timestamp,
) -> Result<(), ServiceError> {
    if let Some(weak) = weakness(password, &[&user.name, &user.email]) {
        return Err(ServiceError::WeakPassword(weak));
    }
    let hash = people.passwords.hash(password).await?;
    Ok(people.store.set_password(user.id, &hash, now).await?)
}

/// A name as it is kept.
pub(super) fn named(text: &str) -> Result<String, ServiceError> {
    let name = text.trim();
    let holds = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if holds { Ok(name.to_owned()) } else { Err(ServiceError::Invalid("name")) }
}
