//! Webhook receiver: finds channels, passes messages and callbacks to the engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::message::NewInbound;
use palabre_actors::engine::Engine;
use palabre_actors::ingress;
use palabre_actors::ports::{AccountNews, Clock, Pending, StatusUpdate};
use palabre_actors::runtime::spans;
use serde_json::{Map, Value, json};
use tracing::{debug, warn};

use super::SystemClock;
use super::early_statuses::EarlyStatuses;
use crate::config::{Channel, Tenant};
use crate::console::{TestMessageRefused, TestPhones};
use crate::gateway::Registry;
use crate::gateway::channel_event::{ChannelEvent, ChannelEvents};
use crate::http::health::{Condition, HealthSource};
use crate::http::{Accepted, ChannelEndpoint, Receivers, Reception, Refusal};
use crate::spool::SpooledInbox;
use crate::store::Store;

/// `Retry-After` of an overloaded answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What `/readyz` says while the spool replaces the database.
const AWAY: &str = "the database does not answer, messages go to the spool and nothing is sent";

pub(super) struct WebhookReceiver {
    /// Replaced when the configuration changed.
    ways_in: ArcSwap<WaysIn>,
    engine: Engine,
    statuses: EarlyStatuses,
    /// Takes callbacks while the database is away.
    spooled: Option<SpooledInbox>,
    /// Who acts on events that are no messages. Each is told of every one, in this order.
    listeners: Vec<Arc<dyn ChannelEvents>>,
}

/// The channels' ways in.
struct WaysIn {
    registry: Arc<Registry>,
    endpoints: HashMap<Box<str>, Arc<ChannelEndpoint>>,
}

impl WaysIn {
    fn of(registry: Arc<Registry>, tenants: &[Arc<Tenant>]) -> Self {
        let channels = tenants.iter().flat_map(|tenant| &tenant.channels);
        let endpoints = channels
            .filter_map(|channel| {
                let receiver = registry.receiver(channel.provider.name(), channel.id.as_str())?;
                let endpoint = ChannelEndpoint::new(channel.tenant.clone(), channel.id.clone(), Arc::clone(receiver));
                Some((channel.id.as_str().into(), Arc::new(endpoint)))
            })
            .collect();
        Self { registry, endpoints }
    }
}

impl WebhookReceiver {
    pub(super) fn new(
        tenants: &[Arc<Tenant>],
        registry: Arc<Registry>,
        engine: Engine,
        spooled: Option<SpooledInbox>,
        listeners: Vec<Arc<dyn ChannelEvents>>,
    ) -> Self {
        let ways_in = ArcSwap::from_pointee(WaysIn::of(registry, tenants));
        let statuses = EarlyStatuses::new(engine.clone());
        Self { ways_in, engine, statuses, spooled, listeners }
    }

    /// Receives for these tenants' channels from now on.
    pub(super) fn serve(&self, registry: Arc<Registry>, tenants: &[Arc<Tenant>]) {
        self.ways_in.store(Arc::new(WaysIn::of(registry, tenants)));
    }
}

impl Receivers for WebhookReceiver {
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<ChannelEndpoint>> {
        let ways_in = self.ways_in.load();
        ways_in.registry.receiver(provider, channel)?;
        ways_in.endpoints.get(channel).cloned()
    }

    fn by_account(&self, provider: &str, account: &str, address: &str) -> Option<Arc<ChannelEndpoint>> {
        let ways_in = self.ways_in.load();
        let channel = ways_in.registry.channel_of_account(provider, account, address)?;
        ways_in.endpoints.get(channel).cloned()
    }

    fn of_provider(&self, provider: &str) -> Vec<Arc<ChannelEndpoint>> {
        let ways_in = self.ways_in.load();
        let own = ways_in.registry.channels().filter(|registered| registered.provider == provider);
        own.filter_map(|registered| ways_in.endpoints.get(registered.channel.as_str()).cloned()).collect()
    }
}

impl Reception for WebhookReceiver {
    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>> {
        Box::pin(async move {
            let span = spans::webhook(&message);
            let (answer, outcome) = match self.engine.accept(message).await {
                Ok(ingress::Accepted::New) => (Ok(Accepted::New), "accepted"),
                Ok(ingress::Accepted::Spooled) => (Ok(Accepted::Spooled), "spooled"),
                Ok(ingress::Accepted::Duplicate { first }) => (Ok(Accepted::Duplicate { first }), "duplicate"),
                Err(ingress::Refusal::Overloaded) => {
                    (Err(Refusal::Overloaded { retry_after: RETRY_AFTER }), "overloaded")
                }
                Err(ingress::Refusal::Unavailable) => (Err(Refusal::Unavailable), "unavailable"),
                Err(ingress::Refusal::Stopping) => (Err(Refusal::Stopping), "stopping"),
            };
            span.record("webhook.outcome", outcome);
            answer
        })
    }

    fn status(&self, update: StatusUpdate) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let Some(_place) = self.engine.admit(&update.tenant) else {
                return Err(Refusal::Overloaded { retry_after: RETRY_AFTER });
            };
            let applied = match &self.spooled {
                Some(spooled) => spooled.status(update, |update| self.statuses.apply(update)).await,
                None => self.statuses.apply(update).await.map(drop),
            };
            applied.map_err(|error| {
                if self.engine.is_news(&error) {
                    warn!(error = %error, "status callback not applied, the provider is told to come again");
                }
                Refusal::Unavailable
            })
        })
    }

    fn event(&self, event: ChannelEvent) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            debug!(channel.id = %event.channel, correlation.id = %event.correlation, kind = event.kind.as_str(), "channel event");
            for listener in &self.listeners {
                listener.take(event.clone()).await.map_err(|error| {
                    if self.engine.is_news(&error) {
                        warn!(error = %error, "channel event not taken, the provider is told to come again");
                    }
                    Refusal::Unavailable
                })?;
            }
            Ok(())
        })
    }

    fn account(&self, news: AccountNews) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.engine.account_news(&news).await.map_err(|error| {
                warn!(error = %error, "pause of a channel not written, the provider is told to come again");
                Refusal::Unavailable
            })
        })
    }
}

impl TestPhones for WebhookReceiver {
    fn post(&self, message: NewInbound) -> Pending<'_, Result<(), TestMessageRefused>> {
        Box::pin(async move {
            match self.accept(message).await {
                Ok(_) => Ok(()),
                Err(_) => Err(TestMessageRefused),
            }
        })
    }

    fn shows_typing(&self, channel: &Channel, to: &Address) -> bool {
        let ways_in = self.ways_in.load();
        let receiver = ways_in.registry.receiver(channel.provider.name(), channel.id.as_str());
        receiver.is_some_and(|receiver| receiver.shows_typing_to(to))
    }
}

/// How long a ping of the store may take: less than a part of the report may.
const PING: Duration = Duration::from_millis(200);

/// Health of the store: whether the database, or the spool while that is away, takes messages.
pub(super) struct StoreHealth {
    store: Store,
    spooled: Option<SpooledInbox>,
}

impl StoreHealth {
    pub(super) fn new(store: &Store, spooled: Option<&SpooledInbox>) -> Self {
        Self { store: store.clone(), spooled: spooled.cloned() }
    }
}

impl HealthSource for StoreHealth {
    fn check(&self) -> Pending<'_, Condition> {
        Box::pin(async {
            let answers = tokio::time::timeout(PING, self.store.ping()).await.is_ok_and(|answer| answer.is_ok());
            let problem = self.store.write_problem();
            match &self.spooled {
                _ if answers && problem.is_none() => Condition::Up,
                None if let Some(problem) = problem => Condition::Down(problem),
                Some(spooled) if spooled.stats().accepting => {
                    Condition::Degraded(problem.filter(|_| answers).unwrap_or(AWAY))
                }
                Some(_) => Condition::Down("the database does not answer, and the spool takes nothing"),
                None => Condition::Down("the database does not answer"),
            }
        })
    }

    fn facts(&self, condition: Condition) -> Map<String, Value> {
        let mut facts = Map::new();
        if self.store.lacks_trigrams() {
            facts.insert("search".to_owned(), "words_as_spelt".into());
        }
        if let Some(spooled) = &self.spooled {
            let stats = spooled.stats();
            let now = u64::try_from(SystemClock.now().timestamp_millis()).unwrap_or_default();
            let oldest = stats.oldest_ms.and_then(|oldest| u64::try_from(oldest).ok());
            facts.insert("database".to_owned(), if condition == Condition::Up { "up" } else { "away" }.into());
            let spool = json!({
                "records": stats.records,
                "bytes": stats.bytes,
                "max_bytes": stats.max_bytes,
                "oldest_s": oldest.map_or(0, |oldest| now.saturating_sub(oldest) / 1000),
                "takes": stats.accepting,
            });
            facts.insert("spool".to_owned(), spool);
        }
        facts
    }
}
