//! Rows of the waiting list that turns write.

use palabre_actors::domain::turn::Turn;
use palabre_actors::domain::waiting::{WaitingChange, WaitingEntry};
use sea_orm::DbErr;

use super::Transaction;
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{Value, change_later, id, id_or_null, integer, list, text, text_or_null, time};

pub(super) async fn apply(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let (mut rows, mut changed) = (Rows::of(sql::WAITING), Vec::new());
    for turn in turns {
        for change in &turn.effects.waiting {
            match change {
                WaitingChange::Join(entry) => rows.push(row(turn, entry)),
                WaitingChange::Become(entry, state) => {
                    changed.push([text(turn.key.tenant.as_str()), id(entry), text(state.as_str()), time(turn.at)]);
                }
            }
        }
    }
    rows.insert_later(tx).await?;
    change_later(tx, sql::WAITING_STATES, [list(changed)]).await
}

fn row(turn: &Turn, entry: &WaitingEntry) -> [Value; 16] {
    let hour = |hour: Option<chrono::NaiveTime>| text_or_null(hour.map(|hour| hour.format("%H:%M:%S").to_string()));
    [
        id(entry.id),
        text(turn.key.tenant.as_str()),
        id(turn.conversation.id),
        id(turn.contact.id),
        text(entry.service.as_str()),
        text_or_null(entry.resource.as_deref()),
        time(entry.from),
        time(entry.until),
        hour(entry.hours.map(|(from, _)| from)),
        hour(entry.hours.map(|(_, until)| until)),
        id_or_null(entry.replaces),
        text(entry.state.as_str()),
        id(turn.correlation),
        time(entry.since),
        time(turn.at),
        integer(entry.people),
    ]
}
