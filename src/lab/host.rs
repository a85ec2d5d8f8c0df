//! Hosts the simulators of all providers: one set of faults, one list of what was sent.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;
use tokio::sync::watch;

use crate::config::{Channel, Config};
use crate::gateway::simulations;
use crate::gateway::simulator::{
    Answer, CallbackPlan, CustomerMessage, Daemon, Faults, Forgery, OnSent, SentMessage, SimulatedProvider, Simulation,
    SimulatorError, StartOptions, Webhook,
};

/// What simulates a channel's provider; `None`: nothing does.
pub(super) fn simulation_of(channel: &Channel) -> Option<&'static dyn Simulation> {
    simulations().into_iter().find(|simulation| simulates(*simulation, channel.provider.name()))
}

fn simulates(simulation: &dyn Simulation, provider: &str) -> bool {
    simulation.providers().iter().any(|(name, _)| *name == provider)
}

/// What simulates the first provider that there is on a network, with the provider's name.
pub(super) fn simulation_on(scheme: Scheme) -> Option<(&'static dyn Simulation, &'static str)> {
    let mut simulated = simulations().into_iter().flat_map(|simulation| {
        simulation.providers().iter().map(move |(provider, scheme)| (simulation, *provider, *scheme))
    });
    let found = simulated.find(|(_, _, known)| *known == scheme);
    found.map(|(simulation, provider, _)| (simulation, provider))
}

/// What simulates a provider, with its name; `None`: the first one that there is on the network.
pub(super) fn simulation_at(
    provider: Option<&'static str>,
    scheme: Scheme,
) -> Option<(&'static dyn Simulation, &'static str)> {
    let Some(name) = provider else { return simulation_on(scheme) };
    let found = simulations().into_iter().find(|simulation| simulates(*simulation, name));
    found.map(|simulation| (simulation, name))
}

/// An address with a number. Where there are no phone numbers, an account has a number all the same.
pub(super) fn numbered_address(scheme: Scheme, number: impl fmt::Display) -> String {
    let plus = if matches!(scheme, Scheme::Whatsapp | Scheme::Sms) { "+" } else { "" };
    format!("{scheme}:{plus}{number}")
}

/// Running simulators. Dropping it stops them.
pub(super) struct Host {
    simulators: Vec<Hosted>,
    /// By a channel's id: the place of its simulator.
    channels: Mutex<HashMap<String, usize>>,
    sent: Arc<SentList>,
}

struct Hosted {
    simulation: &'static dyn Simulation,
    provider: Arc<dyn SimulatedProvider>,
    /// Only channels that send here are its own; `None`: all whose provider it simulates.
    address: Option<SocketAddr>,
}

/// What all simulators took, in the order of taking.
struct SentList {
    messages: Mutex<Vec<SentMessage>>,
    count: watch::Sender<u64>,
    on_sent: Option<OnSent>,
}

impl Host {
    /// Starts one simulator for each provider, on free ports.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) fn start(seed: u64, on_sent: Option<OnSent>) -> Result<Self, SimulatorError> {
        let mut host = Self::empty(on_sent);
        for simulation in simulations() {
            host.add(simulation, None, seed)?;
        }
        Ok(host)
    }

    /// No simulator yet: [`Self::add_at`] starts them.
    pub(super) fn empty(on_sent: Option<OnSent>) -> Self {
        let sent = SentList { messages: Mutex::default(), count: watch::Sender::new(0), on_sent };
        Self { simulators: Vec::new(), channels: Mutex::default(), sent: Arc::new(sent) }
    }

    /// Starts a simulator at the address to which a configuration's channels send.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) fn add_at(
        &mut self,
        simulation: &'static dyn Simulation,
        address: SocketAddr,
        seed: u64,
    ) -> Result<(), SimulatorError> {
        self.add(simulation, Some(address), seed)
    }

    fn add(
        &mut self,
        simulation: &'static dyn Simulation,
        address: Option<SocketAddr>,
        seed: u64,
    ) -> Result<(), SimulatorError> {
        let listen = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let sent = Arc::clone(&self.sent);
        let on_sent: OnSent = Arc::new(move |message| sent.push(message));
        let provider = simulation.start(StartOptions { listen, seed, on_sent })?;
        self.simulators.push(Hosted { simulation, provider, address });
        Ok(())
    }

    /// Where the channels of a provider send to.
    pub(super) fn base_url(&self, provider: &str) -> String {
        let hosted = self.simulators.iter().find(|hosted| simulates(hosted.simulation, provider));
        hosted.map(|hosted| hosted.provider.base_url()).unwrap_or_default()
    }

    /// Where all of them listen.
    pub(super) fn base_urls(&self) -> Vec<String> {
        self.simulators.iter().map(|hosted| hosted.provider.base_url()).collect()
    }

    /// Replaces the channels that the simulators know by those of a configuration. `sends_to`: the address of a channel's
    /// provider, where simulators have fixed ones.
    pub(super) fn set_channels(&self, config: &Config, sends_to: impl Fn(&Channel) -> Option<SocketAddr>) {
        let mut places = HashMap::new();
        for (place, hosted) in self.simulators.iter().enumerate() {
            let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels).filter(|channel| {
                simulates(hosted.simulation, channel.provider.name())
                    && (hosted.address.is_none() || hosted.address == sends_to(channel))
            });
            let channels: Vec<Channel> = channels.cloned().collect();
            places.extend(channels.iter().map(|channel| (channel.id.to_string(), place)));
            hosted.provider.set_channels(&channels);
        }
        *lock(&self.channels) = places;
    }

    /// Where webhooks go from now on.
    pub(super) fn set_daemon(&self, daemon: &Daemon) {
        self.simulators.iter().for_each(|hosted| hosted.provider.set_daemon(daemon.clone()));
    }

    /// Replaces what goes wrong, at every provider.
    pub(super) fn set_faults(&self, faults: &Faults) {
        self.simulators.iter().for_each(|hosted| hosted.provider.set_faults(faults.clone()));
    }

    /// How often each fault was met so far.
    pub(super) fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        let mut met = BTreeMap::new();
        for (name, count) in self.simulators.iter().flat_map(|hosted| hosted.provider.faults_met()) {
            *met.entry(name).or_default() += count;
        }
        met
    }

    /// Replaces which callbacks follow each message: one of these plans, drawn by its weight.
    pub(super) fn set_callbacks(&self, plans: &[(u32, CallbackPlan)]) {
        self.simulators.iter().for_each(|hosted| hosted.provider.set_callbacks(plans.to_vec()));
    }

    /// How many messages wait for callbacks that are yet to be posted.
    pub(super) fn callbacks_to_come(&self) -> u64 {
        self.simulators.iter().map(|hosted| hosted.provider.callbacks_to_come()).sum()
    }

    /// Holds senders to their providers' own rules from now on.
    pub(super) fn enforce_rules(&self, templates: &[Template]) {
        self.simulators.iter().for_each(|hosted| hosted.provider.enforce_rules(templates));
    }

    /// A message id as a channel's provider gives one.
    ///
    /// # Errors
    /// [`SimulatorError::NoAccount`]: nothing simulates the channel.
    pub(super) fn fresh_id(&self, channel: &str) -> Result<String, SimulatorError> {
        self.hosted(channel).map(|hosted| hosted.simulation.fresh_id())
    }

    /// A signed webhook of what a customer writes.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        self.hosted(&message.channel)?.provider.webhook(message)
    }

    /// A webhook that no daemon may believe.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) fn forged_webhook(
        &self,
        message: &CustomerMessage,
        forgery: Forgery<'_>,
    ) -> Result<Webhook, SimulatorError> {
        self.hosted(&message.channel)?.provider.forged_webhook(message, forgery)
    }

    /// Posts what a customer writes, once.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) async fn deliver(&self, message: &CustomerMessage) -> Result<Answer, SimulatorError> {
        self.hosted(&message.channel)?.provider.deliver(message).await
    }

    /// Posts a status callback of a message that was taken.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub(super) async fn report(
        &self,
        sent: &SentMessage,
        status: &str,
        code: Option<u32>,
    ) -> Result<Answer, SimulatorError> {
        let channel = sent.channel.as_deref().unwrap_or_default();
        self.hosted(channel)?.provider.report(&sent.id, status, code).await
    }

    /// The messages taken, in order.
    pub(super) fn sent(&self) -> Vec<SentMessage> {
        lock(&self.sent.messages).clone()
    }

    /// How many messages were taken.
    pub(super) fn taken(&self) -> u64 {
        *self.sent.count.borrow()
    }

    /// Waits until that many messages were taken.
    pub(super) async fn taken_at_least(&self, count: u64) {
        // The sender lives as long as this, so there is no error.
        let _ = self.sent.count.subscribe().wait_for(|taken| *taken >= count).await;
    }

    fn hosted(&self, channel: &str) -> Result<&Hosted, SimulatorError> {
        let place = lock(&self.channels).get(channel).copied();
        place.and_then(|place| self.simulators.get(place)).ok_or(SimulatorError::NoAccount)
    }
}

impl SentList {
    fn push(&self, mut message: SentMessage) {
        let count = {
            let mut messages = lock(&self.messages);
            message.sequence = messages.len() as u64;
            messages.push(message.clone());
            messages.len() as u64
        };
        self.count.send_modify(|known| *known = count.max(*known));
        if let Some(on_sent) = &self.on_sent {
            on_sent(message);
        }
    }
}

/// Takes a lock. What it guards is never half-written, so a panic elsewhere changes nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
