//! Replay and cancellation of messages.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::status::Transition;

use super::*;
use crate::store::events::Events;
use crate::store::statement::{change, count, id, list, rows, text, time, time_or_null};
use crate::store::values::{Row, number};
use crate::store::writer::{QueueKey, reorder, unblock_heads};

/// Rows that one transaction replays: a hundredth of a second of SQLite's writer.
const AT_ONCE: usize = 250;

#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// For the event log.
    pub reason: OperatorReason,
    /// How many of them become due in a second, so that a thousand dead letters are no burst. At least 1.
    pub per_second: u32,
    /// Channels without order (`keep_order = false`).
    pub unordered: BTreeSet<ChannelId>,
    pub at: Timestamp,
}

impl ReplayOptions {
    /// When the row at that place becomes due.
    fn due(&self, place: u64) -> Timestamp {
        let apart = 1_000_000 / i64::from(self.per_second.max(1));
        self.at + TimeDelta::microseconds(apart.saturating_mul(i64::try_from(place).unwrap_or(i64::MAX)))
    }
}

/// The result of a change to one row.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every answer is the large one")]
pub enum Changed {
    /// It is done; this is the row now.
    Done(Item),
    /// These tenants have no such row.
    NoSuchMessage,
    /// Not from the row's state.
    NotFrom(OutboxState),
}

struct ReplayTarget {
    id: OutboundId,
    tenant: TenantId,
    channel: ChannelId,
    conversation: Uuid,
    state: OutboxState,
    attempts: u32,
    generation: u32,
    generation_since: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    provider_message_id: Option<ProviderMessageId>,
    correlation: CorrelationId,
    created_at: Timestamp,
}

impl ReplayTarget {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            channel: row.channel(2)?,
            conversation: row.parse(3)?,
            state: row.parse(4)?,
            attempts: number(row.get(5)?)?,
            generation: number(row.get(6)?)?,
            generation_since: row.time_or_null(7)?,
            expires_at: row.time_or_null(8)?,
            provider_message_id: row.get::<Option<String>>(9)?.as_deref().map(ProviderMessageId::new),
            correlation: row.parse(10)?,
            created_at: row.time(11)?,
        })
    }

    /// Its original time to live, counted from the new time to be due; an expiry that is later than that stays.
    fn expires_anew(&self, due: Timestamp) -> Option<Timestamp> {
        let expires = self.expires_at?;
        let lasted = expires - self.generation_since.unwrap_or(self.created_at);
        Some(if expires > due { expires } else { due + lasted.max(TimeDelta::minutes(1)) })
    }

    fn queue(&self) -> QueueKey {
        (self.tenant.as_str().to_owned(), self.conversation.to_string())
    }

    fn notification(&self) -> Notification {
        Notification::channel_key(&self.tenant, &self.channel)
    }

    fn event(&self, transition: Transition, payload: Payload, at: Timestamp) -> Event {
        let row = (EntityType::MessageOut, Some(self.id.0));
        event(&self.tenant, row, transition.event(), (self.correlation, payload, at))
    }
}

impl Operator {
    /// Replays one message: consent, window and limits are checked anew.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn replay(
        &self,
        tenants: &Tenants,
        id: OutboundId,
        options: &ReplayOptions,
    ) -> Result<Changed, StoreError> {
        let among = self.among(tenants).await?;
        let tx = self.begin().await?;
        let targets = targets(&tx, among, &[id]).await?;
        let Some(target) = targets.first() else { return Ok(Changed::NoSuchMessage) };
        if target.state.after(Transition::Replay).is_none() {
            return Ok(Changed::NotFrom(target.state));
        }
        begin_generation(&tx, &targets, options, 0).await?;
        tx.commit().await?;
        self.notify_nodes(target.notification());
        self.changed(tenants, id).await
    }

    /// Replays every message that fits, the oldest first, [`ReplayOptions::per_second`] of them due in a second.
    /// States that cannot be replayed are skipped. Returns how many; after an error, what was committed stays
    /// replayed, and the same filter finds the others.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn replay_all(&self, filter: &Filter, options: &ReplayOptions) -> Result<u64, StoreError> {
        let states = replayable(filter);
        let mut replayed = 0;
        let mut after = String::new();
        while !states.is_empty() {
            let among = self.among(&filter.tenants).await?;
            let tx = self.begin().await?;
            let mut values = filter.values(among.clone(), &states);
            values.extend([text(after.as_str()), count(AT_ONCE)]);
            let rows = rows(&tx, sql::oldest(tx.dialect(), &states), values).await?;
            let ids: Vec<OutboundId> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
            let Some(last) = ids.last() else { break };
            after = last.to_string();
            let targets = targets(&tx, among, &ids).await?;
            begin_generation(&tx, &targets, options, replayed).await?;
            tx.commit().await?;
            targets.iter().for_each(|target| self.notify_nodes(target.notification()));
            replayed += targets.len() as u64;
        }
        Ok(replayed)
    }

    /// How many messages [`Operator::replay_all`] would replay, by tenant, channel, state and reason.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn replayable(&self, filter: &Filter) -> Result<Vec<OutboxCount>, StoreError> {
        let states = replayable(filter);
        if states.is_empty() {
            return Ok(Vec::new());
        }
        // None of them is pending, so the time does not matter.
        self.counts(&Filter { states, ..filter.clone() }, Timestamp::UNIX_EPOCH).await
    }

    /// Cancels a message: it will not be sent. One that a sender has begun cannot be cancelled.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn cancel(
        &self,
        tenants: &Tenants,
        message: OutboundId,
        reason: &OperatorReason,
        at: Timestamp,
    ) -> Result<Changed, StoreError> {
        let among = self.among(tenants).await?;
        let tx = self.begin().await?;
        let targets = targets(&tx, among, &[message]).await?;
        let Some(target) = targets.first() else { return Ok(Changed::NoSuchMessage) };
        if target.state.after(Transition::Cancel).is_none() {
            return Ok(Changed::NotFrom(target.state));
        }
        change(&tx, sql::CANCEL, [id(message), time(at)]).await?;
        if target.state.is_in_line() {
            unblock_heads(&tx, &BTreeSet::from([target.queue()])).await?;
        }
        let payload = Payload::builder().text("reason", reason.as_str()).word("from", target.state.as_str()).finish();
        let mut events = Events::none();
        events.push(&target.event(Transition::Cancel, payload, at));
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(target.notification());
        self.changed(tenants, message).await
    }

    async fn changed(&self, tenants: &Tenants, id: OutboundId) -> Result<Changed, StoreError> {
        Ok(self.item(tenants, id).await?.map_or(Changed::NoSuchMessage, Changed::Done))
    }
}

/// The filter's states that may be replayed; by default dead letters: what consent or a person held back is replayed
/// only by name.
fn replayable(filter: &Filter) -> Vec<OutboxState> {
    if filter.states.is_empty() {
        return vec![OutboxState::Dead, OutboxState::Failed];
    }
    filter.states.iter().copied().filter(|state| state.after(Transition::Replay).is_some()).collect()
}

async fn targets(tx: &Tx, among: Value, ids: &[OutboundId]) -> Result<Vec<ReplayTarget>, DbErr> {
    let rows = all(tx, sql::TARGETS, [among, column(ids)]).await?;
    rows.iter().map(ReplayTarget::read).collect()
}

/// Begins another generation of each, `first` places after those of the batches before.
async fn begin_generation(tx: &Tx, targets: &[ReplayTarget], options: &ReplayOptions, first: u64) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(targets.len());
    let mut queues = BTreeSet::new();
    let mut events = Events::none();
    for (place, target) in (first..).zip(targets) {
        let due = options.due(place);
        rows.push([id(target.id), time(due), time_or_null(target.expires_anew(due))]);
        if !options.unordered.contains(&target.channel) {
            queues.insert(target.queue());
        }
        let mut payload = Payload::builder()
            .text("reason", options.reason.as_str())
            .word("from", target.state.as_str())
            .number("life", target.generation + 1)
            .number("attempts", target.attempts);
        if let Some(earlier) = &target.provider_message_id {
            payload = payload.provider_id("provider_message_id", earlier);
        }
        events.push(&target.event(Transition::Replay, payload.finish(), options.at));
    }
    change(tx, sql::REPLAY, [list(rows), time(options.at)]).await?;
    reorder(tx, &queues).await?;
    events.into_rows().insert(tx).await?;
    Ok(())
}
