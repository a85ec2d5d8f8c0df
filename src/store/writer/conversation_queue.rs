//! Who stands first in a conversation's line, and who steps out of it or back.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::status::Transition;
use sea_orm::DbErr;

use super::Transaction;
use crate::store::events::{self, Events, Whose, Why};
use crate::store::link::{Value, all, change, change_later, list, text, time};
use crate::store::sql;
use crate::store::values::Row;

/// Tenant and conversation.
pub(in crate::store) type Line = (String, String);

/// Tells the heads of these lines that nobody stands before them.
pub(in crate::store) async fn promote(tx: &impl Transaction, lines: &BTreeSet<Line>) -> Result<(), DbErr> {
    change_later(tx, sql::PROMOTE, [of_lines(lines)]).await
}

/// The same. Answers how many did not know.
pub(super) async fn promote_orphans(tx: &impl Transaction, lines: &BTreeSet<Line>) -> Result<u64, DbErr> {
    change(tx, sql::PROMOTE, [of_lines(lines)]).await
}

/// Keeps whoever stands before others there until the end of the transaction.
pub(super) async fn lock_heads<'a>(
    tx: &impl Transaction,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Result<(), DbErr> {
    all(tx, sql::LOCK_HEADS, [of_lines(lines)]).await.map(|_| ())
}

fn of_lines<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Value {
    list(lines.into_iter().map(|(tenant, conversation)| [text(tenant.as_str()), text(conversation.as_str())]))
}

/// Holds back what no sender has begun (I6), and says so.
pub(super) async fn suppress(
    tx: &impl Transaction,
    tenant: &TenantId,
    address: &Address,
    at: Timestamp,
    events: &mut Events,
) -> Result<(), DbErr> {
    for (message, correlation) in hold_back(tx, tenant, address, at).await? {
        let whose = Whose { tenant, message, correlation };
        events.push(&events::outbound(whose, Transition::Suppress, Why::of("opted_out"), at));
    }
    Ok(())
}

/// Holds back what no sender has begun, in every conversation with the contact (I6). Answers the messages and their flows;
/// their events are the caller's.
pub(in crate::store) async fn hold_back(
    tx: &impl Transaction,
    tenant: &TenantId,
    address: &Address,
    at: Timestamp,
) -> Result<Vec<(OutboundId, CorrelationId)>, DbErr> {
    let values = [text(tenant.as_str()), text(address.as_str()), time(at)];
    let mut held = all(tx, sql::SUPPRESS, values).await?;
    sort(&mut held)?;
    let mut lines = BTreeSet::new();
    for row in &held {
        lines.insert((tenant.as_str().to_owned(), row.get(2)?));
    }
    promote(tx, &lines).await?;
    held.iter().map(|row| Ok((row.parse(0)?, row.parse(1)?))).collect()
}

/// What somebody out of line waited for, and what came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The contact's next word.
    Contact,
    /// Another day or month of the tenant's budget.
    Budget,
}

/// Puts what waits for this back into these lines, where it stood, and tells who stands behind whom. With the moment.
/// Answers how many rows there were.
pub(super) async fn release(
    tx: &impl Transaction,
    awaited: Awaited,
    lines: &[(Line, Timestamp)],
    events: &mut Events,
) -> Result<u64, DbErr> {
    let (sql, reason) = match awaited {
        Awaited::Contact => (sql::RELEASE, "contact_wrote"),
        Awaited::Budget => (sql::RELEASE_HELD, "due"),
    };
    if lines.is_empty() {
        return Ok(0);
    }
    let waiting = list(
        lines
            .iter()
            .map(|((tenant, conversation), at)| [text(tenant.as_str()), text(conversation.as_str()), time(*at)]),
    );
    let mut released = all(tx, sql, [waiting]).await?;
    sort(&mut released)?;
    for row in &released {
        let tenant = row.tenant(1)?;
        let whose = Whose { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        events.push(&events::outbound(whose, Transition::Release, Why::of(reason), row.time(3)?));
    }
    if !released.is_empty() {
        line_up(tx, lines.iter().map(|(line, _)| line)).await?;
    }
    Ok(released.len() as u64)
}

/// Tells every row of these lines whether others stand before it.
pub(in crate::store) async fn line_up<'a>(
    tx: &impl Transaction,
    lines: impl IntoIterator<Item = &'a Line> + Clone,
) -> Result<(), DbErr> {
    lock_heads(tx, lines.clone()).await?;
    change_later(tx, sql::LINE_UP, [of_lines(lines)]).await
}

/// By id, in the first column: RETURNING promises no order.
pub(super) fn sort(rows: &mut Vec<Row>) -> Result<(), DbErr> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        keyed.push((row.parse::<OutboundId>(0)?, row));
    }
    keyed.sort_by_key(|(id, _)| *id);
    rows.extend(keyed.into_iter().map(|(_, row)| row));
    Ok(())
}
