//! Simulation of a provider, for tests and the lab.
//!
//! [`Simulation`] is what a provider exports. It starts a [`SimulatedProvider`], a real server with faults on demand, and
//! makes the two parts of a load driver ([`load`]), which do less and cost less.

mod faults;
mod files;
pub mod load;
pub(in crate::gateway) mod posting;
pub(in crate::gateway) mod rest;
mod socket;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;

pub(in crate::gateway) use self::faults::{Drawn, Fate};
pub use self::faults::{Fault, Faults, Rule, When};
pub(in crate::gateway) use self::files::SimulatedFiles;
use self::load::{LoadResponder, LoadWebhooks};
pub(in crate::gateway) use self::socket::{Socket, half_answer};
use super::client::ClientError;
use crate::config::Channel;

/// How the lab simulates the channels of one provider.
pub trait Simulation: Sync {
    /// The names in a configuration whose channels it simulates, with what their addresses begin with.
    fn providers(&self) -> &'static [(&'static str, Scheme)];

    /// Starts a server; when this returns, it listens.
    ///
    /// # Errors
    /// [`SimulatorError`]
    fn start(&self, options: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError>;

    /// A message id as the provider gives one to what customers write, never the same twice.
    fn fresh_id(&self) -> String;

    /// The URLs that a channel sends to, each with its key in the configuration. The first one is the main one.
    fn base_urls(&self, channel: &Channel) -> Vec<(&'static str, String)>;

    /// A channel's table in a tenant's file, from its head to the provider's own keys.
    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String;

    /// Answers sends for a load driver. `run` is in every id that it gives.
    fn load_responder(&self, channels: &[Channel], run: u64) -> Box<dyn LoadResponder>;

    /// Writes webhooks of a channel for a load driver: a customer's text, signed for `base_url`. Both hold the marks of
    /// [`load::Gap`] where messages differ.
    fn load_webhooks(
        &self,
        channel: &Channel,
        base_url: &str,
        customer: &str,
        text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError>;
}

/// A channel to be written into a configuration.
#[derive(Clone, Copy, Debug)]
pub struct SampleChannel<'a> {
    /// Its slug.
    pub id: &'a str,
    /// The name of its provider.
    pub provider: &'a str,
    /// Our sender's address, with its scheme.
    pub address: &'a str,
    /// Counts accounts: channels with the same number share one.
    pub account: u32,
    pub secret_file: &'a str,
    /// Where the simulator listens.
    pub base_url: &'a str,
}

/// How a simulator starts.
pub struct StartOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Everything drawn at random follows from it, and the ids it gives.
    pub seed: u64,
    /// Called for every message taken, on the server's thread: keep it short.
    pub on_sent: OnSent,
}

/// Called for every message that a simulator takes.
pub type OnSent = Arc<dyn Fn(SentMessage) + Send + Sync>;

/// A running simulator of one provider. Dropping it stops it.
pub trait SimulatedProvider: Send + Sync {
    /// What channels send to.
    fn base_url(&self) -> String;

    /// Replaces the channels that it knows: their accounts, addresses and secrets.
    fn set_channels(&self, channels: &[Channel]);

    /// Where webhooks go.
    fn set_daemon(&self, daemon: Daemon);

    /// From now on, what its console holds was set up wrongly: webhooks go elsewhere, or nowhere. Or not any more.
    fn set_misconfigured(&self, misconfigured: bool);

    /// Replaces what goes wrong.
    fn set_faults(&self, faults: Faults);

    /// How often each fault was met so far, by [`Fault::name`]; `list` counts lists that were refused.
    fn faults_met(&self) -> std::collections::BTreeMap<&'static str, u64>;

    /// Replaces which callbacks follow each message taken from now on: one of these plans, drawn by its weight.
    fn set_callbacks(&self, plans: Vec<(u32, CallbackPlan)>);

    /// How many messages wait for callbacks that are yet to be posted.
    fn callbacks_to_come(&self) -> u64;

    /// Holds senders to the provider's own rules from now on: STOP is obeyed where the provider obeys it, and templates
    /// are known by what they say.
    fn enforce_rules(&self, templates: &[Template]);

    /// A signed webhook of what a customer writes.
    ///
    /// # Errors
    /// [`SimulatorError::NoDaemon`], [`SimulatorError::NoAccount`]
    fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError>;

    /// A webhook that no daemon may believe.
    ///
    /// # Errors
    /// As [`Self::webhook`].
    fn forged_webhook(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError>;

    /// Posts what a customer writes, once.
    fn deliver<'a>(&'a self, message: &'a CustomerMessage) -> BoxFuture<'a, Result<Answer, SimulatorError>>;

    /// Posts a status callback of a message that was taken, by the provider's id of it.
    fn report<'a>(
        &'a self,
        id: &'a str,
        status: &'a str,
        code: Option<u32>,
    ) -> BoxFuture<'a, Result<Answer, SimulatorError>>;
}

/// Something a simulator could not do.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// It could not listen, or not start its thread.
    #[error("the simulator could not start")]
    Start(#[from] std::io::Error),
    /// Its HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It does not know where the daemon is.
    #[error("the simulator was not told where the daemon is")]
    NoDaemon,
    /// It does not know the account.
    #[error("the simulator does not know the account")]
    NoAccount,
    /// The message is not there (or nothing is remembered).
    #[error("the simulator remembers no such message")]
    NoMessage,
    /// The send named no status callback.
    #[error("the send named no status callback")]
    NoCallback,
    /// A webhook could not be written.
    #[error("the simulator could not write a webhook")]
    Unwritten,
    /// A webhook brought no answer.
    #[error("the webhook brought no answer")]
    Post(#[source] reqwest::Error),
    #[error("the simulator is stopped")]
    Stopped,
}

/// Where the daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// `http.public_base_url` of its configuration: what signatures are made for.
    pub public_base_url: String,
    /// Where it really listens, `http://127.0.0.1:8080`.
    pub reached_at: String,
}

impl Daemon {
    /// One that is reached under its public URL.
    #[must_use]
    pub fn at(base_url: &str) -> Self {
        Self { public_base_url: base_url.to_owned(), reached_at: base_url.to_owned() }
    }

    /// Where to post what is signed for `url`; elsewhere than the daemon it goes unchanged.
    pub(in crate::gateway) fn reach(&self, url: &str) -> String {
        match url.strip_prefix(&self.public_base_url) {
            Some(rest) => format!("{}{rest}", self.reached_at),
            None => url.to_owned(),
        }
    }
}

/// What a customer writes. Addresses are written as the tables keep them (`whatsapp:+33…`, `sms:+33…`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomerMessage {
    /// The channel that gets it.
    pub channel: String,
    /// The provider's id; the same again makes a duplicate.
    pub id: String,
    /// Who writes.
    pub from: String,
    pub text: String,
    /// The name they show, where the provider tells it.
    pub name: Option<String>,
    /// What comes with the text, or instead of it.
    pub attachment: Attachment,
    /// Whether it is a STOP that the provider has obeyed and confirmed already.
    pub provider_confirmed_stop: bool,
    /// More of the provider's own parameters, or other values for the usual ones.
    pub parameters: Vec<(String, String)>,
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for CustomerMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomerMessage({} to {})", self.id, self.channel)
    }
}

/// What comes with a customer's text, or instead of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attachment {
    /// Nothing.
    #[default]
    None,
    /// A button of a message of ours was pressed.
    Button {
        /// What stands on it.
        text: &'static str,
        /// What it carries.
        payload: &'static str,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: &'static str,
        /// Degrees east.
        longitude: &'static str,
        /// Its name.
        label: &'static str,
    },
    /// A picture.
    Image,
}

/// Takes a lock. What it guards is never half-written, so a panic elsewhere changes nothing.
pub(in crate::gateway) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What makes a webhook unbelievable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery<'a> {
    /// Signed with no key at all.
    Unsigned,
    /// Signed with the secret of this other channel.
    SignedBy(&'a str),
    /// To a channel that is not there.
    UnknownChannel,
}

/// A signed webhook, ready to be posted.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to post it.
    pub url: String,
    /// The headers that the provider sends.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Webhook {
    /// The request that posts it.
    pub fn request(self, client: &reqwest::Client) -> reqwest::RequestBuilder {
        let request = client.post(&self.url).body(self.body);
        self.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook(to {})", self.url)
    }
}

/// What the daemon answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200
    pub status: u16,
    /// `text/xml`
    pub content_type: String,
    /// What the provider expects of an acknowledgement.
    pub body: String,
}

/// A message that a simulator took. Addresses are written as the tables keep them.
#[derive(Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The number of messages taken before it.
    pub sequence: u64,
    /// When, for latencies.
    pub at: Instant,
    /// When, for people.
    pub created_at: DateTime<Utc>,
    /// The provider's id of it.
    pub id: String,
    /// Our own id of it, from the callback's URL.
    pub message_id: Option<String>,
    /// The channel whose account and address it left through.
    pub channel: Option<String>,
    /// To whom.
    pub to: String,
    /// From whom.
    pub from: Option<String>,
    /// The text; what became of the template, where that is known.
    pub text: String,
    /// The provider's id of the template.
    pub template: Option<String>,
    /// Where the provider is to read its file; what the file is called, where it came along.
    pub file: Option<String>,
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for SentMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SentMessage({} {})", self.sequence, self.id)
    }
}

/// Which status callbacks follow a message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackPlan {
    /// The statuses, in their true order.
    pub statuses: Vec<&'static str>,
    /// How often each is posted.
    pub copies: usize,
    /// Whether they come in any order.
    pub shuffled: bool,
    /// Whether they all come before the send has its answer.
    pub before_answer: bool,
    /// The error code that goes with `failed` and `undelivered`.
    pub error_code: Option<u32>,
    /// Before each of them, a wait that is drawn, up to this long.
    pub late: Duration,
    /// What is waited before each repetition of one that the daemon did not take (no answer, or 5xx). Empty: the daemon
    /// misses it.
    pub again_after: Vec<Duration>,
}

impl CallbackPlan {
    /// Each of them once, in order, after the answer.
    #[must_use]
    pub fn of(statuses: impl IntoIterator<Item = &'static str>) -> Self {
        let statuses = statuses.into_iter().collect();
        Self {
            statuses,
            copies: 1,
            shuffled: false,
            before_answer: false,
            error_code: None,
            late: Duration::ZERO,
            again_after: Vec::new(),
        }
    }

    /// Sent, delivered, read.
    #[must_use]
    pub fn usual() -> Self {
        Self::of(["sent", "delivered", "read"])
    }
}
