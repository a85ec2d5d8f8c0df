//! `/console/contacts/{id}/privacy`: everything of a person as a file, and their erasure.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};
use minijinja::context;
use palabre_actors::domain::ids::ContactId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::privacy::{self, Whom};
use crate::service::{Permission, ServiceError};
use crate::store::privacy::{ErasureReport, PersonCounts, PrivacyRequest, RequestKind, RequestState};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/contacts/{id}/privacy", person);
    routes.post("/contacts/{id}/export", export);
    routes.get("/contacts/{id}/erase", ask);
    routes.post("/contacts/{id}/erase", erase);
    routes.get("/privacy/{id}", request);
    routes.get("/privacy/{id}/file", file);
}

/// A request as the page shows it.
#[derive(Serialize)]
struct RequestShown {
    id: String,
    is_export: bool,
    /// `waiting`, `running`, `done` or `failed`
    state: &'static str,
    progress: i64,
    asked: String,
    machine: String,
    /// Of an export: whether its file is there, how long it is, until when.
    has_file: bool,
    kilobytes: i64,
    expires: Option<String>,
    report: Option<ErasureReport>,
    held: u64,
}

/// What stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PrivacyQuery {
    /// The conversation that the page was opened from.
    from: Option<Uuid>,
}

/// The form that begins an erasure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EraseForm {
    /// Whether the box was ticked.
    sure: bool,
}

/// The form that asks for an export.
#[derive(Debug, Default, Deserialize)]
pub struct ExportForm {}

fn request_shown(display: &Display, request: &PrivacyRequest) -> RequestShown {
    let is_kept = request.expires_at.is_some_and(|at| at > display.now);
    let is_erased = request.kind == RequestKind::Erase && request.state == RequestState::Done;
    let report: Option<ErasureReport> = is_erased.then(|| serde_json::from_str(&request.report).ok()).flatten();
    RequestShown {
        id: request.id.to_string(),
        is_export: request.kind == RequestKind::Export,
        state: request.state.as_str(),
        progress: request.progress,
        asked: display.moment(request.created_at),
        machine: Display::machine(request.created_at),
        has_file: request.file.is_some() && is_kept,
        kilobytes: request.bytes.unwrap_or_default() / 1024 + 1,
        expires: request.expires_at.filter(|_| is_kept).map(|at| display.moment(at)),
        held: report.as_ref().map(|report| report.held.values().sum()).unwrap_or_default(),
        report,
    }
}

#[derive(Serialize)]
struct Extent {
    addresses: usize,
    conversations: usize,
    messages: usize,
    subscriptions: usize,
    is_paying: bool,
}

impl Extent {
    const fn of(counts: &PersonCounts) -> Self {
        Self {
            addresses: counts.addresses,
            conversations: counts.conversations,
            messages: counts.messages,
            subscriptions: counts.subscriptions,
            is_paying: counts.running_subscriptions > 0,
        }
    }
}

fn contact(id: &str) -> Result<ContactId, ConsoleError> {
    id.parse().map_err(|_| ConsoleError::NotFound)
}

/// `GET /console/contacts/{id}/privacy`
pub async fn person(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<PrivacyQuery>,
) -> Result<Page, ConsoleError> {
    let contact = contact(&id)?;
    let data = &state.deps.privacy;
    let (row, counts) = privacy::extent(&member.caller, data, &Whom::Contact(contact)).await?;
    let requests = privacy::requests_of(&member.caller, data, (&row.tenant, row.id)).await?;
    let display = state.display(&member);
    let requests: Vec<RequestShown> = requests.iter().map(|request| request_shown(&display, request)).collect();
    let context = context! {
        contact => id.as_str(),
        from => query.from.map(|from| from.to_string()),
        who => row.name,
        extent => shown(Extent::of(&counts)),
        requests => shown(requests),
        may_export => member.caller.may(Permission::PrivacyExport),
        may_erase => member.caller.may(Permission::PrivacyErase),
    };
    state.page(("privacy/person.html", "conversations"), &member, context)
}

/// `POST /console/contacts/{id}/export`
pub async fn export(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _: Form<ExportForm>,
) -> Result<Page, ConsoleError> {
    let whom = Whom::Contact(contact(&id)?);
    privacy::request_export(&member.caller, &state.deps.privacy, &whom, (member.language, false)).await?;
    Ok(Page::see(&format!("/console/contacts/{id}/privacy#requests")))
}

/// `GET /console/contacts/{id}/erase`: what goes, what stays and why.
pub async fn ask(member: Member, state: web::Data<ConsoleState>, id: web::Path<String>) -> Result<Page, ConsoleError> {
    asked(&member, &state, &id, false).await
}

async fn asked(member: &Member, state: &ConsoleState, id: &str, is_unsure: bool) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::PrivacyErase)?;
    let whom = Whom::Contact(contact(id)?);
    let (row, counts) = privacy::extent(&member.caller, &state.deps.privacy, &whom).await?;
    let context = context! {
        contact => id,
        who => row.name,
        extent => shown(Extent::of(&counts)),
        is_unsure,
    };
    state.page(("privacy/erase.html", "conversations"), member, context)
}

/// `POST /console/contacts/{id}/erase`
pub async fn erase(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<EraseForm>,
) -> Result<Page, ConsoleError> {
    if !form.0.sure {
        return asked(&member, &state, &id, true).await;
    }
    let whom = Whom::Contact(contact(&id)?);
    match privacy::request_erasure(&member.caller, &state.deps.privacy, &whom, (member.language, false)).await {
        Ok(request) => Ok(Page::see(&format!("/console/privacy/{}", request.id))),
        // Their subscription began to run meanwhile: the page says so.
        Err(ServiceError::NotValid { .. }) => asked(&member, &state, &id, false).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/privacy/{id}`: how far a request is.
pub async fn request(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
) -> Result<Page, ConsoleError> {
    let id = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let found = privacy::request(&member.caller, &state.deps.privacy, id).await?;
    let context = context! { request => shown(request_shown(&state.display(&member), &found)) };
    state.page(("privacy/request.html", "conversations"), &member, context)
}

/// `GET /console/privacy/{id}/file`
pub async fn file(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let id: Uuid = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let bytes = privacy::file(&member.caller, &state.deps.privacy, id).await?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{id}.zip\""));
    let name = name.map_err(|_| ConsoleError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(bytes))
}
