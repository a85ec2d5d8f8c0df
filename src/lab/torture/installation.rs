//! Installation under torture: one node on SQLite, or several on PostgreSQL and Redis behind nginx. Connections to
//! servers go through proxies that can be cut.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use url::Url;

use super::surroundings::Surroundings;
use super::tcp_proxy::TcpProxy;

/// How long a command may take that crashes a server and has it back.
const CRASH: Duration = Duration::from_secs(60);

/// The servers and nodes of a run. Without any: one daemon on SQLite in the run's folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers {
    /// An empty PostgreSQL database.
    pub(crate) database: Option<Url>,
    /// The Redis that the nodes share.
    pub(crate) redis: Option<Url>,
    /// A node for each port of loopback.
    pub(crate) nodes: Vec<u16>,
    /// The load balancer that passes webhooks on to the nodes.
    pub(crate) front: Option<String>,
    /// A shell command that crashes PostgreSQL and starts it again.
    pub(crate) crash_database: Option<String>,
    /// A shell command that kills Redis, which comes back empty.
    pub(crate) crash_redis: Option<String>,
    /// What a chaos day has beside.
    pub(crate) surroundings: Surroundings,
}

/// A node: its settings, and the proxies to its servers.
#[derive(Debug)]
pub(super) struct Node {
    /// Settings of the environment.
    pub(super) settings: Vec<(&'static str, String)>,
    /// The file that moves its clock, where it can be moved.
    pub(super) clock: Option<PathBuf>,
    database: Option<TcpProxy>,
    redis: Option<TcpProxy>,
}

/// A server of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerKind {
    Database,
    Redis,
}

impl Node {
    fn link_to(&self, server: ServerKind) -> Option<&TcpProxy> {
        match server {
            ServerKind::Database => self.database.as_ref(),
            ServerKind::Redis => self.redis.as_ref(),
        }
    }

    /// A server that was taken away is back.
    pub(super) fn bring_back(&self, server: ServerKind) {
        self.link_to(server).into_iter().for_each(TcpProxy::open);
    }
}

/// What is done to the servers and the connections to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Disturbance {
    CutOneFromDatabase,
    CutAllFromDatabase,
    CutAllFromRedis,
    CrashDatabase,
    CrashRedis,
    EmptyRedis,
}

impl Disturbance {
    const ALL: [Self; 6] = [
        Self::CutOneFromDatabase,
        Self::CutAllFromDatabase,
        Self::CutAllFromRedis,
        Self::CrashDatabase,
        Self::CrashRedis,
        Self::EmptyRedis,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::CutOneFromDatabase => "one node cut off from postgresql",
            Self::CutAllFromDatabase => "all nodes cut off from postgresql",
            Self::CutAllFromRedis => "all nodes cut off from redis",
            Self::CrashDatabase => "postgresql crashed",
            Self::CrashRedis => "redis killed",
            Self::EmptyRedis => "redis emptied",
        }
    }
}

impl Servers {
    /// The database's URL, when it is not the folder's.
    pub(super) fn database(&self) -> Option<&str> {
        self.database.as_ref().map(Url::as_str)
    }

    /// Where webhooks go, when not straight to the daemon.
    pub(super) fn front(&self) -> Option<&str> {
        self.front.as_deref()
    }

    /// Makes the proxies of every node. The folder is the run's.
    ///
    /// # Errors
    /// When a server's URL leads nowhere, or the folder cannot be written.
    pub(super) async fn nodes(&self, folder: &Path) -> io::Result<Vec<Node>> {
        let ports: Vec<Option<u16>> =
            if self.nodes.is_empty() { vec![None] } else { self.nodes.iter().copied().map(Some).collect() };
        let mut nodes = Vec::with_capacity(ports.len());
        let last = ports.len() - 1;
        for (number, port) in ports.into_iter().enumerate() {
            let spools = self.surroundings.spools.as_deref().unwrap_or(Path::new(""));
            let spool = spools.join(format!("spool-{}", number + 1));
            let mut settings = vec![("PALABRE__SPOOL__DIR", spool.display().to_string())];
            settings.extend(port.map(|port| ("PALABRE__HTTP__LISTEN", format!("127.0.0.1:{port}"))));
            let database = proxied(self.database.as_ref(), 5432, "PALABRE__DATABASE__URL", &mut settings).await?;
            let redis = proxied(self.redis.as_ref(), 6379, "PALABRE__REDIS__URL", &mut settings).await?;
            if database.is_none() {
                settings.clear();
            }
            let clock = self.surroundings.clock_library.as_ref().filter(|_| number == last);
            let clock = clock.map(|library| movable_clock(library, folder, &mut settings)).transpose()?;
            nodes.push(Node { settings, clock, database, redis });
        }
        Ok(nodes)
    }

    /// What can be done to them.
    fn possible(&self) -> Vec<Disturbance> {
        let can = |what: &Disturbance| match what {
            Disturbance::CutOneFromDatabase => self.nodes.len() > 1,
            Disturbance::CutAllFromDatabase => self.database.is_some(),
            Disturbance::CutAllFromRedis | Disturbance::EmptyRedis => self.redis.is_some(),
            Disturbance::CrashDatabase => self.crash_database.is_some(),
            Disturbance::CrashRedis => self.crash_redis.is_some(),
        };
        Disturbance::ALL.into_iter().filter(can).collect()
    }

    /// Disturbs until it is told to stop, and then until each was done once: first each in a drawn order, then any. Answers
    /// how often each was.
    pub(super) async fn disturb(
        &self,
        nodes: &[Node],
        seed: u64,
        stop: &tokio::sync::watch::Receiver<bool>,
    ) -> io::Result<BTreeMap<&'static str, u64>> {
        let (mut random, possible) = (fastrand::Rng::with_seed(seed), self.possible());
        let mut counts = BTreeMap::new();
        let mut first = possible.clone();
        random.shuffle(&mut first);
        let mut stop = stop.clone();
        while !possible.is_empty() {
            let wait = Duration::from_millis(random.u64(200..2_500));
            let stopped = tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok();
            if stopped && first.is_empty() {
                break;
            }
            let what = first.pop().unwrap_or_else(|| possible[random.usize(..possible.len())]);
            self.one(what, nodes, &mut random).await?;
            *counts.entry(what.as_str()).or_default() += 1;
        }
        Ok(counts)
    }

    /// Crashes a server, which stays out of reach until it is told to come back.
    pub(super) async fn take_away(&self, server: ServerKind, nodes: &[Node]) -> io::Result<()> {
        nodes.iter().filter_map(|node| node.link_to(server)).for_each(TcpProxy::close);
        run_command(match server {
            ServerKind::Database => self.crash_database.as_deref(),
            ServerKind::Redis => self.crash_redis.as_deref(),
        })
        .await
    }

    async fn one(&self, what: Disturbance, nodes: &[Node], random: &mut fastrand::Rng) -> io::Result<()> {
        let databases = || nodes.iter().filter_map(|node| node.database.as_ref());
        match what {
            Disturbance::CutOneFromDatabase => {
                databases().nth(random.usize(..nodes.len())).into_iter().for_each(TcpProxy::cut);
            }
            Disturbance::CutAllFromDatabase => databases().for_each(TcpProxy::cut),
            Disturbance::CutAllFromRedis => nodes.iter().filter_map(|node| node.redis.as_ref()).for_each(TcpProxy::cut),
            Disturbance::CrashDatabase => run_command(self.crash_database.as_deref()).await?,
            Disturbance::CrashRedis => run_command(self.crash_redis.as_deref()).await?,
            Disturbance::EmptyRedis => {
                if let Some(url) = &self.redis {
                    let at = (url.host_str().unwrap_or_default(), url.port().unwrap_or(6379));
                    // It may be dead just now, and then it is empty.
                    if let Ok(mut redis) = TcpStream::connect(at).await {
                        redis.write_all(b"FLUSHALL\r\nQUIT\r\n").await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A clock that a file moves: [`set_clock`] says how far.
fn movable_clock(library: &Path, folder: &Path, settings: &mut Vec<(&'static str, String)>) -> io::Result<PathBuf> {
    let clock = folder.join("clock");
    set_clock(&clock, 0)?;
    let (library, file) = (library.display().to_string(), clock.display().to_string());
    settings.extend([("LD_PRELOAD", library), ("CLOCK_FILE", file)]);
    Ok(clock)
}

/// Says by how many seconds a clock is ahead. The file is mapped, so it keeps its length.
pub(super) fn set_clock(clock: &Path, seconds: i64) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(false).open(clock)?;
    file.write_all(format!("{seconds:+010}\n").as_bytes())
}

async fn proxied(
    url: Option<&Url>,
    port: u16,
    name: &'static str,
    settings: &mut Vec<(&'static str, String)>,
) -> io::Result<Option<TcpProxy>> {
    let Some(url) = url else { return Ok(None) };
    let proxy = TcpProxy::towards(url, port).await?;
    settings.push((name, proxy.url_through(url)));
    Ok(Some(proxy))
}

pub(super) async fn run_command(command: Option<&str>) -> io::Result<()> {
    let Some(command) = command else { return Ok(()) };
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || shell.status());
    let ended = tokio::time::timeout(CRASH, ended).await.map_err(io::Error::other)?.map_err(io::Error::other)??;
    if ended.success() { Ok(()) } else { Err(io::Error::other(format!("`{command}` failed: {ended}"))) }
}
