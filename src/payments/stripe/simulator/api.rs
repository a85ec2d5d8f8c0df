//! The API and the checkout pages of the simulated Stripe.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::SECRET_KEY;
use super::books::{Books, Session, Shape};
use super::contract::{answer_faults, request_faults};
use crate::payments::stripe::API_VERSION;

type Shared = web::Data<Mutex<Books>>;
type Fields = HashMap<String, String>;

pub(super) fn mount(config: &mut web::ServiceConfig) {
    config
        .route("/v1/checkout/sessions", web::post().to(open_session))
        .route("/v1/checkout/sessions", web::get().to(sessions))
        .route("/v1/checkout/sessions/{id}", web::get().to(session))
        .route("/v1/subscriptions/{id}", web::get().to(subscription))
        .route("/v1/subscriptions/{id}", web::post().to(change_subscription))
        .route("/v1/subscriptions/{id}", web::delete().to(end_subscription))
        .route("/v1/invoices", web::get().to(invoices))
        .route("/v1/invoices/{id}", web::get().to(invoice))
        .route("/v1/invoice_payments", web::get().to(invoice_payments))
        .route("/v1/charges", web::get().to(charges))
        .route("/v1/charges/{id}", web::get().to(charge))
        .route("/v1/disputes", web::get().to(disputes))
        .route("/v1/refunds", web::post().to(refund))
        .route("/v1/billing_portal/sessions", web::post().to(portal))
        .route("/v1/accounts", web::post().to(create_account))
        .route("/v1/accounts/{id}", web::get().to(account))
        .route("/v1/webhook_endpoints", web::get().to(webhook_endpoints))
        .route("/v1/account_links", web::post().to(account_link))
        .route("/v1/events", web::get().to(events))
        .route("/pay/{session}", web::get().to(pay_page))
        .route("/pay/{session}", web::post().to(pay));
}

/// Seconds for which events are listed.
const EVENTS_ARE_KEPT: i64 = 30 * 24 * 60 * 60;

fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure(status: StatusCode, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": { "type": "invalid_request_error", "code": code } }))
}

/// The books, for a request with the key and the connected account that is as Stripe describes it.
#[expect(clippy::result_large_err, reason = "the refusal is the answer, and a simulator's")]
fn admit<'b>(
    books: &'b Shared,
    request: &HttpRequest,
    (form, on_account): (&Fields, bool),
) -> Result<MutexGuard<'b, Books>, HttpResponse> {
    let mut books = lock(books);
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if books.is_away {
        return Err(failure(StatusCode::SERVICE_UNAVAILABLE, "api_error"));
    }
    if header("authorization") != format!("Bearer {SECRET_KEY}") {
        books.refused += 1;
        return Err(failure(StatusCode::UNAUTHORIZED, "invalid_api_key"));
    }
    let account = if on_account { books.account.clone() } else { String::new() };
    if header("stripe-account") != account {
        books.refused += 1;
        return Err(failure(StatusCode::FORBIDDEN, "account_invalid"));
    }
    let query: Vec<_> = form_urlencoded::parse(request.query_string().as_bytes()).collect();
    let query = query.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
    let parameters: Vec<_> = query.chain(form.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect();
    let path = request.match_pattern().unwrap_or_default();
    let mut faults = request_faults(request.method().as_str(), &path, &parameters);
    if header("stripe-version") != API_VERSION {
        faults.push("a request of another version".to_owned());
    }
    if !faults.is_empty() {
        books.refused += 1;
        books.faults.extend(faults);
        return Err(failure(StatusCode::BAD_REQUEST, "parameter_unknown"));
    }
    if request.method() == Method::POST {
        let key = header("idempotency-key");
        if key.is_empty() {
            books.refused += 1;
            return Err(failure(StatusCode::BAD_REQUEST, "idempotency_key_missing"));
        }
        // Whatever has become of it since: the answer is the first one's.
        if let Some(before) = books.answered.get(key) {
            return Err(HttpResponse::Ok().json(before));
        }
    }
    Ok(books)
}

/// Answers with an object, and keeps the answer under the request's key.
fn answer(books: &mut Books, request: &HttpRequest, object: Value) -> HttpResponse {
    let faults = answer_faults(&object, books.shape == Shape::Old);
    books.faults.extend(faults);
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    if let Some(key) = key {
        books.answered.insert(key.to_owned(), object.clone());
    }
    HttpResponse::Ok().json(object)
}

fn found(books: &mut Books, request: &HttpRequest, object: Option<Value>) -> HttpResponse {
    match object {
        Some(object) => answer(books, request, object),
        None => failure(StatusCode::NOT_FOUND, "resource_missing"),
    }
}

/// Since when what is asked for was made.
fn created_since(query: &Fields) -> i64 {
    query.get("created[gte]").and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// A page of a list: the newest first, a hundred at most.
fn list(books: &mut Books, request: &HttpRequest, query: &Fields, objects: Vec<Value>) -> HttpResponse {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10_usize).min(100);
    let from = match query.get("starting_after") {
        Some(after) => objects.iter().position(|one| one["id"] == **after).map_or(objects.len(), |at| at + 1),
        None => 0,
    };
    let has_more = objects.len() > from + limit;
    let page: Vec<Value> = objects.into_iter().skip(from).take(limit).collect();
    answer(books, request, json!({ "object": "list", "has_more": has_more, "data": page }))
}

macro_rules! admitted {
    ($books:expr, $request:expr) => {
        admitted!($books, $request, &Fields::new())
    };
    ($books:expr, $request:expr, $form:expr) => {
        match admit(&$books, &$request, ($form, true)) {
            Ok(books) => books,
            Err(refusal) => return refusal,
        }
    };
}

/// For requests that are about the platform itself.
macro_rules! admitted_to_platform {
    ($books:expr, $request:expr, $form:expr) => {
        match admit(&$books, &$request, ($form, false)) {
            Ok(books) => books,
            Err(refusal) => return refusal,
        }
    };
}

async fn open_session(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request, &form);
    let session = books.open_session(form.into_inner());
    answer(&mut books, &request, session)
}

async fn sessions(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let (since, status) = (created_since(&query), query.get("status"));
    let is_asked_for =
        |one: &&Session| one.created >= since && status.is_none_or(|status| one.is_paid == (status == "complete"));
    let asked_for = books.sessions.iter().filter(is_asked_for);
    let found = asked_for.rev().filter_map(|one| books.session(&one.id)).collect();
    list(&mut books, &request, &query, found)
}

async fn session(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let session = books.session(&id);
    found(&mut books, &request, session)
}

async fn subscription(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let subscription = books.subscription(&id);
    found(&mut books, &request, subscription)
}

async fn change_subscription(
    books: Shared,
    request: HttpRequest,
    id: web::Path<String>,
    form: web::Form<Fields>,
) -> HttpResponse {
    let mut books = admitted!(books, request, &form);
    if form.get("cancel_at_period_end").is_some_and(|value| value == "true") {
        books.cancel(&id, false);
    }
    let subscription = books.subscription(&id);
    found(&mut books, &request, subscription)
}

async fn end_subscription(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    if books.has_ended(&id) {
        return failure(StatusCode::NOT_FOUND, "resource_missing");
    }
    books.cancel(&id, true);
    let subscription = books.subscription(&id);
    found(&mut books, &request, subscription)
}

async fn invoices(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let subscription = query.get("subscription").cloned().unwrap_or_default();
    let are_paid = query.get("status").is_some_and(|status| status == "paid");
    let theirs = books.invoices.iter().filter(|one| one.subscription == subscription && one.is_paid == are_paid);
    let found = theirs.rev().filter_map(|one| books.invoice(&one.id)).collect();
    list(&mut books, &request, &query, found)
}

async fn invoice(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let invoice = books.invoice(&id);
    found(&mut books, &request, invoice)
}

async fn invoice_payments(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let intent = query.get("payment[payment_intent]").cloned();
    let paid = books.invoices.iter().filter(|one| one.payment_intent.is_some() && one.payment_intent == intent);
    let found = paid.flat_map(Books::payments_of).collect();
    list(&mut books, &request, &query, found)
}

async fn charges(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let customer = query.get("customer").cloned().unwrap_or_default();
    let theirs = books.charges.iter().filter(|one| one.customer == customer);
    let found = theirs.rev().filter_map(|one| books.charge(&one.id)).collect();
    list(&mut books, &request, &query, found)
}

async fn charge(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let charge = books.charge(&id);
    found(&mut books, &request, charge)
}

async fn disputes(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let charge = query.get("charge").cloned().unwrap_or_default();
    let found = books.charges.iter().filter(|one| one.id == charge).filter_map(Books::dispute_of).collect();
    list(&mut books, &request, &query, found)
}

async fn refund(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request, &form);
    let intent = form.get("payment_intent").cloned().unwrap_or_default();
    if books.refund(&intent) {
        answer(&mut books, &request, json!({ "id": "re_1", "object": "refund", "status": "succeeded" }))
    } else {
        failure(StatusCode::BAD_REQUEST, "charge_already_refunded")
    }
}

async fn portal(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request, &form);
    let customer = form.get("customer").cloned().unwrap_or_default();
    let url = format!("{}/portal/{customer}", books.base_url);
    let portal = json!({ "id": "bps_1", "object": "billing_portal.session", "customer": customer, "url": url });
    answer(&mut books, &request, portal)
}

async fn create_account(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted_to_platform!(books, request, &form);
    let account = json!({
        "id": books.account, "object": "account", "charges_enabled": false, "details_submitted": false,
    });
    answer(&mut books, &request, account)
}

async fn account(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted_to_platform!(books, request, &Fields::new());
    let is_it = books.account == *id && books.is_connected;
    let account = is_it.then(|| {
        json!({
            "id": *id, "object": "account", "charges_enabled": books.may_charge, "details_submitted": true,
        })
    });
    found(&mut books, &request, account)
}

async fn webhook_endpoints(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted_to_platform!(books, request, &Fields::new());
    let endpoint = |(at, url): (usize, &String)| json!({ "id": format!("we_{at}"), "object": "webhook_endpoint", "url": url, "status": "enabled" });
    let endpoints = books.webhook_urls.iter().enumerate().map(endpoint).collect();
    list(&mut books, &request, &query, endpoints)
}

async fn account_link(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted_to_platform!(books, request, &form);
    let link = json!({
        "object": "account_link", "created": books.now, "expires_at": books.now + 300,
        "url": format!("{}/onboarding", books.base_url),
    });
    answer(&mut books, &request, link)
}

async fn events(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let since = created_since(&query).max(books.now - EVENTS_ARE_KEPT);
    let is_since = |event: &&Value| event["created"].as_i64().is_some_and(|created| created >= since);
    // As Stripe gives them: the newest first, without the account that is asked for.
    let without_account = |mut event: Value| {
        if let Some(fields) = event.as_object_mut() {
            fields.remove("account");
        }
        event
    };
    let found = books.events.iter().filter(is_since).rev().cloned().map(without_account).collect();
    list(&mut books, &request, &query, found)
}

/// A page on which a person can pay.
async fn pay_page(books: Shared, session: web::Path<String>) -> HttpResponse {
    let books = lock(&books);
    let Some(session) = books.sessions.iter().find(|one| one.id == *session) else {
        return HttpResponse::NotFound().body("no such page");
    };
    let field = |key: &str| session.form.get(key).cloned().unwrap_or_default();
    let (amount, currency) =
        (field("line_items[0][price_data][unit_amount]"), field("line_items[0][price_data][currency]"));
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><title>Simulated checkout</title><h1>Simulated checkout</h1><p>{amount} {currency}</p>\
         <form method=\"post\"><label>E-mail <input name=\"email\" type=\"email\" value=\"member@example.com\"></label>\
         <button>Pay</button></form>"
    ))
}

async fn pay(books: Shared, session: web::Path<String>, form: web::Form<Fields>) -> HttpResponse {
    let email = form.get("email").cloned().unwrap_or_default();
    let mut books = lock(&books);
    let is_paid = books.pay(&session, &email);
    let back =
        books.sessions.iter().find(|one| one.id == *session).and_then(|one| one.form.get("success_url").cloned());
    match back.filter(|_| is_paid) {
        Some(back) => HttpResponse::SeeOther().insert_header(("Location", back)).finish(),
        None => HttpResponse::Conflict().body("paid already, or no such page"),
    }
}
