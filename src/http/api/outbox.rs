//! The outbox: lists, histories, replays, cancellations.

use palabre_actors::domain::ids::OutboundId;

use super::asks::{self, Asked, Change, Part, ReplayOf, Which};
use super::caller::Scope;
use super::documents::{Content, Counts, Message, MessageHistory, Messages, Refused, Replayed};
use super::problems::{self, invalid};
use super::{Call, Told, told};
use crate::http::problem::Problem;
use crate::store::operator::{Changed, PageRequest, ReplayOptions};

/// The messages that fit a filter, newest first. Without `state`, those that need a look: `dead`, `failed`, `unknown`,
/// `deferred`.
#[utoipa::path(get, path = "/api/v1/outbox", tag = "outbox", params(Which, Part), security(("key" = ["read"])), responses(
    (status = 200, body = Messages),
    (status = 401, body = Refused), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 422, body = Refused)
))]
pub(super) async fn list(call: Call<'_>) -> Told {
    call.caller.may(Scope::Read)?;
    let asked = Asked::read(call.query, &[&Which::NAMES[..], &["limit", "before"]].concat())?;
    let filter = asked.which.filter(call.caller)?;
    let items =
        call.operator().list(&filter, PageRequest { before: asked.before, limit: asked.limit }, call.now()).await?;
    if items.is_empty() && asked.before.is_none() {
        call.found_nothing(asked.which.tenant.as_deref(), asked.which.channel.as_deref())?;
    }
    told(&Messages::of(&items, asked.limit, call.caller.content()))
}

/// How many messages fit a filter, by tenant, channel, state and reason. Without `state`, those that need a look.
#[utoipa::path(get, path = "/api/v1/outbox/counts", tag = "outbox", params(Which), security(("key" = ["read"])), responses(
    (status = 200, body = Counts),
    (status = 401, body = Refused), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 422, body = Refused)
))]
pub(super) async fn counts(call: Call<'_>) -> Told {
    call.caller.may(Scope::Read)?;
    let which = Asked::read(call.query, &Which::NAMES)?.which;
    let counts = call.operator().counts(&which.filter(call.caller)?, call.now()).await?;
    if counts.is_empty() {
        call.found_nothing(which.tenant.as_deref(), which.channel.as_deref())?;
    }
    told(&Counts::of(&counts))
}

/// One message and its history.
#[utoipa::path(get, path = "/api/v1/outbox/{id}", tag = "outbox", params(("id" = String, Path, description = "The message")),
    security(("key" = ["read"])), responses(
    (status = 200, body = MessageHistory),
    (status = 401, body = Refused), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 422, body = Refused)
))]
pub(super) async fn show(call: Call<'_>) -> Told {
    call.caller.may(Scope::Read)?;
    let id = OutboundId(asks::id("id", call.id)?);
    let shown = call.operator().show(&call.caller.tenants, id).await?.ok_or(problems::UNKNOWN_MESSAGE)?;
    let waits = call.operator().blocked_reason(id, call.now()).await?;
    told(&MessageHistory::of(&shown, waits.as_ref(), call.caller.content()))
}

/// Sends a message on its way again: it keeps its id and its history, begins another life, and passes every gate anew.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/replay", tag = "outbox", request_body = Change,
    params(("id" = String, Path, description = "A message that is dead, failed, cancelled or suppressed")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Message),
    (status = 400, body = Refused), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 409, body = Refused), (status = 422, body = Refused)
))]
pub(super) async fn replay(call: Call<'_>) -> Told {
    call.caller.may(Scope::Operate)?;
    let change: Change = asks::json(call.body)?;
    let id = OutboundId(asks::id("id", call.id)?);
    let manner = manner(&call, change.reason.as_deref(), None)?;
    changed(call.operator().replay(&call.caller.tenants, id, &manner).await?, call.caller.content())
}

/// Sends every message that fits a filter on its way again, so many of them due in a second.
#[utoipa::path(post, path = "/api/v1/outbox/replay", tag = "outbox", request_body = ReplayOf,
    security(("key" = ["operate"])), responses(
    (status = 200, body = Replayed),
    (status = 400, body = Refused), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 422, body = Refused)
))]
pub(super) async fn replay_all(call: Call<'_>) -> Told {
    call.caller.may(Scope::Operate)?;
    let asked: ReplayOf = asks::json(call.body)?;
    if asked.filter.is_empty() && !asked.all {
        return Err(invalid("filter", "no filter", "name what is meant in `filter`, or say `\"all\": true`"));
    }
    let filter = asked.filter.filter(call.caller).map_err(|problem| problem.within("filter"))?;
    let manner = manner(&call, asked.reason.as_deref(), asked.per_second)?;
    let messages = if asked.dry_run {
        call.operator().replayable(&filter).await?.iter().map(|count| count.messages).sum()
    } else {
        call.operator().replay_all(&filter, &manner).await?
    };
    if messages == 0 {
        let found = call.found_nothing(asked.filter.tenant.as_deref(), asked.filter.channel.as_deref());
        found.map_err(|problem| problem.within("filter"))?;
    }
    told(&Replayed { messages, dry_run: asked.dry_run })
}

/// Calls a message back: it will not be sent.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/cancel", tag = "outbox", request_body = Change,
    params(("id" = String, Path, description = "A message that is pending, deferred, dead or failed")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Message),
    (status = 400, body = Refused), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 409, body = Refused), (status = 422, body = Refused)
))]
pub(super) async fn cancel(call: Call<'_>) -> Told {
    call.caller.may(Scope::Operate)?;
    let change: Change = asks::json(call.body)?;
    let id = OutboundId(asks::id("id", call.id)?);
    let reason = asks::reason(change.reason.as_deref())?;
    changed(call.operator().cancel(&call.caller.tenants, id, &reason, call.now()).await?, call.caller.content())
}

fn manner(call: &Call<'_>, reason: Option<&str>, per_second: Option<u32>) -> Result<ReplayOptions, Problem> {
    let per_second = per_second.unwrap_or(asks::PER_SECOND);
    if !(1..=asks::MOST_PER_SECOND).contains(&per_second) {
        return Err(invalid("per_second", "bad per_second", "a number from 1 to 1000"));
    }
    Ok(ReplayOptions { reason: asks::reason(reason)?, per_second, unordered: call.api.unordered(), at: call.now() })
}

fn changed(changed: Changed, content: Content) -> Told {
    match changed {
        Changed::Done(item) => told(&Message::of(&item, content)),
        Changed::NoSuchMessage => Err(problems::UNKNOWN_MESSAGE),
        Changed::NotFrom(state) => Err(problems::not_from(state)),
    }
}
