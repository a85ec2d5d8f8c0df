//! Statements over many rows: claims, leases, idle live sessions; and burials, which are rare.

use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::{CorrelationId, LiveSessionId};
use palabre_actors::domain::message::Outbound;
use sea_orm::DbErr;

use super::Transaction;
use super::batch::{Burial, Sweep, Swept, Task};
use crate::store::events::{self, Events};
use crate::store::sql;
use crate::store::values::{Row, all, change, count, id, text, time};

pub(super) async fn bury(
    tx: &impl Transaction,
    tasks: &mut [Task<Box<Burial>, ()>],
    events: &mut Events,
) -> Result<(), DbErr> {
    for task in tasks {
        let Burial { message, reason, at } = &*task.input;
        let values = [id(message.id), text(message.tenant.as_str()), text(*reason), time(*at)];
        if change(tx, sql::BURY, values).await? > 0 {
            events.push(&events::buried(message, reason, *at));
        }
        task.output = Some(Ok(()));
    }
    Ok(())
}

pub(super) async fn apply(
    tx: &impl Transaction,
    tasks: &mut [Task<Sweep, Swept>],
    events: &mut Events,
) -> Result<(), DbErr> {
    for task in tasks {
        let swept = match &task.input {
            Sweep::Claim(claim) => {
                let values = [
                    text(claim.tenant.as_str()),
                    time(claim.now),
                    text(claim.node.as_str()),
                    time(claim.lease_until),
                    count(claim.limit),
                ];
                Swept::Rows(claimed(all(tx, sql::CLAIM, values).await?)?)
            }
            Sweep::ClaimUnknown(claim) => {
                let values = [time(claim.now), text(claim.node.as_str()), time(claim.lease_until), count(claim.limit)];
                Swept::Rows(claimed(all(tx, sql::CLAIM_UNKNOWN, values).await?)?)
            }
            Sweep::ExpireLeases { node, now } => {
                Swept::Count(change(tx, sql::EXPIRE_LEASES, [text(node.as_str()), time(*now)]).await?)
            }
            Sweep::CloseIdleLive { tenant, idle_since, now } => {
                let values = [text(tenant.as_str()), time(*idle_since), time(*now)];
                let closed = all(tx, sql::CLOSE_IDLE_LIVE, values).await?;
                for row in &closed {
                    let session: LiveSessionId = row.parse(0)?;
                    let flow = CorrelationId::fresh();
                    events.push(&events::live_session(tenant, session, EventType::LiveSessionClosed, flow, *now));
                }
                Swept::Count(closed.len() as u64)
            }
        };
        task.output = Some(Ok(swept));
    }
    Ok(())
}

/// Rows as they were claimed, oldest first: RETURNING promises no order.
fn claimed(rows: Vec<Row>) -> Result<Vec<Outbound>, DbErr> {
    let mut rows: Vec<_> = rows.iter().map(Row::outbound).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}
