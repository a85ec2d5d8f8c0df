//! Errors of the API.
//!
//! Their texts are fixed, so that nothing of a request can slip in (I10).

use std::time::Duration;

use actix_web::http::StatusCode;
use palabre_actors::domain::address::AddressError;
use palabre_actors::domain::status::OutboxState;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::config::ApiScope as Scope;
use crate::http::problem::HttpProblem;
use crate::service::Permission;
use crate::service::permissions::scope_for;

const fn problem(status: StatusCode, error: &'static str, hint: &'static str) -> HttpProblem {
    HttpProblem::new(status, error, hint)
}

/// When a caller who met a 503 may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A caller without a key, or with an unknown one: 401.
const fn unauthorized(error: &'static str, hint: &'static str) -> HttpProblem {
    let mut problem = problem(StatusCode::UNAUTHORIZED, error, hint);
    problem.challenge = true;
    problem
}

/// Nothing is promised: 503.
pub(super) const fn later(error: &'static str, hint: &'static str) -> HttpProblem {
    problem(StatusCode::SERVICE_UNAVAILABLE, error, hint).retry_after(RETRY_AFTER)
}

/// The value of a field, a parameter or a header that does not hold: 422.
pub(super) const fn invalid(field: &'static str, error: &'static str, hint: &'static str) -> HttpProblem {
    HttpProblem::at(field, StatusCode::UNPROCESSABLE_ENTITY, error, hint)
}

/// An address that somebody wrote and that is none, with what to write instead: 422.
pub(super) const fn bad_address(field: &'static str, error: AddressError) -> HttpProblem {
    invalid(field, "bad address", error.help())
}

/// A body that is not what is expected: 400.
pub(super) const fn bad_json(error: &'static str) -> HttpProblem {
    problem(StatusCode::BAD_REQUEST, error, "GET /api/v1/openapi.json says which fields there are")
}

pub(super) const MISSING_FIELD: &str = "missing field";
pub(super) const UNKNOWN_FIELD: &str = "unknown field";
pub(super) const WRONG_TYPE: &str = "wrong type";
pub(super) const MISFIT: &str = "not what is expected";

pub(super) const NO_KEY: HttpProblem =
    unauthorized("no key", "send the header `Authorization: Bearer …` with a key of [[api.keys]]");
pub(super) const UNKNOWN_KEY: HttpProblem =
    unauthorized("unknown key", "no key of [[api.keys]] is like this one; was it changed?");
pub(super) const TOO_MANY_WRONG_KEYS: HttpProblem = problem(
    StatusCode::TOO_MANY_REQUESTS,
    "too many wrong keys",
    "this address sent too many unknown keys, see http.failures_per_minute: come again after Retry-After seconds",
);
pub(super) const UNKNOWN_TENANT: HttpProblem = HttpProblem::at(
    "tenant",
    StatusCode::NOT_FOUND,
    "unknown tenant",
    "this key sees no tenant with this id: GET /api/v1/channels names those that it sees",
);
pub(super) const UNKNOWN_CHANNEL: HttpProblem = HttpProblem::at(
    "channel",
    StatusCode::NOT_FOUND,
    "unknown channel",
    "this key sees no channel with this id: GET /api/v1/channels",
);
pub(super) const UNKNOWN_MESSAGE: HttpProblem = HttpProblem::at(
    "id",
    StatusCode::NOT_FOUND,
    "unknown message",
    "this key sees no message of the outbox with this id",
);
/// What the path names.
pub(super) const NOT_FOUND: HttpProblem =
    HttpProblem::at("id", StatusCode::NOT_FOUND, "unknown id", "this key sees nothing with this id");
pub(super) const TOO_MANY_TENANTS: HttpProblem =
    invalid("tenant", "no tenant", "this key sees too many to search them all at once: name one");
pub(super) const NOT_JSON: HttpProblem = bad_json("not json");
pub(super) const NOT_A_BODY: HttpProblem =
    problem(StatusCode::BAD_REQUEST, "incomplete body", "send it at once, with its Content-Length");
pub(super) const TOO_LARGE: HttpProblem =
    problem(StatusCode::PAYLOAD_TOO_LARGE, "body too large", "nothing that the API takes is longer than 64 KiB");
pub(super) const UNKNOWN_PARAMETER: HttpProblem = problem(
    StatusCode::UNPROCESSABLE_ENTITY,
    "unknown query parameter",
    "GET /api/v1/openapi.json says which ones this path takes",
);
pub(super) const UNAVAILABLE: HttpProblem = later("the database does not answer", "try again; nothing was promised");
pub(super) const KEY_REUSED: HttpProblem = problem(
    StatusCode::CONFLICT,
    "idempotency key reused",
    "use a key of its own for each message, and the same one only to repeat the same request",
);
pub(super) const STALE: HttpProblem = HttpProblem::at(
    "version",
    StatusCode::CONFLICT,
    "stale",
    "the conversation went on since it was read, and nothing was sent: read it again, or send it with `force`",
);
pub(super) const BAD_REASON: HttpProblem = invalid(
    "reason",
    "bad reason",
    "it stands in the event log for ever: write a few words or a ticket's number, nothing that identifies anyone",
);

pub(super) const fn not_allowed(scope: Scope) -> HttpProblem {
    let hint = match scope {
        Scope::Read => "the key lacks the scope `read`",
        Scope::Send => "the key lacks the scope `send`",
        Scope::Operate => "the key lacks the scope `operate`",
        Scope::ReadContent => "the key lacks the scope `read-content`",
        Scope::Privacy => "the key lacks the scope `privacy`",
    };
    problem(StatusCode::FORBIDDEN, "not allowed", hint)
}

/// A use case that no scope of the key's grants.
pub(super) fn denied(permission: Permission) -> HttpProblem {
    const NO_KEY_MAY: HttpProblem =
        problem(StatusCode::FORBIDDEN, "not allowed", "no key may do this: use the command line of the machine");
    scope_for(permission).map_or(NO_KEY_MAY, not_allowed)
}

/// A change that the state of the row does not allow.
pub(super) const fn not_from(state: OutboxState) -> HttpProblem {
    let hint = match state {
        OutboxState::Pending => "it waits for its next attempt already; it can be cancelled",
        OutboxState::Sending => "a sender is at it: ask again in a moment",
        OutboxState::Unknown => "the provider is being asked about it: wait for the answer, or it may arrive twice",
        OutboxState::Deferred => "it waits for the contact, or for the budget, and goes by itself; it can be cancelled",
        OutboxState::Sent | OutboxState::Delivered | OutboxState::Read => "the provider has it",
        OutboxState::Cancelled => "it is cancelled already; it can be replayed",
        OutboxState::Suppressed => "it was suppressed; it is sent only when it is replayed",
        OutboxState::Dead | OutboxState::Failed => "it is a dead letter already",
    };
    problem(StatusCode::CONFLICT, "not from this state", hint)
}

/// Why a request was turned away.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub hint: String,
    /// Which field of the body, parameter or header is meant, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "template.variables.heure")]
    pub field: Option<String>,
}

/// What any call may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum CallProblems {
    /// No key, or an unknown one
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The key lacks the scope
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// Too many unknown keys came from this address
    #[response(status = 429)]
    TooManyWrongKeys(ErrorBody),
    /// Nothing was promised: come again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// What a search may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum SearchProblems {
    /// The key sees no such tenant or channel
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// A parameter does not hold, or nobody knows it
    #[response(status = 422)]
    Invalid(ErrorBody),
}

/// What a call about one thing may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum UnknownId {
    /// The key sees nothing with this id
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// It is not an id
    #[response(status = 422)]
    Invalid(ErrorBody),
}

/// What a call that names a tenant or a channel may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum UnknownName {
    /// The key sees no such tenant or channel
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// What a call with a body may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum BodyProblems {
    /// Not JSON, or not the fields that are expected
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// Longer than 64 KiB
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// A value does not hold
    #[response(status = 422)]
    Invalid(ErrorBody),
}

/// What a change may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum StateConflict {
    /// The state of the message does not allow it
    #[response(status = 409)]
    Conflict(ErrorBody),
}

/// What a call with an `Idempotency-Key` may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(super) enum KeyConflict {
    /// The key was used for another message
    #[response(status = 409)]
    Conflict(ErrorBody),
}
