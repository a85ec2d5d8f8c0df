//! Opens the listeners, serves them and stops them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle, fn_service};
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::HttpDeps;
use super::abuse_limiter::AbuseLimiter;
use super::body::LargeBodies;
use super::connection::{self, Admission, WatchedStream};
use super::health::{Health, Phase};
use super::listener::{self, ListenerRole};
use super::state::HttpState;
use crate::service::paid_access::CheckoutLimits;

/// Connections that wait to be accepted: a provider's burst after an outage.
const BACKLOG: u32 = 4096;

/// The admin listener serves people and a scraper.
const ADMIN_WORKERS: usize = 1;

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ServeError {
    pub address: SocketAddr,
    #[source]
    pub source: io::Error,
}

/// The listeners that serve. Dropping it leaves them serving; [`Listeners::stop`] ends them.
#[derive(Debug)]
pub struct Listeners {
    /// Where webhooks are taken; with port 0 in the configuration, the port that was given.
    pub addr: SocketAddr,
    /// Where metrics are shown; the same when there is one listener.
    pub admin_addr: SocketAddr,
    health: Arc<Health>,
    notice: Duration,
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct Listener {
    addr: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Listeners {
    /// Announces the stop for the time of the notice: `/readyz` answers 503, and every answer ends its connection, so that
    /// load balancers and clients go elsewhere before the listeners close. A connection that waits to be accepted when a
    /// listener closes is reset, and a request that crosses the end of an idle connection is lost; the notice leaves few of
    /// either. Then the listeners accept no more, requests in flight finish within the drain time, the other connections
    /// are closed, and the call returns when every worker has ended.
    pub async fn stop(self) {
        self.health.enter(Phase::Draining);
        tokio::time::sleep(self.notice).await;
        futures_util::future::join_all(self.listeners.into_iter().map(Listener::stop)).await;
    }
}

impl Listener {
    async fn stop(self) {
        self.handle.stop(true).await;
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = &error as &dyn std::error::Error, "a listener failed"),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a listener's task failed"),
        }
    }
}

/// Opens the listeners and serves. Call it on a Tokio runtime; inside an actix `System` the workers are its arbiters,
/// elsewhere threads of their own. Requests are served at once, so enter [`Phase::Ready`] when the rest runs.
///
/// # Errors
/// [`ServeError`] when an address is taken, not ours or not allowed.
pub fn serve(deps: HttpDeps) -> Result<Listeners, ServeError> {
    let workers = match deps.config.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        some => some,
    };
    let health = Arc::clone(&deps.health);
    let (public, notice) = (deps.config.listen, deps.notice);
    let limits = Limits::of(&deps);
    let bound = match deps.config.admin_listen {
        None => vec![bind(deps, public, (ListenerRole::Both, workers), &limits)?],
        // Both are bound before either is served: a taken port leaves nothing half up.
        Some(admin) => {
            vec![
                bind(deps.clone(), public, (ListenerRole::Public, workers), &limits)?,
                bind(deps, admin, (ListenerRole::Admin, ADMIN_WORKERS), &limits)?,
            ]
        }
    };
    let listeners: Vec<Listener> = bound.into_iter().map(Bound::start).collect();
    let addr = listeners.first().map_or(public, |listener| listener.addr);
    let admin_addr = listeners.last().map_or(public, |listener| listener.addr);
    Ok(Listeners { addr, admin_addr, health, notice, listeners })
}

struct Bound {
    addr: SocketAddr,
    server: Server,
}

impl Bound {
    fn start(self) -> Listener {
        let handle = self.server.handle();
        Listener { addr: self.addr, handle, task: tokio::spawn(self.server) }
    }
}

/// What all listeners and workers count together.
#[derive(Clone)]
struct Limits {
    abuse_limiter: Arc<AbuseLimiter>,
    checkout_limits: Arc<CheckoutLimits>,
    large_bodies: LargeBodies,
}

impl Limits {
    fn of(deps: &HttpDeps) -> Self {
        Self {
            abuse_limiter: Arc::new(AbuseLimiter::new(deps.config.failures_per_minute)),
            checkout_limits: Arc::default(),
            large_bodies: LargeBodies::new(deps.config.large_bodies_bytes),
        }
    }

    /// One worker's: its metrics' handles stay its own.
    fn mount(self, deps: HttpDeps, role: ListenerRole) -> impl FnOnce(&mut web::ServiceConfig) {
        let Self { abuse_limiter, checkout_limits, large_bodies } = self;
        let state = HttpState { deps, abuse_limiter, checkout_limits, large_bodies };
        move |config| listener::mount(config, web::Data::new(state), role)
    }
}

/// All routes of one listener, for an actix-web `App` without a socket.
pub fn routes(deps: HttpDeps) -> impl FnOnce(&mut web::ServiceConfig) {
    Limits::of(&deps).mount(deps, ListenerRole::Both)
}

fn bind(
    deps: HttpDeps,
    address: SocketAddr,
    (role, workers): (ListenerRole, usize),
    limits: &Limits,
) -> Result<Bound, ServeError> {
    let failed = |source| ServeError { address, source };
    let connections = deps.config.max_connections.div_ceil(workers.max(1));
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections)
        .shutdown_timeout(whole_seconds(deps.drain))
        // The composition root hears the signals: it has more to drain than connections.
        .disable_signals();
    let listener = listen(address).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let stop = builder.graceful_shutdown_signal();
    let (limits, admission) = (limits.clone(), Admission::new(&deps.config, deps.deadlines));
    // What actix-web's own `HttpServer` does, but for the streams.
    let service = move || {
        let app = App::new().configure(limits.clone().mount(deps.clone(), role)).into_factory();
        let app = app.map_err(|error: actix_web::Error| error.error_response());
        let (stop, admission, deadlines) = (stop.clone(), admission.clone(), deps.deadlines);
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stop = stop.clone();
                async move { stop.notified().await }
            })
            .keep_alive(deadlines.idle)
            .client_request_timeout(deadlines.head)
            .client_disconnect_timeout(deadlines.disconnect)
            .local_addr(addr)
            .on_connect_ext(|stream: &WatchedStream, data| {
                data.insert(stream.activity());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| admission.clone().admit(stream))
            .and_then(http)
            .map_err(|error| connection::count(&error))
    };
    let server = builder.listen(format!("http-{addr}"), listener, service).map_err(failed)?;
    Ok(Bound { addr, server: server.run() })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The next process takes the port over at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// What actix-web counts a graceful stop in.
fn whole_seconds(drain: Duration) -> u64 {
    drain.as_secs().saturating_add(u64::from(drain.subsec_nanos() > 0)).max(1)
}
