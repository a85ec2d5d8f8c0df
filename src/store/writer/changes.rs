//! Settlements and status callbacks: read the rows, move them forward in memory in the order in which the news came,
//! write them back (I5, I8).

use std::collections::HashMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::{Event, EventType};
use palabre_actors::domain::ids::{ContactId, CorrelationId, OutboundId};
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::{Advanced, Settled, Settlement, StatusUpdate};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Transaction;
use super::batch::{Change, Task};
use super::turns::suppress;
use crate::store::events::{self, Events};
use crate::store::sql;
use crate::store::values::{all, change, corrupt, id, list, text, text_or_null, time, time_text};

pub(super) async fn apply(
    tx: &impl Transaction,
    tasks: &mut [Task<Change, Advanced>],
    events: &mut Events,
) -> Result<(), DbErr> {
    if tasks.is_empty() {
        return Ok(());
    }
    let mut ids = Vec::with_capacity(tasks.len());
    for task in tasks.iter() {
        ids.push(match &task.input {
            Change::Settle(settlement) => Some(settlement.message.id),
            Change::Advance(update) => match update.id {
                Some(id) => Some(id),
                None => by_provider_id(tx, update).await?,
            },
        });
    }
    let mut rows = read(tx, &ids).await?;
    for (task, id) in tasks.iter_mut().zip(&ids) {
        let row = id.and_then(|id| rows.get_mut(&id));
        task.output = Some(Ok(match &task.input {
            Change::Settle(settlement) => match row {
                Some(row) => {
                    if let Some(event) = row.settle(settlement) {
                        events.push(&event);
                        opted_out_there(tx, settlement, events).await?;
                    }
                    Advanced::To(row.state)
                }
                None => Advanced::NoSuchMessage,
            },
            Change::Advance(update) => match row.filter(|row| row.is_of(update)) {
                Some(row) => {
                    let (advanced, event) = row.advance(update);
                    events.push(&event);
                    advanced
                }
                None => Advanced::NoSuchMessage,
            },
        }));
    }
    let changed: Vec<_> = rows.values().filter(|row| row.changed_at.is_some()).map(OutboxRow::columns).collect();
    if !changed.is_empty() {
        change(tx, sql::OUTBOX_UPDATE, [list(&changed)?]).await?;
    }
    Ok(())
}

async fn by_provider_id(tx: &impl Transaction, update: &StatusUpdate) -> Result<Option<OutboundId>, DbErr> {
    let key = [update.tenant.as_str(), update.channel.as_str(), update.provider_message_id.as_str()];
    let rows = all(tx, sql::OUTBOX_BY_PROVIDER_ID, key.map(text)).await?;
    rows.first().map(|row| row.parse(0)).transpose()
}

async fn read(tx: &impl Transaction, ids: &[Option<OutboundId>]) -> Result<HashMap<OutboundId, OutboxRow>, DbErr> {
    let mut wanted: Vec<_> = ids.iter().flatten().collect();
    wanted.sort();
    wanted.dedup();
    let packed = all(tx, sql::OUTBOX_ROWS, [list(&wanted)?]).await?;
    let packed: String = packed.first().ok_or_else(|| corrupt("outbox rows"))?.get(0)?;
    let packed: Vec<Packed> = serde_json::from_str(&packed).map_err(|_| corrupt("outbox rows"))?;
    Ok(packed.into_iter().map(|row| (row.0, OutboxRow::unpack(row))).collect())
}

/// The provider keeps a list of its own, and this contact is on it: so they are on ours (21610, 63033).
async fn opted_out_there(tx: &impl Transaction, settlement: &Settlement, events: &mut Events) -> Result<(), DbErr> {
    let Settled::Suppressed { record_opt_out: true, .. } = settlement.result else { return Ok(()) };
    let (message, at) = (&settlement.message, settlement.at);
    let (tenant, address) = (&message.tenant, &message.to);
    let values = [
        id(Uuid::now_v7()),
        text(tenant.as_str()),
        text(address.as_str()),
        text("provider"),
        text_or_null(Some(message.id.to_string())),
        time(at),
    ];
    if change(tx, sql::OPT_OUT, values).await? > 0 {
        let rows = all(tx, sql::CONTACT_OF, [text(tenant.as_str()), text(address.as_str())]).await?;
        let contact = rows.first().map(|row| row.parse::<ContactId>(0)).transpose()?;
        let contact = contact.map(|contact| contact.0);
        events.push(&events::opted_out_at_provider(tenant, contact, message.correlation, at));
    }
    suppress(tx, tenant, address, at, events).await
}

/// What a settlement or a callback may change, and what it needs to know.
struct OutboxRow {
    id: OutboundId,
    tenant: String,
    channel: String,
    correlation: CorrelationId,
    state: OutboxState,
    attempts: u32,
    next_attempt_at: String,
    lease_owner: Option<String>,
    lease_until: Option<String>,
    provider_message_id: Option<String>,
    last_error: Option<String>,
    sent_at: Option<String>,
    changed_at: Option<Timestamp>,
}

/// A row as `sql::OUTBOX_ROWS` packs it.
#[derive(Deserialize)]
struct Packed(
    OutboundId,
    String,
    String,
    OutboxState,
    u32,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    CorrelationId,
    Option<String>,
);

impl OutboxRow {
    fn unpack(row: Packed) -> Self {
        Self {
            id: row.0,
            tenant: row.1,
            channel: row.2,
            state: row.3,
            attempts: row.4,
            next_attempt_at: row.5,
            lease_owner: row.6,
            lease_until: row.7,
            provider_message_id: row.8,
            last_error: row.9,
            correlation: row.10,
            sent_at: row.11,
            changed_at: None,
        }
    }

    fn columns(&self) -> impl Serialize {
        (
            self.id,
            self.state.as_str(),
            self.attempts,
            self.next_attempt_at.clone(),
            self.lease_owner.clone(),
            self.lease_until.clone(),
            self.provider_message_id.clone(),
            self.last_error.clone(),
            self.sent_at.clone(),
            self.changed_at.map(time_text),
        )
    }

    fn is_of(&self, update: &StatusUpdate) -> bool {
        self.tenant == update.tenant.as_str() && self.channel == update.channel.as_str()
    }

    /// Moves on as the attempt ended. No event: it is old news, or nothing that the history tells.
    fn settle(&mut self, settlement: &Settlement) -> Option<Event> {
        let Settlement { message, result, at } = settlement;
        let open = matches!(self.state, OutboxState::Pending | OutboxState::Sending | OutboxState::Unknown);
        let whose = (&message.tenant, self.id, self.correlation);
        if let Settled::Sent(receipt) = result {
            // A callback that was faster has moved the state and left the lease: the rest is still to be written.
            if !open && self.lease_owner.is_none() {
                return None;
            }
            self.provider_message_id.get_or_insert_with(|| receipt.provider_message_id.as_str().to_owned());
            self.sent_at.get_or_insert_with(|| time_text(*at));
            if open {
                self.state = OutboxState::Sent;
                self.last_error = None;
            }
            self.free(*at);
            return Some(events::outbound(whose, EventType::MessageSent, None, *at));
        }
        // An outcome of an earlier attempt says nothing about this one.
        if !open || self.attempts != message.attempts.max(1) {
            return None;
        }
        self.free(*at);
        match result {
            Settled::Sent(_) => None,
            Settled::Later { at: again, reason, counted } => {
                self.state = OutboxState::Pending;
                self.next_attempt_at = time_text(*again);
                self.last_error = Some(reason.clone());
                self.attempts -= u32::from(!counted);
                None
            }
            Settled::Unknown { ask_at, reason } => {
                self.state = OutboxState::Unknown;
                self.next_attempt_at = time_text(*ask_at);
                self.last_error = Some(reason.clone());
                None
            }
            Settled::Suppressed { reason, .. } => {
                self.state = OutboxState::Suppressed;
                self.last_error = Some(reason.clone());
                Some(events::outbound(whose, EventType::MessageSuppressed, Some(reason), *at))
            }
            Settled::Dead { reason } => {
                self.state = OutboxState::Dead;
                self.last_error = Some(reason.clone());
                Some(events::outbound(whose, EventType::MessageDead, Some(reason), *at))
            }
        }
    }

    /// Moves on as the provider says, forward only; the event is written whatever comes of it.
    fn advance(&mut self, update: &StatusUpdate) -> (Advanced, Event) {
        let event = events::callback(update, self.id, self.correlation);
        let unknown_id = self.provider_message_id.is_none();
        self.provider_message_id.get_or_insert_with(|| update.provider_message_id.as_str().to_owned());
        if unknown_id {
            self.changed_at = Some(update.at);
        }
        let Some(next) = self.state.advance(update.status) else {
            return (Advanced::Unchanged(self.state), event);
        };
        self.state = next;
        self.changed_at = Some(update.at);
        if next == OutboxState::Failed {
            self.last_error = Some(update.code.clone().unwrap_or_else(|| "failed".to_owned()));
        } else {
            self.sent_at.get_or_insert_with(|| time_text(update.at));
        }
        (Advanced::To(next), event)
    }

    fn free(&mut self, at: Timestamp) {
        self.lease_owner = None;
        self.lease_until = None;
        self.changed_at = Some(at);
    }
}
