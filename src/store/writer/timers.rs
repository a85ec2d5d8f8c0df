//! Rows of the timers that turns set, cancel and fire.

use std::collections::HashSet;

use palabre_actors::domain::ids::{ConversationId, TimerId};
use palabre_actors::domain::timer::{Timer, TimerChange};
use palabre_actors::domain::turn::Turn;
use sea_orm::DbErr;

use super::Transaction;
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{Value, all, change_later, id, id_or_null, list, text, text_or_null, time};

/// Positions of the turns whose timer's row is gone, since it fired elsewhere or was cancelled. Makes no query when no turn
/// came of a timer.
pub(super) async fn gone(tx: &impl Transaction, turns: &[&Turn]) -> Result<HashSet<usize>, DbErr> {
    let fired = || turns.iter().enumerate().filter_map(|(at, turn)| Some((at, turn, turn.fired?)));
    let asked = fired().map(|(_, turn, timer)| [text(turn.key.tenant.as_str()), id(timer)]);
    let rows = all(tx, sql::TIMERS_THERE, [list(asked)]).await?;
    let there: HashSet<TimerId> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
    Ok(fired().filter(|(_, _, timer)| !there.contains(timer)).map(|(at, ..)| at).collect())
}

/// Deletes what fired and what is cancelled, then writes what is set.
pub(super) async fn apply(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut forgotten = Vec::new();
    let mut set = Rows::of(sql::TIMERS);
    for turn in turns {
        let (tenant, conversation) = (turn.key.tenant.as_str(), turn.conversation.id);
        let mut forget = |timer, kind: Option<&str>| {
            forgotten.push([text(tenant), id(conversation), id_or_null(timer), text_or_null(kind)]);
        };
        if turn.fired.is_some() {
            forget(turn.fired, None);
        }
        for change in &turn.timers {
            match change {
                TimerChange::Cancel(timer) => forget(Some(*timer), None),
                TimerChange::CancelAll(kind) => forget(None, Some(kind.as_str())),
                TimerChange::Set(timer) => set.push(timer_row(tenant, conversation, timer)),
                TimerChange::SetFor(other, timer) => set.push(timer_row(tenant, *other, timer)),
            }
        }
    }
    change_later(tx, sql::FORGET_TIMERS, [list(forgotten)]).await?;
    set.insert_later(tx).await
}

fn timer_row(tenant: &str, conversation: ConversationId, timer: &Timer) -> [Value; 8] {
    [
        id(timer.id),
        text(tenant),
        id(conversation),
        text(timer.kind.as_str()),
        time(timer.fires_at),
        text(timer.payload.as_str()),
        id(timer.correlation),
        time(timer.created_at),
    ]
}
