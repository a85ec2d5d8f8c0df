//! Statements over many rows: claims, leases, what goes round, idle live sessions; and burials, which are rare.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::{CorrelationId, LiveSessionId};
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::status::Transition;
use palabre_actors::ports::{ChannelKey, Claim, Claimable, EndedLeases, ExpediteRetries, MaintenanceReport, Pause};
use sea_orm::DbErr;

use super::Transaction;
use super::batch::{Burial, Rounds, Sweep, Swept, Task};
use super::conversation_queue::{self, Awaited, Line};
use crate::store::events::{self, Events, Whose, Why};
use crate::store::link::{Text, all, change, column, count, flag, id, list, text, time};
use crate::store::sql;
use crate::store::values::Row;

/// How many conversations, or rows that expired, one call of `tend` looks at.
const PAGE: usize = 256;
/// How many tenants' held rows it looks at, and how many of each: nobody's backlog comes back before another's first.
const HELD_TENANTS: usize = 64;
const HELD_EACH: usize = 64;

pub(super) async fn dead_letter(
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
            Sweep::Claim(claim) => Swept::Rows(self::claim(tx, claim, events).await?),
            Sweep::ExpediteRetries(expedite) => Swept::Count(self::expedite(tx, expedite).await?),
            Sweep::ClaimUnknown(claim) => {
                let values = [time(claim.now), text(claim.node.as_str()), time(claim.lease_until), count(claim.limit)];
                Swept::Rows(claimed(all(tx, sql::CLAIM_UNKNOWN, values).await?)?)
            }
            Sweep::ExpireLeases(leases) => Swept::Count(expire_leases(tx, leases, events).await?),
            Sweep::Tend { now, rounds } => {
                let mut rounds = rounds.clone();
                Swept::MaintenanceReport(maintain(tx, *now, &mut rounds, events).await?, rounds)
            }
            Sweep::Pause(pause, now) => Swept::Count(tell(tx, sql::PAUSE, pause, *now).await?),
            Sweep::Rest(rest, now) => Swept::Count(tell(tx, sql::REST, rest, *now).await?),
            Sweep::Forget(strip) => Swept::Count(strip.delete(tx).await?),
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

/// Says until when nothing leaves through a channel, and why.
async fn tell(tx: &impl Transaction, sql: Text, told: &Pause, now: Timestamp) -> Result<u64, DbErr> {
    let values = [
        text(told.channel_key.channel.as_str()),
        text(told.channel_key.tenant.as_str()),
        text(told.reason.as_str()),
        time(told.until),
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
        Claimable::QuotaExempt => sql::CLAIM_DUTIES,
        Claimable::Heads if claim.keep_order => sql::CLAIM,
        Claimable::Heads => sql::CLAIM_IN_ANY_ORDER,
    };
    let rows = claimed(all(tx, sql, values).await?)?;
    for row in &rows {
        let whose = Whose { tenant: &row.tenant, message: row.id, correlation: row.correlation };
        events.push(&events::outbound(whose, Transition::Claim, Why::at("due", row.attempts), claim.now));
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
    change(tx, sql::HASTEN, values).await
}

/// Rows as they were claimed, oldest first: RETURNING promises no order.
fn claimed(rows: Vec<Row>) -> Result<Vec<Outbound>, DbErr> {
    let mut rows: Vec<_> = rows.iter().map(Row::outbound).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

async fn expire_leases(tx: &impl Transaction, leases: &EndedLeases, events: &mut Events) -> Result<u64, DbErr> {
    let now = leases.now;
    // An empty list would mean that there is nothing to do. What is added to them matches nothing more.
    let lost = list(leases.lost.iter().chain([&now]).map(|until| [time(*until)]));
    let held = column(leases.held.iter().map(ToString::to_string).chain([String::new()]));
    let mut over = all(tx, sql::EXPIRE_LEASES, [text(leases.node.as_str()), time(now), lost, held]).await?;
    conversation_queue::sort(&mut over)?;
    for row in &over {
        let tenant = row.tenant(1)?;
        let whose = Whose { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        let attempt = u32::try_from(row.get::<i64>(3)?).unwrap_or(u32::MAX);
        events.push(&events::outbound(whose, Transition::LoseTrack, Why::at("lease_expired", attempt), now));
    }
    Ok(over.len() as u64)
}

/// What nobody else does, a page at a time: deferred rows that expired, or whose contact wrote while they stepped out, or
/// whose tenant may spend again; lines whose head believes that it stands behind others.
async fn maintain(
    tx: &impl Transaction,
    now: Timestamp,
    rounds: &mut Rounds,
    events: &mut Events,
) -> Result<MaintenanceReport, DbErr> {
    let mut expired = all(tx, sql::EXPIRE_DEFERRED, [time(now), count(PAGE)]).await?;
    conversation_queue::sort(&mut expired)?;
    let mut died = Vec::with_capacity(expired.len());
    for row in &expired {
        let tenant = row.tenant(1)?;
        let whose = Whose { tenant: &tenant, message: row.parse(0)?, correlation: row.parse(2)? };
        events.push(&events::outbound(whose, Transition::Die, Why::of("expired"), now));
        died.push(ChannelKey { channel: row.channel(3)?, tenant });
    }
    let mut written = Vec::new();
    for (tenant, conversation) in page(tx, sql::DEFERRED_PAGE, &mut rounds.deferred).await? {
        written.push(((tenant, conversation), now));
    }
    let mut released = conversation_queue::release(tx, Awaited::Contact, &written, events).await?;
    let due = held(tx, now, &mut rounds.held).await?;
    released += conversation_queue::release(tx, Awaited::Budget, &due, events).await?;
    let orphaned = page(tx, sql::LINE_PAGE, &mut rounds.lines).await?;
    let promoted = conversation_queue::promote_orphans(tx, &orphaned.into_iter().collect()).await?;
    Ok(MaintenanceReport { changed: expired.len() as u64 + released + promoted, died })
}

/// Conversations of the next tenants with something held that is due.
async fn held(tx: &impl Transaction, now: Timestamp, after: &mut String) -> Result<Vec<(Line, Timestamp)>, DbErr> {
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
    Ok(due.into_iter().map(|line| (line, now)).collect())
}

/// The next page of conversations, and of these the ones that want something done.
async fn page(tx: &impl Transaction, sql: Text, after: &mut Line) -> Result<Vec<Line>, DbErr> {
    let values = [text(after.0.as_str()), text(after.1.as_str()), count(PAGE + 1)];
    let rows = all(tx, sql, values).await?;
    let mut wanting = Vec::new();
    *after = Line::default();
    for row in &rows {
        let line: Line = (row.get(0)?, row.get(1)?);
        if rows.len() >= PAGE {
            after.clone_from(&line);
        }
        if row.get(2)? {
            wanting.push(line);
        }
    }
    Ok(wanting)
}
