//! Simulated Twilio, for tests, `palabre demo` and the load driver. It is a real HTTP server: it takes sends as
//! Twilio's API does, posts signed webhooks and status callbacks as Twilio does, and plays the faults that it is told
//! to.
//!
//! It runs on threads of its own; everything here may be called from asynchronous code and from plain threads.

mod accounts;
mod api;
mod customer_files;
mod ledger;
mod load;
mod message;
mod numbers;
mod policy;
mod provided;
mod resource;
mod webhooks;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use tokio::net::TcpSocket;
use tokio::sync::mpsc as tokio_mpsc;
use tokio::sync::watch;

use self::accounts::Known;
pub use self::accounts::SimulatedAccount;
use self::ledger::Ledger;
pub use self::ledger::Sent;
pub use self::message::{InboundMessage, fresh_sid};
pub use self::numbers::SimulatedNumber;
use self::policy::Police;
pub use self::policy::Policy;
pub use self::provided::TwilioSimulation;
pub use self::webhooks::SignedWebhook;
use crate::gateway::client;
use crate::gateway::simulator::posting::{Posting, PostsCallbacks as _};
pub use crate::gateway::simulator::{Answer, CallbackPlan, Daemon, Fault, Faults, Rule, SimulatorError, When};
use crate::gateway::simulator::{Fate, SimulatedFiles, Socket, lock};

/// Called for every message that is taken, on the server's thread: keep it short.
pub type OnSend = Arc<dyn Fn(&Sent) + Send + Sync>;

/// How a simulator starts.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The accounts it knows.
    pub accounts: Vec<SimulatedAccount>,
    /// Where webhooks go; may be told later ([`Simulator::set_daemon`]).
    pub daemon: Option<Daemon>,
    /// Whether every message taken is kept ([`Simulator::sends`], the list). Without it memory does not grow.
    pub remembers: bool,
    /// Called for every message taken.
    pub on_send: Option<OnSend>,
    /// Server threads.
    pub workers: usize,
    /// Everything drawn at random follows from it, and the ids it gives.
    pub seed: u64,
}

impl SimulatorConfig {
    /// On a free port of this machine, remembering everything.
    #[must_use]
    pub fn new(accounts: impl IntoIterator<Item = SimulatedAccount>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            accounts: accounts.into_iter().collect(),
            daemon: None,
            remembers: true,
            on_send: None,
            workers: 1,
            seed: 1,
        }
    }

    /// For load: nothing is remembered, each message is only shown to `on_send`.
    #[must_use]
    pub fn fast(accounts: impl IntoIterator<Item = SimulatedAccount>, on_send: OnSend) -> Self {
        Self { remembers: false, on_send: Some(on_send), ..Self::new(accounts) }
    }
}

/// What the server's threads share.
struct World {
    accounts: Mutex<HashMap<String, Known>>,
    ledger: Ledger,
    files: SimulatedFiles,
    fate: Fate,
    police: Police,
    post: Posting,
    on_send: Option<OnSend>,
    seed: u64,
    /// A server that stops lets go of its connections a little later: nobody is answered meanwhile.
    away: AtomicBool,
    numbers: Mutex<Vec<SimulatedNumber>>,
    misconfigured: AtomicBool,
}

/// A running simulator. Dropping it stops it.
pub struct Simulator {
    address: SocketAddr,
    _port: TcpSocket,
    world: Arc<World>,
    orders: tokio_mpsc::UnboundedSender<Order>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

enum Order {
    Leave(mpsc::Sender<()>),
    Return(TcpListener, mpsc::Sender<()>),
    Stop,
}

impl Simulator {
    /// Starts a simulator; when this returns, it listens.
    ///
    /// # Errors
    /// [`SimulatorError::Start`], [`SimulatorError::Client`]
    pub fn start(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        let port = claim(config.listen)?;
        let address = port.local_addr()?;
        let listener = TcpListener::bind(address)?;
        let client = client::new()?;
        let (orders, orders_in) = tokio_mpsc::unbounded_channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::Builder::new().name("twilio-simulator".to_owned()).spawn(move || {
            actix_rt::System::new().block_on(async move {
                let world = Arc::new(World {
                    accounts: Mutex::new(accounts::known(&config.accounts)),
                    ledger: Ledger::new(config.remembers),
                    files: SimulatedFiles::default(),
                    fate: Fate::new(config.seed),
                    police: Police::default(),
                    post: Posting::new(client, tokio::runtime::Handle::current(), config.daemon),
                    on_send: config.on_send,
                    seed: config.seed,
                    away: AtomicBool::new(false),
                    numbers: Mutex::default(),
                    misconfigured: AtomicBool::new(false),
                });
                let server = serve(&world, listener, config.workers);
                let _ = ready.send(server.as_ref().map(|_| Arc::clone(&world)).map_err(|error| error.kind()));
                if let Ok(server) = server {
                    obey(orders_in, world, server, config.workers).await;
                }
            });
        })?;
        let world = is_ready.recv().map_err(|_| SimulatorError::Stopped)?.map_err(io::Error::from)?;
        Ok(Self { address, _port: port, world, orders, thread: Mutex::new(Some(thread)) })
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

    /// Replaces the accounts that it knows.
    pub fn set_accounts(&self, accounts: &[SimulatedAccount]) {
        *lock(&self.world.accounts) = accounts::known(accounts);
    }

    /// Replaces what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.world.fate.set(faults);
    }

    /// Replaces what senders are held to; what was counted and heard so far is forgotten.
    pub fn set_policy(&self, policy: Policy) {
        self.world.police.set(policy);
    }

    /// Lets the customer-service window of a contact close, with every sender: as if their last message were long ago.
    pub fn close_window(&self, contact: &str) {
        self.world.police.close_window(contact);
    }

    /// Replaces which callbacks follow each message taken from now on.
    pub fn set_callbacks(&self, plan: Option<CallbackPlan>) {
        self.mix_callbacks(plan.map(|plan| (1, plan)));
    }

    /// Replaces which callbacks follow each message taken from now on: one of these plans, drawn by its weight.
    pub fn mix_callbacks(&self, plans: impl IntoIterator<Item = (u32, CallbackPlan)>) {
        self.world.post.set_plans(plans.into_iter().collect());
    }

    /// How often each fault was met so far, by [`Fault::name`]; `list` counts lists that were refused.
    #[must_use]
    pub fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        self.world.fate.met()
    }

    /// How many messages wait for callbacks that are yet to be posted.
    #[must_use]
    pub fn callbacks_to_come(&self) -> u64 {
        self.world.post.following()
    }

    /// The messages taken, in order.
    #[must_use]
    pub fn sends(&self) -> Vec<Sent> {
        self.world.ledger.sends()
    }

    /// How many messages were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        *self.world.ledger.taken().borrow()
    }

    /// Waits until that many messages were taken.
    pub async fn taken_at_least(&self, count: u64) {
        at_least(self.world.ledger.taken(), count).await;
    }

    /// Waits until that many planned callbacks were posted (answered or not).
    pub async fn callbacks_at_least(&self, count: u64) {
        at_least(self.world.post.posted(), count).await;
    }

    /// Signs an inbound message without posting it, for those who post by themselves.
    ///
    /// # Errors
    /// [`SimulatorError::NoDaemon`], [`SimulatorError::NoAccount`]
    pub fn sign(&self, message: &InboundMessage) -> Result<SignedWebhook, SimulatorError> {
        self.world.sign_message(message)
    }

    /// Posts an inbound message, once, and tells what the daemon answered.
    ///
    /// # Errors
    /// [`SimulatorError::Post`] and those of [`Self::sign`].
    pub async fn deliver(&self, message: &InboundMessage) -> Result<Answer, SimulatorError> {
        self.world.post.post(self.world.sign_message(message)?.into()).await
    }

    /// [`Self::deliver`] for plain threads.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub fn deliver_blocking(&self, message: &InboundMessage) -> Result<Answer, SimulatorError> {
        let webhook = self.world.sign_message(message)?;
        let posting = self.world.post.start(webhook.into());
        let (answer, answered) = mpsc::channel();
        drop(self.world.post.spawn(async move {
            let _ = answer.send(posting.await);
        }));
        answered.recv().map_err(|_| SimulatorError::Stopped)?.map_err(|_| SimulatorError::Stopped)?
    }

    /// Posts a status callback of a message that was taken.
    ///
    /// # Errors
    /// [`SimulatorError::NoMessage`], [`SimulatorError::NoCallback`] and those of [`Self::deliver`].
    pub async fn report(&self, sid: &str, status: &str, error_code: Option<u32>) -> Result<Answer, SimulatorError> {
        let sent = self.world.ledger.find(|sent| sent.sid == sid).ok_or(SimulatorError::NoMessage)?;
        self.world.post.post(self.world.callback(&sent, status, error_code)?).await
    }

    /// Closes the port: connections are refused until [`Self::come_back`].
    pub fn go_away(&self) {
        let (done, is_done) = mpsc::channel();
        if self.orders.send(Order::Leave(done)).is_ok() {
            let _ = is_done.recv();
        }
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// [`SimulatorError::Start`] when the system refuses.
    pub fn come_back(&self) -> Result<(), SimulatorError> {
        let listener = TcpListener::bind(self.address)?;
        let (done, is_done) = mpsc::channel();
        if self.orders.send(Order::Return(listener, done)).is_ok() {
            let _ = is_done.recv();
        }
        Ok(())
    }

    /// Stops the simulator and waits for its threads.
    pub fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulator({})", self.address)
    }
}

async fn at_least(mut counter: watch::Receiver<u64>, count: u64) {
    // An error means that the simulator is gone; nothing will be counted any more.
    let _ = counter.wait_for(|counted| *counted >= count).await;
}

async fn obey(
    mut orders: tokio_mpsc::UnboundedReceiver<Order>,
    world: Arc<World>,
    server: ServerHandle,
    workers: usize,
) {
    let mut server = Some(server);
    while let Some(order) = orders.recv().await {
        match order {
            Order::Stop => break,
            Order::Leave(done) => {
                world.away.store(true, Ordering::SeqCst);
                if let Some(server) = server.take() {
                    server.stop(false).await;
                }
                let _ = done.send(());
            }
            Order::Return(listener, done) => {
                world.away.store(false, Ordering::SeqCst);
                server = server.or_else(|| serve(&world, listener, workers).ok());
                let _ = done.send(());
            }
        }
    }
    if let Some(server) = server {
        server.stop(false).await;
    }
}

/// Takes a port without listening there, so that nobody else gets it while the simulator is away.
fn claim(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn serve(world: &Arc<World>, listener: TcpListener, workers: usize) -> io::Result<ServerHandle> {
    let world = web::Data::from(Arc::clone(world));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(world.clone())
            .service(
                web::resource("/2010-04-01/Accounts/{account}/Messages.json")
                    .route(web::post().to(api::create))
                    .route(web::get().to(api::list)),
            )
            .configure(numbers::mount)
            .route("/2010-04-01/Accounts/{account}.json", web::get().to(api::account))
            .route("/2010-04-01/Accounts/{account}/Messages/{message}/Media/{file}", web::get().to(api::media))
            .default_service(web::to(api::nothing))
    })
    .workers(workers.max(1))
    .backlog(2_048)
    .keep_alive(Duration::from_secs(75))
    .on_connect(Socket::keep)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}
