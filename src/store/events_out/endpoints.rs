//! Endpoints, as far as the database must remember them.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, change, text, text_or_null, time};
use crate::store::values::{Row, corrupt};

/// An endpoint of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId {
    pub tenant: TenantId,
    pub id: String,
}

/// Whether events go out to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    Active,
    /// It answered 410, which means that nobody wants them there any more.
    Disabled,
}

impl EndpointState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// An endpoint, and how it does.
#[derive(Clone, Debug)]
pub struct EndpointRow {
    pub endpoint: EndpointId,
    /// Event types; none: all of them.
    pub events: Vec<String>,
    pub state: EndpointState,
    pub reason: Option<String>,
    pub waiting: u64,
    pub dead: u64,
    pub oldest: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

/// The table's word for all event types.
const ALL: &str = "*";

impl Operator {
    /// Makes the table's endpoints those of the configuration: each with a digest of its URL and the event types that it wants
    /// (none: all). Others get nothing more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn keep_endpoints(
        &self,
        wanted: &[(EndpointId, String, Vec<&'static str>)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (endpoint, target, events) in wanted {
            let events = if events.is_empty() { ALL.to_owned() } else { format!(",{},", events.join(",")) };
            let values =
                [text(endpoint.tenant.as_str()), text(&*endpoint.id), text(&**target), text(events), time(now)];
            change(self.writes(), sql::KEEP_ENDPOINT, values).await?;
        }
        for row in &all(self.reads(), sql::KEPT_ENDPOINTS, []).await? {
            let kept = EndpointId { tenant: row.tenant(0)?, id: row.get(1)? };
            if wanted.iter().all(|(endpoint, ..)| *endpoint != kept) {
                self.move_endpoint(&kept, "removed", None, now).await?;
            }
        }
        Ok(())
    }

    /// Endpoints that something is due for.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn due_endpoints(&self, now: Timestamp) -> Result<Vec<EndpointId>, StoreError> {
        let rows = all(self.reads(), sql::DUE_ENDPOINTS, [time(now)]).await?;
        let endpoint = |row: &Row| Ok(EndpointId { tenant: row.tenant(0)?, id: row.get(1)? });
        Ok(rows.iter().map(endpoint).collect::<Result<_, DbErr>>()?)
    }

    /// Endpoints of these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn endpoints(&self, tenants: &Tenants) -> Result<Vec<EndpointRow>, StoreError> {
        let rows = all(self.reads(), sql::ENDPOINTS, [self.among(tenants).await?]).await?;
        Ok(rows.iter().map(EndpointRow::read).collect::<Result<_, DbErr>>()?)
    }

    /// An endpoint wants nothing any more: it gets nothing from now on, and what waits for it is dead.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn disable_endpoint(
        &self,
        endpoint: &EndpointId,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.move_endpoint(endpoint, EndpointState::Disabled.as_str(), Some(reason), now).await?;
        let values = [text(endpoint.tenant.as_str()), text(&*endpoint.id), text(reason), time(now)];
        change(self.writes(), sql::GIVE_UP, values).await?;
        Ok(())
    }

    /// Lets events go out to a disabled endpoint again. Answers whether it was disabled.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn enable_endpoint(&self, tenants: &Tenants, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let values = [self.among(tenants).await?, text(id), time(now)];
        Ok(change(self.writes(), sql::ENABLE_ENDPOINT, values).await? > 0)
    }

    async fn move_endpoint(
        &self,
        endpoint: &EndpointId,
        state: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let values =
            [text(endpoint.tenant.as_str()), text(&*endpoint.id), text(state), text_or_null(reason), time(now)];
        change(self.writes(), sql::MOVE_ENDPOINT, values).await?;
        Ok(())
    }
}

impl EndpointRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let events: String = row.get(2)?;
        let number = |column: usize| u64::try_from(row.get::<i64>(column)?).map_err(|_| corrupt("a count"));
        Ok(Self {
            endpoint: EndpointId { tenant: row.tenant(0)?, id: row.get(1)? },
            events: events.split(',').filter(|word| !word.is_empty() && *word != ALL).map(str::to_owned).collect(),
            state: match row.get::<String>(3)?.as_str() {
                "disabled" => EndpointState::Disabled,
                _ => EndpointState::Active,
            },
            reason: row.get(4)?,
            waiting: number(5)?,
            dead: number(6)?,
            oldest: row.time_or_null(7)?,
            delivered_at: row.time_or_null(8)?,
        })
    }
}
