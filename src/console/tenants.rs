//! The choice between the tenants of a person.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};

use super::display::shown;
use super::routes::PageRoutes;
use super::session::{Visitor, local_path, may_make_tenants};
use super::{ConsoleError, ConsoleState, Form, Page};
use crate::service::inbox;
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

/// A tenant to choose.
#[derive(Serialize)]
struct TenantLine {
    id: String,
    name: String,
    /// How many wait for them there, or for anybody.
    waiting: i64,
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
    let callers: Vec<_> = person.tenants.iter().map(|tenant| (tenant, person.caller(tenant))).collect();
    let waiting = inbox::waiting_in(&callers, &state.deps.store, &person.user.name, state.now()).await?;
    let waiting = |tenant: &TenantId| waiting.get(tenant).copied().unwrap_or_default();
    let mut tenants: Vec<_> = person.tenants.iter().map(|tenant| line(&state, tenant, waiting(tenant))).collect();
    // Where somebody waits first, then by name.
    tenants.sort_by_cached_key(|line| (std::cmp::Reverse(line.waiting), line.name.to_lowercase()));
    let page = context! {
        tenants => shown(tenants),
        chosen => chosen.as_ref().map(ToString::to_string),
        csrf => token.csrf(),
        may_make,
        next => query.next.as_deref().and_then(local_path),
    };
    state.bare("people/tenants.html", person.user.language, page)
}

fn line(state: &ConsoleState, tenant: &TenantId, waiting: i64) -> TenantLine {
    let name = state.tenant(tenant).map_or_else(|| tenant.to_string(), |tenant| tenant.name.clone());
    TenantLine { id: tenant.to_string(), name, waiting }
}

async fn choose(
    visitor: Visitor,
    state: web::Data<ConsoleState>,
    Form(choice): Form<Choice>,
) -> Result<Page, ConsoleError> {
    people::look_at(&state.deps.people, &visitor.person, &TenantId::new(&choice.tenant)).await?;
    Ok(Page::see(choice.next.as_deref().and_then(local_path).unwrap_or("/console")))
}
