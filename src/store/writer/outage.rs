//! Outage: keeps a database that is away, or has no room, from being logged by every batch.

use std::mem;
use std::sync::Arc;

use sea_orm::DbErr;

use crate::store::error::{is_answer, is_repeated_request, unwritable};
use crate::store::write_health::WriteHealth;

/// What one writer met.
pub(super) struct Outage {
    /// The database was not reached.
    away: bool,
    /// Shared by all writers of the store.
    health: Arc<WriteHealth>,
}

impl Outage {
    pub fn of(health: Arc<WriteHealth>) -> Self {
        Self { away: false, health }
    }

    /// A batch could not be written.
    pub fn note(&mut self, error: &DbErr, rows: usize) {
        if is_repeated_request(error) {
            return;
        }
        metrics::counter!("palabre_store_failed_batches_total").increment(1);
        if let Some(problem) = unwritable(error) {
            if let Some(batches) = self.health.failed(problem) {
                tracing::error!(error = %error, batches, "{problem}, nothing can be written");
            }
            return;
        }
        // An answer of the database is about this batch; anything else is an outage.
        if !is_answer(error) && mem::replace(&mut self.away, true) {
            tracing::debug!(error = %error, batch.rows = rows, "a batch could not be written, the database is still away");
            return;
        }
        tracing::error!(error = %error, batch.rows = rows, "a batch could not be written");
    }

    /// A batch was written.
    pub fn over(&mut self) {
        self.health.written();
        if mem::take(&mut self.away) {
            tracing::info!("a writer reached the database again");
        }
    }
}
