//! The outbox: lists, histories, replays, cancellations.

mod params;
mod responses;

use self::params::{ChangeRequest, OutboxFilter, ReplayRequest};
pub use self::responses::{Message, MessageEvent, MessageHistory, MessagePage, OutboxCounts, Replayed, Waiting};
use super::call::{Call, Json, PathId, Query, ToOperate, ToRead};
use super::params::{PageBefore, page_of, reason};
use super::problems::{self, BodyProblems, CallProblems, SearchProblems, StateConflict, UnknownId, invalid};
use super::visibility::Visibility;
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service;
use crate::store::operator::{Changed, PageRequest, ReplayOptions};

/// Messages that a replay makes due in a second, unless asked otherwise and at most.
const PER_SECOND: u32 = 10;
const MOST_PER_SECOND: u32 = 1_000;

/// Adds the routes. Fixed paths come first: `{id}` would take them for ids.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/outbox", list);
    routes.get("/api/v1/outbox/counts", counts);
    routes.post("/api/v1/outbox/replay", replay_all);
    routes.get("/api/v1/outbox/{id}", show);
    routes.post("/api/v1/outbox/{id}/replay", replay);
    routes.post("/api/v1/outbox/{id}/cancel", cancel);
}

/// The messages that fit a filter, newest first. Without `state`, those that need a look: `dead`, `failed`, `unknown`,
/// `deferred`, and what has waited for more than a minute.
#[utoipa::path(get, path = "/api/v1/outbox", operation_id = "list_outbox", tag = "outbox",
    params(OutboxFilter, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = MessagePage, description = "A page of messages"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query((which, page)): Query<(OutboxFilter, PageBefore)>) -> Reply {
    let filter = which.filter(&call.caller)?;
    let limit = page_of(page.limit);
    let items = service::outbox::list(
        call.caller.service(),
        &call.operator,
        &filter,
        PageRequest { before: page.before, limit },
        call.now(),
    )
    .await?;
    if items.is_empty() && page.before.is_none() {
        call.found_nothing(which.tenant.as_deref(), which.channel.as_deref())?;
    }
    reply(&MessagePage::of(&items, limit, call.caller.visibility()))
}

/// How many messages fit a filter, by tenant, channel, state and reason. Without `state`, those that need a look.
#[utoipa::path(get, path = "/api/v1/outbox/counts", operation_id = "count_outbox", tag = "outbox", params(OutboxFilter),
    security(("key" = ["read"])), responses(
    (status = 200, body = OutboxCounts, description = "The counts, the largest first"), CallProblems, SearchProblems
))]
pub(super) async fn counts(call: Call<ToRead>, Query(which): Query<OutboxFilter>) -> Reply {
    let counts =
        service::outbox::counts(call.caller.service(), &call.operator, &which.filter(&call.caller)?, call.now())
            .await?;
    if counts.is_empty() {
        call.found_nothing(which.tenant.as_deref(), which.channel.as_deref())?;
    }
    reply(&OutboxCounts::of(&counts))
}

/// One message and its history.
#[utoipa::path(get, path = "/api/v1/outbox/{id}", operation_id = "show_message", tag = "outbox",
    params(("id" = String, Path, description = "The message")), security(("key" = ["read"])), responses(
    (status = 200, body = MessageHistory, description = "The message and its events"), CallProblems, UnknownId
))]
pub(super) async fn show(call: Call<ToRead>, id: PathId) -> Reply {
    let id = id.message()?;
    let (shown, waits) = service::outbox::show(call.caller.service(), &call.operator, id, call.now()).await?;
    reply(&MessageHistory::of(&shown, waits.as_ref(), call.caller.visibility()))
}

/// Sends a message on its way again: it keeps its id and its history, and passes every check again.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/replay", operation_id = "replay_message", tag = "outbox",
    request_body = ChangeRequest,
    params(("id" = String, Path, description = "A message that is dead, failed, cancelled or suppressed")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Message, description = "The message as it is now"),
    CallProblems, UnknownId, BodyProblems, StateConflict
))]
pub(super) async fn replay(call: Call<ToOperate>, id: PathId, Json(change): Json<ChangeRequest>) -> Reply {
    let id = id.message()?;
    let manner = manner(&call, change.reason.as_deref(), None)?;
    changed(
        service::outbox::replay(call.caller.service(), &call.operator, id, &manner).await?,
        call.caller.visibility(),
    )
}

/// Sends every message that fits a filter on its way again, so many of them due in a second.
#[utoipa::path(post, path = "/api/v1/outbox/replay", operation_id = "replay_outbox", tag = "outbox",
    request_body = ReplayRequest, security(("key" = ["operate"])), responses(
    (status = 200, body = Replayed, description = "How many messages are on their way again"),
    CallProblems, SearchProblems, BodyProblems
))]
pub(super) async fn replay_all(call: Call<ToOperate>, Json(asked): Json<ReplayRequest>) -> Reply {
    if asked.filter.is_empty() && !asked.all {
        return Err(invalid("filter", "no filter", "name what is meant in `filter`, or say `\"all\": true`"));
    }
    let filter = asked.filter.filter(&call.caller).map_err(|problem| problem.within("filter"))?;
    let manner = manner(&call, asked.reason.as_deref(), asked.per_second)?;
    let messages = if asked.dry_run {
        service::outbox::replayable(call.caller.service(), &call.operator, &filter)
            .await?
            .iter()
            .map(|count| count.messages)
            .sum()
    } else {
        service::outbox::replay_all(call.caller.service(), &call.operator, &filter, &manner).await?
    };
    if messages == 0 {
        let found = call.found_nothing(asked.filter.tenant.as_deref(), asked.filter.channel.as_deref());
        found.map_err(|problem| problem.within("filter"))?;
    }
    reply(&Replayed { messages, dry_run: asked.dry_run })
}

/// Calls a message back: it will not be sent.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/cancel", operation_id = "cancel_message", tag = "outbox",
    request_body = ChangeRequest,
    params(("id" = String, Path, description = "A message that is pending, deferred, dead or failed")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Message, description = "The message as it is now"),
    CallProblems, UnknownId, BodyProblems, StateConflict
))]
pub(super) async fn cancel(call: Call<ToOperate>, id: PathId, Json(change): Json<ChangeRequest>) -> Reply {
    let id = id.message()?;
    let reason = reason(change.reason.as_deref())?;
    changed(
        service::outbox::cancel(call.caller.service(), &call.operator, id, &reason, call.now()).await?,
        call.caller.visibility(),
    )
}

fn manner(call: &Call<ToOperate>, why: Option<&str>, per_second: Option<u32>) -> Result<ReplayOptions, HttpProblem> {
    let per_second = per_second.unwrap_or(PER_SECOND);
    if !(1..=MOST_PER_SECOND).contains(&per_second) {
        return Err(invalid("per_second", "bad per_second", "a number from 1 to 1000"));
    }
    Ok(ReplayOptions { reason: reason(why)?, per_second, unordered: call.api.unordered(), at: call.now() })
}

fn changed(changed: Changed, visibility: Visibility) -> Reply {
    match changed {
        Changed::Done(item) => reply(&Message::of(&item, visibility)),
        Changed::NoSuchMessage => Err(problems::UNKNOWN_MESSAGE),
        Changed::NotFrom(state) => Err(problems::not_from(state)),
    }
}
