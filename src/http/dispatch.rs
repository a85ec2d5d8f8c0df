//! One request in, one answer out: the route, its method, its handler.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::HttpDeps;
use super::access::{Entry, Meters};
use super::answer::{Answer, Problem};
use super::api;
use super::body::LargeBodies;
use super::health::{Health, Phase};
use super::route::Route;
use super::strangers::Strangers;
use super::webhooks::{self, Kind};

/// Which routes a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// Webhooks and health.
    Public,
    /// Health, metrics and the API.
    Admin,
    /// All of it: there is one listener.
    Both,
}

impl Face {
    fn serves(self, route: Route<'_>) -> bool {
        match route {
            Route::Healthz | Route::Readyz | Route::ApiHealth => true,
            Route::Metrics | Route::Api { .. } => self != Self::Public,
            _ => self != Self::Admin,
        }
    }
}

/// What a worker keeps for itself.
pub(super) struct Desk {
    pub(super) deps: HttpDeps,
    pub(super) face: Face,
    pub(super) meters: Rc<Meters>,
    /// Shared with all workers.
    pub(super) strangers: Arc<Strangers>,
    pub(super) large_bodies: LargeBodies,
}

/// Answers a request.
pub(super) async fn dispatch(desk: Rc<Desk>, request: HttpRequest, mut payload: Payload) -> HttpResponse {
    let path = request.uri().path();
    let route = Some(Route::find(path)).filter(|route| desk.face.serves(*route)).unwrap_or(Route::Unknown);
    let mut entry = Entry::begin(&desk.meters, request.method(), route);
    let mut answer = match allowed(route) {
        Some(allow) if !allows(allow, request.method()) => wrong_method(allow),
        _ => handle(&desk, &mut entry, &request, &mut payload, route).await,
    };
    if desk.deps.health.phase() == Phase::Draining {
        // A client that keeps its connection would come back to a closed door.
        answer.close = true;
    }
    answer.send(entry, payload)
}

async fn handle(
    desk: &Desk,
    entry: &mut Entry,
    request: &HttpRequest,
    payload: &mut Payload,
    route: Route<'_>,
) -> Answer {
    let deps = &desk.deps;
    // What is not a webhook on its own path is boxed: the future is as large as the largest of them.
    match route {
        Route::Message { provider, channel } => {
            webhooks::by_path(desk, entry, request, payload, (provider, channel), Kind::Message).await
        }
        Route::Status { provider, channel } => {
            webhooks::by_path(desk, entry, request, payload, (provider, channel), Kind::Status).await
        }
        Route::AliasMessage(alias) => {
            Box::pin(webhooks::by_alias(desk, entry, request, payload, alias, Kind::Message)).await
        }
        Route::AliasStatus(alias) => {
            Box::pin(webhooks::by_alias(desk, entry, request, payload, alias, Kind::Status)).await
        }
        Route::Check { provider, channel } => match deps.receivers.by_channel(provider, channel) {
            Some(inlet) => {
                entry.inlet = Some(inlet);
                service(provider)
            }
            None => webhooks::unknown_channel(entry),
        },
        Route::ServiceCheck { service: name } => service(name),
        Route::Healthz => Health::alive(),
        Route::Readyz => Box::pin(deps.health.readiness()).await,
        Route::ApiHealth => Box::pin(deps.health.report()).await,
        Route::Metrics => {
            Answer::new(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", deps.metrics.render())
        }
        Route::Api { endpoint, id } => {
            let asked = (request.headers(), request.uri().query().unwrap_or_default());
            let (answer, caller) = Box::pin(api::handle(&deps.api, (endpoint, id), asked, payload)).await;
            entry.caller = caller;
            answer
        }
        Route::Unknown => not_found(),
    }
}

/// `None`: a path that has no methods at all.
fn allowed(route: Route<'_>) -> Option<&'static str> {
    match route {
        Route::Unknown => None,
        Route::Api { endpoint, .. } => Some(endpoint.allow()),
        _ if route.is_webhook() => Some("POST"),
        _ => Some("GET, HEAD"),
    }
}

fn allows(allow: &str, method: &Method) -> bool {
    allow.split(", ").any(|allowed| allowed == method.as_str())
}

fn service(name: &str) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "ok": true, "service": name }))
}

fn wrong_method(allow: &'static str) -> Answer {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        "the Allow header names the methods of this path",
    );
    Answer { allow: Some(allow), ..Answer::error(&problem) }
}

fn not_found() -> Answer {
    Answer::error(&Problem::new(
        StatusCode::NOT_FOUND,
        "not found",
        "webhooks are POST /webhooks/{provider}/{channel_id}, the API is under /api/v1 (GET /api/v1/openapi.json): no trailing slash",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of what a function returns.
    fn size<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_webhook_carries_nothing_that_only_others_need() {
        let bytes = size(dispatch);
        assert!(bytes <= 2048, "actix moves a request's future several times: {bytes} bytes");
    }
}
