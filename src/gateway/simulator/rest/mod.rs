//! Simulator of a provider whose API and webhooks are JSON over HTTP: the server, its faults and its callbacks, once for all
//! such providers. [`RestApi`] is what differs from one to the next.

mod ledger;
mod load;
mod server;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use futures_util::future::BoxFuture;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;
use serde_json::Value;
use tokio::sync::oneshot;

pub(in crate::gateway) use self::ledger::{RestLedger, RestSent};
use self::load::{RestLayout, RestResponder};
use super::load::{LoadRequest, LoadResponder, LoadWebhooks};
use super::posting::{Posting, PostsCallbacks};
use super::{
    Answer, CallbackPlan, CustomerMessage, Daemon, Fate, Faults, Forgery, OnSent, SampleChannel, SentMessage,
    SimulatedFiles, SimulatedProvider, Simulation, SimulatorError, StartOptions, Webhook, lock,
};
use crate::config::Channel;
use crate::gateway::client;

/// What the simulator has to know of one provider.
pub(in crate::gateway) trait RestApi: Send + Sync + 'static {
    /// The names in a configuration whose channels it simulates, with what their addresses begin with.
    fn providers(&self) -> &'static [(&'static str, Scheme)];

    /// A message id as the provider gives one to what customers write, never the same twice.
    fn fresh_id(&self) -> String;

    /// Its id of the message that it took as the `sequence`th.
    fn id_of(&self, seed: u64, sequence: u64) -> String;

    /// What a channel sends to, up to where the provider's own paths begin.
    fn base_url(&self, channel: &Channel) -> Option<String>;

    /// A channel's table in a tenant's file.
    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String;

    /// What a request asks for, and whether its credentials hold.
    fn read(&self, ledger: &RestLedger, known: RestAccounts<'_>, request: &LoadRequest<'_>) -> RestCall;

    /// The answer to a message that was taken.
    fn taken(&self, sent: &RestSent) -> Value;

    fn refusal(&self, status: u16, code: Option<u32>) -> Value;

    /// Status and code of the refusal of a template that it does not know.
    fn unknown_template(&self) -> (u16, u32);

    /// The body of a webhook of what a customer writes.
    fn message(&self, channel: &Channel, message: &CustomerMessage) -> Value;

    /// The body of a status callback. `None`: the provider has no such status.
    fn status(&self, channel: &Channel, sent: &RestSent, status: &str, code: Option<u32>) -> Option<Value>;

    /// The header that proves the origin of a body, and its value: of the same width for bodies of the same length.
    fn proof(&self, channel: &Channel, body: &[u8]) -> (&'static str, String);
}

/// What the provider's console holds.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct RestAccounts<'a> {
    pub channels: &'a [Channel],
    /// Whose webhooks come in below this URL. `None`: nobody set them up.
    pub webhooks_at: Option<&'a str>,
}

/// What a request asks for.
pub(in crate::gateway) enum RestCall {
    /// Take this message.
    Send(Box<RestSend>),
    /// List what was taken: faults of lists apply.
    List(Value),
    /// Hand out a file of a customer's, by its name among [`SimulatedFiles`].
    File(String),
    /// Anything else, with its answer.
    Answer(u16, Value),
}

/// A message that is to be taken. Addresses are written as the tables keep them.
#[derive(Clone, Default)]
pub(in crate::gateway) struct RestSend {
    /// The place of its channel among those that are known.
    pub channel: usize,
    pub to: String,
    pub text: String,
    /// The provider's id of the template, and what stands in its places, in their order.
    pub template: Option<(String, Vec<String>)>,
    /// Where its file is to be read.
    pub file: Option<String>,
    /// Our id of it, where the request has it.
    pub message_id: Option<String>,
    /// What the request has for the callbacks to bring back.
    pub callback: Option<String>,
}

/// The simulation of one provider, for the lab.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct RestSimulation<P: RestApi + Copy>(pub P);

impl<P: RestApi + Copy> Simulation for RestSimulation<P> {
    fn providers(&self) -> &'static [(&'static str, Scheme)] {
        self.0.providers()
    }

    fn start(&self, options: StartOptions) -> Result<Arc<dyn SimulatedProvider>, SimulatorError> {
        Ok(Arc::new(RestSimulator::start(self.0, options)?))
    }

    fn fresh_id(&self) -> String {
        self.0.fresh_id()
    }

    fn base_urls(&self, channel: &Channel) -> Vec<(&'static str, String)> {
        self.0.base_url(channel).map(|url| ("api_base_url", url)).into_iter().collect()
    }

    fn channel_toml(&self, sample: &SampleChannel<'_>) -> String {
        self.0.channel_toml(sample)
    }

    fn load_responder(&self, channels: &[Channel], run: u64) -> Box<dyn LoadResponder> {
        Box::new(RestResponder::new(self.0, channels, run))
    }

    fn load_webhooks(
        &self,
        channel: &Channel,
        base_url: &str,
        customer: &str,
        text: &str,
    ) -> Result<Box<dyn LoadWebhooks>, SimulatorError> {
        let layout = RestLayout::new(self.0, channel, base_url, customer, text).ok_or(SimulatorError::Unwritten)?;
        Ok(Box::new(layout))
    }
}

/// What the server's thread shares with its owner.
struct World<P> {
    api: P,
    seed: u64,
    channels: Mutex<Vec<Channel>>,
    /// By their id at the provider; none: every template is taken.
    templates: Mutex<Vec<Template>>,
    ledger: RestLedger,
    files: SimulatedFiles,
    fate: Fate,
    post: Posting,
    on_sent: OnSent,
    misconfigured: AtomicBool,
}

/// A running simulator. Dropping it stops it.
struct RestSimulator<P: RestApi> {
    address: SocketAddr,
    world: Arc<World<P>>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl<P: RestApi> RestSimulator<P> {
    fn start(api: P, options: StartOptions) -> Result<Self, SimulatorError> {
        let listener = TcpListener::bind(options.listen)?;
        let address = listener.local_addr()?;
        let client = client::new()?;
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::Builder::new().name("provider-simulator".to_owned()).spawn(move || {
            actix_rt::System::new().block_on(async move {
                let world = Arc::new(World {
                    api,
                    seed: options.seed,
                    channels: Mutex::default(),
                    templates: Mutex::default(),
                    ledger: RestLedger::default(),
                    files: SimulatedFiles::default(),
                    fate: Fate::new(options.seed),
                    post: Posting::new(client, tokio::runtime::Handle::current(), None),
                    on_sent: options.on_sent,
                    misconfigured: AtomicBool::new(false),
                });
                match server::serve(&world, listener) {
                    Ok(server) => {
                        let _ = ready.send(Ok(world));
                        // An error means that the owner is gone.
                        let _ = stopped.await;
                        server.stop(false).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
        let world = is_ready.recv().map_err(|_| SimulatorError::Stopped)??;
        Ok(Self { address, world, stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) })
    }
}

impl<P: RestApi> Drop for RestSimulator<P> {
    fn drop(&mut self) {
        if let Some(stop) = lock(&self.stop).take() {
            let _ = stop.send(());
        }
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl<P: RestApi> World<P> {
    fn channel(&self, id: &str) -> Result<Channel, SimulatorError> {
        let channels = lock(&self.channels);
        channels.iter().find(|known| known.id.as_str() == id).cloned().ok_or(SimulatorError::NoAccount)
    }

    /// A body as a webhook on a channel's own path, signed with the secret of `signer`.
    fn signed(&self, channel: &Channel, body: &Value, signer: &Channel) -> Result<Webhook, SimulatorError> {
        let daemon = self.post.daemon().ok_or(SimulatorError::NoDaemon)?;
        let url = format!("{}{}", daemon.public_base_url, path_of(channel));
        let body = body.to_string();
        let headers = vec![("Content-Type", "application/json".to_owned()), self.api.proof(signer, body.as_bytes())];
        Ok(Webhook { url: daemon.reach(&url), headers, body })
    }

    /// What became of a template, where its text is known. `None`: there are templates, and this is none of them.
    fn rendered(&self, content_id: &str, values: &[String]) -> Option<String> {
        let templates = lock(&self.templates);
        if templates.is_empty() {
            return Some(String::new());
        }
        let template = templates.iter().find(|known| known.content_id == content_id)?;
        if template.variables.len() != values.len() {
            return None;
        }
        let Some(body) = &template.body else { return Some(format!("[{}] {}", template.name, values.join(", "))) };
        let mut text = body.clone();
        for (name, value) in template.variables.iter().zip(values) {
            for place in [format!("{{{{{name}}}}}"), format!("{{{{ {name} }}}}")] {
                text = text.replace(&place, value);
            }
        }
        Some(text)
    }
}

impl<P: RestApi> PostsCallbacks for World<P> {
    type Sent = RestSent;

    fn posting(&self) -> &Posting {
        &self.post
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn callback(&self, sent: &RestSent, status: &str, code: Option<u32>) -> Result<Webhook, SimulatorError> {
        let channel = self.channel(&sent.channel)?;
        let body = self.api.status(&channel, sent, status, code).ok_or(SimulatorError::NoCallback)?;
        self.signed(&channel, &body, &channel)
    }
}

/// The canonical path of a channel's webhooks.
fn path_of(channel: &Channel) -> String {
    format!("/webhooks/{}/{}", channel.provider.name(), channel.id)
}

impl<P: RestApi> SimulatedProvider for RestSimulator<P> {
    fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set_channels(&self, channels: &[Channel]) {
        *lock(&self.world.channels) = channels.to_vec();
    }

    fn set_daemon(&self, daemon: Daemon) {
        self.world.post.set_daemon(daemon);
    }

    fn set_misconfigured(&self, misconfigured: bool) {
        self.world.misconfigured.store(misconfigured, Ordering::SeqCst);
    }

    fn set_faults(&self, faults: Faults) {
        self.world.fate.set(faults);
    }

    fn faults_met(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.world.fate.met()
    }

    fn set_callbacks(&self, plans: Vec<(u32, CallbackPlan)>) {
        self.world.post.set_plans(plans);
    }

    fn callbacks_to_come(&self) -> u64 {
        self.world.post.following()
    }

    fn enforce_rules(&self, templates: &[Template]) {
        *lock(&self.world.templates) = templates.to_vec();
    }

    fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        let channel = self.world.channel(&message.channel)?;
        self.world.signed(&channel, &self.world.api.message(&channel, message), &channel)
    }

    fn forged_webhook(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError> {
        let channel = self.world.channel(&message.channel)?;
        let body = self.world.api.message(&channel, message);
        let signer = match forgery {
            Forgery::SignedBy(other) => self.world.channel(other)?,
            Forgery::Unsigned | Forgery::UnknownChannel => channel.clone(),
        };
        let mut webhook = self.world.signed(&channel, &body, &signer)?;
        match forgery {
            Forgery::Unsigned => {
                if let Some((_, proof)) = webhook.headers.last_mut() {
                    "unsigned".clone_into(proof);
                }
            }
            Forgery::SignedBy(_) => {}
            Forgery::UnknownChannel => {
                let own = path_of(&channel);
                webhook.url = webhook.url.replace(&own, &format!("/webhooks/{}/nobody", channel.provider.name()));
            }
        }
        Ok(webhook)
    }

    fn deliver<'a>(&'a self, message: &'a CustomerMessage) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(async { self.world.post.post(self.webhook(message)?).await })
    }

    fn report<'a>(
        &'a self,
        id: &'a str,
        status: &'a str,
        code: Option<u32>,
    ) -> BoxFuture<'a, Result<Answer, SimulatorError>> {
        Box::pin(async move {
            let sent = self.world.ledger.find(|sent| sent.id == id).ok_or(SimulatorError::NoMessage)?;
            self.world.post.post(self.world.callback(&sent, status, code)?).await
        })
    }
}

impl<P: RestApi> fmt::Debug for RestSimulator<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RestSimulator({})", self.address)
    }
}

fn neutral(sent: &RestSent) -> SentMessage {
    SentMessage {
        sequence: sent.sequence,
        at: sent.at,
        created_at: sent.created_at,
        id: sent.id.clone(),
        message_id: sent.message_id.clone(),
        channel: Some(sent.channel.clone()),
        to: sent.to.clone(),
        from: Some(sent.from.clone()),
        text: sent.text.clone(),
        template: sent.template.clone(),
        file: sent.file.clone(),
    }
}
