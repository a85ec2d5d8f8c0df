//! Task that fills the search index while the daemon runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use crate::store::Store;

/// How often the index looks for new messages. With the half second that it leaves a message for its turn, one is found
/// within two seconds.
const EVERY: Duration = Duration::from_secs(1);
/// Between two batches of a backlog the processor and the disk belong to others for so many times as long as the last took, and
/// not less than [`BREATH`].
const BREATHS: u32 = 3;
const BREATH: Duration = Duration::from_millis(20);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it looks for what was deleted, as often as something is.
const VERIFY_EVERY: Duration = Duration::from_hours(6);

/// Fills the index until the task is ended.
pub(super) fn follow(store: &Store, clock: Arc<dyn Clock>, io: &Handle) -> JoinHandle<()> {
    let store = store.clone();
    io.spawn(async move {
        while !store.is_admitted() {
            tokio::time::sleep(EVERY).await;
        }
        if matches!(store.has_trigrams().await, Ok(false)) {
            warn!(
                "PostgreSQL has no pg_trgm: searches find words that are spelt right, and contacts by reading all of a tenant's; \
                 install postgresql-contrib and create the extension and its indexes (docs/operations.md)"
            );
        }
        let Some(mut index) = store.search_index() else { return };
        let mut verified = Instant::now();
        let mut is_failing = false;
        loop {
            let began = Instant::now();
            let step = index.step(clock.now()).await;
            let wait = match &step {
                Ok(indexed) if indexed.has_more => (began.elapsed() * BREATHS).clamp(BREATH, EVERY),
                Ok(_) => EVERY,
                Err(error) if error.is_away() || is_failing => {
                    debug!(error = error as &dyn std::error::Error, "the search index stands still");
                    AGAIN
                }
                Err(error) => {
                    warn!(error = error as &dyn std::error::Error, "the search index stands still, trying again");
                    AGAIN
                }
            };
            is_failing = step.is_err();
            if step.as_ref().is_ok_and(|indexed| !indexed.has_more) && verified.elapsed() >= VERIFY_EVERY {
                verified = Instant::now();
                match index.verify().await {
                    Ok(removed) if removed > 0 => info!(search.removed = removed, "what was deleted left the search index"),
                    Ok(_) => {}
                    Err(error) => debug!(error = &error as &dyn std::error::Error, "the search index was not verified"),
                }
            }
            tokio::time::sleep(wait).await;
        }
    })
}
