//! Webhooks, from the path to the provider's 200.
//!
//! The order is fixed: channel (404), a source that is refused (503), announced size (413), signature header (401), then the
//! body is read, the gateway reads and believes it (400, 401, 400, 404), then reception (503). The aliases have no channel in
//! their path, so there size comes first and the form tells the channel. 200 is only said when reception has made the message
//! durable (I1).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, web};
use palabre_actors::domain::ids::CorrelationId;

use super::access::{Entry, Outcome};
use super::answer::{Answer, Problem};
use super::body::{self, BodyError};
use super::dispatch::Desk;
use super::public_url::PublicUrl;
use super::route::Alias;
use super::{Accepted, HttpDeps, Inlet, Refusal, strangers};
use crate::gateway::{Received, Rejection, WebhookRequest};

/// Twilio's, on all of its channels.
const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// Reception has a deadline of its own; this one holds should it forget. Twilio gives up after 15 s in all.
const RECEPTION_DEADLINE: Duration = Duration::from_secs(10);

/// When to come again after a failed commit or during a stop.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Which of a channel's two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Status,
}

/// A webhook on a channel's own path.
pub(super) async fn by_path(
    desk: &Desk,
    entry: &mut Entry,
    request: &HttpRequest,
    payload: &mut Payload,
    (provider, channel): (&str, &str),
    kind: Kind,
) -> Answer {
    let deps = &desk.deps;
    let Some(inlet) = deps.receivers.by_channel(provider, channel) else {
        return unknown_channel(entry);
    };
    entry.inlet = Some(Arc::clone(&inlet));
    let source = strangers::source(request, &deps.config);
    if let Some(wait) = desk.strangers.refuses(source, &inlet.channel) {
        return throttled(entry, wait);
    }
    // What nobody signed is not read: it costs no memory and no time. One whose size is not known may be too large yet.
    let is_unsigned = !request.headers().contains_key(SIGNATURE);
    let answer = if is_unsigned && body::is_said_to_fit(request.headers(), deps.config.max_body_bytes) {
        rejected(entry, Rejection::BadSignature)
    } else {
        let mut part = desk.large_bodies.part();
        match body::read(request.headers(), payload, deps.config.max_body_bytes, body::DEADLINE, &mut part).await {
            Ok(body) => receive(deps, entry, request, &body, &inlet, kind).await,
            Err(error) => unreadable(entry, error),
        }
    };
    note(desk, entry, source, &inlet);
    answer
}

/// What could not be believed, or not be read, counts against its source.
fn note(desk: &Desk, entry: &Entry, source: Option<IpAddr>, inlet: &Inlet) {
    if matches!(entry.outcome, Some(Outcome::BadSignature | Outcome::Malformed)) {
        desk.strangers.note(source, &inlet.channel);
    }
}

/// A webhook on an alias: the form says which account and which of our addresses.
pub(super) async fn by_alias(
    desk: &Desk,
    entry: &mut Entry,
    request: &HttpRequest,
    payload: &mut Payload,
    alias: Alias,
    kind: Kind,
) -> Answer {
    let deps = &desk.deps;
    let mut part = desk.large_bodies.part();
    let limit = deps.config.max_body_bytes;
    let body = match body::read(request.headers(), payload, limit, body::DEADLINE, &mut part).await {
        Ok(body) => body,
        Err(error) => return unreadable(entry, error),
    };
    if !is_form(content_type(request)) {
        return unsupported(entry, "the body must be application/x-www-form-urlencoded");
    }
    // Our sender is whom a message goes to, and whom a status is about.
    let ours = match kind {
        Kind::Message => "To",
        Kind::Status => "From",
    };
    let (Some(account), Some(address)) = find_fields(&body, ours) else {
        return malformed(entry, "the form needs AccountSid and our own number, each once and in UTF-8");
    };
    let Some(inlet) = deps.receivers.by_account(alias.provider(), &account, &address) else {
        return unknown_channel(entry);
    };
    entry.inlet = Some(Arc::clone(&inlet));
    let source = strangers::source(request, &deps.config);
    if let Some(wait) = desk.strangers.refuses(source, &inlet.channel) {
        return throttled(entry, wait);
    }
    let answer = receive(deps, entry, request, &body, &inlet, kind).await;
    note(desk, entry, source, &inlet);
    answer
}

async fn receive(
    deps: &HttpDeps,
    entry: &mut Entry,
    request: &HttpRequest,
    body: &Bytes,
    inlet: &Inlet,
    kind: Kind,
) -> Answer {
    let Some(signature) = request.headers().get(SIGNATURE) else {
        return rejected(entry, Rejection::BadSignature);
    };
    let content_type = content_type(request);
    if !is_form(content_type) && !is_json(content_type) {
        return unsupported(entry, "send application/x-www-form-urlencoded or application/json");
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
        Kind::Message => {
            let correlation = *entry.correlation.get_or_insert_with(CorrelationId::fresh);
            inlet.receiver.receive(webhook, correlation, now)
        }
        Kind::Status => inlet.receiver.receive_status(webhook, now),
    };
    match received {
        Ok(received) => hand_over(deps, entry, inlet, received).await,
        Err(rejection) => rejected(entry, rejection),
    }
}

async fn hand_over(deps: &HttpDeps, entry: &mut Entry, inlet: &Inlet, received: Received) -> Answer {
    let outcome = match received {
        Received::Message(message) => {
            within_deadline(deps.reception.accept(*message)).await.map(|accepted| match accepted {
                Accepted::New | Accepted::Spooled => Outcome::Accepted,
                Accepted::Duplicate { first } => {
                    entry.first = Some(first);
                    Outcome::Duplicate
                }
            })
        }
        Received::Status(update) => within_deadline(deps.reception.status(update)).await.map(|()| Outcome::Status),
        Received::Nothing => Ok(Outcome::Ignored),
    };
    match outcome {
        Ok(outcome) => {
            entry.outcome = Some(outcome);
            let (content_type, body) = inlet.receiver.acknowledgement();
            Answer::new(StatusCode::OK, content_type, web::Bytes::from_static(body.as_bytes()))
        }
        Err(refusal) => refused(entry, refusal),
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

pub(super) fn unknown_channel(entry: &mut Entry) -> Answer {
    entry.stray = true;
    Answer::error(&Problem::new(
        StatusCode::NOT_FOUND,
        "unknown channel",
        "no channel of the configuration matches: compare the provider's webhook URL with `palabre check`",
    ))
}

/// Its source has sent too much that could not be believed.
fn throttled(entry: &mut Entry, wait: Duration) -> Answer {
    entry.outcome = Some(Outcome::Throttled);
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many failures",
        "webhooks from this address could not be believed, see http.failures_per_minute: come again after Retry-After \
                   seconds",
    );
    Answer { retry_after: Some(wait), ..Answer::error(&problem) }
}

fn unreadable(entry: &mut Entry, error: BodyError) -> Answer {
    entry.outcome = Some(Outcome::Malformed);
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
        BodyError::Crowded => return refused(entry, Refusal::Overloaded { retry_after: RETRY_AFTER }),
    };
    Answer::error(&Problem::new(status, error, hint))
}

fn unsupported(entry: &mut Entry, hint: &'static str) -> Answer {
    entry.outcome = Some(Outcome::Malformed);
    Answer::error(&Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", hint))
}

fn malformed(entry: &mut Entry, hint: &'static str) -> Answer {
    entry.outcome = Some(Outcome::Malformed);
    Answer::error(&Problem::new(StatusCode::BAD_REQUEST, "malformed webhook", hint))
}

fn rejected(entry: &mut Entry, rejection: Rejection) -> Answer {
    match rejection {
        Rejection::Malformed(hint) => malformed(entry, hint),
        Rejection::NotOurs => {
            entry.outcome = Some(Outcome::NotOurs);
            Answer::error(&Problem::new(
                StatusCode::NOT_FOUND,
                "not this channel's number or account",
                "To or AccountSid is not that of the channel that the URL names: compare the provider's webhook URL of that \
                       number with `palabre check`",
            ))
        }
        Rejection::BadSignature => {
            entry.outcome = Some(Outcome::BadSignature);
            Answer::error(&Problem::new(
                StatusCode::UNAUTHORIZED,
                "the signature is missing or wrong",
                "check the channel's auth_token (the account's primary one) and http.public_base_url: it must be \
                       the URL as the provider calls it",
            ))
        }
    }
}

fn refused(entry: &mut Entry, refusal: Refusal) -> Answer {
    let (outcome, error, retry_after) = match refusal {
        Refusal::Overloaded { retry_after } => (Outcome::Overloaded, "overloaded", retry_after),
        Refusal::Unavailable => (Outcome::Unavailable, "not stored", RETRY_AFTER),
        Refusal::Stopping => (Outcome::Stopping, "stopping", RETRY_AFTER),
    };
    entry.outcome = Some(outcome);
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        error,
        "send it again after Retry-After seconds: a repeated message is processed once",
    );
    Answer { retry_after: Some(retry_after), ..Answer::error(&problem) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
