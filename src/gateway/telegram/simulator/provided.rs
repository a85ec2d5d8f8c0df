//! Simulated Telegram behind the simulators' common trait, as the lab hosts it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;

use super::load::{BotResponder, UpdateLayout};
use super::{TelegramSimulator, settings};
use crate::config::Channel;
use crate::gateway::simulator::load::{LoadResponder, LoadWebhooks};
use crate::gateway::simulator::{
    Answer, CallbackPlan, CustomerMessage, Daemon, Faults, Forgery, SampleChannel, SimulatedProvider, Simulation,
    SimulatorError, StartOptions, Webhook,
};
use crate::gateway::telegram::{ID_PREFIX, NAME};

/// Telegram's simulator, for the lab.
#[derive(Clone, Copy, Debug)]
pub struct TelegramSimulation;

impl Simulation for TelegramSimulation {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        &[(NAME, Scheme::Telegram)]
    }

    fn start(&self, options: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError> {
        Ok(Arc::new(TelegramSimulator::start(options)?))
    }

    /// Numbers that grow from process to process, as Telegram's do.
    fn fresh_id(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let begun = u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or_default();
        let number = NEXT.fetch_max(begun, Ordering::Relaxed).max(begun);
        NEXT.fetch_max(number + 1, Ordering::Relaxed);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{ID_PREFIX}{number}u{number}")
    }

    fn base_urls(&self, channel: &Channel) -> Vec<(&'static str, String)> {
        settings(channel).map(|bot| vec![("api_base_url", bot.api_base_url.clone())]).unwrap_or_default()
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        let SampleChannel { id, provider, address, secret_file, base_url, .. } = sample;
        format!(
            "[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\n\
             bot_token = {{ file = \"{secret_file}\" }}\nwebhook_secret = {{ file = \"{secret_file}\" }}\n\
             api_base_url = \"{base_url}\"\n"
        )
    }

    fn load_responder(&self, channels: &[Channel], _run: u64) -> Box<dyn LoadResponder> {
        Box::new(BotResponder::new(channels))
    }

    fn load_webhooks(
        &self,
        channel: &Channel,
        base_url: &str,
        customer: &str,
        text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError> {
        let layout = UpdateLayout::new(channel, base_url, customer, text).ok_or(SimulatorError::Unwritten)?;
        Ok(Box::new(layout))
    }
}

impl SimulatedProvider for TelegramSimulator {
    fn base_url(&self) -> String {
        Self::base_url(self)
    }

    fn set_channels(&self, channels: &[Channel]) {
        Self::set_channels(self, channels);
    }

    fn set_daemon(&self, daemon: Daemon) {
        Self::set_daemon(self, daemon);
    }

    fn set_misconfigured(&self, misconfigured: bool) {
        Self::set_misconfigured(self, misconfigured);
    }

    fn set_faults(&self, faults: Faults) {
        Self::set_faults(self, faults);
    }

    fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        Self::faults_met(self)
    }

    /// Telegram tells nothing of a message after it was sent.
    fn set_callbacks(&self, _plans: Vec<(u32, CallbackPlan)>) {}

    fn callbacks_to_come(&self) -> u64 {
        0
    }

    /// The rules that Telegram has are those of its API, which always hold here.
    fn enforce_rules(&self, _templates: &[Template]) {}

    fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        Self::webhook(self, message)
    }

    fn forged_webhook(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError> {
        self.forged(message, forgery)
    }

    fn deliver<'a>(&'a self, message: &'a CustomerMessage) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(Self::deliver(self, message))
    }

    fn report<'a>(
        &'a self,
        _id: &'a str,
        _status: &'a str,
        _code: Option<u32>,
    ) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(std::future::ready(Err(SimulatorError::NoCallback)))
    }
}
