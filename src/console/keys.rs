//! Keys of the API: made, shown once, revoked.

use actix_web::http::StatusCode;
use actix_web::web;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::home::Nothing;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::config::ApiScope;
use crate::service::ServiceError;
use crate::service::people::{self, KeyWanted};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/keys", page);
    routes.post("/keys", make);
    routes.post("/keys/{id}/revoke", revoke);
}

#[derive(Serialize)]
struct KeyLine {
    id: String,
    name: String,
    scopes: String,
    is_own: bool,
    created: String,
    used: Option<String>,
    is_revoked: bool,
}

/// A box that is ticked comes with a value, another one does not come.
#[derive(Deserialize)]
struct Wanted {
    name: String,
    read: Option<String>,
    content: Option<String>,
    send: Option<String>,
    operate: Option<String>,
    own: Option<String>,
}

async fn page(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    shown(&state, &member, (None, None)).await
}

/// The page, with the key that was just made, or what was wrong.
async fn shown(
    state: &ConsoleState,
    member: &Member,
    (made, wrong): (Option<String>, Option<&str>),
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let keys = people::keys(&member.caller, &state.deps.people, &tenants).await?;
    let display = state.display(member);
    let keys: Vec<KeyLine> = keys
        .into_iter()
        .map(|key| KeyLine {
            id: key.id.to_string(),
            is_own: key.user.is_some(),
            created: display.date(key.created_at),
            used: key.used_at.map(|at| display.moment(at)),
            is_revoked: key.revoked_at.is_some(),
            name: key.name,
            scopes: key.scopes,
        })
        .collect();
    let shown = context! { keys => Value::from(Serde(keys)), made, wrong => wrong.map(ToOwned::to_owned) };
    let page = state.page(("people/keys.html", "keys"), member, shown)?;
    Ok(if wrong.is_some() { page.with_status(StatusCode::BAD_REQUEST) } else { page })
}

async fn make(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(wanted): Form<Wanted>,
) -> Result<Page, ConsoleError> {
    let ticked = [
        (&wanted.read, ApiScope::Read),
        (&wanted.content, ApiScope::ReadContent),
        (&wanted.send, ApiScope::Send),
        (&wanted.operate, ApiScope::Operate),
    ];
    let scopes: Vec<ApiScope> = ticked.iter().filter(|(ticked, _)| ticked.is_some()).map(|(_, scope)| *scope).collect();
    let key = KeyWanted {
        tenant: &member.tenant,
        name: &wanted.name,
        scopes: &scopes,
        is_own: wanted.own.is_some(),
        ends_at: None,
    };
    match people::make_key(&member.caller, &state.deps.people, key).await {
        Ok((_, token)) => shown(&state, &member, (Some(token.as_str().to_owned()), None)).await,
        Err(ServiceError::Invalid(field)) => shown(&state, &member, (None, Some(field))).await,
        Err(error) => Err(error.into()),
    }
}

async fn revoke(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<String>,
    _: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    let key = path.parse::<Uuid>().map_err(|_| ConsoleError::NotFound)?;
    people::revoke_key(&member.caller, &state.deps.people, &member.tenant, key).await?;
    Ok(Page::see("/console/keys"))
}
