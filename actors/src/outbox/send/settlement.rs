//! Settlement: writes the outcome of an attempt to the store.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::dead_letters::count_dead;
use crate::domain::message::Outbound;
use crate::ports::{ChannelKey, Settled, Settlement, Via};
use crate::runtime::ActorContext;

/// How long a message waits for its channel to come back into the configuration.
pub(crate) const UNCONFIGURED_WAIT: Duration = Duration::from_secs(60);

/// The outcome of an attempt, the channel that was used, and what it cost.
#[derive(Clone, Debug)]
pub(crate) struct AttemptOutcome {
    pub(crate) result: Settled,
    pub(crate) via: Option<Via>,
    pub(crate) cost_micros: i64,
}

impl From<Settled> for AttemptOutcome {
    fn from(result: Settled) -> Self {
        Self { result, via: None, cost_micros: 0 }
    }
}

/// Writes an outcome to the store, and answers whether it is written.
///
/// While the store is unavailable, it is asked again for as long as a lease lasts. After that the row is reconciled as
/// unknown, so that nothing is sent a second time blindly.
pub(crate) async fn settle(context: &ActorContext, message: Outbound, outcome: AttemptOutcome) -> bool {
    let id = message.id;
    let AttemptOutcome { result, via, cost_micros } = outcome;
    let attempt_is_taken_back =
        matches!(result, Settled::Snooze { .. } | Settled::Deferred { .. } | Settled::Held { .. });
    let settlement = Arc::new(Settlement { message, result, via, cost_micros, at: context.now() });
    let deadline = tokio::time::Instant::now() + context.settings.lease;
    let mut wait = Duration::from_millis(20);
    loop {
        match context.within_deadline(context.ports.outbox.settle(Arc::clone(&settlement))).await {
            Ok(()) => {
                if matches!(settlement.result, Settled::Dead { .. }) {
                    let Outbound { tenant, channel, .. } = &settlement.message;
                    count_dead(&ChannelKey { tenant: tenant.clone(), channel: channel.clone() });
                }
                return true;
            }
            // The next attempt gets the number of one that was taken back, so such a settlement must not be written twice.
            Err(error) if error.is_transient() && !attempt_is_taken_back && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
            }
            Err(error) => {
                if context.outage.is_news(&error) {
                    warn!(message.id = %id, error = %error, "settlement failed, the row's lease will run out");
                }
                return false;
            }
        }
    }
}
