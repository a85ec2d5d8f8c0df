//! Webhooks of payment systems: verified, kept, and acknowledged before anything is done about them.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Refusal;
use super::body;
use super::problem::HttpProblem;
use super::request_log::{Outcome, Record};
use super::routes::{Routes, nothing_here};
use super::state::{HttpState, SourceAddress};
use super::webhook_problems::{malformed, refused, throttled, unreadable};
use crate::payments::stripe::{Event, SIGNATURE_HEADER, SignatureError, verify};
use crate::service::paid_access::{Intake, take_stripe_event};

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.webhook("/webhooks/stripe", stripe);
    routes.get_as("/webhooks/{provider}/status-check", "/webhooks/stripe/status-check", stripe_check);
}

/// Whether Stripe's webhooks are taken here.
async fn stripe_check(state: web::Data<HttpState>) -> Result<HttpResponse, HttpProblem> {
    match &state.deps.api.access {
        Some(access) if access.stripe.is_some() => {
            Ok(HttpResponse::Ok().json(json!({ "ok": true, "service": "stripe" })))
        }
        _ => Err(nothing_here()),
    }
}

/// An event of Stripe. It is acknowledged when it is durable (I1), and applied afterwards.
async fn stripe(
    state: web::Data<HttpState>,
    record: Record,
    source: SourceAddress,
    request: HttpRequest,
    mut payload: Payload,
) -> Result<HttpResponse, HttpProblem> {
    let deps = &state.deps;
    let access = deps.api.access.as_ref().filter(|access| access.stripe.is_some()).ok_or_else(not_sold)?;
    if let Some(wait) = state.abuse_limiter.refuses(source.0, None) {
        return Err(throttled(&record, wait));
    }
    let signature = request.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let Some(signature) = signature else { return Err(unbelieved(&state, &record, source, SignatureError::Malformed)) };
    let mut share = state.large_bodies.share();
    let limit = deps.config.max_body_bytes;
    let body = body::read(request.headers(), &mut payload, limit, body::DEADLINE, &mut share).await;
    let body = body.map_err(|error| unreadable(&record, error))?;
    let now = deps.clock.now();
    if let Err(error) = verify(signature, &body, &access.webhook_secrets, now.timestamp()) {
        return Err(unbelieved(&state, &record, source, error));
    }
    let event = Event::read(&body).map_err(|_| malformed(&record, "the body is no event of Stripe's"))?;
    match take_stripe_event(access, &event, now).await {
        Ok(intake) => {
            record.outcome.set(Some(if intake == Intake::Kept { Outcome::Accepted } else { Outcome::Duplicate }));
            Ok(HttpResponse::Ok().json(json!({ "received": true })))
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a payment event was not kept: Stripe sends it again"
            );
            Err(refused(&record, Refusal::Unavailable))
        }
    }
}

fn not_sold() -> HttpProblem {
    HttpProblem::new(
        StatusCode::NOT_FOUND,
        "no payments here",
        "nothing is sold by card: `[stripe]` is missing in palabre.toml",
    )
}

fn unbelieved(state: &HttpState, record: &Record, source: SourceAddress, error: SignatureError) -> HttpProblem {
    record.outcome.set(Some(Outcome::BadSignature));
    state.abuse_limiter.note(source.0, None);
    let hint = match error {
        SignatureError::Stale => "the signature is older than five minutes: is this machine's clock right?",
        SignatureError::Malformed | SignatureError::Wrong => {
            "compare `stripe.webhook_secrets` with the signing secret of the endpoint in Stripe's dashboard"
        }
    };
    HttpProblem::new(StatusCode::UNAUTHORIZED, "bad signature", hint)
}
