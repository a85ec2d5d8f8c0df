//! Sending on its way again, and calling back.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::status::Transition;

use super::*;
use crate::store::events::Events;
use crate::store::link::{change, count, id, list, rows, text, time, time_or_null};
use crate::store::values::{Row, number};
use crate::store::writer::{Line, line_up, promote};

/// Rows that one transaction sets on their way: a hundredth of a second of the one writer's time.
const AT_ONCE: usize = 250;

/// How something is replayed.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Why, for the event log.
    pub reason: Reason,
    /// How many of them become due in a second, so that a thousand dead letters are no burst. At least 1.
    pub per_second: u32,
    /// Channels whose messages do not wait for each other (`keep_order = false`).
    pub unordered: BTreeSet<ChannelId>,
    /// Now.
    pub at: Timestamp,
}

impl Manner {
    /// When the row of that place becomes due.
    fn due(&self, place: u64) -> Timestamp {
        let apart = 1_000_000 / i64::from(self.per_second.max(1));
        self.at + TimeDelta::microseconds(apart.saturating_mul(i64::try_from(place).unwrap_or(i64::MAX)))
    }
}

/// What came of a change to one row.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every answer is the large one")]
pub enum Changed {
    /// It is done, and the row is like this now.
    Done(Item),
    /// These tenants have no such row.
    NoSuchMessage,
    /// Not from where the row stands.
    NotFrom(OutboxState),
}

/// What a change needs to know of a row.
struct Target {
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

impl Target {
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

    /// As long as it had in its first place, counted from the new one; what has not run out stays.
    fn expires_anew(&self, due: Timestamp) -> Option<Timestamp> {
        let expires = self.expires_at?;
        let lasted = expires - self.generation_since.unwrap_or(self.created_at);
        Some(if expires > due { expires } else { due + lasted.max(TimeDelta::minutes(1)) })
    }

    fn line(&self) -> Line {
        (self.tenant.as_str().to_owned(), self.conversation.to_string())
    }

    fn to_wake(&self) -> Notification {
        Notification::channel_key(&self.tenant, &self.channel)
    }

    fn event(&self, transition: Transition, payload: Payload, at: Timestamp) -> Event {
        let row = (EntityType::MessageOut, Some(self.id.0));
        event(&self.tenant, row, transition.event(), (self.correlation, payload, at))
    }
}

impl Operator {
    /// Sends one message on its way again: it passes every gate anew.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn replay(&self, tenants: &Tenants, id: OutboundId, manner: &Manner) -> Result<Changed, StoreError> {
        let among = self.among(tenants).await?;
        let tx = self.begin().await?;
        let targets = targets(&tx, among, &[id]).await?;
        let Some(target) = targets.first() else { return Ok(Changed::NoSuchMessage) };
        if target.state.after(Transition::Replay).is_none() {
            return Ok(Changed::NotFrom(target.state));
        }
        revive(&tx, &targets, manner, 0).await?;
        tx.commit().await?;
        self.notify_nodes(target.to_wake());
        self.changed(tenants, id).await
    }

    /// Sends every message that fits on its way again, the oldest first, [`Manner::per_second`] of them due in a second.
    /// States that cannot be replayed are passed over. Answers how many; when an error ends it, what was committed so
    /// far stays replayed, and the rest can be replayed by the same filter.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn replay_all(&self, filter: &Filter, manner: &Manner) -> Result<u64, StoreError> {
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
            revive(&tx, &targets, manner, replayed).await?;
            tx.commit().await?;
            targets.iter().for_each(|target| self.notify_nodes(target.to_wake()));
            replayed += targets.len() as u64;
        }
        Ok(replayed)
    }

    /// How many messages [`Operator::replay_all`] would send on their way, by tenant, channel, state and reason.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn replayable(&self, filter: &Filter) -> Result<Vec<Count>, StoreError> {
        let states = replayable(filter);
        if states.is_empty() {
            return Ok(Vec::new());
        }
        // None of them waits, whatever the time is.
        self.counts(&Filter { states, ..filter.clone() }, Timestamp::UNIX_EPOCH).await
    }

    /// Calls a message back: it will not be sent. One that a sender has begun cannot be called back.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn cancel(
        &self,
        tenants: &Tenants,
        message: OutboundId,
        reason: &Reason,
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
            promote(&tx, &BTreeSet::from([target.line()])).await?;
        }
        let payload = Payload::builder().text("reason", reason.as_str()).word("from", target.state.as_str()).finish();
        let mut events = Events::none();
        events.push(&target.event(Transition::Cancel, payload, at));
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(target.to_wake());
        self.changed(tenants, message).await
    }

    async fn changed(&self, tenants: &Tenants, id: OutboundId) -> Result<Changed, StoreError> {
        Ok(self.item(tenants, id).await?.map_or(Changed::NoSuchMessage, Changed::Done))
    }
}

/// Those of the filter's states that may be replayed. When none are named, dead letters: what a gate or a person held
/// back is sent again only when somebody asks for it by name.
fn replayable(filter: &Filter) -> Vec<OutboxState> {
    if filter.states.is_empty() {
        return vec![OutboxState::Dead, OutboxState::Failed];
    }
    filter.states.iter().copied().filter(|state| state.after(Transition::Replay).is_some()).collect()
}

async fn targets(tx: &Tx, among: Value, ids: &[OutboundId]) -> Result<Vec<Target>, DbErr> {
    let rows = all(tx, sql::TARGETS, [among, column(ids)]).await?;
    rows.iter().map(Target::read).collect()
}

/// Begins another life of each, `first` places after those of the batches before.
async fn revive(tx: &Tx, targets: &[Target], manner: &Manner, first: u64) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(targets.len());
    let mut lines = BTreeSet::new();
    let mut events = Events::none();
    for (place, target) in (first..).zip(targets) {
        let due = manner.due(place);
        rows.push([id(target.id), time(due), time_or_null(target.expires_anew(due))]);
        if !manner.unordered.contains(&target.channel) {
            lines.insert(target.line());
        }
        let mut payload = Payload::builder()
            .text("reason", manner.reason.as_str())
            .word("from", target.state.as_str())
            .number("life", target.generation + 1)
            .number("attempts", target.attempts);
        if let Some(earlier) = &target.provider_message_id {
            payload = payload.provider_id("provider_message_id", earlier);
        }
        events.push(&target.event(Transition::Replay, payload.finish(), manner.at));
    }
    change(tx, sql::REPLAY, [list(rows), time(manner.at)]).await?;
    line_up(tx, &lines).await?;
    events.into_rows().insert(tx).await?;
    Ok(())
}
