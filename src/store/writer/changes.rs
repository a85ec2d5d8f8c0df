//! Settlements and status callbacks move outbox rows forward (I5, I8).
//!
//! The rows are read, moved in memory in the order in which the news came, and written back. What a server can settle
//! without reading, it does in one statement; the rows in memory that make events, usage and queue keys are the same.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::send::SendErrorClass;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::{Advanced, Settled, Settlement, StatusUpdate, Usage};
use sea_orm::DbErr;

use super::Transaction;
use super::consents::{record_failover_welcomes, record_provider_opt_out};
use super::conversation_queue::unblock_heads;
use super::job::{OutboxChange, Task};
use super::late_failures::{self, LateFailed};
use super::outbox_row::{ChangeEffects, OutboxRow, PackedOutboxRow};
use crate::store::events::Events;
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{all, change_later, column, id, integer, list, text, time};
use crate::store::values::corrupt;

/// What a transaction does about a row that another one has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnLocked {
    /// Wait for it: this transaction holds no rows yet that the other may wait for.
    Wait,
    /// Skip the change; it is written later in a batch of its own.
    Skip,
}

pub(super) async fn apply(
    tx: &impl Transaction,
    tasks: &mut [Task<OutboxChange, Advanced>],
    mut on_locked: OnLocked,
    events: &mut Events,
) -> Result<(), DbErr> {
    if tasks.is_empty() {
        return Ok(());
    }
    let mut ids = Vec::with_capacity(tasks.len());
    for task in tasks.iter_mut() {
        task.output = None;
        ids.push(match &task.input {
            OutboxChange::Settle(settlement) => Some(settlement.message.id),
            OutboxChange::Advance(update) => match update.id {
                Some(id) => Some(id),
                None => by_provider_id(tx, update).await?,
            },
        });
    }
    let mut usage = UsageDelta::default();
    let mut left = BTreeSet::new();
    for (at, mut row) in settle_sent(tx, tasks, &ids).await? {
        let Some((task, id)) = tasks.get_mut(at).zip(ids.get_mut(at)) else { continue };
        let OutboxChange::Settle(settlement) = &task.input else { continue };
        row.settle(settlement).into_iter().for_each(|effects| usage.note(effects, events));
        left.extend(row.queue_left());
        task.output = Some(Ok(Advanced::To(row.state)));
        *id = None;
        // A transaction that holds rows must not wait for others.
        on_locked = OnLocked::Skip;
    }
    let mut rows = read(tx, &ids, on_locked).await?;
    let mut failed = Vec::new();
    for (at, (task, id)) in tasks.iter_mut().zip(&ids).enumerate().filter(|(_, (task, _))| task.output.is_none()) {
        let row = id.and_then(|id| rows.get_mut(&id));
        if on_locked == OnLocked::Skip && id.is_some() && row.is_none() {
            // The row is locked, or there is none: the next batch, which waits, sees which.
            task.output = None;
            continue;
        }
        task.output = Some(Ok(match &task.input {
            OutboxChange::Settle(settlement) => match row {
                Some(row) => {
                    if let Some(effects) = row.settle(settlement) {
                        usage.note(effects, events);
                        if matches!(settlement.result, Settled::Suppressed { record_opt_out: true, .. }) {
                            record_provider_opt_out(tx, (&**settlement).into(), events).await?;
                        }
                    }
                    Advanced::To(row.state)
                }
                None => Advanced::NoSuchMessage,
            },
            OutboxChange::Advance(update) => match row.filter(|row| row.is_of(update)) {
                Some(row) => {
                    let (advanced, effects) = row.advance(update);
                    usage.note(effects, events);
                    // Who opted out did so whatever the row says by now: the code may come in a second callback.
                    if advanced == Advanced::To(OutboxState::Failed) || says_opted_out(update) {
                        failed.extend(LateFailed::of(at, row, update));
                    }
                    advanced
                }
                None => Advanced::NoSuchMessage,
            },
        }));
    }
    let changed = rows.values().filter(|row| row.is_changed()).map(OutboxRow::columns);
    change_later(tx, sql::OUTBOX_UPDATE, [list(changed)]).await?;
    // After the rows themselves: what follows from them changes them again, and suppresses others.
    for (at, advanced) in late_failures::act(tx, failed, events).await? {
        if let Some(task) = tasks.get_mut(at) {
            task.output = Some(Ok(advanced));
        }
    }
    left.extend(rows.values().filter_map(OutboxRow::queue_left));
    unblock_heads(tx, &left).await?;
    record_failover_welcomes(tx, rows.values().filter_map(OutboxRow::sent_by_failover).collect()).await?;
    usage.write(tx).await
}

fn says_opted_out(update: &StatusUpdate) -> bool {
    update.failure.as_ref().is_some_and(|failure| failure.class == SendErrorClass::OptedOut)
}

/// Settles, without reading the rows first, messages that their own channel took at the first answer, as nearly all
/// are. Returns their positions and rows as they were; the other rows are to be read.
async fn settle_sent(
    tx: &impl Transaction,
    tasks: &[Task<OutboxChange, Advanced>],
    ids: &[Option<OutboundId>],
) -> Result<Vec<(usize, OutboxRow)>, DbErr> {
    if sql::MARK_SENT.for_dialect(tx.dialect()).is_empty() {
        return Ok(Vec::new());
    }
    let mut changes_of: HashMap<OutboundId, usize> = HashMap::new();
    ids.iter().flatten().for_each(|id| *changes_of.entry(*id).or_default() += 1);
    let plain = tasks.iter().enumerate().filter_map(|(at, task)| match &task.input {
        OutboxChange::Settle(settlement)
            if settlement.via.is_none() && changes_of.get(&settlement.message.id) == Some(&1) =>
        {
            let Settled::Sent(receipt) = &settlement.result else { return None };
            Some((at, &**settlement, receipt))
        }
        OutboxChange::Settle(_) | OutboxChange::Advance(_) => None,
    });
    let (mut places, mut columns) = (Vec::new(), Vec::new());
    for (at, Settlement { message, cost_micros, at: when, .. }, receipt) in plain {
        places.push((at, OutboxRow::being_sent(message)));
        let provider_id = text(receipt.provider_message_id.as_str());
        let life = integer(message.generation.number);
        columns.push([
            id(message.id),
            text(message.tenant.as_str()),
            provider_id,
            integer(*cost_micros),
            time(*when),
            life,
        ]);
    }
    let delivered = all(tx, sql::MARK_SENT, [list(columns)]).await?;
    let delivered: HashSet<i64> = delivered.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    Ok(places.into_iter().zip(0..).filter(|(_, at)| delivered.contains(at)).map(|(place, _)| place).collect())
}

/// What the batch sent, by tenant, quarter of an hour and channel.
#[derive(Default)]
struct UsageDelta(BTreeMap<(String, String, String), Usage>);

impl UsageDelta {
    fn note(&mut self, effects: ChangeEffects, events: &mut Events) {
        if let Some(event) = &effects.event {
            events.push(event);
        }
        if let Some((key, more)) = effects.usage {
            let usage = self.0.entry(key).or_default();
            usage.messages += more.messages;
            usage.cost_micros += more.cost_micros;
        }
    }

    async fn write(self, tx: &impl Transaction) -> Result<(), DbErr> {
        let mut rows = Rows::of(sql::USAGE);
        for ((tenant, quarter, channel), usage) in self.0 {
            let (messages, cost) = (integer(usage.messages), integer(usage.cost_micros));
            rows.push([text(tenant), text(quarter), text(channel), messages, cost]);
        }
        rows.insert_later(tx).await
    }
}

async fn by_provider_id(tx: &impl Transaction, update: &StatusUpdate) -> Result<Option<OutboundId>, DbErr> {
    let key = [update.tenant.as_str(), update.channel.as_str(), update.provider_message_id.as_str()];
    let rows = all(tx, sql::OUTBOX_BY_PROVIDER_ID, key.map(text)).await?;
    rows.first().map(|row| row.parse(0)).transpose()
}

async fn read(
    tx: &impl Transaction,
    ids: &[Option<OutboundId>],
    on_locked: OnLocked,
) -> Result<HashMap<OutboundId, OutboxRow>, DbErr> {
    let mut wanted: Vec<_> = ids.iter().flatten().collect();
    wanted.sort();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = if on_locked == OnLocked::Wait { sql::OUTBOX_ROWS } else { sql::OUTBOX_ROWS_FREE };
    let packed = all(tx, rows, [column(wanted)]).await?;
    let packed: String = packed.first().ok_or_else(|| corrupt("outbox rows"))?.get(0)?;
    let packed: Vec<PackedOutboxRow> = serde_json::from_str(&packed).map_err(|_| corrupt("outbox rows"))?;
    Ok(packed.into_iter().map(|row| (row.0, OutboxRow::unpack(row))).collect())
}
