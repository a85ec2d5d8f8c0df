//! Task that fetches the calendars in which the time of tenants' resources is taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Pending;
use tracing::{debug, warn};

use crate::config::{Tenant, TenantDirectory};
use crate::http::health::{Condition, HealthSource};
use crate::service::busy::{BusyFeeds, DOUBTFUL_AFTER};
use crate::store::calendar_feeds::CalendarFeedRow;
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
    // What files named before is looked for once, and nothing is asked while no file names a calendar.
    let mut has_known = true;
    loop {
        tokio::time::sleep(EVERY).await;
        let all = tenants.all();
        if !store.is_admitted() || !(has_known || all.iter().any(|tenant| !tenant.calendars.is_empty())) {
            continue;
        }
        let mut known: HashMap<TenantId, Vec<CalendarFeedRow>> = HashMap::new();
        match feeds.known().await {
            Ok(rows) => rows.into_iter().for_each(|row| known.entry(row.tenant.clone()).or_default().push(row)),
            Err(error) => {
                tell(&error);
                continue;
            }
        }
        has_known = !known.is_empty();
        let theirs = |tenant: &Tenant| known.get(&tenant.id).map(Vec::as_slice).unwrap_or_default();
        let failed =
            |tenant: &Arc<Tenant>| theirs(tenant).iter().filter(|feed| feed.attempts >= DOUBTFUL_AFTER).count();
        failing.0.store(all.iter().map(failed).sum(), Ordering::Relaxed);
        for some in all.chunks(AT_ONCE) {
            let steps = some.iter().map(|tenant| feeds.step(tenant, theirs(tenant)));
            for error in futures_util::future::join_all(steps).await.into_iter().filter_map(Result::err) {
                tell(&error);
            }
        }
    }
}

fn tell(error: &StoreError) {
    if error.is_away() {
        debug!(error = error as &dyn std::error::Error, "calendars wait while the database is away");
    } else {
        warn!(error = error as &dyn std::error::Error, "calendars could not be kept, trying again");
    }
}
