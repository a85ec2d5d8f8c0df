//! Events of payment systems: each is kept once, before anything is done about it.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::Money;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{CorrelationId, EventId, TenantId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use crate::store::StoreError;
use crate::store::events::Events;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{
    Value, all, change, count, flag, id, id_or_null, text, text_or_null, time, time_or_null,
};
use crate::store::values::Row;

/// What a payment system told. It holds no name, address or card.
#[derive(Clone, Debug)]
pub struct NewPaymentEvent {
    /// `stripe`, `stars`, `member` or `seller`.
    pub provider: &'static str,
    /// The provider's id of it.
    pub provider_event_id: String,
    /// The provider's word for what happened.
    pub kind: String,
    pub is_live: bool,
    /// Whose money it is.
    pub account: Option<String>,
    /// Whose event it is, and about which purchase, as far as that is known before it is applied.
    pub about: (Option<TenantId>, Option<Uuid>),
    /// What kind of thing to look at, and which.
    pub subject: (&'static str, Option<String>),
    pub received_at: Timestamp,
    /// What came of it, when that is known already. `None`: it is to be applied.
    pub applied: Option<AppliedEvent>,
}

/// What came of an event.
#[derive(Clone, Debug)]
pub struct AppliedEvent {
    /// A word: `applied`, `not_ours`, …
    pub outcome: &'static str,
    /// Whose it was.
    pub tenant: Option<TenantId>,
    pub subscription: Option<Uuid>,
    /// What was paid or given back.
    pub money: Option<Money>,
}

/// One that nobody has applied yet.
#[derive(Clone, Debug)]
pub struct PaymentEvent {
    pub id: Uuid,
    pub provider: String,
    pub kind: String,
    pub is_live: bool,
    pub account: Option<String>,
    pub subject: (String, Option<String>),
    /// How often it was tried, this time included.
    pub attempts: u32,
    pub received_at: Timestamp,
}

/// A line of the list of events.
#[derive(Clone, Debug)]
pub struct PaymentEventLine {
    pub id: Uuid,
    pub tenant: TenantId,
    pub provider: String,
    pub kind: String,
    pub is_live: bool,
    pub subscription: Option<Uuid>,
    pub outcome: Option<String>,
    pub attempts: u32,
    pub received_at: Timestamp,
    pub applied_at: Option<Timestamp>,
    pub money: Option<Money>,
}

#[derive(Clone, Debug, Default)]
pub struct PaymentEventFilter {
    pub subscription: Option<Uuid>,
    /// The provider's word for what happened.
    pub kind: Option<&'static str>,
    pub before: Option<Uuid>,
}

impl Operator {
    /// Keeps an event. Returns whether it is new.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing is kept.
    pub async fn keep_payment_event(&self, event: &NewPaymentEvent) -> Result<bool, StoreError> {
        let applied = event.applied.as_ref();
        let next_attempt = applied.is_none().then_some(event.received_at);
        let (mut tenant, mut subscription, amount, currency) = whose(applied);
        if applied.is_none() {
            tenant = text_or_null(event.about.0.as_ref().map(TenantId::as_str));
            subscription = id_or_null(event.about.1);
        }
        let values = [
            id(Uuid::now_v7()),
            text(event.provider),
            text(event.provider_event_id.as_str()),
            text(event.kind.as_str()),
            flag(event.is_live),
            text_or_null(event.account.as_deref()),
            text(event.subject.0),
            text_or_null(event.subject.1.as_deref()),
            time(event.received_at),
            time_or_null(next_attempt),
            tenant,
            subscription,
            amount,
            currency,
            text_or_null(applied.map(|applied| applied.outcome)),
            time_or_null(applied.map(|_| event.received_at)),
        ];
        Ok(change(self.writes(), sql::KEEP_PAYMENT_EVENT, values).await? > 0)
    }

    /// Whether there is an event to apply, or a subscription to look at. It is asked often, and takes no lock.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn paid_access_is_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        let rows = all(self.reads(), sql::PAID_ACCESS_IS_DUE, [time(now)]).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(false))
    }

    /// Takes events that are due, for until then: no other node takes them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_payment_events(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<PaymentEvent>, StoreError> {
        let rows = all(self.writes(), sql::CLAIM_PAYMENT_EVENTS, [time(now), time(until), count(limit)]).await?;
        Ok(rows.iter().map(event).collect::<Result<_, DbErr>>()?)
    }

    /// Events are done, all of them at once.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_payment_events(
        &self,
        done: &[(Uuid, &AppliedEvent)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if done.is_empty() {
            return Ok(());
        }
        let tx = self.writes().begin().await?;
        for (event, applied) in done {
            let (tenant, subscription, amount, currency) = whose(Some(applied));
            let values = [id(*event), tenant, subscription, text(applied.outcome), time(now), amount, currency];
            change(&tx, sql::SETTLE_PAYMENT_EVENT, values).await?;
        }
        Ok(tx.commit().await?)
    }

    /// An event is tried again then, because of this.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn postpone_payment_event(&self, event: Uuid, why: &str, until: Timestamp) -> Result<(), StoreError> {
        change(self.writes(), sql::POSTPONE_PAYMENT_EVENT, [id(event), text(why), time(until)]).await?;
        Ok(())
    }

    /// When the event of a provider came that was kept last of those before a moment. `None`: none came.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn last_payment_event(&self, provider: &str, before: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let rows = all(self.reads(), sql::LAST_PAYMENT_EVENT, [text(provider), time(before)]).await?;
        Ok(rows.first().map(|row| row.time(0)).transpose()?)
    }

    /// Events of these tenants, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn payment_events(
        &self,
        tenants: &Tenants,
        filter: &PaymentEventFilter,
        limit: usize,
    ) -> Result<Vec<PaymentEventLine>, StoreError> {
        let values = [
            self.among(tenants).await?,
            id(filter.before.unwrap_or(Uuid::max())),
            count(limit),
            id_or_null(filter.subscription),
            text_or_null(filter.kind),
        ];
        let rows = all(self.reads(), sql::PAYMENT_EVENTS, values).await?;
        Ok(rows.iter().map(line).collect::<Result<_, DbErr>>()?)
    }
}

impl Operator {
    /// Writes what happened to a subscription into the event log.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn note_access(
        &self,
        tenant: &TenantId,
        subscription: Uuid,
        happened: &[(EventType, &'static str)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut events = Events::none();
        for (event_type, word) in happened {
            events.push(&Event {
                id: EventId::fresh(),
                tenant: tenant.clone(),
                event_type: *event_type,
                entity_type: EntityType::Subscription,
                entity_id: Some(subscription),
                correlation: CorrelationId(subscription),
                actor_type: ActorType::System,
                payload: Payload::builder().word("what", word).finish(),
                created_at: now,
            });
        }
        let tx = self.writes().begin().await?;
        events.into_rows().insert(&tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Tenant, subscription, amount, currency.
fn whose(applied: Option<&AppliedEvent>) -> (Value, Value, Value, Value) {
    let money = applied.and_then(|applied| applied.money.as_ref());
    (
        text_or_null(applied.and_then(|applied| applied.tenant.as_ref()).map(TenantId::as_str)),
        id_or_null(applied.and_then(|applied| applied.subscription)),
        Value::Number(money.map(|money| money.amount)),
        text_or_null(money.map(|money| money.currency.as_str())),
    )
}

fn event(row: &Row) -> Result<PaymentEvent, DbErr> {
    Ok(PaymentEvent {
        id: row.parse(0)?,
        provider: row.get(1)?,
        kind: row.get(2)?,
        is_live: row.get(3)?,
        account: row.get(4)?,
        subject: (row.get(5)?, row.get(6)?),
        attempts: u32::try_from(row.get::<i64>(7)?).unwrap_or(u32::MAX),
        received_at: row.time(8)?,
    })
}

fn line(row: &Row) -> Result<PaymentEventLine, DbErr> {
    let (amount, currency): (Option<i64>, Option<String>) = (row.get(10)?, row.get(11)?);
    Ok(PaymentEventLine {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        provider: row.get(2)?,
        kind: row.get(3)?,
        is_live: row.get(4)?,
        subscription: row.parse_or_null(5)?,
        outcome: row.get(6)?,
        attempts: u32::try_from(row.get::<i64>(7)?).unwrap_or(u32::MAX),
        received_at: row.time(8)?,
        applied_at: row.time_or_null(9)?,
        money: amount.zip(currency).map(|(amount, currency)| Money { amount, currency }),
    })
}
