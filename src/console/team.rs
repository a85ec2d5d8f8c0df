//! The team: who is in it, invitations, roles.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use minijinja::value::Serde;
use minijinja::{Value, context};
use palabre_actors::domain::ids::UserId;
use palabre_actors::domain::rules::Language;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::home::Nothing;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::ServiceError;
use crate::service::people::{self, Added, NewUser};
use crate::service::permissions::{Permission, Role};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/team", page);
    routes.post("/team", invite);
    routes.post("/team/{id}/role", set_role);
    routes.post("/team/{id}/remove", remove);
}

#[derive(Serialize)]
struct Colleague {
    id: String,
    name: String,
    email: String,
    role: String,
    is_invited: bool,
    is_disabled: bool,
    has_code: bool,
    is_me: bool,
    signed_in: Option<String>,
}

#[derive(Deserialize)]
struct Invitation {
    email: String,
    name: String,
    role: String,
    language: String,
}

#[derive(Deserialize)]
struct NewRole {
    role: String,
}

async fn page(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    shown(&state, &member, (None, None)).await
}

/// The page, with the link of an invitation that was just made, or what was wrong.
async fn shown(
    state: &ConsoleState,
    member: &Member,
    (link, wrong): (Option<String>, Option<&str>),
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let team = people::list(&member.caller, &state.deps.people, &tenants).await?;
    let display = state.display(member);
    let team: Vec<Colleague> = team
        .into_iter()
        .filter_map(|person| {
            Some(Colleague {
                id: person.user.id.to_string(),
                role: person.membership?.role,
                is_invited: person.is_invited,
                is_disabled: person.user.disabled_at.is_some(),
                has_code: person.user.totp_enabled_at.is_some(),
                is_me: person.user.id == member.user,
                signed_in: person.user.signed_in_at.map(|at| display.date(at)),
                name: person.user.name,
                email: person.user.email,
            })
        })
        .collect();
    let given = Role::ALL.iter().filter(|(role, _)| may_be_given(member, *role)).map(|(_, word)| *word);
    let shown = context! {
        team => Value::from(Serde(team)),
        roles => given.collect::<Vec<_>>(),
        may_write => member.caller.may(Permission::TeamWrite),
        link,
        wrong => wrong.map(ToOwned::to_owned),
    };
    let page = state.page(("people/team.html", "team"), member, shown)?;
    Ok(if wrong.is_some() { page.with_status(StatusCode::BAD_REQUEST) } else { page })
}

fn may_be_given(member: &Member, role: Role) -> bool {
    match role {
        Role::Operator => false,
        Role::Owner => member.caller.is_owner(),
        _ => true,
    }
}

async fn invite(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    Form(invitation): Form<Invitation>,
) -> Result<Page, ConsoleError> {
    let role = invitation.role.parse().map_err(|_| ConsoleError::BadForm)?;
    let language: Language = invitation.language.parse().map_err(|_| ConsoleError::BadForm)?;
    let new = NewUser {
        email: &invitation.email,
        name: &invitation.name,
        language,
        tenant: Some(&member.tenant),
        role,
        password: None,
    };
    match people::add(&member.caller, &state.deps.people, new).await {
        Ok(Added::Invited(_, token)) => {
            let link = format!("{}/console/invitation/{}", state.base_url(&request), token.as_str());
            shown(&state, &member, (Some(link), None)).await
        }
        Ok(Added::Member(_)) => Ok(Page::see("/console/team")),
        Err(ServiceError::Invalid(field)) => shown(&state, &member, (None, Some(field))).await,
        Err(error) => Err(error.into()),
    }
}

async fn set_role(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<String>,
    Form(new): Form<NewRole>,
) -> Result<Page, ConsoleError> {
    let (user, role) = (user(&path)?, new.role.parse().map_err(|_| ConsoleError::BadForm)?);
    let set = people::set_role(&member.caller, &state.deps.people, (&member.tenant, user), role).await;
    changed(&state, &member, set).await
}

async fn remove(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<String>,
    _: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    let removed = people::remove(&member.caller, &state.deps.people, (&member.tenant, user(&path)?)).await;
    changed(&state, &member, removed).await
}

async fn changed(state: &ConsoleState, member: &Member, done: Result<(), ServiceError>) -> Result<Page, ConsoleError> {
    match done {
        Ok(()) => Ok(Page::see("/console/team")),
        Err(ServiceError::Invalid(word)) => shown(state, member, (None, Some(word))).await,
        Err(error) => Err(error.into()),
    }
}

fn user(path: &str) -> Result<UserId, ConsoleError> {
    path.parse::<Uuid>().map(UserId).map_err(|_| ConsoleError::NotFound)
}
