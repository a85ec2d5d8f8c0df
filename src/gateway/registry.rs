//! Registry of every channel's receiver and gateway, by name. It is built once from a configuration; a lookup allocates
//! nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::{Gateway, Gateways};

use super::media::FilesOut;
use super::{ChannelConnection, ConnectError, Receiver, Wiring, client, provider};
use crate::config::{Channel, Config, Tenant};

/// The channels of all tenants.
pub struct Registry {
    client: reqwest::Client,
    public_base_url: Option<String>,
    files: FilesOut,
    by_id: HashMap<ChannelName, ChannelEntry>,
    /// What the provider calls the account, then our address as the provider writes it.
    by_account: HashMap<Box<str>, HashMap<Box<str>, ChannelName>>,
    /// Channels of the database whose provider this build does not know.
    foreign: HashSet<ChannelName>,
}

/// The reason of messages whose channel was set up by a version that knew more providers.
const PROVIDER_UNKNOWN: &str = "provider_unknown";

type ChannelName = Arc<str>;

#[derive(Clone)]
struct ChannelEntry {
    registered: Registered,
    gateway: Arc<dyn Gateway>,
}

/// A channel, and all that leads to it.
#[derive(Clone)]
pub struct Registered {
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// Its name in configuration and paths.
    pub provider: &'static str,
    /// What the provider calls the account; empty where there is none.
    pub account: String,
    /// Our sender's address as the provider writes it.
    pub address: String,
    /// Its way in, where its provider posts webhooks.
    pub receiver: Option<Arc<dyn Receiver>>,
}

/// No registry can be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Client(#[from] client::ClientError),
    #[error("channel {channel}: {reason}")]
    Account { channel: ChannelId, reason: ConnectError },
    /// A channel's provider is not in this build; the configuration's own checks refuse this earlier, with its place.
    #[error("channel {channel}: this version has no provider `{provider}`")]
    Provider { channel: ChannelId, provider: &'static str },
    /// Two channels would receive the same webhooks; the configuration's own checks refuse this earlier, with its place.
    #[error("channel {channel}: another channel has the same name, or the same account and address")]
    Claimed {
        /// The second one.
        channel: ChannelId,
    },
}

impl Registry {
    /// Builds the receivers and gateways of all channels, over one HTTP client. None of them sends a file.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn build(config: &Config) -> Result<Self, BuildError> {
        Self::build_with(config, FilesOut::default())
    }

    /// Builds the receivers and gateways of all channels, which send files from `files`.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn build_with(config: &Config, files: FilesOut) -> Result<Self, BuildError> {
        let mut registry = Self {
            client: client::new()?,
            public_base_url: config.http.public_base_url.clone(),
            files,
            by_id: HashMap::new(),
            by_account: HashMap::new(),
            foreign: HashSet::new(),
        };
        for channel in config.tenants.iter().flat_map(|tenant| &tenant.channels) {
            registry.add(registry.connect(channel)?)?;
        }
        Ok(registry)
    }

    /// A registry of these tenants' channels. Those of a tenant that is the same as before keep their gateways, with what
    /// these know of their providers.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn with<'a>(
        &self,
        tenants: impl IntoIterator<Item = &'a Tenant>,
        is_same: impl Fn(&TenantId) -> bool,
    ) -> Result<Self, BuildError> {
        let mut registry = Self {
            client: self.client.clone(),
            public_base_url: self.public_base_url.clone(),
            files: self.files.clone(),
            by_id: HashMap::new(),
            by_account: HashMap::new(),
            foreign: self.foreign.clone(),
        };
        for channel in tenants.into_iter().flat_map(|tenant| &tenant.channels) {
            let known = self.by_id.get(channel.id.as_str()).filter(|_| is_same(&channel.tenant));
            let known = known.filter(|entry| entry.registered.tenant == channel.tenant);
            let entry = known.map_or_else(|| self.connect(channel), |entry| Ok(entry.clone()))?;
            registry.add(entry)?;
        }
        Ok(registry)
    }

    /// Tells which channels the database knows, with their providers: those of a provider that this build does not know get
    /// a reason of their own ([`Gateways::missing`]).
    pub fn note_stored<'a>(&mut self, channels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let foreign = channels.into_iter().filter(|(_, name)| provider(name).is_none());
        self.foreign.extend(foreign.map(|(channel, _)| ChannelName::from(channel)));
    }

    /// Every channel, in no particular order.
    pub fn channels(&self) -> impl Iterator<Item = &Registered> {
        self.by_id.values().map(|entry| &entry.registered)
    }

    /// The receiver of a canonical webhook path, `/webhooks/{provider}/{channel_id}`.
    #[must_use]
    pub fn receiver(&self, provider: &str, channel_id: &str) -> Option<&Arc<dyn Receiver>> {
        let registered = &self.by_id.get(channel_id)?.registered;
        registered.receiver.as_ref().filter(|_| registered.provider == provider)
    }

    /// The channel of a provider's account and one of its addresses as the provider writes it (`whatsapp:+33…`, `+33…`):
    /// what the providers' own paths go by. Only the exact pair counts. `provider` is a whole name or a family
    /// ([`super::Route::provider`]). The receiver still has to believe the webhook.
    #[must_use]
    pub fn channel_of_account(&self, provider: &str, account: &str, address: &str) -> Option<&str> {
        let registered = &self.by_id.get(self.by_account.get(account)?.get(address)?)?.registered;
        let family = registered.provider.split('-').next();
        (provider == registered.provider || Some(provider) == family).then(|| registered.channel.as_str())
    }

    fn connect(&self, channel: &Channel) -> Result<ChannelEntry, BuildError> {
        let account = &channel.provider;
        let Some(provider) = provider(account.name()) else {
            return Err(BuildError::Provider { channel: channel.id.clone(), provider: account.name() });
        };
        let ChannelConnection { sender, receiver, gateway } = provider
            .connect(channel, self.wiring())
            .map_err(|reason| BuildError::Account { channel: channel.id.clone(), reason })?;
        let registered = Registered {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            provider: account.name(),
            account: account.account.clone(),
            address: sender,
            receiver,
        };
        Ok(ChannelEntry { registered, gateway })
    }

    fn wiring(&self) -> Wiring<'_> {
        Wiring { client: &self.client, public_base_url: self.public_base_url.as_deref(), files: &self.files }
    }

    fn add(&mut self, entry: ChannelEntry) -> Result<(), BuildError> {
        let Registered { channel, account, address, .. } = &entry.registered;
        let (name, id): (ChannelName, _) = (Arc::from(channel.as_str()), channel.clone());
        let addresses = self.by_account.entry(account.as_str().into()).or_default();
        let claimed = addresses.insert(address.as_str().into(), Arc::clone(&name)).is_some();
        if claimed | self.by_id.insert(name, entry).is_some() {
            return Err(BuildError::Claimed { channel: id });
        }
        Ok(())
    }
}

/// The registry that counts now: another takes its place when the configuration changed.
pub struct CurrentRegistry(ArcSwap<Registry>);

impl CurrentRegistry {
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self(ArcSwap::from_pointee(registry))
    }

    #[must_use]
    pub fn now(&self) -> Arc<Registry> {
        self.0.load_full()
    }

    pub fn replace(&self, registry: Arc<Registry>) {
        self.0.store(registry);
    }
}

impl Gateways for CurrentRegistry {
    fn get(&self, channel: &ChannelId) -> Option<Arc<dyn Gateway>> {
        self.0.load().get(channel)
    }

    fn missing(&self, channel: &ChannelId) -> &'static str {
        self.0.load().missing(channel)
    }
}

impl Gateways for Registry {
    fn get(&self, channel: &ChannelId) -> Option<Arc<dyn Gateway>> {
        self.by_id.get(channel.as_str()).map(|entry| Arc::clone(&entry.gateway))
    }

    fn missing(&self, channel: &ChannelId) -> &'static str {
        if self.foreign.contains(channel.as_str()) { PROVIDER_UNKNOWN } else { "channel_not_configured" }
    }
}

/// Shows no address.
impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered").field("channel", &self.channel).field("provider", &self.provider).finish()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}
