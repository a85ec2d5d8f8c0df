//! Deletes what is older than its retention, every six hours.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use metrics::counter;
use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use crate::config::Retention;
use crate::store::{RetentionCutoffs, RetentionReport, Store, StoreError};
use crate::telemetry::metrics as names;

/// Time between two runs.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// Time to the next run after a failure.
const AGAIN: Duration = Duration::from_mins(5);

/// Deletes for as long as the daemon runs. `None`: everything is kept.
pub(super) fn keep(retention: Retention, store: &Store, clock: Arc<dyn Clock>, io: &Handle) -> Option<JoinHandle<()>> {
    if retention == Retention::default() {
        return None;
    }
    let store = store.clone();
    Some(io.spawn(async move {
        loop {
            let wait = match delete(retention, &store, clock.now()).await {
                Ok(()) => EVERY,
                Err(error) if error.is_away() => {
                    debug!(error = &error as &dyn std::error::Error, "nothing is deleted while the database is away");
                    AGAIN
                }
                Err(error) => {
                    counter!(names::RETENTION_FAILURES).increment(1);
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "what is older than its retention was not deleted, trying again"
                    );
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }))
}

async fn delete(retention: Retention, store: &Store, now: Timestamp) -> Result<(), StoreError> {
    tell(&store.delete_old(before(retention, now)).await?);
    if let Some(before) = since(retention.media, now) {
        let files = store.operator().expire_media(before, now).await?;
        counter!(names::RETENTION_ROWS, "table" => "media").increment(files);
    }
    Ok(())
}

fn since(kept: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    now.checked_sub_signed(TimeDelta::from_std(kept?).ok()?)
}

fn before(retention: Retention, now: Timestamp) -> RetentionCutoffs {
    RetentionCutoffs { messages: since(retention.messages, now), events: since(retention.events, now) }
}

fn tell(report: &RetentionReport) {
    for (table, rows) in &report.rows {
        counter!(names::RETENTION_ROWS, "table" => *table).increment(*rows);
    }
    counter!(names::RETENTION_MONTHS).increment(report.months.len() as u64);
    let rows = |table: &str| report.rows.get(table).copied().unwrap_or_default();
    if !report.is_empty() {
        info!(
            retention.messages_in = rows("messages_in"),
            retention.messages_out = rows("messages_out"),
            retention.event_log = rows("event_log"),
            retention.months = report.months.join(","),
            "what was older than its retention was deleted"
        );
    }
    if !report.held.is_empty() {
        info!(
            retention.held = report.held.join(","),
            "these months are old enough and stay for now: many of their rows have no end yet, or the table was in use"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_ever_has_no_limit() {
        let now = Timestamp::from_timestamp(1_795_233_300, 0).unwrap();
        let day = Duration::from_hours(24);
        let retention = Retention { messages: Some(30 * day), ..Retention::default() };
        let before = before(retention, now);
        assert_eq!(before.messages, Some(now - TimeDelta::days(30)));
        assert_eq!(before.events, None);
    }
}
