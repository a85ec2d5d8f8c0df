//! Between the HTTP surfaces and the actors: who may speak for a channel, and where messages go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::message::NewInbound;
use palabre_actors::house::House;
use palabre_actors::ingress;
use palabre_actors::ports::{Pending, StatusUpdate};
use tracing::warn;

use crate::config::Config;
use crate::gateway::Registry;
use crate::http::health::{Condition, HealthSource};
use crate::http::{Accepted, Inlet, Receivers, Reception, Refusal};
use crate::store::Store;

/// What a provider that met an overload is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bridge.
pub(super) struct Front {
    registry: Arc<Registry>,
    inlets: HashMap<Box<str>, Arc<Inlet>>,
    house: House,
}

impl Front {
    pub(super) fn new(config: &Config, registry: Arc<Registry>, house: House) -> Self {
        let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
        let inlets = channels
            .filter_map(|channel| {
                let receiver = registry.receiver(channel.provider.name(), channel.id.as_str())?;
                let inlet = Inlet::new(channel.tenant.clone(), channel.id.clone(), Arc::clone(receiver));
                Some((channel.id.as_str().into(), Arc::new(inlet)))
            })
            .collect();
        Self { registry, inlets, house }
    }
}

impl Receivers for Front {
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<Inlet>> {
        self.registry.receiver(provider, channel)?;
        self.inlets.get(channel).cloned()
    }

    fn by_account(&self, provider: &str, account: &str, address: &str) -> Option<Arc<Inlet>> {
        let channel = self.registry.channel_of_account(provider, account, address)?;
        self.inlets.get(channel).cloned()
    }
}

impl Reception for Front {
    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>> {
        Box::pin(async move {
            match self.house.accept(message).await {
                Ok(ingress::Accepted::New) => Ok(Accepted::New),
                Ok(ingress::Accepted::Duplicate { first }) => Ok(Accepted::Duplicate { first }),
                Err(ingress::Refusal::Overloaded) => Err(Refusal::Overloaded { retry_after: RETRY_AFTER }),
                Err(ingress::Refusal::Unavailable) => Err(Refusal::Unavailable),
                Err(ingress::Refusal::Stopping) => Err(Refusal::Stopping),
            }
        })
    }

    fn status(&self, update: StatusUpdate) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.house.advance(update).await.map(drop).map_err(|error| {
                warn!(error = %error, "status callback not applied, the provider is told to come again");
                Refusal::Unavailable
            })
        })
    }
}

/// Whether the store answers.
pub(super) struct StoreHealth(pub(super) Store);

impl HealthSource for StoreHealth {
    fn check(&self) -> Pending<'_, Condition> {
        Box::pin(async {
            match self.0.ping().await {
                Ok(()) => Condition::Up,
                Err(_) => Condition::Down("the database does not answer"),
            }
        })
    }
}
