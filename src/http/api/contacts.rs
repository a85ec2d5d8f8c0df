//! Contacts: the persons of tenants.

use palabre_actors::domain::ids::ContactId;
use utoipa::IntoParams;

use super::call::{Call, PathId, Query, ToRead};
use super::conversations::{Contact, Contacts, named};
use super::params::{PageBefore, QueryParams, names_of, page_of, uuid};
use super::problems::{CallProblems, SearchProblems, UnknownId};
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::contacts;

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/contacts", list);
    routes.get("/api/v1/contacts/{id}", show);
}

/// Which contacts.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactParams {
    /// Of this tenant alone.
    tenant: Option<String>,
}

impl QueryParams for ContactParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let is_tenant = name == "tenant";
        if is_tenant {
            self.tenant = Some(value.to_owned());
        }
        Ok(is_tenant)
    }
}

/// Contacts, the newest first. `GET /api/v1/conversations/search` finds them by name and number.
#[utoipa::path(get, path = "/api/v1/contacts", operation_id = "list_contacts", tag = "contacts",
    params(ContactParams, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = Contacts, description = "A page of contacts"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query((which, page)): Query<(ContactParams, PageBefore)>) -> Reply {
    let limit = page_of(page.limit);
    let part = (page.before.map(ContactId), limit);
    let tenants = named(which.tenant.as_deref());
    let rows = contacts::list(call.caller.service(), &call.operator, &tenants, part).await?;
    if rows.is_empty() && page.before.is_none() {
        call.found_nothing(which.tenant.as_deref(), None)?;
    }
    reply(&Contacts::of(&rows, limit, call.caller.visibility()))
}

/// One contact with their conversations.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", operation_id = "show_contact", tag = "contacts",
    params(("id" = String, Path, description = "The contact")), security(("key" = ["read"])), responses(
    (status = 200, body = Contact, description = "The contact"), CallProblems, UnknownId
))]
pub(super) async fn show(call: Call<ToRead>, id: PathId) -> Reply {
    let id = uuid("id", &id.0).map(ContactId)?;
    let row = contacts::show(call.caller.service(), &call.operator, id).await?;
    reply(&Contact::of(&row, call.caller.visibility()))
}
