//! What several nodes share through Redis or Valkey: the pace (I7) and wake-ups. It is never the only copy of anything:
//! while it is away, each node keeps to its share of every quota, and looks by itself.
//!
//! [`Redis`] is the connection, and knows whether anybody answers ([`presence`]); [`SharedRateLimiter`] takes permits by one
//! script ([`limits`]); what is not the script's own is hashed ([`keys`]).

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

use self::keys::Keys;
use self::presence::{Presence, Turned};
pub use self::rate_limit::SharedRateLimiter;

/// How long a command may take; the server answers within a fraction of a millisecond.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// How long a connection may take, and how long a server may say nothing.
const SILENT_FOR: Duration = Duration::from_secs(2);

/// A connection to the server, there or not. Clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    /// Those that go to the server at once or not at all, and never twice.
    commands: WithOptions<Client>,
    /// Known once the installation's secret is.
    keys: OnceLock<Keys>,
    known: watch::Sender<bool>,
    presence: Mutex<Presence>,
    /// Connections of those who listen.
    listeners: Mutex<Vec<Client>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Whether anybody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Somebody does.
    pub up: bool,
    /// Since when it is so.
    pub since: Timestamp,
}

/// The URL is none that leads to a server.
#[derive(Debug, thiserror::Error)]
#[error("`redis.url` leads to no server")]
pub struct BadUrl;

impl Redis {
    /// Sets out for a server, which is away until it answers and [`Redis::know`] was called. With it away, the daemon starts
    /// all the same. Runs on the tokio runtime that this is called on.
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

    /// Tells it the installation's secret: who shares it shares the gates. Answers once the server answered, or failed to
    /// once.
    pub async fn know(&self, secret: &[u8]) {
        self.0.keys.get_or_init(|| Keys::of(secret));
        // A server that is there is there at once; of one that is not, the first look tells.
        let connected = self.0.client.wait_for_connect();
        let _ = tokio::time::timeout(ANSWER_WITHIN, connected).await;
        self.look().await;
        self.0.known.send_replace(true);
    }

    async fn until_known(&self) {
        // It cannot be dropped before us.
        let _ = self.0.known.subscribe().wait_for(|known| *known).await;
    }

    /// Whether anybody answers, as far as is known.
    #[must_use]
    pub fn recipient_status(&self) -> Standing {
        self.presence().recipient_status()
    }

    /// Passes a text on to those who [`Redis::listen`]. Answers whether the server took it.
    pub async fn publish(&self, text: String) -> bool {
        let Some(keys) = self.0.keys.get().filter(|_| self.recipient_status().up) else { return false };
        self.0.commands.publish::<(), _, _>(keys.wakes(), text).await.is_ok()
    }

    /// Hears what is published, over a connection of its own. Some of it may be lost: while the connection is away, or
    /// when there is more than anybody takes.
    pub fn listen(&self, mut hear: impl FnMut(&str) + Send + 'static) {
        let client = self.0.client.clone_new();
        let (mut connected, mut messages) = (client.reconnect_rx(), client.message_rx());
        lock(&self.0.listeners).push(client.clone());
        let (redis, subscribing) = (self.clone(), client.clone());
        let listening = tokio::spawn(async move {
            redis.until_known().await;
            let Some(channel) = redis.0.keys.get().map(Keys::wakes) else { return };
            let _connecting = subscribing.connect();
            loop {
                tokio::select! {
                    server = connected.recv() => match server {
                        // A connection that breaks meanwhile makes another, which subscribes again.
                        Ok(_) => drop(subscribing.subscribe::<_>(channel.clone()).await),
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                        Err(_) => return,
                    },
                    message = messages.recv() => match message {
                        Ok(message) => if let Some(text) = message.value.as_str() {
                            hear(&text);
                        },
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                        Err(_) => return,
                    },
                }
            }
        });
        self.keep([listening]);
    }

    /// Leaves, whether the server answers or not.
    pub async fn close(&self) {
        lock(&self.0.tasks).drain(..).for_each(|task| task.abort());
        let listeners = std::mem::take(&mut *lock(&self.0.listeners));
        let quitting = listeners.iter().chain([&self.0.client]).map(Client::quit);
        let _ = tokio::time::timeout(ANSWER_WITHIN, futures_util::future::join_all(quitting)).await;
    }

    /// Asks the server for what messages ask it for, at a gate of its own.
    async fn look(&self) {
        let Some(keys) = self.0.keys.get() else { return };
        let asked_at = Instant::now();
        match limits_script::knock(&self.0.commands, keys).await {
            Ok(()) => self.answered(),
            Err(error) => self.failed(&error, asked_at),
        }
    }

    fn answered(&self) {
        if self.presence().answered(Instant::now(), now()) == Turned::Yes {
            gauge!("palabre_redis_up").set(1.0);
            info!("redis answers, the nodes share their pace");
        }
    }

    /// A question of then had no answer.
    fn failed(&self, error: &Error, asked_at: Instant) {
        if self.presence().failed(asked_at, Instant::now(), now()) == Turned::Yes {
            gauge!("palabre_redis_up").set(0.0);
            // Its kind alone: what it says may name the server and its password.
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

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("standing", &self.recipient_status()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Timestamp {
    chrono::Utc::now()
}
