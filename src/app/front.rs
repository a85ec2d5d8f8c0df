//! Between the HTTP surfaces and the actors: who may speak for a channel, and where messages go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::message::NewInbound;
use palabre_actors::engine::Engine;
use palabre_actors::ingress;
use palabre_actors::ports::{Clock, Pending, StatusUpdate};
use serde_json::{Map, Value, json};
use tracing::warn;

use super::SystemClock;
use crate::config::Config;
use crate::gateway::Registry;
use crate::http::health::{Condition, HealthSource};
use crate::http::{Accepted, ChannelEndpoint, Receivers, Reception, Refusal};
use crate::spool::Spooled;
use crate::store::Store;

/// What a provider that met an overload is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the report says while the spool stands in for the database.
const AWAY: &str = "the database does not answer, messages go to the spool and nothing is sent";

/// The bridge.
pub(super) struct Front {
    registry: Arc<Registry>,
    endpoints: HashMap<Box<str>, Arc<ChannelEndpoint>>,
    engine: Engine,
    /// Where callbacks wait while the database is away.
    spooled: Option<Spooled>,
}

impl Front {
    pub(super) fn new(config: &Config, registry: Arc<Registry>, engine: Engine, spooled: Option<Spooled>) -> Self {
        let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
        let endpoints = channels
            .filter_map(|channel| {
                let receiver = registry.receiver(channel.provider.name(), channel.id.as_str())?;
                let endpoint = ChannelEndpoint::new(channel.tenant.clone(), channel.id.clone(), Arc::clone(receiver));
                Some((channel.id.as_str().into(), Arc::new(endpoint)))
            })
            .collect();
        Self { registry, endpoints, engine, spooled }
    }
}

impl Receivers for Front {
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<ChannelEndpoint>> {
        self.registry.receiver(provider, channel)?;
        self.endpoints.get(channel).cloned()
    }

    fn by_account(&self, provider: &str, account: &str, address: &str) -> Option<Arc<ChannelEndpoint>> {
        let channel = self.registry.channel_of_account(provider, account, address)?;
        self.endpoints.get(channel).cloned()
    }
}

impl Reception for Front {
    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>> {
        Box::pin(async move {
            match self.engine.accept(message).await {
                Ok(ingress::Accepted::New) => Ok(Accepted::New),
                Ok(ingress::Accepted::Spooled) => Ok(Accepted::Spooled),
                Ok(ingress::Accepted::Duplicate { first }) => Ok(Accepted::Duplicate { first }),
                Err(ingress::Refusal::Overloaded) => Err(Refusal::Overloaded { retry_after: RETRY_AFTER }),
                Err(ingress::Refusal::Unavailable) => Err(Refusal::Unavailable),
                Err(ingress::Refusal::Stopping) => Err(Refusal::Stopping),
            }
        })
    }

    fn status(&self, update: StatusUpdate) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let Some(_place) = self.engine.admit(&update.tenant) else {
                return Err(Refusal::Overloaded { retry_after: RETRY_AFTER });
            };
            let applied = match &self.spooled {
                Some(spooled) => spooled.status(update, |update| self.engine.advance(update)).await,
                None => self.engine.advance(update).await.map(drop),
            };
            applied.map_err(|error| {
                warn!(error = %error, "status callback not applied, the provider is told to come again");
                Refusal::Unavailable
            })
        })
    }
}

/// How long the store may take to say that it is there: less than a part of the report may.
const PING: Duration = Duration::from_millis(200);

/// Whether messages can be taken: by the database, or by the spool while that is away.
pub(super) struct StoreHealth {
    store: Store,
    spooled: Option<Spooled>,
}

impl StoreHealth {
    pub(super) fn new(store: &Store, spooled: Option<&Spooled>) -> Self {
        Self { store: store.clone(), spooled: spooled.cloned() }
    }
}

impl HealthSource for StoreHealth {
    fn check(&self) -> Pending<'_, Condition> {
        Box::pin(async {
            let answers = tokio::time::timeout(PING, self.store.ping()).await.is_ok_and(|answer| answer.is_ok());
            match &self.spooled {
                _ if answers => Condition::Up,
                Some(spooled) if spooled.stock().takes => Condition::Degraded(AWAY),
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
            let stock = spooled.stock();
            let now = u64::try_from(SystemClock.now().timestamp_millis()).unwrap_or_default();
            let oldest = stock.oldest_ms.and_then(|oldest| u64::try_from(oldest).ok());
            facts.insert("database".to_owned(), if condition == Condition::Up { "up" } else { "away" }.into());
            let spool = json!({
                "records": stock.records,
                "bytes": stock.bytes,
                "max_bytes": stock.max_bytes,
                "oldest_s": oldest.map_or(0, |oldest| now.saturating_sub(oldest) / 1000),
                "takes": stock.takes,
            });
            facts.insert("spool".to_owned(), spool);
        }
        facts
    }
}
