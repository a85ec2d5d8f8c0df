//! Composition root: the only place that knows every module.

mod actor_context;
mod assistant;
mod audit;
mod broadcasts;
mod channels_health;
mod clock;
mod cluster;
mod console;
mod customers_typing;
mod early_statuses;
mod events_out;
mod indexing;
mod integrators;
pub(crate) mod journal;
mod media;
mod notices;
pub(crate) mod paid_access;
pub(crate) mod person_links;
mod polling;
pub(crate) mod privacy;
mod push;
mod reload;
mod retention;
mod start_error;
mod startup;
mod tenant_services;
mod tenants;
mod watch;
mod webhook_receiver;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::ids::NodeId;
use palabre_actors::engine::{Engine, EngineBuilder};
use palabre_actors::ports::Clock;
use palabre_actors::runtime::LiveNodes;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use self::actor_context::{actor_context, ports};
use self::channels_health::ChannelsHealth;
pub use self::clock::SystemClock;
use self::cluster::Cluster;
use self::customers_typing::CustomersTyping;
use self::events_out::EventsOutHealth;
use self::journal::JournalWriter;
use self::media::MediaParts;
use self::person_links::PersonLinkVisitors;
use self::polling::Polling;
use self::privacy::NodeFiles;
pub use self::reload::ConfigSource;
use self::reload::{Holders, Reloader};
pub use self::start_error::StartError;
use self::startup::OpenedStore;
use self::tenants::{profile_of, row_of};
use self::webhook_receiver::{StoreHealth, WebhookReceiver};
use crate::config::{Config, TenantDirectory};
use crate::console::{FailingChannels, LiveFeed, SetupDeps, TestPhones};
use crate::gateway::channel_event::ChannelEvents;
use crate::gateway::{self, CurrentRegistry, Registry};
use crate::http::health::{Health, Phase};
use crate::http::{self, HttpDeps};
use crate::runtime::{Threads, cores};
use crate::service::channels::ConfiguredChannels;
use crate::service::events_out::EventsOut;
use crate::service::privacy::PersonalData;
use crate::service::reload::{Reload as _, ReloadStatus};
use crate::store::{Lock, Store};
use crate::telemetry::metrics::Exporter;

/// How long the journals may take to write the last events, once nothing more happens.
const JOURNALS_END: Duration = Duration::from_secs(3);

/// The running daemon. Dropping it ends it without finishing anything; what was accepted is in the store.
#[derive(Debug)]
pub struct RunningDaemon {
    /// The address of the public listener.
    pub addr: SocketAddr,
    /// The address of the admin listener.
    pub admin_addr: SocketAddr,
    listeners: http::Listeners,
    /// Ends the streams of browsers.
    feed: LiveFeed,
    engine: Engine,
    store: Store,
    cluster: Cluster,
    runtime: Threads,
    draining: Option<JoinHandle<()>>,
    deleting: Option<JoinHandle<()>>,
    indexing: JoinHandle<()>,
    polling: Arc<Polling>,
    journals: Option<JournalWriter>,
    fetching: JoinHandle<()>,
    auditing: JoinHandle<()>,
    forgetting: JoinHandle<()>,
    posting: JoinHandle<()>,
    correlating: JoinHandle<()>,
    selling: JoinHandle<()>,
    notices: JoinHandle<()>,
    pushing: Option<JoinHandle<()>>,
    broadcasting: JoinHandle<()>,
    watching: JoinHandle<()>,
    reloader: Arc<Reloader>,
    reloading: Option<JoinHandle<()>>,
    drain: Duration,
    lock: Lock,
}

/// Starts the daemon, and resolves when it may receive traffic. With a `source`, the tenants' files are taken over when they
/// change.
///
/// # Errors
/// [`StartError`]
pub async fn start(
    config: Config,
    source: Option<ConfigSource>,
    metrics: Exporter,
) -> Result<RunningDaemon, StartError> {
    start_with(config, source, metrics, None).await
}

/// Starts a daemon in a time of its own, which the demo moves. Only for a node alone: other nodes are told apart from dead ones
/// by the machine's time.
///
/// # Errors
/// [`StartError`]
pub async fn start_in(config: Config, metrics: Exporter, time: Arc<dyn Clock>) -> Result<RunningDaemon, StartError> {
    start_with(config, None, metrics, Some(time)).await
}

async fn start_with(
    config: Config,
    source: Option<ConfigSource>,
    metrics: Exporter,
    time: Option<Arc<dyn Clock>>,
) -> Result<RunningDaemon, StartError> {
    let begun = std::time::Instant::now();
    let shards = if config.runtime.shards == 0 { cores() } else { config.runtime.shards };
    let runtime = Threads::start(shards).map_err(StartError::Threads)?;
    let health = Arc::new(Health::new());
    let is_alone = time.is_some();
    let clock = time.unwrap_or_else(|| Arc::new(SystemClock));

    let lock = Lock::take(&config.database.url)?;
    let OpenedStore { store, sellers, faq, spooled } = startup::open(&config, &runtime).await?;
    health.register("store", true, Arc::new(StoreHealth::new(&store, spooled.as_ref())));
    let channels_health = Arc::new(ChannelsHealth::default());
    health.register("channels", false, Arc::clone(&channels_health) as _);
    let parts = MediaParts::new(&config, store.operator(), Arc::clone(&clock))?;
    let mut registry = Registry::build_with(&config, parts.out.clone())?;
    // While the database is away, what it knows is not missed: its messages are not sent either.
    let stored = store.stored_channels().await.unwrap_or_default();
    registry.note_stored(stored.iter().map(|(channel, provider)| (channel.as_str(), provider.as_str())));
    let registry = Arc::new(CurrentRegistry::new(registry));
    let tenants = TenantDirectory::new(config.tenants.clone());
    let node = NodeId::new(&uuid::Uuid::now_v7().to_string());
    let mut cluster = Cluster::join(&config, &store, node.clone(), runtime.io()).await?;
    if let Some(redis) = cluster.redis_health() {
        health.register("redis", false, redis);
    }
    if let Some(clock) = cluster.clock_health() {
        health.register("clock", false, clock);
    }
    let mut ports = ports(&store, (sellers.clone(), faq.clone()), &registry, Arc::clone(&clock), &cluster);
    let assistants = assistant::assistants(&config, &store, &clock)?;
    ports.assistant = Arc::clone(&assistants) as _;
    if let Some(spooled) = &spooled {
        ports.inbox = Arc::new(spooled.clone());
    }
    let nodes = if is_alone { LiveNodes::default() } else { cluster.nodes() };
    let actor_context = actor_context(&config, ports, (node.clone(), nodes), runtime.io().clone());
    let builder = EngineBuilder::new(actor_context, shards);
    let shards = {
        let builder = builder.clone();
        runtime.on_each_shard(move |number| builder.start_shard(number)).await?
    };
    let engine = builder.build(shards);
    channels_health.attach(&engine);
    let draining = spooled.clone().map(|spooled| {
        let caches = (sellers, faq.clone());
        startup::follow(&config, &runtime, &store, caches, spooled, cluster.registration(), engine.clone())
    });
    cluster.attach_engine(engine.clone())?;
    let deleting = retention::keep(config.retention, &store, Arc::clone(&clock), runtime.io());
    let indexing = indexing::follow(&store, Arc::clone(&clock), runtime.io());
    let journals = journal::follow(&config, (&store, &node), &health, Arc::clone(&clock), runtime.io());
    let fetching = parts.follow((&config, tenants.clone()), &store, Arc::clone(&clock), runtime.io());
    let media = parts.access(tenants.clone(), Arc::clone(&clock));
    let operator = store.operator().telling(cluster.notifier());
    let people = console::people(&config, operator.clone(), Arc::clone(&clock));
    let files = Arc::new(NodeFiles::of(tenants.clone(), spooled.clone()));
    let personal = PersonalData::new(operator.clone(), files, Arc::clone(&clock), &config.privacy);
    let auditing = audit::keep(&config.privacy, people.clone(), personal.clone(), runtime.io());
    let forgetting = privacy::work(personal.clone(), runtime.io());
    let outgoing = integrators::outgoing(&tenants, &engine);
    let broadcasting = broadcasts::Broadcasting {
        operator: operator.clone(),
        outgoing: Arc::clone(&outgoing),
        tenants: tenants.clone(),
        clock: Arc::clone(&clock),
    };
    let broadcasting = broadcasts::follow(broadcasting, &store, runtime.io());
    let served = tenants.all();
    let paid = paid_access::connect(&config, &served, operator.clone(), Arc::clone(&outgoing));
    let selling = paid_access::follow(paid.clone(), &store, Arc::clone(&clock), runtime.io());
    let watched = (&store, operator.clone(), paid.clone());
    let watching =
        watch::follow(&config, watched, Arc::clone(&clock), runtime.io()).map_err(gateway::BuildError::from)?;

    let feed = LiveFeed::start(operator.clone(), runtime.io());
    cluster.share_presence(&feed);
    let (push, pushing) = push::start(&config, (&store, operator.clone()), &feed, (&clock, runtime.io()))?;
    let typing = CustomersTyping::new(feed.clone(), operator.clone());
    let links = parts.person_links(&config, operator.clone(), tenants.clone());
    let visitors = PersonLinkVisitors::new(links.clone(), tenants.clone(), Arc::clone(&outgoing));
    let listeners: Vec<Arc<dyn ChannelEvents>> = vec![Arc::new(paid.clone()), Arc::new(typing), Arc::new(visitors)];
    let webhook_receiver = Arc::new(WebhookReceiver::new(&served, registry.now(), engine.clone(), spooled, listeners));
    let notices = notices::follow(
        (&config, tenants.clone()),
        (&store, operator.clone()),
        engine.clone(),
        Arc::clone(&clock),
        runtime.io(),
    );
    let events_out =
        EventsOut::new(&config, operator.clone(), Arc::clone(&clock)).map_err(gateway::BuildError::from)?;
    health.register("webhooks", false, Arc::new(EventsOutHealth(events_out.clone())));
    let posting = events_out::follow(events_out, (&store, operator.clone()), config.runtime.watch_every, runtime.io());
    let lookups =
        tenant_services::follow((&config, tenants.clone(), &clock), (&store, &operator), &health, runtime.io());
    let correlating = lookups.map_err(gateway::BuildError::from)?;
    let reception: Arc<dyn http::Reception> = Arc::clone(&webhook_receiver) as _;
    let polling = Arc::new(Polling::new(&config, (&store, &node), reception, Arc::clone(&clock), runtime.io())?);
    polling.serve(&served, |_| false).await;
    let channels = ConfiguredChannels::new(integrators::channels(&served));
    let is_watched = source.is_some();
    let directory = tenants.clone();
    let holders = Holders {
        directory: tenants.clone(),
        registry,
        receiver: Arc::clone(&webhook_receiver),
        engine: engine.clone(),
        store: store.clone(),
        faq: faq.clone(),
        channels: channels.clone(),
        creators: paid.creators.clone(),
        polling: Arc::clone(&polling),
        assistants,
        clock: Arc::clone(&clock),
    };
    let folder = source.as_ref().map(ConfigSource::folder);
    let reloader = Reloader::new(source.unwrap_or_default(), holders);
    health.register("configuration", false, Arc::clone(&reloader) as _);
    let reloading = is_watched.then(|| reloader.follow(runtime.io()));
    let phones = Arc::clone(&webhook_receiver) as Arc<dyn TestPhones>;
    let ways = (Arc::clone(&outgoing), phones);
    let sold = (Some(paid.clone()), media.clone(), links.clone());
    let tables = (operator.clone(), store.history(), personal.clone());
    let setup = folder.map(|folder| SetupDeps { folder, reload: Arc::clone(&reloader) as _ });
    let setup = (setup, channels_health as Arc<dyn FailingChannels>);
    let live = (feed.clone(), Arc::clone(&clock), push);
    let console = console::routes((&config, tenants), people, tables, ways, sold, live, setup)?;
    let deps = HttpDeps {
        config: config.http.clone(),
        deadlines: http::Deadlines::default(),
        drain: config.runtime.drain,
        notice: config.runtime.drain_notice,
        clock: Arc::clone(&clock),
        receivers: Arc::clone(&webhook_receiver) as Arc<dyn http::Receivers>,
        reception: webhook_receiver,
        health: Arc::clone(&health),
        metrics,
        api: integrators::api(
            &config,
            (operator, channels, (media, links), directory),
            outgoing,
            (paid, faq, personal, Arc::clone(&reloader) as _),
            clock,
        ),
        console,
    };
    let listeners = runtime.on_system(move || http::serve(deps)).await??;
    health.enter(Phase::Ready);
    info!(
        http.listen = %listeners.addr,
        http.admin_listen = %listeners.admin_addr,
        tenants = config.tenants.len(),
        elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    Ok(RunningDaemon {
        addr: listeners.addr,
        admin_addr: listeners.admin_addr,
        listeners,
        feed,
        engine,
        store,
        cluster,
        runtime,
        draining,
        deleting,
        indexing,
        polling,
        journals,
        fetching,
        auditing,
        forgetting,
        posting,
        correlating,
        selling,
        notices,
        pushing,
        broadcasting,
        watching,
        reloader,
        reloading,
        drain: config.runtime.drain,
        lock,
    })
}

impl RunningDaemon {
    /// Resolves when the daemon cannot go on and should be started again.
    pub async fn fatal(&self) {
        self.engine.fatal().await;
    }

    /// Reads the tenants' files now. Resolves when what they say counts, or is refused.
    pub async fn reload(&self) -> ReloadStatus {
        self.reloader.reload().await
    }

    /// The store, for those who read its rows (the demo does).
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops: announces it for `runtime.drain_notice`, closes the listeners, finishes turns and sends in flight
    /// within `runtime.drain`, closes the store. Returns whether everything was finished; what was not is in the
    /// store for the next start.
    pub async fn stop(self) -> bool {
        info!("draining");
        // Browsers come back by themselves, to another node or to this one.
        self.feed.close();
        self.polling.stop().await;
        let engine = self.engine;
        let draining = async {
            // The listeners first: webhooks in flight still need their commit.
            self.listeners.stop().await;
            engine.drain().await;
        };
        let finished = tokio::time::timeout(self.drain, draining).await.is_ok();
        if !finished {
            warn!(sending = engine.sending(), "not everything finished in time; it goes on at the next start");
        }
        if let Some(journals) = self.journals {
            journals.stop(JOURNALS_END).await;
        }
        self.cluster.leave(finished).await;
        // Spooled entries stay on disk for the next start.
        let others = [
            self.indexing,
            self.fetching,
            self.auditing,
            self.forgetting,
            self.posting,
            self.correlating,
            self.selling,
            self.notices,
            self.broadcasting,
            self.watching,
        ];
        let optional = self.draining.into_iter().chain(self.deleting).chain(self.reloading).chain(self.pushing);
        for task in optional.chain(others) {
            task.abort();
        }
        if let Err(error) = self.store.close().await {
            warn!(
                error = &error as &dyn std::error::Error,
                "the database was not closed cleanly; the next start mends it"
            );
        }
        let runtime = self.runtime;
        // Joining threads is no work for an asynchronous worker.
        let _ = tokio::task::spawn_blocking(move || runtime.stop()).await;
        drop(self.lock);
        info!(finished, "stopped");
        finished
    }
}
