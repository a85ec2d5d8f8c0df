//! Task that writes the journals while the daemon runs, and their health.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use palabre_actors::domain::ids::NodeId;
use palabre_actors::ports::{Clock, Pending};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::config::Config;
use crate::http::health::{Condition, Health, HealthSource};
use crate::journal::{JournalFolder, JournalTenant, Journals, JournalsHealth};
use crate::store::Store;

/// How often journals look for new events. With the 300 ms that they leave an event for its turn, a line is durable within a
/// second.
const EVERY: Duration = Duration::from_millis(300);
/// Between two pages of a backlog others have the database for themselves.
const BREATH: Duration = Duration::from_millis(10);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(2);

/// What writes the journals.
#[derive(Debug)]
pub(super) struct JournalWriter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Writes the journals of the tenants that want one. `None`: none does.
pub(super) fn follow(
    config: &Config,
    (store, node): (&Store, &NodeId),
    health: &Health,
    clock: Arc<dyn Clock>,
    io: &Handle,
) -> Option<JournalWriter> {
    let tenants: Vec<JournalTenant> = config.tenants.iter().filter_map(tenant).collect();
    if tenants.is_empty() {
        return None;
    }
    let journals_health = Arc::new(JournalsHealth::default());
    health.register("journals", false, Arc::new(Journalling(Arc::clone(&journals_health))));
    let store = store.clone();
    let mut journals = Journals::new(tenants, (store.clone(), node.clone()), clock, journals_health);
    let (stop, mut stopped) = oneshot::channel();
    let task = io.spawn(async move {
        let mut is_failing = false;
        loop {
            let wait = if !store.is_admitted() {
                EVERY
            } else {
                match journals.step().await {
                    Ok(has_more) => {
                        is_failing = false;
                        if has_more { BREATH } else { EVERY }
                    }
                    Err(error) if error.is_away() || is_failing => {
                        debug!(error = &error as &dyn std::error::Error, "journals stand still");
                        AGAIN
                    }
                    Err(error) => {
                        is_failing = true;
                        warn!(error = &error as &dyn std::error::Error, "journals stand still, trying again");
                        AGAIN
                    }
                }
            };
            // A sender that is gone stops it as well.
            if tokio::time::timeout(wait, &mut stopped).await.is_ok() {
                break;
            }
        }
        // What was committed until now.
        tokio::time::sleep(EVERY).await;
        let last = async {
            while journals.step().await? {}
            journals.release().await
        };
        if let Err(error) = last.await {
            debug!(error = &error as &dyn std::error::Error, "journals are not given up, that ends by itself");
        }
    });
    Some(JournalWriter { stop, task })
}

/// A tenant's journal as its file has it.
pub(crate) fn tenant(tenant: &crate::config::Tenant) -> Option<JournalTenant> {
    let journal = tenant.journal.as_ref()?;
    Some(JournalTenant {
        tenant: tenant.id.clone(),
        folder: JournalFolder::new(journal.dir.clone()),
        zone: tenant.timezone,
        reveal: journal.reveal,
    })
}

impl JournalWriter {
    /// Writes what is there, within a time, and ends.
    pub(super) async fn stop(self, within: Duration) {
        let Self { stop, mut task } = self;
        let _ = stop.send(());
        if tokio::time::timeout(within, &mut task).await.is_err() {
            task.abort();
        }
    }
}

struct Journalling(Arc<JournalsHealth>);

impl HealthSource for Journalling {
    fn check(&self) -> Pending<'_, Condition> {
        Box::pin(std::future::ready(match self.0.failing().is_empty() {
            true => Condition::Up,
            false => Condition::Degraded("a journal cannot be written"),
        }))
    }

    fn facts(&self, _: Condition) -> Map<String, Value> {
        let failing = self.0.failing().into_iter().map(|(tenant, stopped)| {
            let since = stopped.since.to_rfc3339_opts(SecondsFormat::Secs, true);
            (tenant.as_str().to_owned(), json!({ "reason": stopped.reason, "since": since }))
        });
        let failing: Map<String, Value> = failing.collect();
        if failing.is_empty() { Map::new() } else { Map::from_iter([("tenants".to_owned(), failing.into())]) }
    }
}
