//! This node in its cluster: liveness, shared rate limits, notifications.
//!
//! When Redis or the database is away the node goes on: the count of nodes stays as it was last seen, rate limits
//! fall back to this node's share, and nodes that are not notified find the work at their next sweep.

mod clock_health;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use metrics::gauge;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::NodeId;
use palabre_actors::engine::Engine;
use palabre_actors::outbox::LocalRateLimiter;
use palabre_actors::ports::{Clock, Notification, Notifier, Pending, QuotaLeases, RateLimiter};
use palabre_actors::runtime::{ActorContext, LiveNodes};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use self::clock_health::ClockHealth;
use super::{StartError, SystemClock};
use crate::cache::RedisClient;
use crate::config::Config;
use crate::console::LiveFeed;
use crate::http::health::{Condition, HealthSource};
use crate::runtime::ThreadGone;
use crate::store::{ALIVE_FOR, Heartbeat, Store, StoreError};
use crate::telemetry::metrics as names;

/// Time between two heartbeats, the least and the most. One counts for [`crate::store::ALIVE_FOR`].
const HEARTBEAT_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));
/// Notifications of this time are published together: 20 a second at most.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// The longest text that is published: PostgreSQL takes less than 8,000 bytes.
const TEXT_BYTES: usize = 7_900;
/// A node counts itself as gone this much earlier than the others do, because clocks differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(1);
/// How long a stop waits for the database to take the node off its list.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// The node's place in the cluster.
pub(super) struct Cluster {
    node: NodeId,
    store: Store,
    database: String,
    redis: Option<RedisClient>,
    nodes: LiveNodes,
    clock: Arc<ClockHealth>,
    notifier: Arc<ClusterNotifier>,
    io: Handle,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Joins. Returns once the nodes are counted and Redis, if configured, was tried; with the database away,
    /// [`Registration`] does that when it is back.
    pub(super) async fn join(config: &Config, store: &Store, node: NodeId, io: &Handle) -> Result<Self, StartError> {
        let nodes = if store.is_shared() { LiveNodes::of_several() } else { LiveNodes::default() };
        let redis = {
            let _inside = io.enter();
            config.redis.as_ref().map(|redis| RedisClient::connect(&redis.url)).transpose()?
        };
        let notifier = Arc::new(ClusterNotifier::default());
        let mut cluster = Self {
            node,
            store: store.clone(),
            database: config.database.url.clone(),
            redis,
            nodes,
            clock: Arc::default(),
            notifier,
            io: io.clone(),
            tasks: Vec::new(),
        };
        let registration = cluster.registration();
        let settled = io.spawn(async move { registration.register().await });
        match settled.await.map_err(|_| ThreadGone)? {
            Err(error) if !error.is_away() => return Err(error.into()),
            // Nothing is sent before the database is back.
            Ok(()) | Err(_) => {}
        }
        if store.is_shared() {
            let every = config.runtime.sweep_every.clamp(HEARTBEAT_EVERY.0, HEARTBEAT_EVERY.1);
            let (nodes, clock) = (cluster.nodes.clone(), Arc::clone(&cluster.clock));
            let living = heartbeats(cluster.node.clone(), store.clone(), (nodes, clock), every);
            cluster.tasks.push(io.spawn(living));
        }
        Ok(cluster)
    }

    /// The rate limiter: shared through Redis, or this node's share.
    pub(super) fn rate_limiter(&self) -> Arc<dyn RateLimiter> {
        match &self.redis {
            Some(redis) => Arc::new(redis.rate_limiter(self.nodes.clone())),
            None => Arc::new(LocalRateLimiter::shared_among(self.nodes.clone())),
        }
    }

    /// The number of live nodes, as this one knows it.
    pub(super) fn nodes(&self) -> LiveNodes {
        self.nodes.clone()
    }

    /// The quota leases of the shared database; a single node needs none.
    pub(super) fn quota_leases(&self) -> Option<Arc<dyn QuotaLeases>> {
        self.store.is_shared().then(|| Arc::new(self.store.clone()) as _)
    }

    /// The health of Redis, if configured.
    pub(super) fn redis_health(&self) -> Option<Arc<dyn HealthSource>> {
        self.redis.clone().map(|redis| Arc::new(RedisHealth(redis)) as _)
    }

    /// The health of this node's clock, where there is another one to compare it with.
    pub(super) fn clock_health(&self) -> Option<Arc<dyn HealthSource>> {
        self.store.is_shared().then(|| Arc::clone(&self.clock) as _)
    }

    /// Notifies the other nodes.
    pub(super) fn notifier(&self) -> Arc<dyn Notifier> {
        Arc::clone(&self.notifier) as _
    }

    /// Connects the engine: it is woken by notifications of this node and of others.
    pub(super) fn attach_engine(&mut self, engine: Engine) -> Result<(), StoreError> {
        // Set once.
        let _ = self.notifier.engine.set(engine);
        let on_text = || {
            let (notifier, own) = (Arc::clone(&self.notifier), self.node.clone());
            move |text: &str| notifier.receive(text, &own)
        };
        let _inside = self.io.enter();
        if let Some(redis) = &self.redis {
            redis.listen(on_text());
        }
        let listening = self.store.listen(&self.database, on_text())?;
        let publishing = publish(Arc::clone(&self.notifier), self.node.clone(), self.store.clone(), self.redis.clone());
        self.tasks.extend(listening.into_iter().chain([tokio::spawn(publishing)]));
        Ok(())
    }

    /// Consoles show who looks at a conversation on other nodes too. On SQLite there are none.
    pub(super) fn share_presence(&mut self, feed: &LiveFeed) {
        if !self.store.is_shared() {
            return;
        }
        // Set once.
        let _ = self.notifier.feed.set(feed.clone());
        feed.share();
        let (feed, node, store, redis) = (feed.clone(), self.node.clone(), self.store.clone(), self.redis.clone());
        self.tasks.push(self.io.spawn(async move {
            loop {
                let texts = feed.to_tell(node.as_str()).await;
                if let Err(error) = tell(texts, &store, redis.as_ref()).await {
                    debug!(
                        error = &error as &dyn std::error::Error,
                        "other nodes do not see who looks at conversations here"
                    );
                }
            }
        }));
    }

    /// Leaves, so that the others' shares grow at once. A node that has not finished keeps its leases and ends by its
    /// missing heartbeats: its sends count as its own until the reconciler looks into them.
    pub(super) async fn leave(self, finished: bool) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let leaving = async {
            if let Some(redis) = &self.redis {
                redis.close().await;
            }
            if finished {
                self.store.release_quota_leases(&self.node).await?;
                self.store.remove_node(&self.node).await?;
            }
            Ok::<_, StoreError>(())
        };
        if !matches!(tokio::time::timeout(LEAVE_WITHIN, leaving).await, Ok(Ok(()))) {
            debug!("the other nodes will notice by themselves that this one is gone");
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("node", &self.node).field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl Cluster {
    /// The part of joining that needs the database.
    pub(super) fn registration(&self) -> Registration {
        let (node, store, clock) = (self.node.clone(), self.store.clone(), Arc::clone(&self.clock));
        Registration { node, store, redis: self.redis.clone(), nodes: self.nodes.clone(), clock }
    }
}

/// What a node needs of the database before it may send.
pub(super) struct Registration {
    node: NodeId,
    store: Store,
    redis: Option<RedisClient>,
    nodes: LiveNodes,
    clock: Arc<ClockHealth>,
}

impl Registration {
    /// Registers the node, counts the others, and reads the secret that names the keys in Redis.
    pub(super) async fn register(&self) -> Result<(), StoreError> {
        let begun = SystemClock.now();
        let seen = self.store.register_node(&self.node).await?;
        take_over(seen, begun, &self.nodes, &self.clock);
        if let Some(redis) = &self.redis {
            redis.know(&secret(&self.store).await?).await;
        }
        Ok(())
    }
}

/// The installation's secret. The first node makes it: each UUIDv7 has 74 random bits.
async fn secret(store: &Store) -> Result<Vec<u8>, StoreError> {
    let fresh: String = (0..3).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
    Ok(store.secret_or(&fresh).await?.into_bytes())
}

/// Counts the nodes and compares the clocks. The heartbeat was written at `begun` or later.
fn take_over(seen: Heartbeat, begun: Timestamp, nodes: &LiveNodes, clock: &ClockHealth) {
    let now = SystemClock.now();
    clock.compare(seen.database_clock, (begun, now));
    nodes.seen(seen.nodes);
    nodes.believed_until(ActorContext::later(begun, ALIVE_FOR.saturating_sub(CLOCK_MARGIN)), now);
    gauge!(names::NODES).set(f64::from(seen.nodes));
}

/// Writes heartbeats, counts the nodes, and compares the clocks.
async fn heartbeats(node: NodeId, store: Store, (nodes, clock): (LiveNodes, Arc<ClockHealth>), every: Duration) {
    let mut failing = false;
    loop {
        tokio::time::sleep(every).await;
        let begun = SystemClock.now();
        match store.heartbeat(&node).await {
            Ok(seen) => {
                take_over(seen, begun, &nodes, &clock);
                failing = false;
            }
            Err(error) => {
                // Logged once for each outage.
                if !failing {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        nodes = nodes.count(),
                        "the nodes cannot be counted, as many are assumed as before"
                    );
                }
                failing = true;
            }
        }
    }
}

/// Collects notifications.
#[derive(Default)]
struct ClusterNotifier {
    /// Of this node, to be published.
    outgoing: Mutex<Notification>,
    /// Of other nodes.
    received: Mutex<Notification>,
    updated: Notify,
    engine: OnceLock<Engine>,
    /// Consoles of this node.
    feed: OnceLock<LiveFeed>,
}

impl ClusterNotifier {
    fn receive(&self, text: &str, own: &NodeId) {
        if let Some(what) = Notification::from_text(text, own.as_str()) {
            lock(&self.received).add(what);
            self.updated.notify_one();
        } else if let Some(feed) = self.feed.get() {
            feed.receive(text, own.as_str());
        }
    }
}

impl Notifier for ClusterNotifier {
    fn notify(&self, what: Notification) {
        lock(&self.outgoing).add(what);
        self.updated.notify_one();
    }
}

fn lock(of: &Mutex<Notification>) -> MutexGuard<'_, Notification> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes this node's engine, and publishes to other nodes.
async fn publish(notifier: Arc<ClusterNotifier>, node: NodeId, store: Store, redis: Option<RedisClient>) {
    loop {
        notifier.updated.notified().await;
        tokio::time::sleep(PUBLISH_EVERY).await;
        let outgoing = std::mem::take(&mut *lock(&notifier.outgoing));
        let mut all = std::mem::take(&mut *lock(&notifier.received));
        all.add(outgoing.clone());
        if let Some(engine) = notifier.engine.get() {
            engine.wake(all);
        }
        let texts = outgoing.to_texts(node.as_str(), TEXT_BYTES);
        if let Err(error) = tell(texts, &store, redis.as_ref()).await {
            debug!(
                error = &error as &dyn std::error::Error,
                "the other nodes are not woken, they look at their next sweep"
            );
        }
    }
}

/// Tells other nodes: through Redis while it answers, through PostgreSQL otherwise.
async fn tell(mut texts: Vec<String>, store: &Store, redis: Option<&RedisClient>) -> Result<(), StoreError> {
    if let Some(redis) = redis {
        let mut published = 0;
        while published < texts.len() && redis.publish(texts[published].clone()).await {
            published += 1;
        }
        texts.drain(..published);
    }
    store.notify(&texts).await
}

/// The health of Redis. The daemon works without it.
struct RedisHealth(RedisClient);

impl HealthSource for RedisHealth {
    fn check(&self) -> Pending<'_, Condition> {
        let condition = match self.0.status().up {
            true => Condition::Up,
            false => Condition::Degraded("redis does not answer, this node keeps to its share of every quota"),
        };
        Box::pin(std::future::ready(condition))
    }

    fn since(&self) -> Option<Timestamp> {
        Some(self.0.status().since)
    }
}
