//! What a retention would delete today.

use palabre_actors::domain::Timestamp;

use crate::store::StoreError;
use crate::store::composed::{Params, query};
use crate::store::operator::Operator;
use crate::store::statement::time;

/// Rows of one class: how many there are, how many are older, and from when the oldest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPreview {
    pub table: &'static str,
    pub rows: u64,
    pub older: u64,
    pub oldest: Option<Timestamp>,
}

/// What is kept of a file that is not with its provider any more, and came with a message.
const KEPT_FILE: &str = "state = 'stored' AND message_id IS NOT NULL";

/// The tables of a class, with the column that tells a row's age, and which rows it is about.
fn class(table: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match table {
        "messages_in" => ("messages_in", "created_at", "TRUE"),
        "messages_out" => ("messages_out", "updated_at", "TRUE"),
        "media" => ("media", "created_at", KEPT_FILE),
        "event_log" => ("event_log", "created_at", "TRUE"),
        "audit_log" => ("audit_log", "at", "TRUE"),
        "payment_events" => ("payment_events", "received_at", "TRUE"),
        _ => return None,
    })
}

impl Operator {
    /// How many rows of a table are older than a moment. `None`: it is no table with a retention.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn preview_retention(
        &self,
        table: &str,
        before: Option<Timestamp>,
    ) -> Result<Option<RetentionPreview>, StoreError> {
        let Some((table, age, which)) = class(table) else { return Ok(None) };
        let params = Params::default().with("before", time(before.unwrap_or(Timestamp::UNIX_EPOCH)));
        let sql = format!(
            "SELECT count(*), sum(CASE WHEN \"{age}\" < {{before}} THEN 1 ELSE 0 END), min(\"{age}\") FROM \"{table}\" WHERE {which}"
        );
        let rows = query(self.reads(), &sql, &params).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let number = |value: Option<i64>| u64::try_from(value.unwrap_or_default()).unwrap_or_default();
        Ok(Some(RetentionPreview {
            table,
            rows: number(row.get(0)?),
            older: number(row.get(1)?),
            oldest: row.time_or_null(2)?,
        }))
    }

    /// Has files that came with messages before a moment expire: their bytes go with the next sweep. Returns how many that were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn expire_media(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let params = Params::default().with("before", time(before)).with("now", time(now));
        let sql = format!(
            "UPDATE media SET state = 'expired', updated_at = {{now}} WHERE {KEPT_FILE} AND created_at < {{before}}"
        );
        Ok(crate::store::composed::execute(self.writes(), &sql, &params).await?)
    }

    /// Deletes what payment systems told before a moment. Returns how many rows that were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_payment_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let params = Params::default().with("before", time(before));
        let sql = "DELETE FROM payment_events WHERE received_at < {before} AND applied_at IS NOT NULL";
        Ok(crate::store::composed::execute(self.writes(), sql, &params).await?)
    }
}
