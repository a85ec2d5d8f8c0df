//! Accepting inbound messages (I1, I2, I3).

use std::collections::HashMap;

use palabre_actors::domain::ids::{CorrelationId, InboundId};
use palabre_actors::domain::message::NewInbound;
use palabre_actors::ports::{Acceptance, PortError};
use sea_orm::DbErr;
use uuid::Uuid;

use super::job::AcceptTask;
use super::{Transaction, WriterConnection};
use crate::store::error::port_error;
use crate::store::events::{self, Events};
use crate::store::insert::Rows;
use crate::store::media;
use crate::store::postgres;
use crate::store::sql;
use crate::store::statement::{all, id, list, text, text_or_null, time};
use crate::store::values::{corrupt, details_text};

/// Makes the ids of inbound messages: UUIDv7 that only grow.
#[derive(Debug)]
pub(in crate::store) enum Ids {
    /// From this process's clock, after the last id, even when the clock steps back between two runs.
    Own { last: InboundId },
    /// From the database's id clock, which several nodes share.
    Shared,
}

impl Ids {
    pub fn after(last: Option<InboundId>) -> Self {
        Self::Own { last: last.unwrap_or(InboundId(Uuid::nil())) }
    }

    async fn take(&mut self, tx: &impl Transaction, how_many: usize) -> Result<Vec<InboundId>, DbErr> {
        match self {
            Self::Own { last } => Ok((0..how_many).map(|_| next(last)).collect()),
            Self::Shared => postgres::inbound_ids(tx, how_many).await,
        }
    }
}

fn next(last: &mut InboundId) -> InboundId {
    let fresh = InboundId::fresh();
    // The successor of a UUIDv7 is a UUIDv7 too: its low 62 bits are random, and are not all 1.
    *last = if fresh > *last { fresh } else { InboundId(Uuid::from_u128(last.0.as_u128() + 1)) };
    *last
}

pub(super) async fn apply(
    tx: &impl Transaction,
    tasks: &mut [AcceptTask],
    ids: &mut Ids,
    events: &mut Events,
) -> Result<(), DbErr> {
    if tasks.is_empty() {
        return Ok(());
    }
    let entries = || tasks.iter().flat_map(|task| &task.input);
    let given = ids.take(tx, entries().count()).await?;
    let mut firsts = insert(tx, entries(), &given).await?;
    if entries().any(|new| new.id_per_chat) && !firsts.is_empty() {
        part_chats(tx, tasks, &given, &mut firsts).await?;
    }
    let entries = || tasks.iter().flat_map(|task| &task.input);
    let mut answers = Vec::with_capacity(given.len());
    let mut files = Rows::of(sql::MEDIA);
    for (position, (new, id)) in entries().zip(&given).enumerate() {
        let acceptance = match firsts.get(&position) {
            Some(first) if first.id != *id => {
                events.push(&events::idempotent_ignored(new, first.correlation));
                Acceptance::Duplicate { first: first.correlation }
            }
            _ => {
                events.push(&events::webhook_received(new, id.0));
                media::push(&mut files, new, *id);
                Acceptance::New(new.accepted_as(*id))
            }
        };
        answers.push(Ok(acceptance));
    }
    files.insert(tx).await?;
    let mut answers = answers.into_iter();
    for task in tasks.iter_mut() {
        task.output = Some(Ok(answers.by_ref().take(task.input.len()).collect()));
    }
    Ok(())
}

/// Stores a list of messages that failed together, each in a transaction of its own.
pub(super) async fn one_by_one(conn: &mut WriterConnection, ids: &mut Ids, task: AcceptTask) {
    let mut answers = Vec::with_capacity(task.input.len());
    for new in &task.input {
        let accepted = conn.transact(async |tx| alone(tx, ids, new).await).await;
        answers.push(accepted.map_err(|failure| port_error(failure.into_error())));
    }
    task.send(answers);
}

async fn alone(tx: &impl Transaction, ids: &mut Ids, new: &NewInbound) -> Result<Acceptance, DbErr> {
    let id = ids.take(tx, 1).await?.pop().ok_or_else(|| corrupt("an id"))?;
    let mut firsts = insert(tx, [new].into_iter(), &[id]).await?;
    let renamed = match firsts.get(&0) {
        Some(first) if first.id != id && is_of_another_chat(tx, new, first.id).await? => {
            Some(NewInbound { provider_message_id: new.key_within_chat(), ..new.clone() })
        }
        _ => None,
    };
    let new = renamed.as_ref().unwrap_or(new);
    if renamed.is_some() {
        firsts = insert(tx, [new].into_iter(), &[id]).await?;
    }
    let mut events = Events::none();
    let mut files = Rows::of(sql::MEDIA);
    let acceptance = match firsts.get(&0) {
        Some(first) if first.id != id => {
            events.push(&events::idempotent_ignored(new, first.correlation));
            Acceptance::Duplicate { first: first.correlation }
        }
        _ => {
            events.push(&events::webhook_received(new, id.0));
            media::push(&mut files, new, id);
            Acceptance::New(new.accepted_as(id))
        }
    };
    files.insert(tx).await?;
    events.into_rows().insert(tx).await?;
    Ok(acceptance)
}

/// Gives those entries keys of their own whose ids are those of messages of other chats.
async fn part_chats(
    tx: &impl Transaction,
    tasks: &mut [AcceptTask],
    given: &[InboundId],
    firsts: &mut HashMap<usize, First>,
) -> Result<(), DbErr> {
    let mut others = Vec::new();
    for (position, (new, id)) in tasks.iter().flat_map(|task| &task.input).zip(given).enumerate() {
        if let Some(first) = firsts.get(&position).filter(|first| first.id != *id)
            && is_of_another_chat(tx, new, first.id).await?
        {
            others.push(position);
        }
    }
    for (position, new) in tasks.iter_mut().flat_map(|task| &mut task.input).enumerate() {
        if others.contains(&position) {
            new.provider_message_id = new.key_within_chat();
        }
    }
    for position in others {
        let entry = tasks.iter().flat_map(|task| &task.input).nth(position).zip(given.get(position));
        let Some((new, id)) = entry else { continue };
        firsts.remove(&position);
        let found = insert(tx, [new].into_iter(), std::slice::from_ref(id)).await?;
        firsts.extend(found.into_values().map(|first| (position, first)));
    }
    Ok(())
}

/// Whether a message whose id another one has is of another chat.
async fn is_of_another_chat(tx: &impl Transaction, new: &NewInbound, first: InboundId) -> Result<bool, DbErr> {
    if !new.id_per_chat {
        return Ok(false);
    }
    let rows = all(tx, sql::FIRST_FACTS, [id(first)]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let (from, body) = (row.address(0)?, row.get::<String>(1)?);
    if new.is_same_under(&from, &body) {
        return Ok(false);
    }
    let asked = [text(new.tenant.as_str()), text(new.from.as_str()), text(from.as_str())];
    Ok(all(tx, sql::ARE_ONE_CONTACT, asked).await?.is_empty())
}

struct First {
    id: InboundId,
    correlation: CorrelationId,
}

/// Inserts what is new. When everything was, the result is empty; otherwise it has, for each position, the row that
/// was first (perhaps the entry's own, perhaps one of the same list).
async fn insert<'a>(
    tx: &impl Transaction,
    entries: impl Iterator<Item = &'a NewInbound> + Clone,
    ids: &[InboundId],
) -> Result<HashMap<usize, First>, DbErr> {
    let mut rows = Rows::of(sql::MESSAGES_IN);
    for (new, row) in entries.clone().zip(ids) {
        rows.push([
            id(row),
            text(new.tenant.as_str()),
            text(new.channel.as_str()),
            text(new.provider_message_id.as_str()),
            text(new.from.as_str()),
            text(new.to.as_str()),
            text(new.content.body.as_str()),
            text_or_null(new.content.profile_name.as_deref()),
            text_or_null(details_text(&new.content.details)?),
            text("accepted"),
            id(new.correlation),
            time(new.received_at),
            text(new.from.identity().as_str()),
        ]);
    }
    if rows.insert(tx).await? == ids.len() as u64 {
        return Ok(HashMap::new());
    }
    let keys = entries
        .map(|new| [text(new.tenant.as_str()), text(new.channel.as_str()), text(new.provider_message_id.as_str())]);
    let rows = all(tx, sql::FIRST_BY_KEY, [list(keys)]).await?;
    let firsts = rows.iter().map(|row| {
        let position = usize::try_from(row.get::<i64>(0)?).unwrap_or(usize::MAX);
        Ok((position, First { id: row.parse(1)?, correlation: row.parse(2)? }))
    });
    firsts.collect()
}

/// One error for each message of a list, as the port returns them.
pub(in crate::store) fn all_failed(count: usize, error: &PortError) -> Vec<Result<Acceptance, PortError>> {
    (0..count).map(|_| Err(PortError::from(error.kind))).collect()
}
