//! Queries and changes of operators: outbox, consents, pauses.
//!
//! They run in a process of their own beside the daemon or within it. Every change is checked against
//! [`palabre_actors::domain::status::Transition`], writes its event with `actor_type` operator, and is one
//! transaction of a few hundred rows at most, so that webhooks never wait long for it. The daemon finds what changed
//! in the tables: rows that wait at its next sweep, consents before the next send. Daemons on PostgreSQL are notified
//! at once.

mod blocked_reasons;
mod bookings;
mod consents;
mod faq;
mod in_flows;
mod listing;
mod live;
mod media;
mod nodes;
mod offers;
mod pauses;
mod persons;
mod replay;
mod setup_steps;
mod sql;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload, looks_personal};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, EventId, OutboundId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::{Notification, Notifier};
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;
use uuid::Uuid;

pub use self::bookings::{BookingRow, LeadRow};
pub use self::consents::{ConsentRow, OptOut};
pub use self::faq::Unanswered;
pub use self::in_flows::InFlowRow;
pub use self::listing::{Filter, Item, ItemWithEvents, OutboxCount, PageRequest};
pub use self::live::{LiveSessionSummary, OrderLineRow};
pub use self::media::{MediaRow, NewUpload};
pub use self::nodes::NodeRow;
pub use self::offers::{OfferRow, OnDutyRow};
pub use self::pauses::endless;
pub use self::persons::{Linked, Parted};
pub use self::replay::{Changed, ReplayOptions};
pub use self::setup_steps::ChannelActivity;
pub use self::waiting::WaitingRow;
use super::audit::RecentLooks;
use super::database::{DatabasePool, Tx};
use super::statement::{SqlExecutor, Value, all, column, text};
use super::{DatabaseKind, Store, StoreError, moving, postgres, sqlite};

/// Clones share its connections.
#[derive(Clone)]
pub struct Operator {
    writes: DatabasePool,
    reads: DatabasePool,
    /// What searches read. `None`: no daemon has made SQLite's yet.
    index: Option<DatabasePool>,
    /// Who passes on what the daemons should look at.
    notifier: Option<Arc<dyn Notifier>>,
    /// What nobody passed on yet.
    pending: Arc<Mutex<Notification>>,
    looks: RecentLooks,
}

/// The tenants whose rows may be seen and changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tenants {
    #[default]
    All,
    /// These tenants. An empty list sees nothing.
    Of(Vec<TenantId>),
}

impl Tenants {
    /// Whether a tenant is among them.
    #[must_use]
    pub fn contains(&self, tenant: &TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Of(some) => some.contains(tenant),
        }
    }
}

/// Why an operator does something: one of our words, a ticket, a few words. It stays in the event log for ever, so it
/// may not look like personal data (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorReason(String);

/// A reason that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    #[error("the reason is empty: a word, or a ticket's number")]
    Empty,
    /// It may be somebody's name, number or text.
    #[error("this looks like personal data, and a reason is kept for ever: write a few words, or a ticket's number")]
    Personal,
}

impl OperatorReason {
    /// The reason when none is given.
    #[must_use]
    pub fn unsaid() -> Self {
        Self("operator".to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorReason {
    type Err = BadReason;

    fn from_str(text: &str) -> Result<Self, BadReason> {
        let text = text.trim();
        match text {
            "" => Err(BadReason::Empty),
            text if looks_personal(text) => Err(BadReason::Personal),
            text => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for OperatorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Store {
    /// An [`Operator`] over the same database. Its changes take turns with the writer's transactions.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::over(self.0.writes.clone(), self.0.reads.clone(), self.0.index.clone())
    }
}

impl Operator {
    /// Opens `sqlite://path` or `postgres://…`, beside running daemons or without one. A file must exist. A read
    /// replica answers questions and refuses changes ([`StoreError::ReadOnly`]).
    ///
    /// # Errors
    /// [`StoreError`]: the URL names another database, it cannot be opened, or its schema is of another version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        match DatabaseKind::of(url)? {
            DatabaseKind::Sqlite => {
                // The readers first: they do not make a file that is not there.
                let reads = sqlite::open_readers(url).await?;
                let writes = sqlite::open_writer(url).await?;
                if !Migrator::get_pending_migrations_read_only(&writes).await?.is_empty() {
                    return Err(StoreError::Outdated);
                }
                let reads = DatabasePool::Sqlite(reads);
                moving::admits(&reads, true).await?;
                let index = sqlite::open_index_beside(url).await?.map(DatabasePool::Sqlite);
                Ok(Self::over(DatabasePool::Sqlite(writes), reads, index))
            }
            DatabaseKind::Postgres => {
                let pool = postgres::cold_pool(url)?;
                let conn = postgres::through_sea_orm(pool.clone());
                if !Migrator::get_pending_migrations_read_only(&conn).await?.is_empty() {
                    return Err(StoreError::Outdated);
                }
                let pool = DatabasePool::Postgres(pool);
                moving::admits(&pool, false).await?;
                Ok(Self::over(pool.clone(), pool.clone(), Some(pool)))
            }
        }
    }

    fn over(writes: DatabasePool, reads: DatabasePool, index: Option<DatabasePool>) -> Self {
        Self { writes, reads, index, notifier: None, pending: Arc::default(), looks: RecentLooks::default() }
    }

    /// Sends a notification of each change, as soon as it is committed.
    #[must_use]
    pub fn telling(self, notifier: Arc<dyn Notifier>) -> Self {
        Self { notifier: Some(notifier), ..self }
    }

    /// Notifies the daemons on the same database of the changes since the last call: for a process without a notifier
    /// that ends after its work.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the daemons find it at their next sweep.
    pub async fn pass_on(&self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(super::nodes::notify(&self.writes, &pending.to_texts("operator", postgres::NOTICE_BYTES)).await?)
    }

    /// Whether somebody looked at something within the last quarter of an hour, as far as this process knows; from now on they
    /// did.
    #[must_use]
    pub fn looked_lately(&self, key: &str, now: Timestamp) -> bool {
        self.looks.note(key, now)
    }

    pub(super) fn notify_nodes(&self, what: Notification) {
        match &self.notifier {
            Some(notifier) => notifier.notify(what),
            None => self.pending.lock().unwrap_or_else(PoisonError::into_inner).add(what),
        }
    }

    /// The tenants as one list, which every statement starts from.
    pub(super) async fn among(&self, tenants: &Tenants) -> Result<Value, DbErr> {
        Ok(column(self.tenant_ids(tenants).await?))
    }

    /// The ids of these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn ids_of(&self, tenants: &Tenants) -> Result<Vec<String>, StoreError> {
        Ok(self.tenant_ids(tenants).await?)
    }

    pub(super) const fn reads(&self) -> &DatabasePool {
        &self.reads
    }

    pub(super) const fn writes(&self) -> &DatabasePool {
        &self.writes
    }

    pub(super) const fn index(&self) -> Option<&DatabasePool> {
        self.index.as_ref()
    }

    async fn tenant_ids(&self, tenants: &Tenants) -> Result<Vec<String>, DbErr> {
        match tenants {
            Tenants::Of(tenants) => Ok(tenants.iter().map(|tenant| tenant.as_str().to_owned()).collect()),
            Tenants::All => {
                let rows = all(&self.reads, sql::TENANTS, []).await?;
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// The name that a tenant's customers know.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn tenant_name(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        let rows = all(&self.reads, sql::TENANT_NAME, [text(tenant.as_str())]).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    pub(super) async fn begin(&self) -> Result<Tx, DbErr> {
        self.writes.begin().await
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// An event of an operator's action.
fn event(
    tenant: &TenantId,
    (entity_type, entity_id): (EntityType, Option<Uuid>),
    event_type: EventType,
    (correlation, payload, at): (CorrelationId, Payload, Timestamp),
) -> Event {
    Event {
        id: EventId::fresh(),
        tenant: tenant.clone(),
        event_type,
        entity_type,
        entity_id,
        correlation,
        actor_type: ActorType::Operator,
        payload,
        created_at: at,
    }
}

/// No UUID stands after it.
pub(super) const LAST_ID: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
