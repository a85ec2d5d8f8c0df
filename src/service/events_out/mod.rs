//! Events out: posts events to the endpoints that tenants name, signed as Standard Webhooks has it.
//!
//! Deliveries are rows of a table of their own (`docs/decisions/0028-events-out.md`). An event arrives at least once, in the
//! order of its conversation; its id is the same at every attempt.

mod document;
mod lists;
mod posting;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use metrics::counter;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::breaker::{Breaker, BreakerDecision, BreakerState};
use palabre_actors::domain::channel::BreakerPolicy;
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::ports::Clock;
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

pub use self::document::{EventData, EventDocument, EventMessage, TEST};
pub use self::lists::{deliveries, enable, endpoints, replay};
pub use self::posting::PostOutcome;
pub use self::signature::signatures;
use crate::config::{Config, EventEndpoint};
use crate::gateway::client::ClientError;
use crate::gateway::guarded_client;
use crate::store::StoreError;
use crate::store::events_out::{EndpointId, EventDelivery, Settled};
use crate::store::operator::Operator;
use crate::telemetry::metrics as names;

/// Events on their way to one endpoint at once, of as many conversations.
const AT_ONCE: usize = 16;
/// New deliveries whose queues are found at once.
const QUEUES_AT_ONCE: usize = 2_000;
/// How long an event of a message that came in waits for the message's turn.
const TURN_DEADLINE: TimeDelta = TimeDelta::seconds(10);
/// How long a delivery is leased to the process that posts it: longer than [`posting::TIMEOUT`] and two writes.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// What arrived is kept for so long, so that it can be looked at and replayed.
const KEEP_DELIVERED: TimeDelta = TimeDelta::days(3);
/// How long a delivery is kept that was given up.
const KEEP_DEAD: TimeDelta = TimeDelta::days(30);

/// After 5 s, 15 s, 45 s … 6 hours: sixteen attempts in three days at most.
const RETRY: RetryPolicy = RetryPolicy {
    initial: Duration::from_secs(5),
    multiplier: 3.0,
    cap: Duration::from_hours(6),
    max_attempts: 16,
    max_age: Duration::from_hours(72),
};

/// Posts events. Clones share the breakers.
#[derive(Clone)]
pub struct EventsOut {
    store: Operator,
    client: reqwest::Client,
    private: bool,
    clock: Arc<dyn Clock>,
    targets: Arc<HashMap<EndpointId, Target>>,
}

/// An endpoint of the configuration.
struct Target {
    endpoint: EventEndpoint,
    breaker: Mutex<Breaker>,
}

impl fmt::Debug for EventsOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsOut").field("targets", &self.targets.len()).finish_non_exhaustive()
    }
}

impl EventsOut {
    /// Of a configuration.
    ///
    /// # Errors
    /// [`ClientError`]: there is no HTTP client.
    pub fn new(config: &Config, store: Operator, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let each = config.tenants.iter().flat_map(|tenant| {
            tenant.webhooks.iter().map(|endpoint| {
                let id = EndpointId { tenant: tenant.id.clone(), id: endpoint.id.clone() };
                let breaker = Mutex::new(Breaker::new(BreakerPolicy::default()));
                (id, Target { endpoint: endpoint.clone(), breaker })
            })
        });
        Ok(Self {
            store,
            client: guarded_client::new(config.webhooks.private_targets)?,
            private: config.webhooks.private_targets,
            clock,
            targets: Arc::new(each.collect()),
        })
    }

    /// Makes the table's endpoints those of the configuration: events are written for them from then on.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn keep(&self) -> Result<(), StoreError> {
        let wanted = self.targets.iter().map(|(id, target)| {
            let digest = Sha256::digest(target.endpoint.url.as_str());
            let digest = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let events = target.endpoint.events.iter().map(|event: &EventType| event.as_str()).collect();
            (id.clone(), digest, events)
        });
        self.store.keep_endpoints(&wanted.collect::<Vec<_>>(), self.clock.now()).await
    }

    /// Whether there is anything to post to.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.targets.is_empty()
    }

    /// Endpoints of the configuration that something is due for, and whose breakers let something through.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due(&self) -> Result<Vec<EndpointId>, StoreError> {
        let now = self.clock.now();
        let mut due = self.store.due_endpoints(now).await?;
        due.retain(|id| self.targets.get(id).is_some_and(|target| target.permits(now) > 0));
        Ok(due)
    }

    /// Posts what is due for an endpoint, until nothing is, or its breaker opens. One call for an endpoint at a time.
    ///
    /// # Errors
    /// [`StoreError`]: what was posted and not settled is posted once more when its lease ends.
    pub async fn serve(&self, id: &EndpointId) -> Result<(), StoreError> {
        let Some(target) = self.targets.get(id) else { return Ok(()) };
        loop {
            let now = self.clock.now();
            self.store.find_queues(id, now - TURN_DEADLINE, QUEUES_AT_ONCE).await?;
            let permits = target.permits(now);
            let claimed = match permits {
                0 => Vec::new(),
                permits => self.store.claim_deliveries(id, (now, now + LEASE), permits).await?,
            };
            if claimed.is_empty() {
                return Ok(());
            }
            let delivered = join_all(claimed.iter().map(|delivery| self.deliver(target, delivery))).await;
            delivered.into_iter().collect::<Result<(), StoreError>>()?;
        }
    }

    async fn deliver(&self, target: &Target, delivery: &EventDelivery) -> Result<(), StoreError> {
        let now = self.clock.now();
        let attempt = target.breaker().begin(now);
        let Ok(attempt) = attempt else {
            let later = Settled::Again("breaker_open", now + TimeDelta::seconds(15));
            return self.store.settle_delivery(delivery, later, now).await;
        };
        let details = self.store.event_details(delivery).await?;
        let body = EventDocument::of(delivery, details, target.endpoint.reveal).body();
        let event = delivery.event.to_string();
        let answer = posting::post((&self.client, self.private), &target.endpoint, (&event, body), now).await;
        let now = self.clock.now();
        let changed = target.breaker().end(attempt, answer.verdict(), now);
        self.settle(target, delivery, (&answer, changed), now).await
    }

    async fn settle(
        &self,
        target: &Target,
        delivery: &EventDelivery,
        (answer, breaker_changed): (&PostOutcome, bool),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = &delivery.endpoint;
        let word = answer.word();
        if breaker_changed {
            let state = target.breaker().state(now).as_str();
            warn!(
                tenant.id = %id.tenant, webhook.id = id.id, breaker.state = state, reason = word,
                "circuit breaker of a webhook changed"
            );
        }
        let outcome = match answer {
            PostOutcome::Taken => {
                self.store.settle_delivery(delivery, Settled::Delivered, now).await?;
                "delivered"
            }
            PostOutcome::Gone => {
                warn!(
                    tenant.id = %id.tenant, webhook.id = id.id,
                    "the endpoint of a webhook answered 410, it gets no more events"
                );
                self.store.disable_endpoint(id, posting::GONE, now).await?;
                "gone"
            }
            PostOutcome::Refused { .. } | PostOutcome::Unreached(_) => {
                let after = if let PostOutcome::Refused { after, .. } = answer { *after } else { None };
                match RETRY.next(delivery.generation, delivery.attempts, now, after) {
                    Retry::At(at) => {
                        self.store.settle_delivery(delivery, Settled::Again(&word, at), now).await?;
                        "retried"
                    }
                    Retry::Exhausted => {
                        info!(
                            tenant.id = %id.tenant, webhook.id = id.id, event.id = %delivery.event, reason = word,
                            "event not delivered, it is a dead letter"
                        );
                        self.store.settle_delivery(delivery, Settled::Dead(&word), now).await?;
                        "dead"
                    }
                }
            }
        };
        let labels = [("tenant", id.tenant.to_string()), ("webhook", id.id.clone()), ("outcome", outcome.to_owned())];
        counter!(names::EVENTS_OUT, &labels).increment(1);
        Ok(())
    }

    /// Posts a test to an endpoint at once, and returns the answer; `None`: the configuration has no such endpoint.
    pub async fn test(&self, id: &EndpointId) -> Option<PostOutcome> {
        let target = self.targets.get(id)?;
        let (now, event) = (self.clock.now(), uuid::Uuid::now_v7().to_string());
        let body = EventDocument::test(&event, id.tenant.as_str(), now).body();
        Some(posting::post((&self.client, self.private), &target.endpoint, (&event, body), now).await)
    }

    /// Endpoints whose breaker is not closed, and its state.
    #[must_use]
    pub fn failing(&self) -> Vec<(EndpointId, BreakerState)> {
        let now = self.clock.now();
        let each = self.targets.iter().map(|(id, target)| (id.clone(), target.breaker().state(now)));
        each.filter(|(_, state)| *state != BreakerState::Closed).collect()
    }

    /// Deletes deliveries that nobody needs any more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn forget(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut tenants: Vec<TenantId> = self.targets.keys().map(|id| id.tenant.clone()).collect();
        tenants.sort();
        tenants.dedup();
        self.store.forget_deliveries(&tenants, (now - KEEP_DELIVERED, now - KEEP_DEAD)).await
    }
}

impl Target {
    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events may be posted now.
    fn permits(&self, now: Timestamp) -> usize {
        match self.breaker().decision(now) {
            BreakerDecision::Free => AT_ONCE,
            BreakerDecision::One => 1,
            BreakerDecision::Shut(_) | BreakerDecision::Probing => 0,
        }
    }
}
