//! Webhooks, from the path to the answer that the provider waits for.
//!
//! The order of checks is fixed: channel (404), announced size (413), signature header (401); then the body is read, the
//! gateway verifies and decodes it (400, 401, 404), and reception stores it (503). A path of a provider's own has no channel
//! in it: its body is read first, and the request names the channel. 200 is answered only when the message is durable (I1).
//!
//! The abuse limiter comes last: a source whose webhooks are not believed gets 503 instead of their refusals, and what is
//! believed is taken whatever else came from its address. A provider calls for everybody from the same addresses.

mod batch;
mod disbelieved;
mod handshake;
mod links;
mod shared;

use std::future::ready;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{Handler, HttpRequest, HttpResponse};
use palabre_actors::domain::ids::CorrelationId;
use serde_json::json;

use self::disbelieved::{is_foreign, limited};
use super::body;
use super::problem::HttpProblem;
use super::public_url::{self, PublicUrl};
use super::request_log::{Outcome, Record};
use super::routes::{self, Routes};
use super::state::{HttpState, SourceAddress};
use super::webhook_problems::{malformed, refused, rejected, unknown_channel, unreadable, unsupported};
use super::{Accepted, ChannelEndpoint, HttpDeps, Refusal};
use crate::gateway::{
    self, Locate, Located, PROVIDERS, Received, Receiver, Rejection, Route, RouteKind, WebhookRequest,
};

/// Reception has a deadline of its own; this one is a safeguard. Providers give up after some 15 s.
const RECEPTION_DEADLINE: Duration = Duration::from_secs(10);

/// Which of a channel's two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookKind {
    Message,
    Status,
}

/// Whether a provider is served here.
const SERVICE: &str = "/webhooks/{provider}/status-check";

/// Adds the routes of webhooks: the fixed paths, then the channels' own, which most requests are for, then the patterns.
pub(super) fn mount(routes: &mut Routes<'_>) {
    let own = || PROVIDERS.iter().flat_map(|provider| provider.routes());
    own().filter(|route| !route.path.contains('{')).for_each(|route| mount_own(routes, *route));
    let message: (_, fn(&str) -> bool) = ("/webhooks/{provider}/{channel_id}", |path| {
        channel_path(path).is_some_and(|(_, channel, rest)| rest.is_none() && channel != "status-check")
    });
    let status: (_, fn(&str) -> bool) = ("/webhooks/{provider}/{channel_id}/status", |path| {
        channel_path(path).is_some_and(|(_, _, rest)| rest == Some("status"))
    });
    routes.handshakes_below("/webhooks", message, handshake::of_channel);
    routes.webhooks_below("/webhooks", message, by_path_of_messages);
    routes.webhooks_below("/webhooks", status, by_path_of_statuses);
    own().filter(|route| route.path.contains('{')).for_each(|route| mount_own(routes, *route));
    routes.get(SERVICE, service);
    routes.get("/webhooks/{provider}/{channel_id}/status-check", check);
}

/// Adds a path of a provider's own.
fn mount_own(routes: &mut Routes<'_>, route: Route) {
    let Route { path, provider, kind } = route;
    match kind {
        RouteKind::Messages(locate) => routes.webhook(path, own_path(provider, locate, WebhookKind::Message)),
        RouteKind::MessagesAndHandshake(locate) => {
            let asked = move |state: web::Data<HttpState>, request: HttpRequest| {
                ready(handshake::of_provider(&state, provider, request.query_string()))
            };
            routes.webhook_and_handshake(path, own_path(provider, locate, WebhookKind::Message), asked);
        }
        RouteKind::Statuses(locate) => routes.webhook(path, own_path(provider, locate, WebhookKind::Status)),
        RouteKind::Check => routes.get_as(SERVICE, path, move || ready(served(provider))),
        RouteKind::Link(name) => {
            let opened = move |state: web::Data<HttpState>, record: Record, request: HttpRequest| async move {
                links::link(&state, &record, &request, (provider, name)).await
            };
            routes.get_and_post(path, opened);
        }
        RouteKind::Page(name) => {
            let shows = move |state: web::Data<HttpState>, record: Record, request: HttpRequest| {
                ready(page(&state, &record, &request, (provider, name)))
            };
            routes.get(path, shows);
        }
    }
}

/// Provider, channel and what follows of a path `/webhooks/{provider}/{channel_id}…`; a part with percent-encoding is none.
fn channel_path(path: &str) -> Option<(&str, &str, Option<&str>)> {
    let rest = path.strip_prefix("/webhooks/").filter(|rest| !rest.contains('%'))?;
    let mut parts = rest.splitn(3, '/');
    let (provider, channel) = (parts.next()?, parts.next()?);
    (!provider.is_empty() && !channel.is_empty()).then(|| (provider, channel, parts.next()))
}

/// Whether a provider of the list is served here.
async fn service(request: HttpRequest) -> Result<HttpResponse, HttpProblem> {
    match gateway::provider(names(&request).0) {
        Some(provider) => Ok(served(provider.name())),
        None => Err(routes::nothing_here()),
    }
}

/// What a channel's receiver shows.
fn page(
    state: &HttpState,
    record: &Record,
    request: &HttpRequest,
    (provider, name): (&str, &str),
) -> Result<HttpResponse, HttpProblem> {
    let channel = names(request).1;
    let endpoint = state.deps.receivers.by_channel(provider, channel).ok_or_else(|| unknown_channel(record))?;
    let endpoint = record.endpoint.get_or_init(|| endpoint);
    match endpoint.receiver.page(name, public_url::is_local(request)) {
        Some(shown) => Ok(HttpResponse::Ok().content_type(shown.content_type).body(shown.body)),
        None => Err(routes::nothing_here()),
    }
}

/// Whether a provider's webhooks are served here.
fn served(service: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "ok": true, "service": service }))
}

/// Whether a channel's path is right.
async fn check(state: web::Data<HttpState>, record: Record, request: HttpRequest) -> Result<HttpResponse, HttpProblem> {
    let (provider, channel) = names(&request);
    let endpoint = state.deps.receivers.by_channel(provider, channel).ok_or_else(|| unknown_channel(&record))?;
    record.endpoint.get_or_init(|| endpoint);
    Ok(served(provider))
}

/// Provider and channel, as the path names them.
fn names(request: &HttpRequest) -> (&str, &str) {
    channel_path(request.uri().path()).map_or(("", ""), |(provider, channel, _)| (provider, channel))
}

async fn by_path_of_messages(
    state: web::Data<HttpState>,
    record: Record,
    source: SourceAddress,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, HttpProblem> {
    by_path(&state, &record, source, &request, payload, WebhookKind::Message).await
}

async fn by_path_of_statuses(
    state: web::Data<HttpState>,
    record: Record,
    source: SourceAddress,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, HttpProblem> {
    by_path(&state, &record, source, &request, payload, WebhookKind::Status).await
}

/// A webhook on a channel's own path.
async fn by_path(
    state: &HttpState,
    record: &Record,
    source: SourceAddress,
    request: &HttpRequest,
    mut payload: Payload,
    kind: WebhookKind,
) -> Result<HttpResponse, HttpProblem> {
    let deps = &state.deps;
    let (provider, channel) = names(request);
    let endpoint = deps.receivers.by_channel(provider, channel).ok_or_else(|| unknown_channel(record))?;
    let endpoint = record.endpoint.get_or_init(|| endpoint);
    // A body without a signature is not read: it costs neither memory nor time. Where no size is announced, it is read
    // as far as the limit, because 413 comes before 401.
    let is_unsigned = is_unsigned(request, &*endpoint.receiver);
    let answer = if is_unsigned && body::is_said_to_fit(request.headers(), deps.config.max_body_bytes) {
        Err(rejected(record, &*endpoint.receiver, Rejection::BadSignature))
    } else {
        let mut share = state.large_bodies.share();
        match body::read(request.headers(), &mut payload, deps.config.max_body_bytes, body::DEADLINE, &mut share).await
        {
            Ok(body) => {
                let url = PublicUrl::of(request, &deps.config);
                let answer = receive(deps, record, request, (&url, &body), endpoint, kind).await;
                if record.outcome.get() == Some(Outcome::BadSignature)
                    && is_foreign(deps, &webhook(request, &url, &body), (provider, endpoint), kind)
                {
                    record.outcome.set(Some(Outcome::ForeignAccount));
                }
                answer
            }
            Err(error) => Err(unreadable(record, error)),
        }
    };
    limited(state, record, source, endpoint, answer)
}

/// The handler of a path of a provider's own.
fn own_path(
    provider: &'static str,
    locate: Locate,
    kind: WebhookKind,
) -> impl Handler<
    (web::Data<HttpState>, Record, SourceAddress, HttpRequest, Payload),
    Output = Result<HttpResponse, HttpProblem>,
> {
    move |state: web::Data<HttpState>, record: Record, source: SourceAddress, request: HttpRequest, payload: Payload| async move {
        by_own_path(&state, &record, source, &request, payload, (provider, locate, kind)).await
    }
}

/// A webhook on a path of a provider's own: the request says which account and which of our addresses.
async fn by_own_path(
    state: &HttpState,
    record: &Record,
    source: SourceAddress,
    request: &HttpRequest,
    mut payload: Payload,
    (provider, locate, kind): (&str, Locate, WebhookKind),
) -> Result<HttpResponse, HttpProblem> {
    let deps = &state.deps;
    let mut share = state.large_bodies.share();
    let limit = deps.config.max_body_bytes;
    let body = body::read(request.headers(), &mut payload, limit, body::DEADLINE, &mut share).await;
    let body = body.map_err(|error| unreadable(record, error))?;
    let url = PublicUrl::of(request, &deps.config);
    let located = locate(&webhook(request, &url, &body)).map_err(|rejection| match rejection {
        Rejection::Malformed(hint) => malformed(record, hint),
        Rejection::MediaType(hint) => unsupported(record, hint),
        Rejection::BadSignature | Rejection::Replayed | Rejection::NotOurs => unknown_channel(record),
    });
    let Located { account, address } = located?;
    let endpoint = deps.receivers.by_account(provider, &account, &address);
    let endpoint = endpoint.ok_or_else(|| unknown_channel(record))?;
    let endpoint = record.endpoint.get_or_init(|| endpoint);
    let answer = receive(deps, record, request, (&url, &body), endpoint, kind).await;
    limited(state, record, source, endpoint, answer)
}

async fn receive(
    deps: &HttpDeps,
    record: &Record,
    request: &HttpRequest,
    (url, body): (&PublicUrl, &Bytes),
    endpoint: &ChannelEndpoint,
    kind: WebhookKind,
) -> Result<HttpResponse, HttpProblem> {
    if is_unsigned(request, &*endpoint.receiver) {
        return Err(rejected(record, &*endpoint.receiver, Rejection::BadSignature));
    }
    let webhook = webhook(request, url, body);
    let now = deps.clock.now();
    let received = match kind {
        WebhookKind::Message => {
            let correlation = record.correlation.unwrap_or_else(CorrelationId::fresh);
            endpoint.receiver.receive(webhook, correlation, now)
        }
        WebhookKind::Status => endpoint.receiver.receive_status(webhook, now),
    };
    match received {
        Ok(Received::Shared { own, provider, others }) => {
            let parts = shared::parts(deps, webhook, (*own, provider, others), now);
            hand_over(deps, record, endpoint, Received::Batch(parts)).await
        }
        Ok(received) => hand_over(deps, record, endpoint, received).await,
        Err(rejection) => Err(rejected(record, &*endpoint.receiver, rejection)),
    }
}

/// Whether the header is missing without which the provider's webhooks are not read.
fn is_unsigned(request: &HttpRequest, receiver: &dyn Receiver) -> bool {
    receiver.protocol().proof.as_ref().is_some_and(|proof| !request.headers().contains_key(proof))
}

fn webhook<'a>(request: &'a HttpRequest, url: &'a PublicUrl, body: &'a [u8]) -> WebhookRequest<'a> {
    WebhookRequest {
        url: url.as_str(),
        query: url.path_and_query(),
        content_type: content_type(request),
        headers: request.headers(),
        is_local: public_url::is_local(request),
        body,
    }
}

async fn hand_over(
    deps: &HttpDeps,
    record: &Record,
    endpoint: &ChannelEndpoint,
    received: Received,
) -> Result<HttpResponse, HttpProblem> {
    let outcome = match received {
        Received::Message(message) => {
            within_deadline(deps.reception.accept(*message)).await.map(|accepted| match accepted {
                Accepted::New | Accepted::Spooled => Outcome::Accepted,
                Accepted::Duplicate { first } => {
                    record.first.set(Some(first));
                    Outcome::Duplicate
                }
            })
        }
        Received::Status(update) => within_deadline(deps.reception.status(update)).await.map(|()| Outcome::Status),
        Received::Event(event) => within_deadline(deps.reception.event(*event)).await.map(|()| Outcome::Event),
        Received::Account(news) => within_deadline(deps.reception.account(news)).await.map(|()| Outcome::Status),
        Received::Nothing => Ok(Outcome::Ignored),
        // Asked of the other channels by now: this is what is left of one inside a batch.
        Received::Shared { own, .. } => Box::pin(batch::take_all(deps, record, vec![*own])).await,
        // Boxed: the usual webhook's future carries no more for it.
        Received::Batch(parts) => Box::pin(batch::take_all(deps, record, parts)).await,
    };
    match outcome {
        Ok(outcome) => {
            record.outcome.set(Some(outcome));
            let (content_type, body) = endpoint.receiver.protocol().acknowledgement;
            let mut response = HttpResponse::Ok();
            response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(content_type)));
            Ok(response.body(Bytes::from_static(body.as_bytes())))
        }
        Err(refusal) => Err(refused(record, refusal)),
    }
}

async fn within_deadline<T>(reception: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    tokio::time::timeout(RECEPTION_DEADLINE, reception).await.unwrap_or(Err(Refusal::Unavailable))
}

fn content_type(request: &HttpRequest) -> &str {
    request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_path_has_two_names_and_no_percent_encoding() {
        let table = [
            ("/webhooks/acme/belle", Some(("acme", "belle", None))),
            ("/webhooks/acme/belle/", Some(("acme", "belle", Some("")))),
            ("/webhooks/acme/belle/status", Some(("acme", "belle", Some("status")))),
            ("/webhooks/acme/belle/status/more", Some(("acme", "belle", Some("status/more")))),
            ("/webhooks/acme", None),
            ("/webhooks/acme/", None),
            ("/webhooks//belle", None),
            ("/webhooks/acme/bell%65", None),
            ("/webhook/acme/belle", None),
        ];
        for (path, expected) in table {
            assert_eq!(channel_path(path), expected, "{path}");
        }
    }

    /// Bytes of what a handler returns.
    fn size<A, B, C, D, E, F>(_: fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_webhook_carries_nothing_that_only_others_need() {
        let bytes = size(by_path_of_messages);
        assert!(bytes <= 2048, "actix moves a request's future several times: {bytes} bytes");
    }
}
