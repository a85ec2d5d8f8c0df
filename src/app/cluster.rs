//! This node among others: how many there are, the pace that they share, and how they wake each other.
//!
//! Whatever of it is away, the node goes on: the count stays as it was last seen, the pace falls back to this node's share
//! of it, and who is not woken looks at its next sweep.

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

use super::{StartError, SystemClock, ThreadGone};
use crate::cache::Redis;
use crate::config::Config;
use crate::http::health::{Condition, HealthSource};
use crate::store::{ALIVE_FOR, Store, StoreError};
use crate::telemetry::metrics as names;

/// How often a node says that it lives, at most and at least. It counts for [`crate::store::ALIVE_FOR`].
const LIVES_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));
/// Wake-ups of so long go out as one: 20 a second at most, whatever happens.
const TOGETHER: Duration = Duration::from_millis(50);
/// What PostgreSQL passes on in one piece, less than its 8,000 bytes; Redis takes more, and need not.
const TEXT_BYTES: usize = 7_900;
/// A node believes so much less long than the others that it lives: clocks do not go alike.
const BELIEVES_LESS: Duration = Duration::from_secs(1);
/// A database that does not answer keeps nobody from leaving.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// The node's place among the others.
pub(super) struct Cluster {
    node: NodeId,
    store: Store,
    database: String,
    redis: Option<Redis>,
    nodes: LiveNodes,
    notifier: Arc<ClusterNotifier>,
    io: Handle,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Takes its place. Answers once the others are counted and Redis, when there is to be one, was looked for; with the
    /// database away, [`Settling`] does that when it is back.
    pub(super) async fn join(config: &Config, store: &Store, node: NodeId, io: &Handle) -> Result<Self, StartError> {
        let nodes = if store.is_shared() { LiveNodes::of_several() } else { LiveNodes::default() };
        let redis = {
            let _inside = io.enter();
            config.redis.as_ref().map(|redis| Redis::connect(&redis.url)).transpose()?
        };
        let notifier = Arc::new(ClusterNotifier::default());
        let mut cluster = Self {
            node,
            store: store.clone(),
            database: config.database.url.clone(),
            redis,
            nodes,
            notifier,
            io: io.clone(),
            tasks: Vec::new(),
        };
        let settling = cluster.settling();
        let settled = io.spawn(async move { settling.settle().await });
        match settled.await.map_err(|_| ThreadGone)? {
            Err(error) if !error.is_away() => return Err(error.into()),
            // Nothing is sent before the database is back.
            Ok(()) | Err(_) => {}
        }
        if store.is_shared() {
            let every = config.runtime.sweep_every.clamp(LIVES_EVERY.0, LIVES_EVERY.1);
            let living = live(cluster.node.clone(), store.clone(), cluster.nodes.clone(), every);
            cluster.tasks.push(io.spawn(living));
        }
        Ok(cluster)
    }

    /// The pace: shared, or this node's share.
    pub(super) fn rate_limiter(&self) -> Arc<dyn RateLimiter> {
        match &self.redis {
            Some(redis) => Arc::new(redis.rate_limiter(self.nodes.clone())),
            None => Arc::new(LocalRateLimiter::shared_among(self.nodes.clone())),
        }
    }

    /// How many nodes there are, as this one knows.
    pub(super) fn nodes(&self) -> LiveNodes {
        self.nodes.clone()
    }

    /// Where nodes keep what each may send of a tenant's day and budget; one that is alone needs none.
    pub(super) fn quota_leases(&self) -> Option<Arc<dyn QuotaLeases>> {
        self.store.is_shared().then(|| Arc::new(self.store.clone()) as _)
    }

    /// How Redis does, when there is to be one.
    pub(super) fn redis_health(&self) -> Option<Arc<dyn HealthSource>> {
        self.redis.clone().map(|redis| Arc::new(RedisHealth(redis)) as _)
    }

    /// Who passes on what others should look at.
    pub(super) fn notifier(&self) -> Arc<dyn Notifier> {
        Arc::clone(&self.notifier) as _
    }

    /// From now on the house is woken by what happens here and elsewhere.
    pub(super) fn meet(&mut self, engine: Engine) -> Result<(), StoreError> {
        // Said once.
        let _ = self.notifier.engine.set(engine);
        let hear = || {
            let (notifier, own) = (Arc::clone(&self.notifier), self.node.clone());
            move |text: &str| notifier.receive(text, &own)
        };
        let _inside = self.io.enter();
        if let Some(redis) = &self.redis {
            redis.listen(hear());
        }
        let listening = self.store.listen(&self.database, hear())?;
        let ringing = publish(Arc::clone(&self.notifier), self.node.clone(), self.store.clone(), self.redis.clone());
        self.tasks.extend(listening.into_iter().chain([tokio::spawn(ringing)]));
        Ok(())
    }

    /// Gives its place up, so that the others' shares grow at once. One that has not finished is missed soon enough: what it
    /// has on the wire counts as its own until others look into it.
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
    /// What is left to do when the database was away at the start.
    pub(super) fn settling(&self) -> Settling {
        let (node, store) = (self.node.clone(), self.store.clone());
        Settling { node, store, redis: self.redis.clone(), nodes: self.nodes.clone() }
    }
}

/// What a node needs of the database before it may send.
pub(super) struct Settling {
    node: NodeId,
    store: Store,
    redis: Option<Redis>,
    nodes: LiveNodes,
}

impl Settling {
    /// Counts the others, and learns the secret that the gates in Redis are named with.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let begun = SystemClock.now();
        seen(&self.nodes, self.store.register_node(&self.node).await?, begun);
        if let Some(redis) = &self.redis {
            redis.know(&secret(&self.store).await?).await;
        }
        Ok(())
    }
}

/// What the installation's nodes know and nobody else. The first one makes it up: 74 bits of each of these are random.
async fn secret(store: &Store) -> Result<Vec<u8>, StoreError> {
    let fresh: String = (0..3).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
    Ok(store.secret_or(&fresh).await?.into_bytes())
}

/// The others were told at `begun` or later.
fn seen(nodes: &LiveNodes, count: u32, begun: Timestamp) {
    nodes.seen(count);
    nodes.believed_until(ActorContext::later(begun, ALIVE_FOR.saturating_sub(BELIEVES_LESS)), SystemClock.now());
    gauge!(names::NODES).set(f64::from(count));
}

/// Says again and again that this node lives, and counts those who do.
async fn live(node: NodeId, store: Store, nodes: LiveNodes, every: Duration) {
    let mut failing = false;
    loop {
        tokio::time::sleep(every).await;
        let begun = SystemClock.now();
        match store.heartbeat(&node).await {
            Ok(count) => {
                seen(&nodes, count, begun);
                failing = false;
            }
            Err(error) => {
                // Once for each outage.
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

/// Collects what is to be looked at.
#[derive(Default)]
struct ClusterNotifier {
    /// What happened here: the others are to be told.
    ours: Mutex<Notification>,
    /// What happened elsewhere.
    heard: Mutex<Notification>,
    rung: Notify,
    engine: OnceLock<Engine>,
}

impl ClusterNotifier {
    fn receive(&self, text: &str, own: &NodeId) {
        if let Some(what) = Notification::from_text(text, own.as_str()) {
            lock(&self.heard).add(what);
            self.rung.notify_one();
        }
    }
}

impl Notifier for ClusterNotifier {
    fn notify(&self, what: Notification) {
        lock(&self.ours).add(what);
        self.rung.notify_one();
    }
}

fn lock(of: &Mutex<Notification>) -> MutexGuard<'_, Notification> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes this house, and those of other nodes: through Redis while it answers, through PostgreSQL otherwise.
async fn publish(notifier: Arc<ClusterNotifier>, node: NodeId, store: Store, redis: Option<Redis>) {
    loop {
        notifier.rung.notified().await;
        tokio::time::sleep(TOGETHER).await;
        let ours = std::mem::take(&mut *lock(&notifier.ours));
        let mut all = std::mem::take(&mut *lock(&notifier.heard));
        all.add(ours.clone());
        if let Some(engine) = notifier.engine.get() {
            engine.wake(all);
        }
        let mut untold = ours.to_texts(node.as_str(), TEXT_BYTES);
        if let Some(redis) = &redis {
            let mut told = 0;
            while told < untold.len() && redis.publish(untold[told].clone()).await {
                told += 1;
            }
            untold.drain(..told);
        }
        if let Err(error) = store.notify(&untold).await {
            debug!(
                error = &error as &dyn std::error::Error,
                "the other nodes are not woken, they look at their next sweep"
            );
        }
    }
}

/// How Redis does. The daemon does without.
struct RedisHealth(Redis);

impl HealthSource for RedisHealth {
    fn check(&self) -> Pending<'_, Condition> {
        let condition = match self.0.recipient_status().up {
            true => Condition::Up,
            false => Condition::Degraded("redis does not answer, this node keeps to its share of every quota"),
        };
        Box::pin(std::future::ready(condition))
    }

    fn since(&self) -> Option<Timestamp> {
        Some(self.0.recipient_status().since)
    }
}
