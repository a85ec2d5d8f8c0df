//! Who stands first in a conversation's line, and who steps out of it or back.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::domain::status::Transition;
use sea_orm::DbErr;

use super::Transaction;
use crate::store::events::{self, Events, Whose, Why};
use crate::store::link::{Value, all, change, list, text, time};
use crate::store::sql;
use crate::store::values::Row;

/// Tenant and conversation.
pub(super) type Line = (String, String);

/// Tells the heads of these lines that nobody stands before them. Answers how many did not know.
pub(super) async fn promote(tx: &impl Transaction, lines: &BTreeSet<Line>) -> Result<u64, DbErr> {
    if lines.is_empty() {
        return Ok(0);
    }
    change(tx, sql::PROMOTE, [of_lines(lines)]).await
}

/// Keeps whoever stands before others there until the end of the transaction.
pub(super) async fn lock_heads(tx: &impl Transaction, lines: &BTreeSet<Line>) -> Result<(), DbErr> {
    all(tx, sql::LOCK_HEADS, [of_lines(lines)]).await.map(|_| ())
}

fn of_lines(lines: &BTreeSet<Line>) -> Value {
    list(lines.iter().map(|(tenant, conversation)| [text(tenant.as_str()), text(conversation.as_str())]))
}

/// Holds back what no sender has begun (I6).
pub(super) async fn suppress(
    tx: &impl Transaction,
    tenant: &TenantId,
    address: &Address,
    at: Timestamp,
    events: &mut Events,
) -> Result<(), DbErr> {
    let values = [text(tenant.as_str()), text(address.as_str()), time(at)];
    let mut held = all(tx, sql::SUPPRESS, values).await?;
    sort(&mut held)?;
    let mut lines = BTreeSet::new();
    for row in &held {
        let whose = Whose { tenant, message: row.parse(0)?, correlation: row.parse(1)? };
        events.push(&events::outbound(whose, Transition::Suppress, Why::of("opted_out"), at));
        lines.insert((tenant.as_str().to_owned(), row.get(2)?));
    }
    promote(tx, &lines).await.map(|_| ())
}

/// Puts what waits for these contacts back into the line, where it stood, and tells who stands behind whom. With
/// the moment. Answers how many rows there were.
pub(super) async fn release(
    tx: &impl Transaction,
    lines: &[(Line, Timestamp)],
    events: &mut Events,
) -> Result<u64, DbErr> {
    if lines.is_empty() {
        return Ok(0);
    }
    let lines = list(
        lines
            .iter()
            .map(|((tenant, conversation), at)| [text(tenant.as_str()), text(conversation.as_str()), time(*at)]),
    );
    let mut released = all(tx, sql::RELEASE, [lines.clone()]).await?;
    sort(&mut released)?;
    for row in &released {
        let tenant = row.tenant(1)?;
        let whose = Whose { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        events.push(&events::outbound(whose, Transition::Release, Why::of("contact_wrote"), row.time(3)?));
    }
    if !released.is_empty() {
        change(tx, sql::LINE_UP, [lines]).await?;
    }
    Ok(released.len() as u64)
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
