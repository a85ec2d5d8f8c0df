//! Task of events out: posts what is due, an endpoint apart from the others.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use metrics::gauge;
use palabre_actors::domain::breaker::BreakerState;
use palabre_actors::ports::Pending;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, info, warn};

use crate::http::health::{Condition, HealthSource};
use crate::service::events_out::EventsOut;
use crate::store::events_out::{EndpointId, EndpointState};
use crate::store::operator::{Operator, Tenants};
use crate::store::{Store, StoreError};
use crate::telemetry::metrics as names;

/// How often the table is looked at: an event goes out within that time.
const EVERY: Duration = Duration::from_millis(500);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// How often gauges are set, if not more often.
const GAUGES_EVERY: Duration = Duration::from_secs(15);
/// How often old deliveries are deleted.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Works until the task is ended.
pub(super) fn follow(
    out: EventsOut,
    (store, operator): (&Store, Operator),
    watch_every: Duration,
    io: &Handle,
) -> JoinHandle<()> {
    let store = store.clone();
    io.spawn(async move {
        while !store.is_admitted() {
            tokio::time::sleep(EVERY).await;
        }
        // Also without endpoints: those that a file named before get nothing more.
        while let Err(error) = out.keep().await {
            tell(&error);
            tokio::time::sleep(AGAIN).await;
        }
        if out.is_idle() {
            return;
        }
        work(&out, &operator, watch_every.min(GAUGES_EVERY)).await;
    })
}

async fn work(out: &EventsOut, operator: &Operator, gauges_every: Duration) {
    let mut busy: HashSet<EndpointId> = HashSet::new();
    let mut serving: JoinSet<(EndpointId, Result<(), StoreError>)> = JoinSet::new();
    let (mut gauges, mut forgotten): (Option<Instant>, Option<Instant>) = (None, None);
    let is_over = |last: Option<Instant>, every: Duration| last.is_none_or(|at| at.elapsed() >= every);
    loop {
        let mut wait = EVERY;
        while let Some(ended) = serving.try_join_next() {
            let Ok((id, result)) = ended else { continue };
            busy.remove(&id);
            if let Err(error) = result {
                tell(&error);
                wait = AGAIN;
            }
        }
        if serving.is_empty() {
            // Whoever panicked is not served for ever.
            busy.clear();
        }
        match out.due().await {
            Ok(due) => {
                for id in due.into_iter().filter(|id| busy.insert(id.clone())).collect::<Vec<_>>() {
                    let out = out.clone();
                    serving.spawn(async move {
                        let result = out.serve(&id).await;
                        (id, result)
                    });
                }
            }
            Err(error) => {
                tell(&error);
                wait = AGAIN;
            }
        }
        if is_over(gauges, gauges_every) {
            gauges = Some(Instant::now());
            set_gauges(operator).await;
        }
        if is_over(forgotten, FORGET_EVERY) {
            forgotten = Some(Instant::now());
            match out.forget().await {
                Ok(0) => {}
                Ok(deliveries) => info!(deliveries, "old deliveries of events were deleted"),
                Err(error) => tell(&error),
            }
        }
        tokio::time::sleep(wait).await;
    }
}

fn tell(error: &StoreError) {
    if error.is_away() {
        debug!(error = error as &dyn std::error::Error, "events wait while the database is away");
    } else {
        warn!(error = error as &dyn std::error::Error, "events could not be posted, trying again");
    }
}

async fn set_gauges(operator: &Operator) {
    let Ok(rows) = operator.endpoints(&Tenants::All).await else { return };
    for row in rows {
        let labels = [("tenant", row.endpoint.tenant.to_string()), ("webhook", row.endpoint.id)];
        #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
        let (waiting, dead) = (row.waiting as f64, row.dead as f64);
        gauge!(names::EVENTS_OUT_WAITING, &labels).set(waiting);
        gauge!(names::EVENTS_OUT_DEAD, &labels).set(dead);
        gauge!(names::EVENTS_OUT_DISABLED, &labels).set(f64::from(u8::from(row.state == EndpointState::Disabled)));
        let age = row.oldest.map_or(0.0, |at| (chrono::Utc::now() - at).as_seconds_f64().max(0.0));
        gauge!(names::EVENTS_OUT_OLDEST_SECONDS, &labels).set(age);
    }
}

/// Endpoints that do not take what is posted, as this node finds.
pub(super) struct EventsOutHealth(pub(super) EventsOut);

impl HealthSource for EventsOutHealth {
    fn check(&self) -> Pending<'_, Condition> {
        let fails = self.0.failing().iter().any(|(_, state)| *state != BreakerState::Closed);
        Box::pin(std::future::ready(match fails {
            true => Condition::Degraded("an endpoint of webhooks does not take events"),
            false => Condition::Up,
        }))
    }

    fn facts(&self, _: Condition) -> Map<String, Value> {
        let each = self.0.failing().into_iter();
        let failing = each.map(|(id, state)| (format!("{}/{}", id.tenant, id.id), Value::from(state.as_str())));
        let failing: Map<String, Value> = failing.collect();
        if failing.is_empty() { Map::new() } else { Map::from_iter([("webhooks".to_owned(), failing.into())]) }
    }
}
