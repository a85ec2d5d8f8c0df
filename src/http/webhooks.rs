//! Webhooks, from the path to the answer that the provider waits for.
//!
//! The order of checks is fixed: channel (404), abuse limiter (503), announced size (413), signature header (401); then the
//! body is read, the gateway verifies and decodes it (400, 401, 404), and reception stores it (503). An alias has no channel
//! in its path: its body is read first, and the form names the channel. 200 is answered only when the message is durable
//! (I1).

use std::borrow::Cow;
use std::future::ready;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{Handler, HttpRequest, HttpResponse};
use palabre_actors::domain::ids::CorrelationId;
use serde_json::json;

use super::body::{self, BodyError};
use super::problem::HttpProblem;
use super::public_url::PublicUrl;
use super::request_log::{Outcome, Record};
use super::routes::Routes;
use super::state::{HttpState, SourceAddress};
use super::{Accepted, ChannelEndpoint, HttpDeps, Refusal};
use crate::gateway::{Received, Rejection, WebhookRequest};

/// Twilio's, on all of its channels.
const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// Reception has a deadline of its own; this one is a safeguard. Twilio gives up after 15 s.
const RECEPTION_DEADLINE: Duration = Duration::from_secs(10);

/// When to come again after a failed commit or during a stop.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Which of a channel's two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookKind {
    Message,
    Status,
}

/// Paths without a channel, which providers' consoles may hold from before: the request's account and address tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alias {
    /// `/api/webhooks/twilio`: WhatsApp and SMS.
    Twilio,
    /// `/webhooks/twilio-sms/…`
    TwilioSms,
}

impl Alias {
    /// What [`super::Receivers::by_account`] is asked for.
    fn provider(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::TwilioSms => "twilio-sms",
        }
    }
}

/// Adds the routes of webhooks. Fixed paths come first: a pattern would take them for channels.
pub(super) fn mount(routes: &mut Routes<'_>) {
    const SERVICE: &str = "/webhooks/{provider}/status-check";
    routes.webhook("/api/webhooks/twilio", alias(Alias::Twilio, WebhookKind::Message));
    routes.webhook("/api/webhooks/twilio/status", alias(Alias::Twilio, WebhookKind::Status));
    routes.webhook("/webhooks/twilio-sms/incoming", alias(Alias::TwilioSms, WebhookKind::Message));
    routes.webhook("/webhooks/twilio-sms/status", alias(Alias::TwilioSms, WebhookKind::Status));
    for (path, service) in [
        ("/api/webhooks/twilio/status-check", "twilio"),
        ("/webhooks/twilio-sms/incoming/status-check", "twilio-sms"),
        ("/webhooks/twilio-sms/status-check", "twilio-sms"),
        ("/webhooks/twilio-whatsapp/status-check", "twilio-whatsapp"),
    ] {
        routes.get_as(SERVICE, path, move || ready(served(service)));
    }
    routes.webhook("/webhooks/{provider}/{channel_id}", message);
    routes.webhook("/webhooks/{provider}/{channel_id}/status", status);
    routes.get("/webhooks/{provider}/{channel_id}/status-check", check);
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
    let name = |key| request.match_info().get(key).unwrap_or_default();
    (name("provider"), name("channel_id"))
}

async fn message(
    state: web::Data<HttpState>,
    record: Record,
    source: SourceAddress,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, HttpProblem> {
    by_path(&state, &record, source, &request, payload, WebhookKind::Message).await
}

async fn status(
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
    if let Some(wait) = state.abuse_limiter.refuses(source.0, &endpoint.channel) {
        return Err(throttled(record, wait));
    }
    // A body without a signature is not read: it costs neither memory nor time. Where no size is announced, it is read
    // as far as the limit, because 413 comes before 401.
    let is_unsigned = !request.headers().contains_key(SIGNATURE);
    let answer = if is_unsigned && body::is_said_to_fit(request.headers(), deps.config.max_body_bytes) {
        Err(rejected(record, Rejection::BadSignature))
    } else {
        let mut share = state.large_bodies.share();
        match body::read(request.headers(), &mut payload, deps.config.max_body_bytes, body::DEADLINE, &mut share).await
        {
            Ok(body) => receive(deps, record, request, &body, endpoint, kind).await,
            Err(error) => Err(unreadable(record, error)),
        }
    };
    note(state, record, source, endpoint);
    answer
}

/// Counts a wrong signature or an unreadable body against its source.
fn note(state: &HttpState, record: &Record, source: SourceAddress, endpoint: &ChannelEndpoint) {
    if matches!(record.outcome.get(), Some(Outcome::BadSignature | Outcome::Malformed)) {
        state.abuse_limiter.note(source.0, &endpoint.channel);
    }
}

/// The handler of an alias.
fn alias(
    alias: Alias,
    kind: WebhookKind,
) -> impl Handler<
    (web::Data<HttpState>, Record, SourceAddress, HttpRequest, Payload),
    Output = Result<HttpResponse, HttpProblem>,
> {
    move |state: web::Data<HttpState>, record: Record, source: SourceAddress, request: HttpRequest, payload: Payload| async move {
        by_alias(&state, &record, source, &request, payload, (alias, kind)).await
    }
}

/// A webhook on an alias: the form says which account and which of our addresses.
async fn by_alias(
    state: &HttpState,
    record: &Record,
    source: SourceAddress,
    request: &HttpRequest,
    mut payload: Payload,
    (alias, kind): (Alias, WebhookKind),
) -> Result<HttpResponse, HttpProblem> {
    let deps = &state.deps;
    let mut share = state.large_bodies.share();
    let limit = deps.config.max_body_bytes;
    let body = body::read(request.headers(), &mut payload, limit, body::DEADLINE, &mut share).await;
    let body = body.map_err(|error| unreadable(record, error))?;
    if !is_form(content_type(request)) {
        return Err(unsupported(record, "the body must be application/x-www-form-urlencoded"));
    }
    // Our sender is whom a message goes to, and whom a status is about.
    let ours = match kind {
        WebhookKind::Message => "To",
        WebhookKind::Status => "From",
    };
    let (Some(account), Some(address)) = find_fields(&body, ours) else {
        return Err(malformed(record, "the form needs AccountSid and our own number, each once and in UTF-8"));
    };
    let endpoint = deps.receivers.by_account(alias.provider(), &account, &address);
    let endpoint = endpoint.ok_or_else(|| unknown_channel(record))?;
    let endpoint = record.endpoint.get_or_init(|| endpoint);
    if let Some(wait) = state.abuse_limiter.refuses(source.0, &endpoint.channel) {
        return Err(throttled(record, wait));
    }
    let answer = receive(deps, record, request, &body, endpoint, kind).await;
    note(state, record, source, endpoint);
    answer
}

async fn receive(
    deps: &HttpDeps,
    record: &Record,
    request: &HttpRequest,
    body: &Bytes,
    endpoint: &ChannelEndpoint,
    kind: WebhookKind,
) -> Result<HttpResponse, HttpProblem> {
    let Some(signature) = request.headers().get(SIGNATURE) else {
        return Err(rejected(record, Rejection::BadSignature));
    };
    let content_type = content_type(request);
    if !is_form(content_type) && !is_json(content_type) {
        return Err(unsupported(record, "send application/x-www-form-urlencoded or application/json"));
    }
    let url = PublicUrl::of(request, &deps.config);
    let webhook = WebhookRequest {
        url: url.as_str(),
        query: url.path_and_query(),
        content_type,
        // Bytes that are no text cannot be a signature; an empty one fails like any other wrong one.
        signature: Some(signature.to_str().unwrap_or("")),
        body,
    };
    let now = deps.clock.now();
    let received = match kind {
        WebhookKind::Message => {
            let correlation = record.correlation.unwrap_or_else(CorrelationId::fresh);
            endpoint.receiver.receive(webhook, correlation, now)
        }
        WebhookKind::Status => endpoint.receiver.receive_status(webhook, now),
    };
    match received {
        Ok(received) => hand_over(deps, record, endpoint, received).await,
        Err(rejection) => Err(rejected(record, rejection)),
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
        Received::Nothing => Ok(Outcome::Ignored),
    };
    match outcome {
        Ok(outcome) => {
            record.outcome.set(Some(outcome));
            let (content_type, body) = endpoint.receiver.acknowledgement();
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

fn is_form(content_type: &str) -> bool {
    is_media_type(content_type, "application/x-www-form-urlencoded")
}

fn is_json(content_type: &str) -> bool {
    is_media_type(content_type, "application/json")
}

fn is_media_type(content_type: &str, wanted: &str) -> bool {
    content_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(wanted))
}

/// `AccountSid` and one more field. A repeated field or one that is no UTF-8 counts as absent: the pair must be exact.
fn find_fields<'a>(body: &'a [u8], ours: &str) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
    let (mut account, mut address) = (Field::Absent, Field::Absent);
    for (name, value) in form_urlencoded::parse(body) {
        if name == "AccountSid" {
            account.put(value);
        } else if name == ours {
            address.put(value);
        }
    }
    (account.once(), address.once())
}

enum Field<'a> {
    Absent,
    Once(Cow<'a, str>),
    Repeated,
}

impl<'a> Field<'a> {
    fn put(&mut self, value: Cow<'a, str>) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    fn once(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Once(value) if !value.is_empty() && !value.contains('\u{fffd}') => Some(value),
            _ => None,
        }
    }
}

fn unknown_channel(record: &Record) -> HttpProblem {
    record.stray.set(true);
    HttpProblem::new(
        StatusCode::NOT_FOUND,
        "unknown channel",
        "no channel of the configuration matches: compare the provider's webhook URL with `palabre check`",
    )
}

/// The abuse limiter refuses the source.
fn throttled(record: &Record, wait: Duration) -> HttpProblem {
    record.outcome.set(Some(Outcome::Throttled));
    HttpProblem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many failures",
        "webhooks from this address could not be believed, see http.failures_per_minute: come again after Retry-After \
                   seconds",
    )
    .retry_after(wait)
}

fn unreadable(record: &Record, error: BodyError) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    let (status, error, hint) = match error {
        BodyError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "body too large",
            "http.max_body_bytes is the limit; providers send a few kB",
        ),
        BodyError::Truncated => {
            (StatusCode::BAD_REQUEST, "body cut short", "the body ended early or its framing is broken: send it again")
        }
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "body too slow", "send the whole body within 10 seconds"),
        BodyError::Crowded => return refused(record, Refusal::Overloaded { retry_after: RETRY_AFTER }),
    };
    HttpProblem::new(status, error, hint)
}

fn unsupported(record: &Record, hint: &'static str) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    HttpProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", hint)
}

fn malformed(record: &Record, hint: &'static str) -> HttpProblem {
    record.outcome.set(Some(Outcome::Malformed));
    HttpProblem::new(StatusCode::BAD_REQUEST, "malformed webhook", hint)
}

fn rejected(record: &Record, rejection: Rejection) -> HttpProblem {
    match rejection {
        Rejection::Malformed(hint) => malformed(record, hint),
        Rejection::NotOurs => {
            record.outcome.set(Some(Outcome::NotOurs));
            HttpProblem::new(
                StatusCode::NOT_FOUND,
                "not this channel's number or account",
                "To or AccountSid is not that of the channel that the URL names: compare the provider's webhook URL of that \
                       number with `palabre check`",
            )
        }
        Rejection::BadSignature => {
            record.outcome.set(Some(Outcome::BadSignature));
            HttpProblem::new(
                StatusCode::UNAUTHORIZED,
                "the signature is missing or wrong",
                "check the channel's auth_token (the account's primary one) and http.public_base_url: it must be \
                       the URL as the provider calls it",
            )
        }
    }
}

fn refused(record: &Record, refusal: Refusal) -> HttpProblem {
    let (outcome, error, retry_after) = match refusal {
        Refusal::Overloaded { retry_after } => (Outcome::Overloaded, "overloaded", retry_after),
        Refusal::Unavailable => (Outcome::Unavailable, "not stored", RETRY_AFTER),
        Refusal::Stopping => (Outcome::Stopping, "stopping", RETRY_AFTER),
    };
    record.outcome.set(Some(outcome));
    let hint = "send it again after Retry-After seconds: a repeated message is processed once";
    HttpProblem::new(StatusCode::SERVICE_UNAVAILABLE, error, hint).retry_after(retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of what a handler returns.
    fn size<A, B, C, D, E, F>(_: fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_webhook_carries_nothing_that_only_others_need() {
        let bytes = size(message);
        assert!(bytes <= 2048, "actix moves a request's future several times: {bytes} bytes");
    }

    #[test]
    fn the_pair_must_be_exact() {
        let table: [(&[u8], Option<&str>, Option<&str>); 7] = [
            (b"AccountSid=AC1&To=%2B33612345678", Some("AC1"), Some("+33612345678")),
            (b"To=whatsapp%3A%2B336&Body=hi&AccountSid=AC1", Some("AC1"), Some("whatsapp:+336")),
            (b"AccountSid=AC1&To=a&To=b", Some("AC1"), None),
            (b"AccountSid=AC1&AccountSid=AC1&To=a", None, Some("a")),
            (b"AccountSid=&To=%FF%FE", None, None),
            (b"accountsid=AC1&to=a", None, None),
            (b"", None, None),
        ];
        for (body, account, address) in table {
            let found = find_fields(body, "To");
            assert_eq!((found.0.as_deref(), found.1.as_deref()), (account, address), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn media_types() {
        assert!(is_form("application/x-www-form-urlencoded"));
        assert!(is_form("Application/X-WWW-Form-Urlencoded; charset=UTF-8"));
        assert!(is_json("application/json;charset=utf-8"));
        assert!(!is_form("") && !is_json("text/json") && !is_form("application/x-www-form-urlencoded2"));
    }
}
