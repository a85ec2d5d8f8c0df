//! Push to the browser of a person: its worker, and the switch on their page.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::ServiceError;
use crate::service::push::PushNotices;
use crate::store::push::PushTarget;

const WORKER: &str = include_str!("assets/push.js");
/// iPhones show pushes only of pages on the home screen, and such pages need a manifest.
const MANIFEST: &str = include_str!("assets/manifest.webmanifest");

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/push.js", worker);
    routes.get("/manifest.webmanifest", manifest);
    routes.post("/push", subscribe);
    routes.post("/push/forget", forget);
}

/// `GET /console/push.js`: a service worker serves the pages of its own folder, so it does not stand among the assets.
async fn worker() -> HttpResponse {
    file("text/javascript; charset=utf-8", WORKER)
}

/// `GET /console/manifest.webmanifest`
async fn manifest() -> HttpResponse {
    file("application/manifest+json", MANIFEST)
}

fn file(content_type: &str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).insert_header((header::CACHE_CONTROL, "no-cache")).body(content)
}

/// A browser's subscription, as it writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SubscriptionForm {
    endpoint: String,
    p256dh: String,
    auth: String,
}

/// `POST /console/push`
pub async fn subscribe(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(form): Form<SubscriptionForm>,
) -> Result<HttpResponse, ConsoleError> {
    let target = PushTarget { endpoint: &form.endpoint, p256dh: &form.p256dh, auth: &form.auth };
    match push(&state)?.subscribe(&member.person, target).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(ServiceError::Invalid(_)) => Err(ConsoleError::BadForm),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/push/forget`: this browser, or without an endpoint every browser of theirs.
pub async fn forget(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(form): Form<SubscriptionForm>,
) -> Result<Page, ConsoleError> {
    let endpoint = Some(form.endpoint.as_str()).filter(|endpoint| !endpoint.is_empty());
    push(&state)?.unsubscribe(&member.person, endpoint).await?;
    Ok(Page::see("/console/account"))
}

fn push(state: &ConsoleState) -> Result<&PushNotices, ConsoleError> {
    state.deps.push.as_ref().ok_or(ConsoleError::NotFound)
}
