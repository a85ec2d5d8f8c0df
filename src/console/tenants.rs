//! The choice between the tenants of a person.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::TenantId;
use serde::Deserialize;

use super::routes::PageRoutes;
use super::session::{Visitor, local_path, may_make_tenants};
use super::{ConsoleError, ConsoleState, Form, Page};
use crate::service::people::{self, Place};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/tenants", page);
    routes.post("/tenants", choose);
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    tenant: String,
    next: Option<String>,
}

async fn page(visitor: Visitor, state: web::Data<ConsoleState>, query: web::Query<Next>) -> Result<Page, ConsoleError> {
    let Visitor { person, token } = visitor;
    let may_make = may_make_tenants(&state, &person);
    let chosen = match person.place() {
        Place::Tenant(tenant) => Some(tenant),
        Place::Unchosen => None,
        Place::Nowhere if may_make => return Err(ConsoleError::NoTenantYet),
        Place::Nowhere => return Err(ConsoleError::Nowhere),
    };
    let shown = context! {
        tenants => person.tenants.iter().map(ToString::to_string).collect::<Vec<_>>(),
        chosen => chosen.as_ref().map(ToString::to_string),
        csrf => token.csrf(),
        may_make,
        next => query.next.as_deref().and_then(local_path),
    };
    state.bare("people/tenants.html", person.user.language, shown)
}

async fn choose(
    visitor: Visitor,
    state: web::Data<ConsoleState>,
    Form(choice): Form<Choice>,
) -> Result<Page, ConsoleError> {
    people::look_at(&state.deps.people, &visitor.person, &TenantId::new(&choice.tenant)).await?;
    Ok(Page::see(choice.next.as_deref().and_then(local_path).unwrap_or("/console")))
}
