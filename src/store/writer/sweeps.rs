//! Statements over many rows: claims, leases, maintenance, idle live sessions; and dead letters.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::{CorrelationId, LiveSessionId};
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::status::Transition;
use palabre_actors::ports::{ChannelKey, Claim, Claimable, EndedLeases, ExpediteRetries, MaintenanceReport, Pause};
use sea_orm::DbErr;

use super::Transaction;
use super::conversation_queue::{self, Awaited, QueueKey};
use super::job::{DeadLetter, ScanCursors, Sweep, Swept, Task};
use super::merging;
use crate::store::events::{self, EventReason, Events, OutboundRef};
use crate::store::sql;
use crate::store::statement::{SqlText, all, change, column, count, flag, id, list, text, time};
use crate::store::values::Row;

/// Conversations, or rows that expired, that one call of maintenance looks at.
const PAGE: usize = 256;
/// Tenants whose budget-held rows it looks at, and how many rows of each: no tenant's backlog comes back before
/// another's first row.
const HELD_TENANTS: usize = 64;
const HELD_EACH: usize = 64;

pub(super) async fn dead_letter(
    tx: &impl Transaction,
    tasks: &mut [Task<Box<DeadLetter>, ()>],
    events: &mut Events,
) -> Result<(), DbErr> {
    for task in tasks {
        let DeadLetter { message, reason, at } = &*task.input;
        let values = [id(message.id), text(message.tenant.as_str()), text(*reason), time(*at)];
        if change(tx, sql::DEAD_LETTER, values).await? > 0 {
            events.push(&events::dead_lettered(message, reason, *at));
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
            Sweep::Claim(claim) => Swept::Rows(self::claim(tx, claim, events).await?),
            Sweep::ExpediteRetries(expedite) => Swept::Count(self::expedite(tx, expedite).await?),
            Sweep::ClaimUnknown(claim) => {
                let values = [time(claim.now), text(claim.node.as_str()), time(claim.lease_until), count(claim.limit)];
                Swept::Rows(claimed(all(tx, sql::CLAIM_UNKNOWN, values).await?)?)
            }
            Sweep::ExpireLeases(leases) => Swept::Count(expire_leases(tx, leases, events).await?),
            Sweep::Maintain { now, cursors } => {
                let mut cursors = cursors.clone();
                Swept::MaintenanceReport(maintain(tx, *now, &mut cursors, events).await?, cursors)
            }
            Sweep::Pause(pause, now) => Swept::Count(write_channel_row(tx, sql::PAUSE, pause, *now).await?),
            Sweep::PostChannelNotice(notice, now) => {
                Swept::Count(write_channel_row(tx, sql::POST_CHANNEL_NOTICE, notice, *now).await?)
            }
            Sweep::Unite(found) => Swept::Union(merging::unite(tx, found, events).await?),
            Sweep::DeleteOld(old_rows) => Swept::Count(old_rows.delete(tx).await?),
            Sweep::CloseIdleLive { tenant, idle_since, now } => {
                let values = [text(tenant.as_str()), time(*idle_since), time(*now)];
                let closed = all(tx, sql::CLOSE_IDLE_LIVE, values).await?;
                for row in &closed {
                    let session: LiveSessionId = row.parse(0)?;
                    let correlation = CorrelationId::fresh();
                    events.push(&events::live_session(
                        tenant,
                        session,
                        EventType::LiveSessionClosed,
                        correlation,
                        *now,
                    ));
                }
                Swept::Count(closed.len() as u64)
            }
        };
        task.output = Some(Ok(swept));
    }
    Ok(())
}

/// Writes a pause or a notice: until when nothing leaves through a channel, and why.
async fn write_channel_row(tx: &impl Transaction, sql: SqlText, pause: &Pause, now: Timestamp) -> Result<u64, DbErr> {
    let values = [
        text(pause.channel_key.channel.as_str()),
        text(pause.channel_key.tenant.as_str()),
        text(pause.reason.as_str()),
        time(pause.until),
        time(now),
    ];
    change(tx, sql, values).await
}

async fn claim(tx: &impl Transaction, claim: &Claim, events: &mut Events) -> Result<Vec<Outbound>, DbErr> {
    let values = [
        text(claim.channel_key.tenant.as_str()),
        time(claim.now),
        text(claim.node.as_str()),
        time(claim.lease_until),
        count(claim.limit),
        text(claim.channel_key.channel.as_str()),
    ];
    let sql = match claim.which {
        Claimable::QuotaExempt => sql::CLAIM_QUOTA_EXEMPT,
        Claimable::Heads if claim.keep_order => sql::CLAIM,
        Claimable::Heads => sql::CLAIM_IN_ANY_ORDER,
    };
    let rows = claimed(all(tx, sql, values).await?)?;
    for row in &rows {
        let reference = OutboundRef { tenant: &row.tenant, message: row.id, correlation: row.correlation };
        events.push(&events::outbound(reference, Transition::Claim, EventReason::at("due", row.attempts), claim.now));
    }
    Ok(rows)
}

async fn expedite(tx: &impl Transaction, expedite: &ExpediteRetries) -> Result<u64, DbErr> {
    let values = [
        text(expedite.channel_key.tenant.as_str()),
        text(expedite.channel_key.channel.as_str()),
        time(expedite.now),
        count(expedite.limit),
        flag(expedite.any_address),
        flag(expedite.without_text),
    ];
    change(tx, sql::EXPEDITE_RETRIES, values).await
}

/// Sorts claimed rows, the oldest first: RETURNING promises no order.
fn claimed(rows: Vec<Row>) -> Result<Vec<Outbound>, DbErr> {
    let mut rows: Vec<_> = rows.iter().map(Row::outbound).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

async fn expire_leases(tx: &impl Transaction, leases: &EndedLeases, events: &mut Events) -> Result<u64, DbErr> {
    let now = leases.now;
    // A statement over an empty list is not run, so each list gets one value that matches nothing more.
    let lost = list(leases.lost.iter().chain([&now]).map(|until| [time(*until)]));
    let held = column(leases.held.iter().map(ToString::to_string).chain([String::new()]));
    let mut over = all(tx, sql::EXPIRE_LEASES, [text(leases.node.as_str()), time(now), lost, held]).await?;
    conversation_queue::sort(&mut over)?;
    for row in &over {
        let tenant = row.tenant(1)?;
        let reference = OutboundRef { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        let attempt = u32::try_from(row.get::<i64>(3)?).unwrap_or(u32::MAX);
        events.push(&events::outbound(
            reference,
            Transition::LoseTrack,
            EventReason::at("lease_expired", attempt),
            now,
        ));
    }
    Ok(over.len() as u64)
}

/// One page of maintenance: deferred rows that expired, whose contact wrote meanwhile, or whose tenant may spend
/// again; and queues whose head is wrongly marked as blocked.
async fn maintain(
    tx: &impl Transaction,
    now: Timestamp,
    cursors: &mut ScanCursors,
    events: &mut Events,
) -> Result<MaintenanceReport, DbErr> {
    let mut expired = all(tx, sql::EXPIRE_DEFERRED, [time(now), count(PAGE)]).await?;
    conversation_queue::sort(&mut expired)?;
    let mut died = Vec::with_capacity(expired.len());
    for row in &expired {
        let tenant = row.tenant(1)?;
        let reference = OutboundRef { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        events.push(&events::outbound(reference, Transition::Die, EventReason::of("expired"), now));
        died.push(ChannelKey { channel: row.channel(3)?, tenant });
    }
    let mut writing_contacts = Vec::new();
    for (tenant, conversation) in page(tx, sql::DEFERRED_PAGE, &mut cursors.deferred).await? {
        writing_contacts.push(((tenant, conversation), now));
    }
    let mut released = conversation_queue::release(tx, Awaited::Contact, &writing_contacts, events).await?;
    let due = held(tx, now, &mut cursors.held).await?;
    released += conversation_queue::release(tx, Awaited::Budget, &due, events).await?;
    let orphaned = page(tx, sql::QUEUE_PAGE, &mut cursors.queues).await?;
    let promoted = conversation_queue::unblock_stale_heads(tx, &orphaned.into_iter().collect()).await?;
    Ok(MaintenanceReport { changed: expired.len() as u64 + released + promoted, died })
}

/// Conversations of the next tenants with budget-held rows that are due.
async fn held(tx: &impl Transaction, now: Timestamp, after: &mut String) -> Result<Vec<(QueueKey, Timestamp)>, DbErr> {
    let values = [text(after.as_str()), time(now), count(HELD_TENANTS), count(HELD_EACH)];
    let (mut tenants, mut due) = (BTreeSet::new(), BTreeSet::new());
    for row in &all(tx, sql::HELD_PAGE, values).await? {
        let tenant: String = row.get(0)?;
        if let Some(conversation) = row.get::<Option<String>>(1)? {
            due.insert((tenant.clone(), conversation));
        }
        tenants.insert(tenant);
    }
    let full = tenants.len() >= HELD_TENANTS;
    *after = tenants.pop_last().filter(|_| full).unwrap_or_default();
    Ok(due.into_iter().map(|queue| (queue, now)).collect())
}

/// Reads the next page of conversations. Returns those that need something done.
async fn page(tx: &impl Transaction, sql: SqlText, after: &mut QueueKey) -> Result<Vec<QueueKey>, DbErr> {
    let values = [text(after.0.as_str()), text(after.1.as_str()), count(PAGE + 1)];
    let rows = all(tx, sql, values).await?;
    let mut wanting = Vec::new();
    *after = QueueKey::default();
    for row in &rows {
        let queue: QueueKey = (row.get(0)?, row.get(1)?);
        if rows.len() >= PAGE {
            after.clone_from(&queue);
        }
        if row.get(2)? {
            wanting.push(queue);
        }
    }
    Ok(wanting)
}
