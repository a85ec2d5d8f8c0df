//! Persons: what is known of them is exported, or erased.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web;
use palabre_actors::domain::address::{Address, HomeCountry, Unnamed};
use palabre_actors::domain::ids::{ContactId, TenantId};
use palabre_actors::domain::rules::Language;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, Json, PathId, Query, ToHandlePersons};
use super::conversations::named;
use super::params::{OfTenant, PageBefore, QueryParams, names_of, page_of, uuid};
use super::problems::{self, BodyProblems, CallProblems, SearchProblems, UnknownId, bad_address, invalid};
use super::visibility::rfc3339;
use super::{ApiDeps, Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::privacy::{self, DownloadLink, PersonalData, Whom};
use crate::store::privacy::PrivacyRequest;

const NO_PERSON: HttpProblem = invalid(
    "contact_id",
    "nobody is named",
    "give `contact_id`, or `tenant` and `address` such as whatsapp:+33612345678",
);
const BAD_LANGUAGE: HttpProblem = invalid("language", "unknown language", "the languages are fr and en");

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/privacy/export", export);
    routes.post("/api/v1/privacy/erase", erase);
    routes.get("/api/v1/privacy/requests", list);
    routes.get("/api/v1/privacy/requests/{id}", show);
    routes.get("/api/v1/privacy/requests/{id}/file", download);
}

/// Which person is meant: by `contact_id`, or by `tenant` and `address`.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PersonNamed {
    #[schema(example = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    contact_id: Option<String>,
    tenant: Option<String>,
    #[schema(example = "whatsapp:+33612345678")]
    address: Option<String>,
    /// Of the page in an export: `fr` or `en` (unless given).
    language: Option<String>,
}

impl PersonNamed {
    /// `home` knows what a phone number without `+` means to a tenant.
    fn read(&self, home: impl FnOnce(&TenantId) -> Option<HomeCountry>) -> Result<(Whom, Language), HttpProblem> {
        let language = self.language.as_deref().map(|word| super::params::word(word, &BAD_LANGUAGE)).transpose()?;
        let whom = match (&self.contact_id, &self.tenant, &self.address) {
            (Some(contact), None, None) => Whom::Contact(ContactId(uuid("contact_id", contact)?)),
            (None, Some(tenant), Some(address)) => {
                let tenant = TenantId::new(tenant);
                let address = Address::written(address, Unnamed::Refused, home(&tenant));
                Whom::Address(tenant, address.map_err(|error| bad_address("address", error))?)
            }
            _ => return Err(NO_PERSON),
        };
        Ok((whom, language.unwrap_or(Language::En)))
    }
}

/// A request, and how far it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonRequest {
    pub id: String,
    pub tenant_id: String,
    /// `export` or `erase`.
    pub kind: String,
    pub contact_id: String,
    /// `waiting`, `running`, `done` or `failed`.
    pub state: String,
    /// Of a hundred.
    pub progress: i64,
    /// `user:…`, `key:…` or `command-line`.
    pub requested_by: String,
    pub error: Option<String>,
    /// What was done, in numbers, once it is done.
    #[schema(value_type = Option<Object>)]
    pub report: Option<serde_json::Value>,
    /// Of an export that is done, until its file is deleted.
    pub file: Option<ExportFile>,
    pub created_at: String,
    pub finished_at: Option<String>,
}

/// The file of an export.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExportFile {
    pub bytes: Option<i64>,
    /// In hexadecimal.
    pub sha256: Option<String>,
    /// When it is deleted.
    pub expires_at: Option<String>,
    /// Where it is fetched without a key. Whoever has the link may.
    pub url: Option<String>,
    /// When the link ends. Ask again for another.
    pub url_until: Option<String>,
}

impl PersonRequest {
    #[must_use]
    pub fn of(request: &PrivacyRequest, link: Option<&DownloadLink>) -> Self {
        let file = request.file.as_ref().map(|_| ExportFile {
            bytes: request.bytes,
            sha256: request.sha256.clone(),
            expires_at: request.expires_at.map(rfc3339),
            url: link.map(|link| {
                let DownloadLink { until, signature } = link;
                format!("/api/v1/privacy/requests/{}/file?until={until}&signature={signature}", request.id)
            }),
            url_until: link.and_then(|link| chrono::DateTime::from_timestamp(link.until, 0)).map(rfc3339),
        });
        Self {
            id: request.id.to_string(),
            tenant_id: request.tenant.to_string(),
            kind: request.kind.as_str().to_owned(),
            contact_id: request.contact.to_string(),
            state: request.state.as_str().to_owned(),
            progress: request.progress,
            requested_by: request.requested_by.clone(),
            error: request.error.clone(),
            report: request.finished_at.and_then(|_| serde_json::from_str(&request.report).ok()),
            file,
            created_at: rfc3339(request.created_at),
            finished_at: request.finished_at.map(rfc3339),
        }
    }
}

/// Requests, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PersonRequests {
    requests: Vec<PersonRequest>,
    /// The next page's `before`; null when this one is the last.
    next: Option<String>,
}

/// What a link to a file carries.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkParams {
    until: i64,
    signature: String,
}

impl QueryParams for LinkParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "until" => self.until = value.parse().unwrap_or_default(),
            "signature" => value.clone_into(&mut self.signature),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn data(api: &ApiDeps) -> Result<&PersonalData, HttpProblem> {
    api.privacy.as_ref().ok_or(problems::UNAVAILABLE)
}

/// Asks for everything that is known of a person, as a signed ZIP. It is made in the background.
#[utoipa::path(post, path = "/api/v1/privacy/export", operation_id = "export_person", tag = "privacy",
    request_body = PersonNamed, security(("key" = ["privacy"])), responses(
    (status = 202, body = PersonRequest, description = "It is begun: ask for its state by its id"), CallProblems, BodyProblems, UnknownId
))]
pub(super) async fn export(call: Call<ToHandlePersons>, Json(body): Json<PersonNamed>) -> Reply {
    let (whom, language) = body.read(|tenant| call.country_of(tenant))?;
    let data = data(&call.api)?;
    let request = privacy::request_export(call.caller.service(), data, &whom, (language, false)).await?;
    reply_with(StatusCode::ACCEPTED, &PersonRequest::of(&request, None))
}

/// Erases a person, in the background. It cannot be taken back.
#[utoipa::path(post, path = "/api/v1/privacy/erase", operation_id = "erase_person", tag = "privacy",
    request_body = PersonNamed, security(("key" = ["privacy"])), responses(
    (status = 202, body = PersonRequest, description = "It is begun: ask for its state by its id"), CallProblems, BodyProblems, UnknownId
))]
pub(super) async fn erase(call: Call<ToHandlePersons>, Json(body): Json<PersonNamed>) -> Reply {
    let (whom, language) = body.read(|tenant| call.country_of(tenant))?;
    let data = data(&call.api)?;
    let request = privacy::request_erasure(call.caller.service(), data, &whom, (language, false)).await?;
    reply_with(StatusCode::ACCEPTED, &PersonRequest::of(&request, None))
}

/// What was asked for, the newest first.
#[utoipa::path(get, path = "/api/v1/privacy/requests", operation_id = "list_privacy_requests", tag = "privacy",
    params(OfTenant, PageBefore), security(("key" = ["privacy"])), responses(
    (status = 200, body = PersonRequests, description = "A page of requests"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToHandlePersons>, Query((which, page)): Query<(OfTenant, PageBefore)>) -> Reply {
    let (limit, tenants) = (page_of(page.limit), named(which.tenant.as_deref()));
    let found = privacy::requests(call.caller.service(), data(&call.api)?, &tenants, (page.before, limit)).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.id.to_string());
    reply(&PersonRequests { requests: found.iter().map(|request| PersonRequest::of(request, None)).collect(), next })
}

/// One request; an export that is done has a link to its file.
#[utoipa::path(get, path = "/api/v1/privacy/requests/{id}", operation_id = "show_privacy_request", tag = "privacy",
    params(("id" = String, Path, description = "The request")), security(("key" = ["privacy"])), responses(
    (status = 200, body = PersonRequest, description = "The request"), CallProblems, UnknownId
))]
pub(super) async fn show(call: Call<ToHandlePersons>, id: PathId) -> Reply {
    let (caller, data) = (call.caller.service(), data(&call.api)?);
    let request = privacy::request(caller, data, uuid("id", &id.0)?).await?;
    let link = privacy::link(caller, data, &request).await?;
    reply(&PersonRequest::of(&request, link.as_ref()))
}

/// The file of an export, by a link: it needs no key, and is good for a quarter of an hour.
#[utoipa::path(get, path = "/api/v1/privacy/requests/{id}/file", operation_id = "download_export", tag = "privacy",
    params(("id" = String, Path, description = "The request"), LinkParams), responses(
    (status = 200, body = Vec<u8>, content_type = "application/zip", description = "The ZIP"), UnknownId
))]
pub(super) async fn download(
    api: web::Data<ApiDeps>,
    id: PathId,
    Query(LinkParams { until, signature }): Query<LinkParams>,
) -> Reply {
    let link = DownloadLink { until, signature };
    let bytes = privacy::follow(data(&api)?, uuid("id", &id.0)?, &link).await?;
    let name = format!("attachment; filename=\"{}.zip\"", id.0);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(bytes))
}
