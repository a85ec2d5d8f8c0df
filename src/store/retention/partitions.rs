//! Deletion of whole months on PostgreSQL.
//!
//! First the keys of what goes are deleted, a page at a time; then the month is detached and dropped, and the few
//! rows that stay are moved into the default partition, in one transaction.

use std::time::Duration;

use chrono::{Months, NaiveDate, NaiveTime};
use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::{RetentionCutoffs, RetentionReport};
use crate::store::StoreError;
use crate::store::error::is_collision;
use crate::store::postgres::sql::{
    LOCK_MONTHS, MONTHLY_EVENTS, MONTHLY_INBOUND, MONTHLY_OUTBOUND, MONTHS, Monthly, STAYING,
};
use crate::store::postgres::{self, execute, failed, query};
use crate::store::startup::Server;
use crate::store::statement::{count, text, time};

/// With more rows that stay, the month stays whole: moving them would block writers.
const FEW_STAY: usize = 10_000;
/// Keys that are deleted at a time.
const PAGE: usize = 2_000;
/// How often a detach is tried while others use the table, and how long they have it for themselves between two
/// tries.
const TRIES: usize = 3;
const BREATH: Duration = Duration::from_secs(1);

/// Drops the months that are old enough.
pub(super) async fn delete_old(
    server: &Server,
    before: RetentionCutoffs,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let mut conn = postgres::retention_options(server.url())?.connect().await.map_err(failed)?;
    let locked = query(&mut conn, LOCK_MONTHS.into(), Vec::new()).await?;
    if locked.first().map(|row| row.get(0)).transpose()?.unwrap_or(false) {
        let messages = [MONTHLY_OUTBOUND, MONTHLY_INBOUND].map(|monthly| (monthly, before.messages));
        for (monthly, since) in messages.into_iter().chain([(MONTHLY_EVENTS, before.events)]) {
            let Some(since) = since else { continue };
            for month in old(&mut conn, monthly.table, since).await? {
                if !remove(&mut conn, monthly, month, since, report).await? {
                    break;
                }
            }
        }
    }
    // The server notices anyway.
    let _ = conn.close().await;
    Ok(())
}

/// The months of a table that ended before then.
async fn old(conn: &mut PgConnection, table: &'static str, since: Timestamp) -> Result<Vec<String>, DbErr> {
    let rows = query(conn, MONTHS.into(), vec![text(table)]).await?;
    let months: Vec<String> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    Ok(months.into_iter().filter(|month| end_of(month).is_some_and(|end| end <= since)).collect())
}

/// When the month of a partition ends: the first moment of the next one.
fn end_of(partition: &str) -> Option<Timestamp> {
    let (rest, month) = partition.rsplit_once('_')?;
    let (_, year) = rest.rsplit_once('_')?;
    let first = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)?;
    Some(first.checked_add_months(Months::new(1))?.and_time(NaiveTime::MIN).and_utc())
}

/// Returns whether the next month may be tried: not while others use the table all the time.
async fn remove(
    conn: &mut PgConnection,
    monthly: Monthly,
    month: String,
    since: Timestamp,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    conn.execute(STAYING).await.map_err(failed)?;
    if let Some(sql) = monthly.staying(&month) {
        execute(&mut *conn, sql.into(), vec![time(since), count(FEW_STAY + 1)]).await?;
    }
    let rows = query(&mut *conn, monthly.counts(&month).into(), vec![count(FEW_STAY + 1)]).await?;
    let (rows, stay): (i64, i64) =
        rows.first().map(|row| Ok::<_, DbErr>((row.get(0)?, row.get(1)?))).transpose()?.unwrap_or_default();
    if usize::try_from(stay).is_ok_and(|stay| stay > FEW_STAY) {
        report.held.push(month);
        return Ok(true);
    }
    if let Some(sql) = monthly.keys(&month) {
        let mut after = Some(String::new());
        while let Some(last) = after {
            let page = query(&mut *conn, sql.clone().into(), vec![text(last), count(PAGE)]).await?;
            after = page.first().map(|row| row.get(0)).transpose()?.flatten();
        }
    }
    for _ in 0..TRIES {
        match take_out(conn, &monthly.removal(&month)).await {
            Ok(()) => {
                report.add(monthly.table, u64::try_from(rows - stay).unwrap_or_default());
                report.months.push(month);
                return Ok(true);
            }
            Err(error) if is_collision(&error) => tokio::time::sleep(BREATH).await,
            Err(error) => return Err(error.into()),
        }
    }
    report.held.push(month);
    Ok(false)
}

async fn take_out(conn: &mut PgConnection, removal: &str) -> Result<(), DbErr> {
    let mut tx = conn.begin().await.map_err(failed)?;
    tx.execute(AssertSqlSafe(removal.to_owned())).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_says_when_its_month_ends() {
        for (partition, end) in [
            ("messages_in_2026_11", Some("2026-12-01T00:00:00+00:00")),
            ("event_log_2026_12", Some("2027-01-01T00:00:00+00:00")),
            ("messages_in_rest", None),
            ("messages_in_2026_13", None),
        ] {
            assert_eq!(end_of(partition).map(|end| end.to_rfc3339()).as_deref(), end, "{partition}");
        }
    }
}
