//! Monthly partitions, and the low watermark that skips past ones.
//!
//! Partitions are made before they are needed. Rows of a month without one go to the default partition, so nothing
//! fails for want of one.

use std::time::Duration;

use chrono::{Datelike as _, Days, Months, NaiveDate, Utc};
use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgPool;

use super::bind::query;
use crate::store::statement::text;

/// How long before its month a partition is made. Each costs something while it is empty: a look-up by conversation
/// looks into every one.
const AHEAD: Days = Days::new(5);
/// How often partitions are looked after.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// A month, as `2026-11-01`.
pub(in crate::store) const MAKE: &str = "SELECT palabre_make_month($1::text::date)";

/// Lowers the statistics target of every large table.
const LOWER_STATISTICS_TARGETS: &str = "SELECT palabre_sample_little()";

/// Raises the low watermark over months without open messages. A day, as `2026-11-22`.
const RAISE_LOW_WATERMARK: &str = "SELECT palabre_raise_low_watermark($1::text::date)";

/// Makes the partitions of the month of this day, and of the next when it is near.
pub(in crate::store) async fn make(pool: &PgPool, today: NaiveDate) -> Result<(), DbErr> {
    for month in ahead_of(today) {
        query(pool, MAKE.into(), vec![text(month.to_string())]).await?;
    }
    query(pool, LOWER_STATISTICS_TARGETS.into(), Vec::new()).await.map(drop)
}

/// Raises the low watermark, so that no statement looks for open messages in months that have none. Only while no
/// move brings old messages.
pub(in crate::store) async fn raise_low_watermark(pool: &PgPool, today: NaiveDate) -> Result<(), DbErr> {
    query(pool, RAISE_LOW_WATERMARK.into(), vec![text(today.to_string())]).await.map(drop)
}

/// Makes partitions and raises the low watermark every day for as long as the pool is open.
pub(in crate::store) fn maintain(pool: PgPool) {
    tokio::spawn(async move {
        loop {
            let today = Utc::now().date_naive();
            let made = make(&pool, today).await;
            let raised = raise_low_watermark(&pool, today).await;
            if pool.is_closed() {
                return;
            }
            if let Err(error) = made {
                tracing::warn!(error = %error, "the coming months have no partitions yet, trying again tomorrow");
            }
            if let Err(error) = raised {
                tracing::warn!(error = %error, "the low watermark was not raised, trying again tomorrow");
            }
            tokio::select! {
                () = pool.close_event() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
}

/// The months from that of a day to the present one.
pub(in crate::store) fn since(day: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let today = Utc::now().date_naive();
    (0..).map_while(move |months| day.checked_add_months(Months::new(months)).filter(|month| *month <= today))
}

fn ahead_of(today: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let next = today.checked_add_days(AHEAD).filter(|next| next.month() != today.month());
    std::iter::once(today).chain(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_month_is_made_when_it_is_near() {
        let of = |year, month, day| {
            let today = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            ahead_of(today).map(|day| day.format("%Y-%m").to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(2026, 12, 31), ["2026-12", "2027-01"]);
        assert_eq!(of(2026, 12, 26), ["2026-12"]);
        assert_eq!(of(2026, 12, 27), ["2026-12", "2027-01"]);
        assert_eq!(of(2027, 2, 1), ["2027-02"]);
    }
}
