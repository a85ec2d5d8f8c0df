//! Tasks that ask services of the tenants: their CRMs, and their calendars.

mod calendars;
mod crm;

use std::sync::Arc;

use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use self::calendars::FailingCalendars;
use crate::config::{Config, TenantDirectory};
use crate::gateway::client::ClientError;
use crate::http::health::Health;
use crate::service::busy::BusyFeeds;
use crate::service::crm::Correlation;
use crate::store::Store;
use crate::store::operator::Operator;

/// Works until the task is ended.
///
/// # Errors
/// [`ClientError`]: no request can be made at all.
pub(super) fn follow(
    (config, tenants, clock): (&Config, TenantDirectory, &Arc<dyn Clock>),
    (store, operator): (&Store, &Operator),
    health: &Health,
    io: &Handle,
) -> Result<JoinHandle<()>, ClientError> {
    let private = config.webhooks.private_targets;
    let correlation = Correlation::new(operator.clone(), private, Arc::clone(clock))?;
    let feeds = BusyFeeds::new(operator.clone(), private, Arc::clone(clock))?;
    let failing = FailingCalendars::default();
    health.register("calendars", false, Arc::new(failing.clone()));
    let correlating = crm::follow(correlation, tenants.clone(), (store.clone(), operator.clone()));
    let fetching = calendars::work(feeds, tenants, store.clone(), failing);
    Ok(io.spawn(async move {
        futures_util::join!(correlating, fetching);
    }))
}
