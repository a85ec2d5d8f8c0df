//! The API and the checkout pages of the simulated Stripe.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::SECRET_KEY;
use super::books::Books;

type Shared = web::Data<Mutex<Books>>;
type Fields = HashMap<String, String>;

pub(super) fn mount(config: &mut web::ServiceConfig) {
    config
        .route("/v1/checkout/sessions", web::post().to(open_session))
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

fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure(status: StatusCode, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": { "type": "invalid_request_error", "code": code } }))
}

/// The books, for a request with the key and the connected account.
#[expect(clippy::result_large_err, reason = "the refusal is the answer, and a simulator's")]
fn admit<'b>(
    books: &'b Shared,
    request: &HttpRequest,
    on_account: bool,
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
    Ok(books)
}

fn found(object: Option<Value>) -> HttpResponse {
    object.map_or_else(|| failure(StatusCode::NOT_FOUND, "resource_missing"), |object| HttpResponse::Ok().json(object))
}

fn list(objects: Vec<Value>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "object": "list", "has_more": false, "data": objects }))
}

macro_rules! admitted {
    ($books:expr, $request:expr) => {
        admitted!($books, $request, true)
    };
    ($books:expr, $request:expr, $on_account:expr) => {
        match admit(&$books, &$request, $on_account) {
            Ok(books) => books,
            Err(refusal) => return refusal,
        }
    };
}

async fn open_session(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).map(ToOwned::to_owned);
    let Some(key) = key else { return failure(StatusCode::BAD_REQUEST, "idempotency_key_missing") };
    if let Some(before) = books.answered.get(&key) {
        return HttpResponse::Ok().json(before);
    }
    let session = books.open_session(form.into_inner());
    books.answered.insert(key, session.clone());
    HttpResponse::Ok().json(session)
}

async fn session(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    found(admitted!(books, request).session(&id))
}

async fn subscription(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    found(admitted!(books, request).subscription(&id))
}

async fn change_subscription(
    books: Shared,
    request: HttpRequest,
    id: web::Path<String>,
    form: web::Form<Fields>,
) -> HttpResponse {
    let mut books = admitted!(books, request);
    if form.get("cancel_at_period_end").is_some_and(|value| value == "true") {
        books.cancel(&id, false);
    }
    found(books.subscription(&id))
}

async fn end_subscription(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let mut books = admitted!(books, request);
    books.cancel(&id, true);
    found(books.subscription(&id))
}

async fn invoices(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let subscription = query.get("subscription").cloned().unwrap_or_default();
    let are_paid = query.get("status").is_some_and(|status| status == "paid");
    let theirs = books.invoices.iter().filter(|one| one.subscription == subscription && one.is_paid == are_paid);
    list(theirs.rev().filter_map(|one| books.invoice(&one.id)).collect())
}

async fn invoice(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    found(admitted!(books, request).invoice(&id))
}

async fn invoice_payments(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let intent = query.get("payment[payment_intent]").cloned();
    let paid = books.invoices.iter().filter(|one| one.payment_intent.is_some() && one.payment_intent == intent);
    let payment = |intent: &Option<String>| json!({ "type": "payment_intent", "payment_intent": intent });
    list(paid.map(|one| json!({ "invoice": one.id, "payment": payment(&one.payment_intent) })).collect())
}

async fn charges(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let customer = query.get("customer").cloned().unwrap_or_default();
    let theirs = books.charges.iter().filter(|one| one.customer == customer);
    list(theirs.rev().filter_map(|one| books.charge(&one.id)).collect())
}

async fn charge(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    found(admitted!(books, request).charge(&id))
}

async fn disputes(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let charge = query.get("charge").cloned().unwrap_or_default();
    let theirs = books.charges.iter().filter(|one| one.id == charge).filter_map(|one| one.dispute.as_ref());
    list(theirs.map(|status| json!({ "id": "dp_1", "object": "dispute", "status": status })).collect())
}

async fn refund(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let mut books = admitted!(books, request);
    let intent = form.get("payment_intent").cloned().unwrap_or_default();
    if books.refund(&intent) {
        HttpResponse::Ok().json(json!({ "id": "re_1", "object": "refund", "status": "succeeded" }))
    } else {
        failure(StatusCode::BAD_REQUEST, "charge_already_refunded")
    }
}

async fn portal(books: Shared, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let customer = form.get("customer").cloned().unwrap_or_default();
    let url = format!("{}/portal/{customer}", books.base_url);
    HttpResponse::Ok().json(json!({ "id": "bps_1", "object": "billing_portal.session", "url": url }))
}

async fn create_account(books: Shared, request: HttpRequest) -> HttpResponse {
    let books = admitted!(books, request, false);
    HttpResponse::Ok().json(json!({ "id": books.account, "object": "account", "charges_enabled": false }))
}

async fn account(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let books = admitted!(books, request, false);
    let is_it = books.account == *id;
    found(is_it.then(|| json!({ "id": *id, "object": "account", "charges_enabled": true, "details_submitted": true })))
}

async fn webhook_endpoints(books: Shared, request: HttpRequest) -> HttpResponse {
    let books = admitted!(books, request, false);
    list(
        books
            .webhook_urls
            .iter()
            .map(|url| json!({ "object": "webhook_endpoint", "url": url, "status": "enabled" }))
            .collect(),
    )
}

async fn account_link(books: Shared, request: HttpRequest) -> HttpResponse {
    let books = admitted!(books, request, false);
    HttpResponse::Ok().json(json!({ "object": "account_link", "url": format!("{}/onboarding", books.base_url) }))
}

async fn events(books: Shared, request: HttpRequest, query: web::Query<Fields>) -> HttpResponse {
    let books = admitted!(books, request);
    let since: i64 = query.get("created[gte]").and_then(|text| text.parse().ok()).unwrap_or_default();
    let is_since = |event: &&Value| event["created"].as_i64().is_some_and(|created| created >= since);
    // As Stripe gives them: the newest first, without the account that is asked for.
    list(books.events.iter().filter(is_since).rev().cloned().collect())
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
