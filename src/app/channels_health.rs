//! Health of channels: which of them their provider does not serve, and why.

use std::sync::OnceLock;

use chrono::SecondsFormat;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::engine::Engine;
use palabre_actors::ports::Pending;
use serde_json::{Map, Value, json};

use crate::console::FailingChannels;
use crate::http::health::{Condition, HealthSource};

/// The channels of a node. Nothing is wrong with them before the engine runs.
#[derive(Default)]
pub(super) struct ChannelsHealth(OnceLock<Engine>);

impl ChannelsHealth {
    pub(super) fn attach(&self, engine: &Engine) {
        // Set once.
        let _ = self.0.set(engine.clone());
    }
}

impl FailingChannels for ChannelsHealth {
    fn failing(&self, tenant: &TenantId, channel: &ChannelId) -> Option<(String, Timestamp)> {
        let failing = self.0.get()?.failing_channels().into_iter();
        let mut own = failing.filter(|(key, _)| key.tenant == *tenant && key.channel == *channel);
        own.next().map(|(_, failing)| (failing.reason, failing.since))
    }
}

impl HealthSource for ChannelsHealth {
    fn check(&self) -> Pending<'_, Condition> {
        let fails = self.0.get().is_some_and(|engine| !engine.failing_channels().is_empty());
        Box::pin(std::future::ready(match fails {
            true => Condition::Degraded("a provider does not serve a channel"),
            false => Condition::Up,
        }))
    }

    fn facts(&self, _: Condition) -> Map<String, Value> {
        let failing = self.0.get().map(Engine::failing_channels).unwrap_or_default();
        let channels = failing.into_iter().map(|(channel_key, failing)| {
            let since = failing.since.to_rfc3339_opts(SecondsFormat::Secs, true);
            (channel_key.channel.as_str().to_owned(), json!({ "reason": failing.reason, "since": since }))
        });
        let channels: Map<String, Value> = channels.collect();
        if channels.is_empty() { Map::new() } else { Map::from_iter([("channels".to_owned(), channels.into())]) }
    }
}
