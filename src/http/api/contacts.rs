//! Contacts: the persons of tenants.

use actix_web::http::StatusCode;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::{ChannelId, ContactId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::{Call, Json, PathId, Query, ToOperate, ToRead};
use super::conversations::{Contact, Contacts, named};
use super::params::{OfTenant, PageBefore, page_of, uuid};
use super::problems::{BodyProblems, CallProblems, SearchProblems, UNAVAILABLE, UnknownId, bad_address};
use super::visibility::rfc3339;
use super::{Reply, reply, reply_with};
use crate::http::routes::Routes;
use crate::service::person_links::{LinkTo, PersonLink};
use crate::service::{Permission, ServiceError, contacts};
use crate::store::conversations::ContactRow;

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/contacts", list);
    routes.get("/api/v1/contacts/{id}", show);
    routes.post("/api/v1/contacts/{id}/merge", merge);
    routes.post("/api/v1/contacts/{id}/unmerge", unmerge);
    routes.post("/api/v1/contacts/{id}/link", link);
}

/// Contacts, the newest first. `GET /api/v1/conversations/search` finds them by name and number.
#[utoipa::path(get, path = "/api/v1/contacts", operation_id = "list_contacts", tag = "contacts",
    params(OfTenant, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = Contacts, description = "A page of contacts"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query((which, page)): Query<(OfTenant, PageBefore)>) -> Reply {
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
    shown(&call, &row).await
}

/// Which contact is the same person.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeContact {
    /// The contact that becomes a part of the one in the path.
    #[schema(example = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    with: String,
}

/// Makes two contacts one: the one in the path goes on, with the other's addresses and conversations. Whoever of them said STOP silences
/// both.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/merge", operation_id = "merge_contacts", tag = "contacts",
    params(("id" = String, Path, description = "The contact that goes on")), request_body = MergeContact,
    security(("key" = ["operate"])), responses(
    (status = 200, body = Contact, description = "The contact that goes on"), CallProblems, BodyProblems, UnknownId
))]
pub(super) async fn merge(call: Call<ToOperate>, id: PathId, Json(body): Json<MergeContact>) -> Reply {
    let keep = uuid("id", &id.0).map(ContactId)?;
    let other = uuid("with", &body.with).map(ContactId)?;
    let row = contacts::merge(call.caller.service(), &call.operator, (keep, other), call.now()).await?;
    shown(&call, &row).await
}

/// Parts a contact from the one that they were merged into. If they were silent together, both are silent after it.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/unmerge", operation_id = "unmerge_contact", tag = "contacts",
    params(("id" = String, Path, description = "The contact that was merged: one of `merged_ids`")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Contact, description = "The contact, by themselves again"), CallProblems, UnknownId
))]
pub(super) async fn unmerge(call: Call<ToOperate>, id: PathId) -> Reply {
    let other = uuid("id", &id.0).map(ContactId)?;
    let row = contacts::unmerge(call.caller.service(), &call.operator, other, call.now()).await?;
    shown(&call, &row).await
}

/// Where the contact is to show that they are there: `channel` or `to`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LinkContact {
    /// A channel of the tenant that is a bot: the link opens it. Send it to the contact where they write.
    #[schema(example = "belle-tg")]
    channel: Option<String>,
    /// An e-mail address: the link opens a page with a button. Send it to that address alone.
    #[schema(example = "mailto:nadia@example.org")]
    to: Option<String>,
}

/// A link by which a contact shows that another address is theirs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactLink {
    pub url: String,
    /// Until then it holds.
    pub expires_at: String,
}

impl From<PersonLink> for ContactLink {
    fn from(made: PersonLink) -> Self {
        Self { expires_at: rfc3339(made.expires_at), url: made.url }
    }
}

/// Makes a signed link for a contact: whoever opens it is that contact, with one more address. It holds for two days.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/link", operation_id = "link_contact", tag = "contacts",
    params(("id" = String, Path, description = "The contact")), request_body = LinkContact,
    security(("key" = ["operate"])), responses(
    (status = 201, body = ContactLink, description = "The link"), CallProblems, BodyProblems, UnknownId
))]
pub(super) async fn link(call: Call<ToOperate>, id: PathId, Json(body): Json<LinkContact>) -> Reply {
    let contact = uuid("id", &id.0).map(ContactId)?;
    let not_valid = |reason: &str| ServiceError::NotValid { field: "to", reason: reason.to_owned() };
    let to = match (body.channel, body.to) {
        (Some(channel), None) => LinkTo::Channel(ChannelId::new(&channel)),
        (None, Some(to)) => {
            let mailbox = Address::written(&to, Unnamed::Only(Scheme::Mailto), None);
            LinkTo::Mailbox(mailbox.map_err(|error| bad_address("to", error))?)
        }
        _ => return Err(not_valid("name either a channel or an address").into()),
    };
    let links = call.api.person_links.as_ref().ok_or(UNAVAILABLE)?;
    let made = links.make(call.caller.service(), contact, &to, call.now()).await?;
    reply_with(StatusCode::CREATED, &ContactLink::from(made))
}

async fn shown<S>(call: &Call<S>, row: &ContactRow) -> Reply {
    let visibility = call.caller.visibility();
    // Who may change contacts and not read them sees what was done all the same.
    let merged = match call.caller.service().may(Permission::ContactRead) {
        true => contacts::merged_into(call.caller.service(), &call.operator, row).await?,
        false => Vec::new(),
    };
    reply(&Contact::of(row, visibility).with_merged(&merged))
}
