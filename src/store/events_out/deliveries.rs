//! Deliveries: events on their way to endpoints.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::Generation;
use sea_orm::DbErr;
use uuid::Uuid;

use super::endpoints::EndpointId;
use super::sql;
use crate::store::StoreError;
use crate::store::operator::{LAST_ID, Operator, Tenants};
use crate::store::statement::{all, change, count, id, id_or_null, text, text_or_null, time, time_or_null};
use crate::store::values::{Row, corrupt, number};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Pending,
    Delivered,
    /// It is not tried again unless somebody replays it.
    Dead,
}

impl DeliveryState {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| "the states are pending, delivered and dead".to_owned())
    }
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug)]
pub struct EventDelivery {
    pub endpoint: EndpointId,
    pub event: Uuid,
    pub event_type: String,
    pub entity_type: String,
    pub entity: Option<String>,
    pub correlation: String,
    pub actor_type: String,
    /// JSON, free of personal data like the event log's.
    pub payload: String,
    pub occurred_at: Timestamp,
    pub queue: Option<String>,
    pub state: DeliveryState,
    /// Attempts begun, in all generations.
    pub attempts: u32,
    pub generation: Generation,
    pub next_attempt_at: Timestamp,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What an event is about. `Debug` shows neither addresses nor text (I10).
#[derive(Clone, Default)]
pub struct EventDetails {
    pub conversation: Option<String>,
    pub contact: Option<String>,
    pub channel: Option<ChannelId>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub text: Option<String>,
}

impl fmt::Debug for EventDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDetails").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Settled<'a> {
    Delivered,
    /// It is tried again then; what stands behind it in its queue waits as long.
    Again(&'a str, Timestamp),
    Dead(&'a str),
}

/// Selects deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub tenants: Tenants,
    pub endpoint: Option<String>,
    pub state: Option<DeliveryState>,
}

impl Operator {
    /// Finds out for new deliveries behind which others they go. Those of messages that had no turn yet wait for it, unless they
    /// are older than `waits_since`.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn find_queues(
        &self,
        endpoint: &EndpointId,
        waits_since: Timestamp,
        limit: usize,
    ) -> Result<(), StoreError> {
        let values = [text(endpoint.tenant.as_str()), text(&*endpoint.id), time(waits_since), count(limit)];
        change(self.writes(), sql::FIND_QUEUES, values).await?;
        Ok(())
    }

    /// Takes deliveries that are due, the first of each queue, for until then: no other node takes them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_deliveries(
        &self,
        endpoint: &EndpointId,
        (now, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let values = [text(endpoint.tenant.as_str()), text(&*endpoint.id), time(now), time(until), count(limit)];
        let rows = all(self.writes(), sql::CLAIM_DELIVERIES, values).await?;
        Ok(rows.iter().map(EventDelivery::read).collect::<Result<_, DbErr>>()?)
    }

    /// Ends an attempt.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the delivery is due again when its lease ends.
    pub async fn settle_delivery(
        &self,
        delivery: &EventDelivery,
        settled: Settled<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (state, why, again) = match settled {
            Settled::Delivered => (DeliveryState::Delivered, None, None),
            Settled::Again(why, at) => (DeliveryState::Pending, Some(why), Some(at)),
            Settled::Dead(why) => (DeliveryState::Dead, Some(why), None),
        };
        let endpoint = &delivery.endpoint;
        let values = [
            text(endpoint.tenant.as_str()),
            text(&*endpoint.id),
            id(delivery.event),
            text(state.as_str()),
            text_or_null(why),
            time_or_null(again),
            time(now),
        ];
        change(self.writes(), sql::SETTLE_DELIVERY, values).await?;
        if let (Some(again), Some(queue)) = (again, &delivery.queue) {
            let values = [text(endpoint.tenant.as_str()), text(&*endpoint.id), text(&**queue), time(again)];
            change(self.writes(), sql::HOLD_QUEUE, values).await?;
        }
        Ok(())
    }

    /// What an event is about, as the tables have it now.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn event_details(&self, delivery: &EventDelivery) -> Result<EventDetails, StoreError> {
        let values = [
            text(delivery.endpoint.tenant.as_str()),
            text(&*delivery.entity_type),
            text_or_null(delivery.entity.as_deref()),
        ];
        let rows = all(self.reads(), sql::EVENT_DETAILS, values).await?;
        let Some(row) = rows.first() else { return Ok(EventDetails::default()) };
        Ok(EventDetails {
            conversation: row.get(0)?,
            contact: row.get(1)?,
            channel: row.get::<Option<String>>(2)?.as_deref().map(ChannelId::new),
            from: row.get(3)?,
            to: row.get(4)?,
            text: row.get(5)?,
        })
    }

    /// Deliveries that fit, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        (before, limit): (Option<Uuid>, usize),
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let values = [
            self.among(&filter.tenants).await?,
            text_or_null(filter.endpoint.as_deref()),
            text_or_null(filter.state.map(DeliveryState::as_str)),
            before.map_or_else(|| text(LAST_ID), id),
            count(limit),
        ];
        let rows = all(self.reads(), sql::DELIVERIES, values).await?;
        Ok(rows.iter().map(EventDelivery::read).collect::<Result<_, DbErr>>()?)
    }

    /// Sends one event to an endpoint again, or everything that is dead there since then. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn replay_deliveries(
        &self,
        (tenants, endpoint): (&Tenants, &str),
        event: Option<Uuid>,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let values = [self.among(tenants).await?, text(endpoint), id_or_null(event), time(since), time(now)];
        Ok(change(self.writes(), sql::REPLAY_DELIVERIES, values).await?)
    }

    /// Deletes what arrived before then, and what is dead since before then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_deliveries(
        &self,
        tenants: &[TenantId],
        (delivered, dead): (Timestamp, Timestamp),
    ) -> Result<u64, StoreError> {
        let tenants = self.among(&Tenants::Of(tenants.to_vec())).await?;
        Ok(change(self.writes(), sql::FORGET_DELIVERIES, [tenants, time(delivered), time(dead)]).await?)
    }
}

impl EventDelivery {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            endpoint: EndpointId { tenant: row.tenant(0)?, id: row.get(1)? },
            event: row.parse(2)?,
            event_type: row.get(3)?,
            entity_type: row.get(4)?,
            entity: row.get(5)?,
            correlation: row.get(6)?,
            actor_type: row.get(7)?,
            payload: row.get(8)?,
            occurred_at: row.time(9)?,
            queue: row.get(10)?,
            state: row.get::<String>(11)?.parse().map_err(|_| corrupt("a state"))?,
            attempts: number(row.get(12)?)?,
            generation: Generation {
                number: number(row.get(13)?)?,
                since: row.time(14)?,
                attempts_before: number(row.get(15)?)?,
            },
            next_attempt_at: row.time(16)?,
            last_error: row.get(17)?,
            created_at: row.time(18)?,
            updated_at: row.time(19)?,
        })
    }
}
