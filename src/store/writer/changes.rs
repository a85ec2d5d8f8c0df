//! Settlements and status callbacks: read the rows, move them forward in memory in the order in which the news came,
//! write them back (I5, I8). What a server can settle without reading, it does in one statement; the rows in memory that
//! tell events, usage and lines are the same.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use palabre_actors::domain::ids::OutboundId;
use palabre_actors::ports::{Advanced, Settled, Settlement, StatusUpdate, Usage};
use sea_orm::DbErr;

use super::Transaction;
use super::batch::{Change, Task};
use super::consents::{opted_out_there, welcomed_elsewhere};
use super::conversation_queue::promote;
use super::outbox_row::{News, OutboxRow, Packed};
use crate::store::events::Events;
use crate::store::link::{Rows, all, change_later, column, id, integer, list, text, time};
use crate::store::sql;
use crate::store::values::corrupt;

/// What a transaction does about a row that another one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It waits: nobody can be waiting for it meanwhile.
    Wait,
    /// It leaves the change for later, without an answer.
    Leave,
}

pub(super) async fn apply(
    tx: &impl Transaction,
    tasks: &mut [Task<Change, Advanced>],
    mut taken: Taken,
    events: &mut Events,
) -> Result<(), DbErr> {
    if tasks.is_empty() {
        return Ok(());
    }
    let mut ids = Vec::with_capacity(tasks.len());
    for task in tasks.iter_mut() {
        task.output = None;
        ids.push(match &task.input {
            Change::Settle(settlement) => Some(settlement.message.id),
            Change::Advance(update) => match update.id {
                Some(id) => Some(id),
                None => by_provider_id(tx, update).await?,
            },
        });
    }
    let mut spent = Spent::default();
    let mut left = BTreeSet::new();
    for (at, mut row) in deliver(tx, tasks, &ids).await? {
        let Some((task, id)) = tasks.get_mut(at).zip(ids.get_mut(at)) else { continue };
        let Change::Settle(settlement) = &task.input else { continue };
        row.settle(settlement).into_iter().for_each(|news| spent.note(news, events));
        left.extend(row.line_left());
        task.output = Some(Ok(Advanced::To(row.state)));
        *id = None;
        // Whoever holds some rows must not wait for others.
        taken = Taken::Leave;
    }
    let mut rows = read(tx, &ids, taken).await?;
    for (task, id) in tasks.iter_mut().zip(&ids).filter(|(task, _)| task.output.is_none()) {
        let row = id.and_then(|id| rows.get_mut(&id));
        if taken == Taken::Leave && id.is_some() && row.is_none() {
            // Somebody has it, or there is none: whoever waits for it sees which.
            task.output = None;
            continue;
        }
        task.output = Some(Ok(match &task.input {
            Change::Settle(settlement) => match row {
                Some(row) => {
                    if let Some(news) = row.settle(settlement) {
                        spent.note(news, events);
                        if matches!(settlement.result, Settled::Suppressed { record_opt_out: true, .. }) {
                            opted_out_there(tx, settlement, events).await?;
                        }
                    }
                    Advanced::To(row.state)
                }
                None => Advanced::NoSuchMessage,
            },
            Change::Advance(update) => match row.filter(|row| row.is_of(update)) {
                Some(row) => {
                    let (advanced, news) = row.advance(update);
                    spent.note(news, events);
                    advanced
                }
                None => Advanced::NoSuchMessage,
            },
        }));
    }
    let changed = rows.values().filter(|row| row.is_changed()).map(OutboxRow::columns);
    change_later(tx, sql::OUTBOX_UPDATE, [list(changed)]).await?;
    left.extend(rows.values().filter_map(OutboxRow::line_left));
    promote(tx, &left).await?;
    welcomed_elsewhere(tx, rows.values().filter_map(OutboxRow::left_elsewhere).collect()).await?;
    spent.write(tx).await
}

/// Writes, without reading them first, those that their own channel took while they were being sent, as nearly all are.
/// Answers their positions and what they were; the others are to be read.
async fn deliver(
    tx: &impl Transaction,
    tasks: &[Task<Change, Advanced>],
    ids: &[Option<OutboundId>],
) -> Result<Vec<(usize, OutboxRow)>, DbErr> {
    if sql::DELIVER.in_words_of(tx.dialect()).is_empty() {
        return Ok(Vec::new());
    }
    let mut news: HashMap<OutboundId, usize> = HashMap::new();
    ids.iter().flatten().for_each(|id| *news.entry(*id).or_default() += 1);
    let plain = tasks.iter().enumerate().filter_map(|(at, task)| match &task.input {
        Change::Settle(settlement) if settlement.via.is_none() && news.get(&settlement.message.id) == Some(&1) => {
            let Settled::Sent(receipt) = &settlement.result else { return None };
            Some((at, &**settlement, receipt))
        }
        Change::Settle(_) | Change::Advance(_) => None,
    });
    let (mut places, mut columns) = (Vec::new(), Vec::new());
    for (at, Settlement { message, cost_micros, at: when, .. }, receipt) in plain {
        places.push((at, OutboxRow::being_sent(message)));
        let provider_id = text(receipt.provider_message_id.as_str());
        columns.push([id(message.id), text(message.tenant.as_str()), provider_id, integer(*cost_micros), time(*when)]);
    }
    let delivered = all(tx, sql::DELIVER, [list(columns)]).await?;
    let delivered: HashSet<i64> = delivered.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    Ok(places.into_iter().zip(0..).filter(|(_, at)| delivered.contains(at)).map(|(place, _)| place).collect())
}

/// What the batch sent, by tenant, quarter of an hour and channel.
#[derive(Default)]
struct Spent(BTreeMap<(String, String, String), Usage>);

impl Spent {
    fn note(&mut self, news: News, events: &mut Events) {
        if let Some(event) = &news.event {
            events.push(event);
        }
        if let Some((key, more)) = news.spent {
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
    taken: Taken,
) -> Result<HashMap<OutboundId, OutboxRow>, DbErr> {
    let mut wanted: Vec<_> = ids.iter().flatten().collect();
    wanted.sort();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = if taken == Taken::Wait { sql::OUTBOX_ROWS } else { sql::OUTBOX_ROWS_FREE };
    let packed = all(tx, rows, [column(wanted)]).await?;
    let packed: String = packed.first().ok_or_else(|| corrupt("outbox rows"))?.get(0)?;
    let packed: Vec<Packed> = serde_json::from_str(&packed).map_err(|_| corrupt("outbox rows"))?;
    Ok(packed.into_iter().map(|row| (row.0, OutboxRow::unpack(row))).collect())
}
