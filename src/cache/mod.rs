//! Rate limits and notifications that nodes share through Redis or Valkey (I7).
//!
//! Redis is never the only copy of anything: while it is away, each node keeps to its share of every quota, and finds
//! work by its sweeps.
//!
//! [`RedisClient`] is the connection, and knows whether the server answers ([`presence`]); [`SharedRateLimiter`]
//! takes permits by one script ([`limits_script`]); keys hash what may be personal ([`keys`]).

mod diagnosis;
mod keys;
mod limits_script;
mod presence;
mod rate_limit;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::prelude::Options;
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy, UnresponsiveConfig};
use metrics::gauge;
use palabre_actors::domain::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use self::diagnosis::{RedisProblem, ping};
use self::keys::Keys;
use self::presence::{Presence, StateChange};
pub use self::rate_limit::SharedRateLimiter;

/// How long a command may take; the server answers within a fraction of a millisecond.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// How long a connection may take, and how long a server may be silent.
const SILENT_FOR: Duration = Duration::from_secs(2);

/// A connection to the server, there or not. Clones share it.
#[derive(Clone)]
pub struct RedisClient(Arc<Inner>);

struct Inner {
    client: Client,
    /// Commands that are sent at once or not at all, and never twice.
    commands: WithOptions<Client>,
    /// Set once the installation's secret is known.
    keys: OnceLock<Keys>,
    known: watch::Sender<bool>,
    presence: Mutex<Presence>,
    /// Connections that listen.
    listeners: Mutex<Vec<Client>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisStatus {
    pub up: bool,
    pub since: Timestamp,
}

/// The URL is invalid.
#[derive(Debug, thiserror::Error)]
#[error("`redis.url` leads to no server")]
pub struct BadUrl;

impl RedisClient {
    /// Begins to connect. The server counts as away until it answers and [`RedisClient::know`] was called. The daemon
    /// starts without it. Runs on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`BadUrl`]
    pub fn connect(url: &SecretString) -> Result<Self, BadUrl> {
        // fred's own complaint may repeat the URL, and with it a password.
        let mut config = Config::from_url(url.expose_secret()).map_err(|_| BadUrl)?;
        config.fail_fast = false;
        let client = Builder::from_config(config)
            .with_performance_config(|performance| performance.default_command_timeout = ANSWER_WITHIN)
            .with_connection_config(|connection| {
                connection.connection_timeout = SILENT_FOR;
                connection.internal_command_timeout = SILENT_FOR;
                connection.max_command_attempts = 1;
                connection.reconnect_on_auth_error = true;
                connection.unresponsive =
                    UnresponsiveConfig { max_timeout: Some(SILENT_FOR), interval: Duration::from_millis(500) };
            })
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .build()
            .map_err(|_| BadUrl)?;
        let options =
            Options { max_attempts: Some(1), timeout: Some(ANSWER_WITHIN), fail_fast: true, ..Options::default() };
        let commands = client.with_options(&options);
        let connecting = client.connect();
        let presence = Mutex::new(Presence::new(Instant::now(), now()));
        let redis = Self(Arc::new(Inner {
            client,
            commands,
            keys: OnceLock::new(),
            known: watch::Sender::new(false),
            presence,
            listeners: Mutex::default(),
            tasks: Mutex::default(),
        }));
        let looking = redis.clone();
        let looking = tokio::spawn(async move {
            looking.until_known().await;
            loop {
                let wait = looking.presence().look_again_after();
                tokio::time::sleep(wait).await;
                looking.look().await;
            }
        });
        let connecting = tokio::spawn(async move { drop(connecting.await) });
        redis.keep([looking, connecting]);
        Ok(redis)
    }

    /// Sets the installation's secret: nodes with the same secret share rate limits. Returns once the server
    /// answered, or failed to once.
    pub async fn know(&self, secret: &[u8]) {
        self.0.keys.get_or_init(|| Keys::of(secret));
        // A running server connects at once; the first probe tells of any other.
        let connected = self.0.client.wait_for_connect();
        let _ = tokio::time::timeout(ANSWER_WITHIN, connected).await;
        self.look().await;
        self.0.known.send_replace(true);
    }

    async fn until_known(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.known.subscribe().wait_for(|known| *known).await;
    }

    /// Whether the server answers, as far as is known.
    #[must_use]
    pub fn status(&self) -> RedisStatus {
        self.presence().status()
    }

    /// Publishes a text to those who [`RedisClient::listen`]. Returns whether the server took it.
    pub async fn publish(&self, text: String) -> bool {
        let Some(keys) = self.0.keys.get().filter(|_| self.status().up) else { return false };
        self.0.commands.publish::<(), _, _>(keys.notifications(), text).await.is_ok()
    }

    /// Calls `on_text` for what is published, over a connection of its own. Texts are lost while the connection is
    /// away, or when there are more than are taken.
    pub fn listen(&self, mut on_text: impl FnMut(&str) + Send + 'static) {
        let client = self.0.client.clone_new();
        let (mut connected, mut messages) = (client.reconnect_rx(), client.message_rx());
        lock(&self.0.listeners).push(client.clone());
        let (redis, subscribing) = (self.clone(), client.clone());
        let listening = tokio::spawn(async move {
            redis.until_known().await;
            let Some(channel) = redis.0.keys.get().map(Keys::notifications) else { return };
            let _connecting = subscribing.connect();
            loop {
                tokio::select! {
                    server = connected.recv() => match server {
                        // When the connection breaks meanwhile, the next one subscribes again.
                        Ok(_) => drop(subscribing.subscribe::<_>(channel.clone()).await),
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                        Err(_) => return,
                    },
                    message = messages.recv() => match message {
                        Ok(message) => if let Some(text) = message.value.as_str() {
                            on_text(&text);
                        },
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                        Err(_) => return,
                    },
                }
            }
        });
        self.keep([listening]);
    }

    /// Closes the connections, whether the server answers or not.
    pub async fn close(&self) {
        lock(&self.0.tasks).drain(..).for_each(|task| task.abort());
        let listeners = std::mem::take(&mut *lock(&self.0.listeners));
        let quitting = listeners.iter().chain([&self.0.client]).map(Client::quit);
        let _ = tokio::time::timeout(ANSWER_WITHIN, futures_util::future::join_all(quitting)).await;
    }

    /// Probes the server with the script that messages use, on a key of its own.
    async fn look(&self) {
        let Some(keys) = self.0.keys.get() else { return };
        let asked_at = Instant::now();
        match limits_script::probe(&self.0.commands, keys).await {
            Ok(()) => self.answered(),
            Err(error) => self.failed(&error, asked_at),
        }
    }

    fn answered(&self) {
        if self.presence().answered(Instant::now(), now()) == StateChange::Yes {
            gauge!("palabre_redis_up").set(1.0);
            info!("redis answers, the nodes share rate limits");
        }
    }

    /// A question that was sent at `asked_at` failed.
    fn failed(&self, error: &Error, asked_at: Instant) {
        if self.presence().failed(asked_at, Instant::now(), now()) == StateChange::Yes {
            gauge!("palabre_redis_up").set(0.0);
            // The kind alone: its text may name the server and its password.
            warn!(
                error = error.kind().to_str(),
                "redis does not answer, this node keeps to its share of every quota until it does"
            );
        }
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        lock(&self.0.presence)
    }

    fn keep<const N: usize>(&self, tasks: [JoinHandle<()>; N]) {
        lock(&self.0.tasks).extend(tasks);
    }
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Timestamp {
    chrono::Utc::now()
}
