//! The simulated REST API: `Messages.json`, taking and listing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Deserialize;

use super::World;
use super::ledger::{Sent, our_id};
use super::resource::{API_VERSION, ErrorResource, ListResource, MessageResource};
use crate::gateway::simulator::posting::follow;
use crate::gateway::simulator::{Drawn, Fault, Socket, half_answer, lock};
use crate::gateway::twilio::form::Form;

/// The longest request that is read.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// The longest text, in characters: <https://www.twilio.com/docs/api/errors/21617>.
const MAX_TEXT_CHARACTERS: usize = 1_600;

/// `POST /2010-04-01/Accounts/{sid}/Messages.json`
pub(super) async fn create(
    world: Data<World>,
    account: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if world.away.load(Ordering::SeqCst) || world.fate.drops_connection() {
        return Socket::cut_off(&request);
    }
    let Ok(Ok(body)) = payload.to_bytes_limited(MAX_REQUEST_BYTES).await else {
        return refusal(413, 20001, "Request too large");
    };
    if !admitted(&world, &account, &request) {
        return refusal(401, 20003, "Authenticate");
    }
    let Ok(form) = Form::parse(&body) else { return refusal(400, 20001, "Unreadable parameters") };
    let field = |name| form.get(name).unwrap_or_default();
    let mid = form.get("StatusCallback").and_then(our_id);
    let Drawn { delay, fault } = world.fate.of_send((field("From"), field("To")), field("Body"), mid.as_deref());
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    match fault {
        Some(Fault::DropBeforeReading | Fault::ResetBeforeTaking) => return Socket::cut_off(&request),
        Some(Fault::TooManyRequests { retry_after_secs }) => return too_many(retry_after_secs),
        Some(Fault::ServerError(status)) => return refusal(status, 20500, "Internal server error"),
        Some(Fault::Refuse { status, code }) => return refusal(status, code, "Refused"),
        _ => {}
    }
    if let Some(refused) = check(&form) {
        return refused;
    }
    if let Err((code, message)) = world.police.admits(&form) {
        return refusal(400, code, message);
    }
    let (sent, answer) = take(world.into_inner(), &form, &account).await;
    match fault {
        Some(Fault::TakeThenReset) => Socket::cut_off(&request),
        Some(Fault::TakeThenHalfAnswer) => half_answer(StatusCode::CREATED, &answer),
        Some(Fault::TakeThenServerError(status)) => refusal(status, 20500, "Internal server error"),
        waits => {
            if let Some(Fault::TakeThenWait(late)) = waits {
                tokio::time::sleep(late).await;
            }
            drop(sent);
            HttpResponse::Created().content_type("application/json").body(answer)
        }
    }
}

/// The list's parameters that are understood.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(rename = "To")]
    to: Option<String>,
    #[serde(rename = "From")]
    from: Option<String>,
    #[serde(rename = "DateSent>")]
    since: Option<String>,
    #[serde(rename = "PageSize")]
    page_size: Option<usize>,
}

/// `GET /2010-04-01/Accounts/{sid}/Messages.json`. A simulator that remembers nothing has no list.
pub(super) async fn list(
    world: Data<World>,
    account: Path<String>,
    wanted: Query<Wanted>,
    request: HttpRequest,
) -> HttpResponse {
    if world.away.load(Ordering::SeqCst) {
        return Socket::cut_off(&request);
    }
    if !admitted(&world, &account, &request) {
        return refusal(401, 20003, "Authenticate");
    }
    if let Some(status) = world.fate.of_list() {
        return refusal(status, 20500, "As told");
    }
    if !world.ledger.remembers() {
        return refusal(405, 20004, "Method not allowed");
    }
    let page_size = wanted.page_size.unwrap_or(50).clamp(1, 1_000);
    let since = wanted.since.as_deref().unwrap_or_default();
    let fits = |sent: &Sent| {
        sent.account_sid == *account
            && wanted.to.as_ref().is_none_or(|to| *to == sent.to)
            && (wanted.from.is_none() || wanted.from == sent.from)
            && sent.created_at.format("%Y-%m-%d").to_string().as_str() >= since
    };
    // One more than the page tells whether there is a next one.
    let mut found = world.ledger.newest(page_size + 1, fits);
    let more = found.len() > page_size;
    found.truncate(page_size);
    let dates: Vec<String> = found.iter().map(|sent| sent.created_at.to_rfc2822()).collect();
    let uri = format!("/{API_VERSION}/Accounts/{account}/Messages.json?PageSize={page_size}&Page=");
    HttpResponse::Ok().json(ListResource {
        end: found.len().saturating_sub(1),
        first_page_uri: format!("{uri}0"),
        next_page_uri: more.then(|| format!("{uri}1")),
        page: 0,
        page_size,
        previous_page_uri: None,
        messages: found.iter().zip(&dates).map(|(sent, date)| MessageResource::of(sent, date, "sent")).collect(),
        start: 0,
        uri: format!("{uri}0"),
    })
}

/// `GET /2010-04-01/Accounts/{sid}.json`
pub(super) async fn account(world: Data<World>, account: Path<String>, request: HttpRequest) -> HttpResponse {
    if !admitted(&world, &account, &request) {
        return refusal(401, 20003, "Authenticate");
    }
    HttpResponse::Ok().json(serde_json::json!({ "sid": account.as_str(), "status": "active" }))
}

/// `GET /2010-04-01/Accounts/{sid}/Messages/{sid}/Media/{sid}`
pub(super) async fn media(
    world: Data<World>,
    path: Path<(String, String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    let (account, _, file) = path.into_inner();
    if !admitted(&world, &account, &request) {
        return refusal(401, 20003, "Authenticate");
    }
    world.files.answer(&file, &request).await
}

/// Anything else.
pub(super) async fn nothing() -> HttpResponse {
    refusal(404, 20404, "The requested resource was not found")
}

pub(super) fn admitted(world: &World, account: &str, request: &HttpRequest) -> bool {
    let authorization = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    lock(&world.accounts).get(account).is_some_and(|known| known.admits(authorization))
}

/// What Twilio checks before it takes a message.
fn check(form: &Form) -> Option<HttpResponse> {
    let has = |name| form.get(name).is_some_and(|value| !value.is_empty());
    if !has("To") {
        return Some(refusal(400, 21604, "A 'To' phone number is required."));
    }
    if !has("From") && !has("MessagingServiceSid") {
        return Some(refusal(400, 21603, "A 'From' phone number is required."));
    }
    if !has("Body") && !has("MediaUrl") && !has("ContentSid") {
        return Some(refusal(400, 21602, "Message body is required."));
    }
    let to = form.get("To").unwrap_or_default();
    if to.rsplit(':').next().is_none_or(|path| !path.starts_with('+') && !path.contains('.')) {
        return Some(refusal(400, 21211, "Invalid 'To' Phone Number"));
    }
    if form.get("Body").is_some_and(|body| body.chars().count() > MAX_TEXT_CHARACTERS) {
        return Some(refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit."));
    }
    None
}

async fn take(world: Arc<World>, form: &Form, account: &str) -> (Sent, Bytes) {
    let sequence = world.ledger.next_sequence();
    let sid = format!("SM{:016x}{sequence:016x}", world.seed);
    let mut sent = Sent::of(form, account, sid, sequence);
    if let Some(body) = world.police.rendered(form) {
        sent.body = body;
    }
    world.ledger.take(&sent);
    if let Some(on_send) = &world.on_send {
        on_send(&sent);
    }
    if sent.status_callback.is_some() {
        follow(&world, sent.clone()).await;
    }
    let date = sent.created_at.to_rfc2822();
    let answer = serde_json::to_vec(&MessageResource::of(&sent, &date, "queued")).unwrap_or_default();
    (sent, Bytes::from(answer))
}

pub(super) fn refusal(status: u16, code: u32, message: &'static str) -> HttpResponse {
    respond(status).json(ErrorResource::new(status, code, message))
}

fn too_many(retry_after_secs: Option<u64>) -> HttpResponse {
    let mut response = respond(429);
    if let Some(seconds) = retry_after_secs {
        response.insert_header(("Retry-After", seconds.to_string()));
    }
    response.json(ErrorResource::new(429, 20429, "Too Many Requests"))
}

fn respond(status: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}
