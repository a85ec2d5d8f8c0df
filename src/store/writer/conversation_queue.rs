//! Conversation queue: which row is the head, which rows are blocked behind it.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Identity;
use palabre_actors::domain::ids::{CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::status::Transition;
use sea_orm::DbErr;

use super::Transaction;
use crate::store::events::{self, EventReason, Events, OutboundRef};
use crate::store::sql;
use crate::store::statement::{Value, all, change, change_later, list, text, time};
use crate::store::values::Row;

/// Tenant and conversation.
pub(in crate::store) type QueueKey = (String, String);

/// Marks the heads of these queues as not blocked.
pub(in crate::store) async fn unblock_heads(tx: &impl Transaction, queues: &BTreeSet<QueueKey>) -> Result<(), DbErr> {
    change_later(tx, sql::UNBLOCK_HEADS, [queue_keys(queues)]).await
}

/// The same at once. Returns how many heads were wrongly marked as blocked.
pub(super) async fn unblock_stale_heads(tx: &impl Transaction, queues: &BTreeSet<QueueKey>) -> Result<u64, DbErr> {
    change(tx, sql::UNBLOCK_HEADS, [queue_keys(queues)]).await
}

/// Locks the heads of these queues until the end of the transaction.
pub(super) async fn lock_heads<'a>(
    tx: &impl Transaction,
    queues: impl IntoIterator<Item = &'a QueueKey>,
) -> Result<(), DbErr> {
    all(tx, sql::LOCK_HEADS, [queue_keys(queues)]).await.map(|_| ())
}

fn queue_keys<'a>(queues: impl IntoIterator<Item = &'a QueueKey>) -> Value {
    list(queues.into_iter().map(|(tenant, conversation)| [text(tenant.as_str()), text(conversation.as_str())]))
}

/// Suppresses the person's messages that no sender has begun (I6), with their events.
pub(super) async fn suppress(
    tx: &impl Transaction,
    tenant: &TenantId,
    person: &Identity,
    at: Timestamp,
    events: &mut Events,
) -> Result<(), DbErr> {
    for (message, correlation) in suppress_unsent(tx, tenant, person, at).await? {
        let reference = OutboundRef { tenant, message, correlation };
        events.push(&events::outbound(reference, Transition::Suppress, EventReason::of("opted_out"), at));
    }
    Ok(())
}

/// Suppresses what no sender has begun, in every conversation with the person (I6). Returns the messages and their
/// correlation ids; the caller writes their events.
pub(in crate::store) async fn suppress_unsent(
    tx: &impl Transaction,
    tenant: &TenantId,
    person: &Identity,
    at: Timestamp,
) -> Result<Vec<(OutboundId, CorrelationId)>, DbErr> {
    let values = [text(tenant.as_str()), text(person.as_str()), time(at)];
    let mut held = all(tx, sql::SUPPRESS, values).await?;
    sort(&mut held)?;
    let mut queues = BTreeSet::new();
    for row in &held {
        queues.insert((tenant.as_str().to_owned(), row.get(2)?));
    }
    unblock_heads(tx, &queues).await?;
    held.iter().map(|row| Ok((row.parse(0)?, row.parse(1)?))).collect()
}

/// What a deferred row waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The contact's next message.
    Contact,
    /// Another day or month of the tenant's budget.
    Budget,
}

/// Puts deferred rows back into these queues at their old places, each with a time to be due at, and marks who is
/// blocked. Returns how many rows there were.
pub(super) async fn release(
    tx: &impl Transaction,
    awaited: Awaited,
    queues: &[(QueueKey, Timestamp)],
    events: &mut Events,
) -> Result<u64, DbErr> {
    let (sql, reason) = match awaited {
        Awaited::Contact => (sql::RELEASE, "contact_wrote"),
        Awaited::Budget => (sql::RELEASE_HELD, "due"),
    };
    if queues.is_empty() {
        return Ok(0);
    }
    let waiting = list(
        queues
            .iter()
            .map(|((tenant, conversation), at)| [text(tenant.as_str()), text(conversation.as_str()), time(*at)]),
    );
    let mut released = all(tx, sql, [waiting]).await?;
    sort(&mut released)?;
    for row in &released {
        let tenant = row.tenant(1)?;
        let reference = OutboundRef { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        events.push(&events::outbound(reference, Transition::Release, EventReason::of(reason), row.time(3)?));
    }
    if !released.is_empty() {
        reorder(tx, queues.iter().map(|(queue, _)| queue)).await?;
    }
    Ok(released.len() as u64)
}

/// Marks every row of these queues as head or blocked.
pub(in crate::store) async fn reorder<'a>(
    tx: &impl Transaction,
    queues: impl IntoIterator<Item = &'a QueueKey> + Clone,
) -> Result<(), DbErr> {
    lock_heads(tx, queues.clone()).await?;
    change_later(tx, sql::REORDER, [queue_keys(queues)]).await
}

/// Sorts by id, the first column: RETURNING promises no order.
pub(super) fn sort(rows: &mut Vec<Row>) -> Result<(), DbErr> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        keyed.push((row.parse::<OutboundId>(0)?, row));
    }
    keyed.sort_by_key(|(id, _)| *id);
    rows.extend(keyed.into_iter().map(|(_, row)| row));
    Ok(())
}
