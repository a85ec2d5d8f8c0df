//! The step about the team: whoever is to answer is invited.

use actix_web::{HttpRequest, web};
use minijinja::context;
use palabre_actors::domain::rules::Language;
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{saved, shown, step_page};
use crate::service::people::{self, Added, NewUser};
use crate::service::{Permission, ServiceError};

#[derive(Serialize)]
struct TeamLine {
    name: String,
    role: String,
    is_invited: bool,
}

/// What the form has, and the link of an invitation that was just made.
#[derive(Default)]
struct Invitation {
    name: String,
    email: String,
    link: Option<String>,
}

/// `GET /console/setup/people`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    page(&member, &state, &query, &Invitation::default(), &Trouble::default()).await
}

async fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    invitation: &Invitation,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let team = people::list(&member.caller, &state.deps.people, &tenants).await?.into_iter();
    let line = |person: people::Person| {
        let role = person.membership.map(|membership| membership.role).unwrap_or_default();
        TeamLine { name: person.user.name, role, is_invited: person.is_invited }
    };
    let context = context! {
        team => shown(team.map(line).collect::<Vec<_>>()),
        may_invite => member.caller.may(Permission::TeamWrite),
        name => invitation.name.as_str(),
        email => invitation.email.as_str(),
        link => invitation.link.as_deref(),
    };
    step_page(member, state, (SetupStep::People, query), trouble, context)
}

/// `POST /console/setup/people`: invites somebody, or goes on.
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let alone = fields.line("alone", 20);
    if fields.is_checked("on") {
        member.caller.require(Permission::SettingWrite)?;
        return saved(&member, &state, SetupStep::People, &alone).await;
    }
    let query = StepQuery { alone, ..StepQuery::default() };
    let (name, email) = (fields.line("name", 80), fields.line("email", 254));
    let role = fields.line("role", 20).parse().map_err(|_| ConsoleError::BadForm)?;
    let language: Language = fields.line("language", 2).parse().unwrap_or(member.language);
    let new = NewUser { email: &email, name: &name, language, tenant: Some(&member.tenant), role, password: None };
    match people::add(&member.caller, &state.deps.people, new).await {
        Ok(Added::Invited(_, token)) => {
            let link = format!("{}/console/invitation/{}", state.base_url(&request), token.as_str());
            let invitation = Invitation { link: Some(link), ..Invitation::default() };
            page(&member, &state, &query, &invitation, &Trouble::default()).await
        }
        Ok(Added::Member(_)) => page(&member, &state, &query, &Invitation::default(), &Trouble::default()).await,
        Err(ServiceError::Invalid(field)) => {
            let invitation = Invitation { name, email, link: None };
            page(&member, &state, &query, &invitation, &Trouble::at(field)).await
        }
        Err(error) => Err(error.into()),
    }
}
