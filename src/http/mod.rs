//! HTTP listeners: webhooks, health, metrics and the API.
//!
//! Requests are parsed and answered here; nothing is decided. Each listener has the routes of its role, and each route its
//! request log. What happens to a message is behind [`Reception`]; where a channel's webhooks come in is behind
//! [`Receivers`].

mod abuse_limiter;
pub mod api;
mod body;
mod calendars;
mod connection;
pub mod health;
mod listener;
mod payments;
mod person_pages;
mod plan_pages;
mod problem;
mod problem_page;
mod public_url;
mod request_log;
mod routes;
mod server;
mod state;
mod visitor_page;
mod webhook_problems;
mod webhooks;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use palabre_actors::domain::message::NewInbound;
use palabre_actors::ports::{AccountNews, Clock, Pending, StatusUpdate};

pub use self::abuse_limiter::source;
pub use self::body::SMALL_BODY_BYTES;
pub use self::connection::Deadlines;
pub use self::public_url::is_https;
pub use self::request_log::Outcome;
pub use self::server::{Listeners, ServeError, routes, serve};
use crate::config;
use crate::gateway::Receiver;
use crate::gateway::channel_event::ChannelEvent;
use crate::telemetry::metrics::Exporter;

/// What the HTTP surfaces need of the rest of the daemon.
#[derive(Clone)]
pub struct HttpDeps {
    /// Listeners and limits.
    pub config: config::Http,
    /// How long connections may take for what.
    pub deadlines: Deadlines,
    /// How long [`Listeners::stop`] waits for requests in flight.
    pub drain: Duration,
    /// For how long [`Listeners::stop`] goes on taking requests while it says that it stops.
    pub notice: Duration,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where channels' webhooks come in.
    pub receivers: Arc<dyn Receivers>,
    /// Where messages go.
    pub reception: Arc<dyn Reception>,
    /// What the health endpoints report.
    pub health: Arc<health::Health>,
    /// What `/metrics` shows.
    pub metrics: Exporter,
    /// What `/api/v1` needs.
    pub api: api::ApiDeps,
    /// What stands below `/console`; `None`: nothing does.
    pub console: Option<ConsoleRoutes>,
}

/// Adds what stands below `/console`.
#[derive(Clone)]
pub struct ConsoleRoutes(pub Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>);

impl fmt::Debug for HttpDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpDeps").field("config", &self.config).field("drain", &self.drain).finish_non_exhaustive()
    }
}

/// Takes messages in. Every future has its own deadline, and may be dropped at any moment: the client went away.
pub trait Reception: Send + Sync {
    /// Makes a message durable (I1). `Ok` means: row and dedupe key are committed, or the spool has it on its disk.
    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>>;

    /// Applies a status callback (I8). `Ok` means: it is committed, or needs no commit.
    fn status(&self, update: StatusUpdate) -> Pending<'_, Result<(), Refusal>>;

    /// Takes an event that is no message. `Ok` means: it is durable, or nothing follows from it.
    fn event(&self, event: ChannelEvent) -> Pending<'_, Result<(), Refusal>> {
        drop(event);
        Box::pin(std::future::ready(Ok(())))
    }
    /// Pauses a channel whose provider suspended its account, or ends such a pause.
    fn account(&self, news: AccountNews) -> Pending<'_, Result<(), Refusal>>;
}

/// A message is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is ours to process.
    New,
    /// It was there before (I2).
    Duplicate {
        /// The flow of the message that was there first.
        first: CorrelationId,
    },
    /// It is ours to process as soon as the database is back; whether it was there before is known then.
    Spooled,
}

/// Nothing was made durable, as far as we know: the provider should come again. Always 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too much waits already.
    #[error("overloaded")]
    Overloaded {
        /// When to come again.
        retry_after: Duration,
    },
    /// The commit failed, or did not come in time.
    #[error("the store is unavailable")]
    Unavailable,
    /// The daemon is going down.
    #[error("stopping")]
    Stopping,
}

/// Finds the endpoint of a webhook's channel. Asked once per webhook: answer from memory.
pub trait Receivers: Send + Sync {
    /// By the path: provider and channel id.
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<ChannelEndpoint>>;

    /// By the provider's account and our sender's address as the provider writes it (`whatsapp:+14155238886` or
    /// `+14155238886`). `provider` is a whole name or a family ([`crate::gateway::Route::provider`]).
    /// Only exact pairs count; an address that two channels claim finds none.
    fn by_account(&self, provider: &str, account: &str, address: &str) -> Option<Arc<ChannelEndpoint>>;

    /// Every channel of a provider, in no particular order.
    fn of_provider(&self, provider: &str) -> Vec<Arc<ChannelEndpoint>>;
}

/// Where a channel's webhooks come in: its tenant, its receiver, its counters.
pub struct ChannelEndpoint {
    tenant: TenantId,
    channel: ChannelId,
    receiver: Arc<dyn Receiver>,
    metrics: request_log::EndpointMetrics,
}

impl ChannelEndpoint {
    /// Build it once per channel: it remembers the handles of the channel's metrics.
    #[must_use]
    pub fn new(tenant: TenantId, channel: ChannelId, receiver: Arc<dyn Receiver>) -> Self {
        let metrics = request_log::EndpointMetrics::of(&tenant, &channel);
        Self { tenant, channel, receiver, metrics }
    }
}

impl fmt::Debug for ChannelEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelEndpoint")
            .field("tenant", &self.tenant)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
