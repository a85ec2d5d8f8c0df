//! The outbox: lists, histories, replays, cancellations.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::OutboundId;

use super::permissions::Permission::{OutboxRead, OutboxWrite};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::BlockedReason;
use crate::store::operator::{
    Changed, Filter, Item, ItemWithEvents, Operator, OperatorReason, OutboxCount, PageRequest, ReplayOptions,
};

/// Messages that fit, newest first, as they stand at this moment.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    filter: &Filter,
    page: PageRequest,
    now: Timestamp,
) -> Result<Vec<Item>, ServiceError> {
    caller.require(OutboxRead)?;
    Ok(store.list(&seen(caller, filter)?, page, now).await?)
}

/// Messages to whoever has this address, in whatever state, the newest first. The audit log says that somebody was looked for.
///
/// # Errors
/// [`ServiceError`]
pub async fn list_to(
    caller: &Caller,
    store: &Operator,
    (tenants, address): (&Tenants, &Address),
    page: PageRequest,
) -> Result<Vec<Item>, ServiceError> {
    caller.require(OutboxRead)?;
    let tenants = caller.among(tenants)?;
    audit::note_in_all(caller, store, &tenants, "outbox.find_by_address", ("outbox", "address")).await?;
    Ok(store.list_to(&tenants, address, page).await?)
}

/// The newest message from or to whoever has this address. The audit log says that somebody was looked for.
///
/// # Errors
/// [`ServiceError`]
pub async fn latest_with(
    caller: &Caller,
    store: &Operator,
    (tenants, address): (&Tenants, &Address),
) -> Result<Option<String>, ServiceError> {
    caller.require(OutboxRead)?;
    let tenants = caller.among(tenants)?;
    audit::note_in_all(caller, store, &tenants, "explain.find_by_address", ("outbox", "address")).await?;
    Ok(store.latest_with(&tenants, address).await?)
}

/// How many messages fit, by tenant, channel, state and reason.
///
/// # Errors
/// [`ServiceError`]
pub async fn counts(
    caller: &Caller,
    store: &Operator,
    filter: &Filter,
    now: Timestamp,
) -> Result<Vec<OutboxCount>, ServiceError> {
    caller.require(OutboxRead)?;
    Ok(store.counts(&seen(caller, filter)?, now).await?)
}

/// One message with its events, and what holds it back at this moment.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when the message is another tenant's.
pub async fn show(
    caller: &Caller,
    store: &Operator,
    id: OutboundId,
    now: Timestamp,
) -> Result<(ItemWithEvents, Option<BlockedReason>), ServiceError> {
    caller.require(OutboxRead)?;
    let shown = store.show(&caller.tenants, id).await?.ok_or(ServiceError::NotFound("message"))?;
    Ok((shown, store.blocked_reason(id, now).await?))
}

/// When the contact of a message that the caller has seen last wrote in its conversation. `None`: never.
///
/// # Errors
/// [`ServiceError`]
pub async fn contact_wrote(caller: &Caller, store: &Operator, item: &Item) -> Result<Option<Timestamp>, ServiceError> {
    caller.require(OutboxRead)?;
    caller.within(&item.tenant)?;
    Ok(store.contact_wrote(item).await?)
}

/// Sends one message on its way again: it passes every check again.
///
/// # Errors
/// [`ServiceError`]
pub async fn replay(
    caller: &Caller,
    store: &Operator,
    id: OutboundId,
    manner: &ReplayOptions,
) -> Result<Changed, ServiceError> {
    caller.require(OutboxWrite)?;
    note_message(caller, store, id, "outbox.replay").await?;
    Ok(store.replay(&caller.tenants, id, manner).await?)
}

/// How many messages [`replay_all`] would send on their way, by tenant, channel, state and reason.
///
/// # Errors
/// [`ServiceError`]
pub async fn replayable(caller: &Caller, store: &Operator, filter: &Filter) -> Result<Vec<OutboxCount>, ServiceError> {
    caller.require(OutboxWrite)?;
    Ok(store.replayable(&seen(caller, filter)?).await?)
}

/// Sends every message that fits on its way again, so many of them due in a second. Answers how many.
///
/// # Errors
/// [`ServiceError`]
pub async fn replay_all(
    caller: &Caller,
    store: &Operator,
    filter: &Filter,
    manner: &ReplayOptions,
) -> Result<u64, ServiceError> {
    caller.require(OutboxWrite)?;
    let filter = seen(caller, filter)?;
    audit::note_in_all(caller, store, &filter.tenants, "outbox.replay_all", ("outbox", "filter")).await?;
    Ok(store.replay_all(&filter, manner).await?)
}

/// Calls a message back: it will not be sent.
///
/// # Errors
/// [`ServiceError`]
pub async fn cancel(
    caller: &Caller,
    store: &Operator,
    id: OutboundId,
    reason: &OperatorReason,
    at: Timestamp,
) -> Result<Changed, ServiceError> {
    caller.require(OutboxWrite)?;
    note_message(caller, store, id, "outbox.cancel").await?;
    Ok(store.cancel(&caller.tenants, id, reason, at).await?)
}

/// Notes a change of a message that the caller sees; one that they do not see is not changed.
async fn note_message(
    caller: &Caller,
    store: &Operator,
    id: OutboundId,
    action: &'static str,
) -> Result<(), ServiceError> {
    let Some(found) = store.show(&caller.tenants, id).await? else { return Ok(()) };
    audit::note(caller, store, &found.item.tenant, action, ("message", &id.to_string())).await
}

fn seen(caller: &Caller, filter: &Filter) -> Result<Filter, ServiceError> {
    Ok(Filter { tenants: caller.among(&filter.tenants)?, ..filter.clone() })
}
