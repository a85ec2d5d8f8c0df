//! Routes that each listener serves.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

use super::problem::HttpProblem;
use super::request_log::{RequestLog, RouteLabel};
use super::routes::{Routes, nothing_here};
use super::state::HttpState;
use super::{api, health, webhooks};

/// Which routes a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListenerRole {
    /// Webhooks and health.
    Public,
    /// Health, metrics and the API.
    Admin,
    /// All of it: there is one listener.
    Both,
}

/// Adds all routes of a listener.
pub(super) fn mount(config: &mut ServiceConfig, state: web::Data<HttpState>, role: ListenerRole) {
    config.app_data(web::Data::new(state.deps.api.clone()));
    let health = Arc::clone(&state.deps.health);
    let unknown = RequestLog { label: RouteLabel::of("(unknown)"), health: Arc::clone(&health) };
    config.default_service(web::to(not_found).wrap(unknown));
    config.app_data(state);

    let mut routes = Routes::new(config, health);
    if role != ListenerRole::Admin {
        webhooks::mount(&mut routes);
    }
    routes.probe("/healthz", health::healthz);
    routes.probe("/readyz", health::readyz);
    routes.probe("/api/health", health::api_health);
    if role != ListenerRole::Public {
        routes.probe("/metrics", metrics);
        api::mount(&mut routes);
    }
}

async fn not_found() -> Result<HttpResponse, HttpProblem> {
    Err(nothing_here())
}

async fn metrics(state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.deps.metrics.render())
}
