//! Simulated Telegram, for tests, the demo and the load driver: a real HTTP server that takes calls as the Bot API does,
//! posts updates or hands them out (`getUpdates`), and plays the faults that it is told to.
//!
//! It runs on a thread of its own; everything here may be called from asynchronous code and from plain threads.

mod answers;
mod api;
mod chats;
mod load;
mod provided;
mod updates;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use actix_web::{App, HttpServer, web};
use serde_json::Value;
use tokio::sync::{Notify, oneshot, watch};

pub use self::provided::TelegramSimulation;
use super::{TelegramBot, UpdateSource, settings};
use crate::config::Channel;
use crate::gateway::client;
use crate::gateway::simulator::posting::Posting;
use crate::gateway::simulator::{
    Answer, CustomerMessage, Daemon, Fate, Faults, Forgery, OnSent, SimulatedFiles, SimulatorError, Socket,
    StartOptions, Webhook, lock,
};

/// The longest request that is read: the largest file that bots send.
const MAX_REQUEST_BYTES: usize = 52 * 1024 * 1024;

/// A call that the simulator answered with yes.
#[derive(Clone, PartialEq)]
pub struct ApiCall {
    /// Which bot: the number before the colon of its token.
    pub bot: String,
    /// `sendMessage`
    pub method: String,
    pub parameters: Value,
}

/// Shows neither chats nor texts.
impl fmt::Debug for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiCall({})", self.method)
    }
}

/// What is kept of a bot.
struct Bot {
    id: String,
    channel: String,
    secret: Option<String>,
    polls: bool,
    /// As `setWebhook` left it.
    webhook: Value,
    /// Updates that wait for `getUpdates`.
    updates: VecDeque<Value>,
}

/// What the server's threads share.
struct World {
    /// By token.
    bots: Mutex<HashMap<String, Bot>>,
    post: Posting,
    files: SimulatedFiles,
    fate: Fate,
    /// Refusals to come, by method.
    refusals: Mutex<VecDeque<(String, Value)>>,
    calls: Mutex<Vec<ApiCall>>,
    called: watch::Sender<u64>,
    /// Who is what in which chat.
    members: Mutex<HashMap<(i64, i64), String>>,
    /// Chats in which no bot is an administrator.
    without_rights: Mutex<HashSet<i64>>,
    /// Of all bots, the oldest first.
    transactions: Mutex<Vec<Value>>,
    next_message: AtomicI64,
    new_updates: Notify,
    on_sent: OnSent,
    misconfigured: AtomicBool,
}

/// A running simulator. Dropping it stops it.
pub struct TelegramSimulator {
    address: SocketAddr,
    world: Arc<World>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl TelegramSimulator {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub fn on_this_machine() -> Result<Self, SimulatorError> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start(StartOptions { listen, seed: 1, on_sent: Arc::new(|_| {}) })
    }

    /// Starts one; when this returns, it listens.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub fn start(options: StartOptions) -> Result<Self, SimulatorError> {
        let listener = TcpListener::bind(options.listen)?;
        let address = listener.local_addr()?;
        let client = client::new()?;
        let (ready, is_ready) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (seed, on_sent) = (options.seed, options.on_sent);
        let thread = thread::Builder::new().name("telegram-simulator".to_owned()).spawn(move || {
            actix_rt::System::new().block_on(async move {
                let world = Arc::new(World {
                    bots: Mutex::default(),
                    post: Posting::new(client, tokio::runtime::Handle::current(), None),
                    files: SimulatedFiles::default(),
                    fate: Fate::new(seed),
                    refusals: Mutex::default(),
                    calls: Mutex::default(),
                    called: watch::Sender::new(0),
                    members: Mutex::default(),
                    without_rights: Mutex::default(),
                    transactions: Mutex::default(),
                    next_message: AtomicI64::new(1),
                    new_updates: Notify::new(),
                    on_sent,
                    misconfigured: AtomicBool::new(false),
                });
                let data = web::Data::from(Arc::clone(&world));
                let app = move || {
                    App::new()
                        .app_data(data.clone())
                        .app_data(web::PayloadConfig::new(MAX_REQUEST_BYTES))
                        .route("/bot{token}/{method}", web::to(api::call))
                        .route("/file/bot{token}/photos/{name}", web::get().to(api::file))
                };
                let server = HttpServer::new(app).workers(1).on_connect(Socket::keep).disable_signals();
                match server.shutdown_timeout(1).listen(listener) {
                    Err(error) => drop(ready.send(Err(error.kind()))),
                    Ok(server) => {
                        let server = server.run();
                        let handle = server.handle();
                        actix_rt::spawn(server);
                        let _ = ready.send(Ok(world));
                        let _ = stopped.await;
                        handle.stop(false).await;
                    }
                }
            });
        })?;
        let world = is_ready.recv().map_err(|_| SimulatorError::Stopped)?.map_err(std::io::Error::from)?;
        Ok(Self { address, world, stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) })
    }

    /// What to put into `api_base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells where the daemon is.
    pub fn set_daemon(&self, daemon: Daemon) {
        self.world.post.set_daemon(daemon);
    }

    /// Replaces the bots that it knows by those of channels.
    pub fn set_channels(&self, channels: &[Channel]) {
        let bots = channels.iter().filter_map(|channel| settings(channel).ok().map(|bot| (channel, bot)));
        let known = bots.map(|(channel, bot)| (bot.token(), Bot::of(channel.id.as_str(), bot)));
        *lock(&self.world.bots) = known.collect();
    }

    /// Makes it know a bot by its token; `secret`: of its webhooks, or that it is polled.
    pub fn add_bot(&self, channel: &str, token: &str, secret: Option<&str>) {
        let id = token.split(':').next().unwrap_or_default().to_owned();
        let (channel, secret, polls) = (channel.to_owned(), secret.map(str::to_owned), secret.is_none());
        let bot = Bot { id, channel, secret, polls, webhook: Value::Null, updates: VecDeque::new() };
        lock(&self.world.bots).insert(token.to_owned(), bot);
    }

    /// From now on the webhook that it has of each bot is another URL, or not any more.
    pub fn set_misconfigured(&self, misconfigured: bool) {
        self.world.misconfigured.store(misconfigured, Ordering::SeqCst);
    }

    /// Replaces what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.world.fate.set(faults);
    }

    /// How often each fault was met so far.
    #[must_use]
    pub fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        self.world.fate.met()
    }

    /// Refuses the next call of a method with this answer (`error_code`, `description`, `parameters`).
    pub fn refuse_next(&self, method: &str, answer: Value) {
        lock(&self.world.refusals).push_back((method.to_owned(), answer));
    }

    /// The calls that were answered with yes, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<ApiCall> {
        lock(&self.world.calls).clone()
    }

    /// The parameters of the calls of one method.
    #[must_use]
    pub fn calls_of(&self, method: &str) -> Vec<Value> {
        let calls = self.calls().into_iter().filter(|call| call.method == method);
        calls.map(|call| call.parameters).collect()
    }

    /// Waits until so many calls of a method were answered with yes.
    pub async fn called_at_least(&self, method: &str, count: usize) {
        let mut called = self.world.called.subscribe();
        // An error means that the simulator is gone; nothing will be counted any more.
        let _ = called.wait_for(|_| self.calls_of(method).len() >= count).await;
    }

    /// What somebody is in a chat from now on: `member`, `administrator`, `left`, …
    pub fn set_member(&self, chat: i64, user: i64, status: &str) {
        lock(&self.world.members).insert((chat, user), status.to_owned());
    }

    /// Who is in a chat.
    #[must_use]
    pub fn members_of(&self, chat: i64) -> BTreeSet<i64> {
        let members = lock(&self.world.members);
        let is_in = |status: &str| matches!(status, "creator" | "administrator" | "member");
        members.iter().filter(|((of, _), status)| *of == chat && is_in(status)).map(|((_, user), _)| *user).collect()
    }

    /// Whether bots are administrators of a chat from now on.
    pub fn let_bots_administer(&self, chat: i64, may: bool) {
        let mut without = lock(&self.world.without_rights);
        if may {
            without.remove(&chat);
        } else {
            without.insert(chat);
        }
    }

    /// Something was paid in Stars, or given back: a `StarTransaction`.
    pub fn add_transaction(&self, transaction: Value) {
        lock(&self.world.transactions).push(transaction);
    }

    /// A webhook with what a customer writes.
    ///
    /// # Errors
    /// [`SimulatorError::NoDaemon`], [`SimulatorError::NoAccount`]
    pub fn webhook(&self, message: &CustomerMessage) -> Result<Webhook, SimulatorError> {
        self.world.webhook(&message.channel, &updates::of_message(message), None)
    }

    /// Posts an update to a channel, or keeps it for `getUpdates` of a bot that is polled.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub async fn deliver_update(&self, channel: &str, update: &Value) -> Result<Answer, SimulatorError> {
        if self.world.keep_for_polling(channel, update) {
            return Ok(Answer { status: 200, content_type: String::new(), body: String::new() });
        }
        self.world.post.post(self.world.webhook(channel, update, None)?).await
    }

    /// Posts what a customer writes.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub async fn deliver(&self, message: &CustomerMessage) -> Result<Answer, SimulatorError> {
        self.deliver_update(&message.channel, &updates::of_message(message)).await
    }

    /// A webhook that no daemon may believe.
    ///
    /// # Errors
    /// [`SimulatorError`]
    pub fn forged(&self, message: &CustomerMessage, forgery: Forgery<'_>) -> Result<Webhook, SimulatorError> {
        self.world.webhook(&message.channel, &updates::of_message(message), Some(forgery))
    }

    fn stop(&self) {
        drop(lock(&self.stop).take());
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for TelegramSimulator {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for TelegramSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TelegramSimulator({})", self.address)
    }
}

impl Bot {
    fn of(channel: &str, bot: &TelegramBot) -> Self {
        Self {
            id: bot.id.clone(),
            channel: channel.to_owned(),
            secret: bot.secret(),
            polls: bot.updates == UpdateSource::Poll,
            webhook: Value::Null,
            updates: VecDeque::new(),
        }
    }
}

impl World {
    fn next_message(&self) -> i64 {
        self.next_message.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, call: ApiCall) {
        lock(&self.calls).push(call);
        self.called.send_modify(|count| *count += 1);
    }

    /// Whether the bot is polled: then the update waits.
    fn keep_for_polling(&self, channel: &str, update: &Value) -> bool {
        let mut bots = lock(&self.bots);
        let Some(bot) = bots.values_mut().find(|bot| bot.channel == channel && bot.polls) else { return false };
        bot.updates.push_back(update.clone());
        drop(bots);
        self.new_updates.notify_waiters();
        true
    }

    fn webhook(&self, channel: &str, update: &Value, forgery: Option<Forgery<'_>>) -> Result<Webhook, SimulatorError> {
        let daemon = self.post.daemon().ok_or(SimulatorError::NoDaemon)?;
        let bots = lock(&self.bots);
        let secret_of = |channel: &str| {
            let bot = bots.values().find(|bot| bot.channel == channel).ok_or(SimulatorError::NoAccount)?;
            Ok::<_, SimulatorError>(bot.secret.clone().unwrap_or_default())
        };
        let (path, secret) = match forgery {
            None => (channel, secret_of(channel)?),
            Some(Forgery::Unsigned) => (channel, "wrong".to_owned()),
            Some(Forgery::SignedBy(other)) => (channel, secret_of(other)?),
            Some(Forgery::UnknownChannel) => ("nobody", secret_of(channel)?),
        };
        let url = daemon.reach(&format!("{}/webhooks/{}/{path}", daemon.public_base_url, super::NAME));
        let headers = vec![("Content-Type", "application/json".to_owned()), (HEADER, secret)];
        Ok(Webhook { url, headers, body: update.to_string() })
    }
}

/// The header as Telegram writes it.
const HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::telegram::SECRET_HEADER;

    #[test]
    fn the_header_is_the_one_that_is_read() {
        assert!(HEADER.eq_ignore_ascii_case(SECRET_HEADER.as_str()));
    }
}
