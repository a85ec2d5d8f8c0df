//! Partitions of months, made before they are needed. A month for which there is none goes to the default partition, so
//! nothing fails for want of one.

use std::time::Duration;

use chrono::{Months, NaiveDate, Utc};
use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgPool;

use super::bind::query;
use crate::store::link::text;

/// How many months ahead.
const AHEAD: u32 = 2;
/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// A month, as `2026-11-01`.
const MAKE: &str = "SELECT palabre_make_month($1::text::date)";

/// Makes the partitions of the month of this day and of those that come next.
pub(in crate::store) async fn make(pool: &PgPool, today: NaiveDate) -> Result<(), DbErr> {
    for month in ahead_of(today) {
        query(pool, MAKE.into(), vec![text(month.to_string())]).await?;
    }
    Ok(())
}

/// Does so every day for as long as the pool is open.
pub(in crate::store) fn keep_ahead(pool: PgPool) {
    tokio::spawn(async move {
        loop {
            match make(&pool, Utc::now().date_naive()).await {
                Err(_) if pool.is_closed() => return,
                Err(error) => {
                    tracing::warn!(error = %error, "the coming months have no partitions yet, trying again tomorrow");
                }
                Ok(()) => {}
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
    (0..=AHEAD).filter_map(move |months| today.checked_add_months(Months::new(months)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_month_is_followed_by_the_next_month() {
        let last = NaiveDate::from_ymd_opt(2026, 12, 31).unwrap();
        let months: Vec<_> = ahead_of(last).map(|day| day.format("%Y-%m").to_string()).collect();
        assert_eq!(months, ["2026-12", "2027-01", "2027-02"]);
    }
}
