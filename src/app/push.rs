//! Task that tells people's browsers who waits.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::config::Config;
use crate::console::LiveFeed;
use crate::gateway::BuildError;
use crate::service::push::PushNotices;
use crate::store::Store;
use crate::store::operator::Operator;

/// How often it is looked who waits.
const EVERY: Duration = Duration::from_secs(1);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(10);

/// Tells browsers until the task is ended. `None`: it is switched off.
pub(super) fn start(
    config: &Config,
    (store, operator): (&Store, Operator),
    feed: &LiveFeed,
    (clock, io): (&Arc<dyn Clock>, &Handle),
) -> Result<(Option<PushNotices>, Option<JoinHandle<()>>), BuildError> {
    let push = PushNotices::new(config, operator, Arc::clone(clock))?;
    let pushing = push.clone().map(|push| io.spawn(work(push, feed.clone(), store.clone())));
    Ok((push, pushing))
}

async fn work(push: PushNotices, feed: LiveFeed, store: Store) {
    let mut is_failing = false;
    loop {
        tokio::time::sleep(if is_failing { AGAIN } else { EVERY }).await;
        if !store.is_admitted() {
            continue;
        }
        let told = push.tell_due(|tenant, conversation, who| feed.is_looked_at(tenant, conversation, who)).await;
        match &told {
            Ok(()) => {}
            Err(error) if is_failing || error.is_away() => {
                debug!(error = error as &dyn std::error::Error, "browsers cannot be told who waits, trying again");
            }
            Err(error) => {
                warn!(error = error as &dyn std::error::Error, "browsers cannot be told who waits, trying again");
            }
        }
        is_failing = told.is_err();
    }
}
