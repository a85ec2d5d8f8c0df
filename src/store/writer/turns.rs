//! Committing turns (I4).

mod columns;

use std::collections::{BTreeSet, HashSet};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Identity;
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::{LiveSessionId, TenantId};
use palabre_actors::domain::status::HeldReason;
use palabre_actors::domain::turn::{Draft, SessionChange, Start, Turn};
use palabre_actors::ports::PortErrorKind;
use sea_orm::DbErr;
use uuid::Uuid;

use self::columns::{conversation, draft_row, turn_columns};
use super::Transaction;
use super::conversation_queue::{Awaited, QueueKey, lock_heads, release, unblock_heads};
use super::job::Task;
use crate::store::events::{self, Events};
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{
    Dialect, all, change_later, flag, id, id_or_null, integer, list, text, text_or_null, time, time_or_null,
};
use crate::store::values::{Row, corrupt};

type TurnTask = Task<Box<Turn>, ()>;

/// Writes the turns of a batch in waves: in one wave no two turns touch the same conversation, contact or message, so
/// that each wave is checked and written as a set.
pub(super) async fn apply(tx: &impl Transaction, tasks: &mut [TurnTask], events: &mut Events) -> Result<(), DbErr> {
    for task in tasks.iter_mut() {
        task.output = None;
    }
    loop {
        let mut wave = next_wave(tasks);
        if wave.is_empty() {
            return Ok(());
        }
        let turns: Vec<_> = wave.iter().map(|task| &*task.input).collect();
        let Checked { refused, deferred } = admit(tx, &turns).await?;
        let passed = |at: &usize| !refused.contains(at);
        let releasing: Vec<_> = deferred
            .iter()
            .filter(|at| passed(at))
            .filter_map(|at| turns.get(*at))
            .map(|turn| queue_of(turn))
            .collect();
        let passed: Vec<_> = turns.iter().enumerate().filter(|(at, _)| passed(at)).map(|(_, turn)| *turn).collect();
        write(tx, &passed, &releasing, events).await?;
        for (at, task) in wave.iter_mut().enumerate() {
            task.output = Some(if refused.contains(&at) { Err(PortErrorKind::Conflict) } else { Ok(()) });
        }
    }
}

fn next_wave(tasks: &mut [TurnTask]) -> Vec<&mut TurnTask> {
    let mut ids: HashSet<Uuid> = HashSet::new();
    let mut newcomers: HashSet<(TenantId, Identity)> = HashSet::new();
    let open = tasks.iter_mut().filter(|task| task.output.is_none());
    let wave = open.filter(|task| {
        let turn = &task.input;
        let touched = [Some(turn.conversation.id.0), Some(turn.contact.id.0), turn.consumed.as_ref().map(|c| c.id.0)];
        let who = (turn.key.tenant.clone(), turn.key.person.clone());
        let free = !touched.iter().flatten().any(|id| ids.contains(id)) && !newcomers.contains(&who);
        // A turn that waits reserves its ids too: a later turn must not overtake it.
        ids.extend(touched.into_iter().flatten());
        if turn.expected_version == 0 {
            newcomers.insert(who);
        }
        free
    });
    wave.collect()
}

/// Results of the checks, as positions of turns.
struct Checked {
    /// Their version moved, their message had its turn, their contact is known under another id, or they would
    /// release rows that they do not know of.
    refused: HashSet<usize>,
    /// Their conversation has rows that wait for the contact, who wrote.
    deferred: HashSet<usize>,
}

/// Whether conversation and message are written by the statement that checks them.
fn writes_while_checking(tx: &impl Transaction, turn: &Turn) -> bool {
    tx.dialect() == Dialect::Postgres && turn.expected_version > 0
}

/// Checks which turns may be written, and locks what they are about until the end of the transaction.
async fn admit(tx: &impl Transaction, turns: &[&Turn]) -> Result<Checked, DbErr> {
    let gone = super::timers::gone(tx, turns).await?;
    let (existing, others): (Vec<_>, Vec<_>) = (0..turns.len())
        .filter(|at| !gone.contains(at))
        .partition(|at| turns.get(*at).is_some_and(|turn| writes_while_checking(tx, turn)));
    let mut checked = check_and_write(tx, turns, existing).await?;
    checked.refused.extend(gone);
    let found: Vec<_> = others.iter().filter_map(|at| turns.get(*at).copied()).collect();
    let stale = lock(tx, &found).await?;
    let more = check(tx, &found, stale).await?;
    let back = |at: usize| others.get(at).copied();
    checked.refused.extend(more.refused.into_iter().filter_map(back));
    checked.deferred.extend(more.deferred.into_iter().filter_map(back));
    Ok(checked)
}

/// Writes conversation and message of those of the turns (`places`) that may be written.
async fn check_and_write(tx: &impl Transaction, turns: &[&Turn], mut places: Vec<usize>) -> Result<Checked, DbErr> {
    let mut checked = Checked { refused: HashSet::new(), deferred: HashSet::new() };
    // In the order of ids: two transactions wait for each other in one direction only.
    places.sort_by_key(|at| turns.get(*at).map(|turn| turn.conversation.id));
    let mut columns = Vec::with_capacity(places.len());
    for turn in places.iter().filter_map(|at| turns.get(*at)) {
        columns.push(turn_columns(turn)?);
    }
    let rows = all(tx, sql::WRITE_TURNS, [list(columns)]).await?;
    let Some(row) = rows.first() else { return Ok(checked) };
    if row.get::<i64>(2)? != 0 {
        return Err(DbErr::RecordNotUpdated);
    }
    let (written, releasing) = (positions(row, 0)?, positions(row, 1)?);
    checked.refused.extend(places.iter().enumerate().filter(|(at, _)| !written.contains(at)).map(|(_, place)| *place));
    checked.deferred.extend(releasing.into_iter().filter_map(|at| places.get(at).copied()));
    Ok(checked)
}

/// Locks what the turns are about until the end of the transaction. Returns the positions of those that are too late
/// already.
async fn lock(tx: &impl Transaction, turns: &[&Turn]) -> Result<HashSet<usize>, DbErr> {
    let locks = turns.iter().map(|turn| {
        let consumed = turn.consumed.as_ref().map(|consumed| consumed.id);
        [text(turn.key.tenant.as_str()), id_or_null(consumed), text(turn.key.person.as_str())]
    });
    let rows = all(tx, sql::LOCK_TURNS, [list(locks)]).await?;
    // SQLite has one writer and no such statement.
    let Some(row) = rows.first() else { return Ok(HashSet::new()) };
    let waiting = positions(row, 1)?;
    let is_stale = |at: usize, turn: &Turn| turn.consumed.is_some() && !waiting.contains(&at);
    Ok(turns.iter().enumerate().filter(|(at, turn)| is_stale(*at, turn)).map(|(at, _)| at).collect())
}

/// Parses positions such as `0 2 3`.
fn positions(row: &Row, column: usize) -> Result<HashSet<usize>, DbErr> {
    let listed: String = row.get(column)?;
    listed.split_whitespace().map(|at| at.parse().map_err(|_| corrupt("a position"))).collect()
}

async fn check(tx: &impl Transaction, turns: &[&Turn], stale: HashSet<usize>) -> Result<Checked, DbErr> {
    let checks = turns.iter().map(|turn| {
        let new = turn.expected_version == 0;
        [
            text(turn.key.tenant.as_str()),
            id_or_null(turn.consumed.as_ref().map(|consumed| consumed.id)),
            id(turn.conversation.id),
            integer(turn.expected_version),
            text(turn.key.channel.as_str()),
            id_or_null(new.then_some(turn.contact.id)),
            text(turn.key.person.as_str()),
            flag(turn.releases),
            id_or_null(turn.outbox.iter().map(|draft| draft.message.id).min()),
        ]
    });
    let rows = all(tx, sql::CONFLICTS, [list(checks)]).await?;
    let mut checked = Checked { refused: stale, deferred: HashSet::new() };
    for row in &rows {
        let position = usize::try_from(row.get::<i64>(0)?).map_err(|_| corrupt("a position"))?;
        let knows = turns.get(position).is_some_and(|turn| turn.knows_deferred);
        let which = if row.get(1)? || !knows { &mut checked.refused } else { &mut checked.deferred };
        which.insert(position);
    }
    Ok(checked)
}

/// The queue of a turn's conversation, and the time of the turn.
fn queue_of(turn: &Turn) -> (QueueKey, Timestamp) {
    ((turn.key.tenant.as_str().to_owned(), turn.conversation.id.to_string()), turn.at)
}

async fn write(
    tx: &impl Transaction,
    turns: &[&Turn],
    releasing: &[(QueueKey, Timestamp)],
    events: &mut Events,
) -> Result<(), DbErr> {
    if turns.is_empty() {
        return Ok(());
    }
    consume(tx, turns).await?;
    let mut contacts = Rows::of(sql::CONTACTS);
    let mut addresses = Rows::of(sql::CONTACT_ADDRESSES);
    let mut conversations = Rows::of(sql::CONVERSATIONS);
    for turn in turns {
        let (tenant, contact, at) = (turn.key.tenant.as_str(), turn.contact.id, turn.at);
        if turn.contact_changed {
            contacts.push([id(contact), text(tenant), text_or_null(turn.contact.name.as_deref()), time(at), time(at)]);
        }
        let new =
            (turn.expected_version == 0 || turn.respelled).then_some((&turn.key.address, turn.key.person.clone()));
        for (address, person) in new.into_iter().chain(turn.alias.iter().map(|alias| (alias, alias.identity()))) {
            addresses.push([
                text(tenant),
                text(address.as_str()),
                id(contact),
                time(at),
                text(person.as_str()),
                flag(true),
            ]);
        }
        if !writes_while_checking(tx, turn) {
            conversations.push(conversation(turn, &turn.conversation)?);
        }
        turn.events.iter().for_each(|event| events.push(event));
    }
    contacts.insert_later(tx).await?;
    addresses.insert_later(tx).await?;
    conversations.insert_later(tx).await?;
    sessions(tx, turns).await?;
    super::timers::apply(tx, turns).await?;
    super::scarce::apply(tx, turns).await?;
    for turn in turns {
        if let Some(session) = turn.live_session {
            keep_live(tx, turn, session, events).await?;
        }
    }
    release(tx, Awaited::Contact, releasing, events).await?;
    outbox(tx, turns).await?;
    super::consents::apply(tx, turns, events).await
}

/// Writes the outbox rows of the turns. Rows that were to be blocked by rows that left meanwhile are unblocked.
async fn outbox(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let (mut plain, mut full) = (Rows::of(sql::MESSAGES_OUT), Rows::of(sql::MESSAGES_OUT_FULL));
    let mut behind = BTreeSet::new();
    for turn in turns {
        for draft in &turn.outbox {
            let message = &draft.message;
            let base = draft_row(draft, turn.at);
            if is_plain(draft) {
                plain.push(base);
            } else {
                let template = message.template.as_ref().map(serde_json::to_string).transpose();
                let action = message.action.as_ref().map(serde_json::to_string).transpose();
                let choices =
                    (!message.choices.is_empty()).then(|| serde_json::to_string(&message.choices)).transpose();
                let presentation = message.presentation.as_ref().map(serde_json::to_string).transpose();
                let scheduled = match draft.start {
                    Start::Scheduled(at) => Some(at),
                    Start::Now { .. } | Start::Queued { .. } => None,
                };
                full.push_all(base.into_iter().chain([
                    text_or_null(template.map_err(|_| corrupt("a template"))?),
                    flag(message.urgent),
                    time_or_null(message.expires_at),
                    text_or_null(draft.idempotency_key.as_deref()),
                    text_or_null(action.map_err(|_| corrupt("an action"))?),
                    text_or_null(choices.map_err(|_| corrupt("choices"))?),
                    text_or_null(presentation.map_err(|_| corrupt("a presentation"))?),
                    text_or_null(scheduled.map(|_| HeldReason::Scheduled.as_str())),
                    time_or_null(scheduled),
                ]));
            }
            if matches!(draft.start, Start::Queued { behind: true, .. }) {
                behind.insert((message.tenant.as_str().to_owned(), message.conversation.to_string()));
            }
        }
    }
    plain.insert_later(tx).await?;
    full.insert_later(tx).await?;
    lock_heads(tx, &behind).await?;
    unblock_heads(tx, &behind).await
}

fn is_plain(draft: &Draft) -> bool {
    let message = &draft.message;
    !matches!(draft.start, Start::Scheduled(_))
        && message.template.is_none()
        && message.action.is_none()
        && message.choices.is_empty()
        && message.presentation.is_none()
        && message.urgent
        && message.expires_at.is_none()
        && draft.idempotency_key.is_none()
}

async fn consume(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let rest = turns.iter().filter(|turn| !writes_while_checking(tx, turn));
    let consumed = rest.filter_map(|turn| Some((turn, turn.consumed.as_ref()?)));
    let rows = consumed.map(|(turn, consumed)| {
        let (role, outcome) = (consumed.role.as_str(), consumed.outcome.as_str());
        [id(consumed.id), id(turn.conversation.id), text(role), text(outcome), time(turn.at)]
    });
    change_later(tx, sql::MARK_PROCESSED, [list(rows)]).await
}

async fn sessions(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut opened = Rows::of(sql::SESSIONS);
    let mut closed = Vec::new();
    for turn in turns {
        for change in &turn.sessions {
            match change {
                SessionChange::Open(session) => {
                    let current = turn.conversation.session.as_ref().filter(|current| current.id == *session);
                    opened.push([
                        id(session),
                        text(turn.key.tenant.as_str()),
                        id(turn.conversation.id),
                        time(current.map_or(turn.at, |current| current.opened_at)),
                    ]);
                }
                SessionChange::Close(session) => closed.push([id(session), time(turn.at)]),
            }
        }
    }
    opened.insert_later(tx).await?;
    change_later(tx, sql::CLOSE_SESSIONS, [list(closed)]).await
}

async fn keep_live(
    tx: &impl Transaction,
    turn: &Turn,
    session: LiveSessionId,
    events: &mut Events,
) -> Result<(), DbErr> {
    let tenant = &turn.key.tenant;
    let rows = all(tx, sql::KEEP_LIVE, [id(session), text(tenant.as_str()), time(turn.at)]).await?;
    let row = rows.first().ok_or_else(|| corrupt("a live session"))?;
    if row.parse::<LiveSessionId>(0)? == session {
        events.push(&events::live_session(tenant, session, EventType::LiveSessionOpened, turn.correlation, turn.at));
    }
    Ok(())
}
