//! Table of busy times from other calendars. A row is taken for a while by the node that fetches it.

use chrono::DateTime;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::Busy;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;

use super::StoreError;
use super::operator::Operator;
use super::sql;
use super::statement::{all, change, column, integer, text, time};
use super::values::{Row, corrupt};

/// Where a calendar stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarFeedRow {
    pub tenant: TenantId,
    /// What it is called here: its address may be a secret.
    pub source: String,
    /// Whose time it takes.
    pub resource: String,
    /// Failures since it was last read.
    pub attempts: i64,
    pub last_error: Option<String>,
    pub fetched_at: Option<Timestamp>,
    pub next_fetch_at: Timestamp,
}

/// Columns as `sql::CALENDAR_BUSY` selects them.
pub(super) fn busy(row: &Row) -> Result<Vec<Busy>, DbErr> {
    let (resource, times): (String, String) = (row.get(0)?, row.get(1)?);
    let times: Vec<(i64, i64)> = serde_json::from_str(&times).map_err(|_| corrupt("busy times"))?;
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let one = |(from, until)| Busy::whole(resource.clone(), at(from), at(until));
    Ok(times.into_iter().map(one).collect())
}

impl Operator {
    /// The calendars of all tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn calendar_feeds(&self) -> Result<Vec<CalendarFeedRow>, StoreError> {
        let rows = all(self.reads(), sql::CALENDAR_FEEDS, []).await?;
        let feed = |row: &Row| {
            Ok(CalendarFeedRow {
                tenant: row.tenant(0)?,
                source: row.get(1)?,
                resource: row.get(2)?,
                attempts: row.get(3)?,
                last_error: row.get(4)?,
                fetched_at: row.time_or_null(5)?,
                next_fetch_at: row.time(6)?,
            })
        };
        Ok(rows.iter().map(feed).collect::<Result<_, DbErr>>()?)
    }

    /// The time that is taken in other calendars of a tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn calendar_busy(&self, tenant: &TenantId) -> Result<Vec<Busy>, StoreError> {
        let rows = all(self.reads(), sql::CALENDAR_BUSY, [text(tenant.as_str())]).await?;
        let times = rows.iter().map(busy).collect::<Result<Vec<_>, DbErr>>()?;
        Ok(times.into_iter().flatten().collect())
    }

    /// Begins to fetch a calendar.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_calendar_feed(
        &self,
        tenant: &TenantId,
        source: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(source), text(resource), time(now)];
        change(self.writes(), sql::ADD_CALENDAR, values).await?;
        Ok(())
    }

    /// Whether a calendar is due; then it is the caller's to fetch until the second moment.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_calendar_feed(
        &self,
        tenant: &TenantId,
        source: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), text(source), time(now), time(until)];
        Ok(change(self.writes(), sql::CLAIM_CALENDAR, values).await? > 0)
    }

    /// Keeps what a calendar says now.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_calendar_feed(
        &self,
        tenant: &TenantId,
        source: &str,
        times: &[(Timestamp, Timestamp)],
        (now, next): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let times: Vec<(i64, i64)> = times.iter().map(|(from, until)| (from.timestamp(), until.timestamp())).collect();
        let times = serde_json::to_string(&times).map_err(|_| corrupt("busy times"))?;
        let values = [text(tenant.as_str()), text(source), text(times), time(now), time(next)];
        change(self.writes(), sql::SETTLE_CALENDAR, values).await?;
        Ok(())
    }

    /// Says that a calendar could not be read. What was kept of it stays.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn fail_calendar_feed(
        &self,
        tenant: &TenantId,
        source: &str,
        (attempts, why): (i64, &str),
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), text(source), integer(attempts), text(why), time(next)];
        change(self.writes(), sql::FAIL_CALENDAR, values).await?;
        Ok(())
    }

    /// Forgets the calendars of a tenant that are not among these.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn keep_calendar_feeds(&self, tenant: &TenantId, sources: &[String]) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), column(sources.iter())];
        change(self.writes(), sql::KEEP_CALENDARS, values).await?;
        Ok(())
    }
}
