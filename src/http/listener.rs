//! Routes that each listener serves.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::ConsoleRoutes;
use super::health::Health;
use super::problem::HttpProblem;
use super::request_log::{ErrorShape, RequestLog, RouteLabel};
use super::routes::{Routes, nothing_here};
use super::state::HttpState;
use super::{api, calendars, health, payments, person_pages, plan_pages, webhooks};

/// Which routes a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListenerRole {
    /// Webhooks and health.
    Public,
    /// Health, metrics, the API and the console.
    Admin,
    /// All of it: there is one listener.
    Both,
}

/// Adds all routes of a listener.
pub(super) fn mount(config: &mut ServiceConfig, state: web::Data<HttpState>, role: ListenerRole) {
    config.app_data(web::Data::new(state.deps.api.clone()));
    let health = Arc::clone(&state.deps.health);
    let console = state.deps.console.clone();
    let unknown = RequestLog { label: RouteLabel::of("(unknown)"), health: Arc::clone(&health) };
    config.default_service(web::to(not_found).wrap(unknown));
    config.app_data(state);

    let mut routes = Routes::new(config, Arc::clone(&health));
    if role != ListenerRole::Admin {
        payments::mount(&mut routes);
        webhooks::mount(&mut routes);
        routes.pages(plan_pages::mount);
        routes.get("/media/{tenant}/{file}/{until}/{signature}/{name}", api::media::linked);
        calendars::mount(&mut routes);
        routes.pages(person_pages::mount);
    }
    routes.probe("/healthz", health::healthz);
    routes.probe("/readyz", health::readyz);
    routes.probe("/api/health", health::api_health);
    if role != ListenerRole::Public {
        routes.probe("/metrics", metrics);
        api::mount(&mut routes);
        if let Some(console) = console {
            add_console(config, console, health);
        }
    }
}

/// Adds the console; where an earlier one had its pages leads there.
fn add_console(config: &mut ServiceConfig, console: ConsoleRoutes, health: Arc<Health>) {
    let label = RouteLabel { errors: ErrorShape::AsMade, ..RouteLabel::of("/console/…") };
    let log = RequestLog { label, health: Arc::clone(&health) };
    config.service(web::scope("/console").configure(|config| (console.0)(config)).wrap(log));
    let earlier = RequestLog { label: RouteLabel::of("/dashboard/…"), health };
    config.service(web::resource(["/dashboard", "/dashboard/{page:.*}"]).wrap(earlier).to(dashboard));
}

async fn dashboard(request: HttpRequest) -> HttpResponse {
    let page = request.uri().path().strip_prefix("/dashboard").unwrap_or_default();
    let is_plain = !page.contains("//") && !page.contains("/..");
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/console{}", if is_plain { page } else { "" })))
        .finish()
}

async fn not_found() -> Result<HttpResponse, HttpProblem> {
    Err(nothing_here())
}

async fn metrics(state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.deps.metrics.render())
}
