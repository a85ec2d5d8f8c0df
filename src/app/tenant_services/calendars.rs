//! Task that fetches the calendars in which the time of tenants' resources is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use palabre_actors::ports::Pending;
use tracing::{debug, warn};

use crate::config::TenantDirectory;
use crate::http::health::{Condition, HealthSource};
use crate::service::busy::BusyFeeds;
use crate::store::{Store, StoreError};

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);
/// Calendars that are fetched at once, each of another tenant.
const AT_ONCE: usize = 4;

/// How many calendars have failed several times in a row.
#[derive(Clone, Default)]
pub(super) struct FailingCalendars(Arc<AtomicUsize>);

impl HealthSource for FailingCalendars {
    fn check(&self) -> Pending<'_, Condition> {
        let fails = self.0.load(Ordering::Relaxed) > 0;
        Box::pin(std::future::ready(match fails {
            true => Condition::Degraded("a calendar cannot be read: what was kept of it counts"),
            false => Condition::Up,
        }))
    }
}

/// Works until the task is ended. A tenant's calendars appear and disappear with its file.
pub(super) async fn work(feeds: BusyFeeds, tenants: TenantDirectory, store: Store, failing: FailingCalendars) {
    loop {
        tokio::time::sleep(EVERY).await;
        if !store.is_admitted() {
            continue;
        }
        let all = tenants.all();
        let mut fails = 0;
        for some in all.chunks(AT_ONCE) {
            let steps = some.iter().map(|tenant| feeds.step(tenant));
            for result in futures_util::future::join_all(steps).await {
                match result {
                    Ok(count) => fails += count,
                    Err(error) => tell(&error),
                }
            }
        }
        failing.0.store(fails, Ordering::Relaxed);
    }
}

fn tell(error: &StoreError) {
    if error.is_away() {
        debug!(error = error as &dyn std::error::Error, "calendars wait while the database is away");
    } else {
        warn!(error = error as &dyn std::error::Error, "calendars could not be kept, trying again");
    }
}
