//! `palabre torture`: kills daemons with -9 under load, beside a faulty provider, then checks every promise.
//!
//! The promises are checked against what the clients posted, what the simulated provider took and what the tables hold.
//!
//! The seed decides who writes what, when the daemon is killed and which faults the provider has. Timing is the machine's,
//! so the same seed tries the same things and need not find the same.

mod chaos;
mod checks;
mod child;
mod clients;
mod evidence;
mod fault_profile;
mod fixtures;
mod folder;
mod installation;
mod ledger;
mod process_killer;
mod report;
mod stalls;
mod surroundings;
mod tcp_proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use futures_util::future;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use self::chaos::{FaultsTold, Members};
use self::clients::Clients;
use self::evidence::{Evidence, Stretch};
use self::fixtures::TortureSender;
use self::folder::TortureFolder;
use self::installation::Node;
pub(crate) use self::installation::Servers;
use self::ledger::PostLedger;
use self::process_killer::{ChildError, KillCounts, KillTime, ProcessKiller};
pub(crate) use self::report::TortureReport;
use self::report::{Webhooks, counted};
use self::stalls::Stalls;
pub(crate) use self::surroundings::Surroundings;
use crate::config::{Config, ConfigErrors, Environment};
use crate::gateway::client::{self, ClientError};
use crate::gateway::simulator::{Daemon, SimulatorError};
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::host::Host;
use crate::lab::printer::print_error_line;
use crate::store::{HistoryReader, RowCounts, StoreError};

/// The interval at which it is checked whether anything is under way.
const LOOK: Duration = Duration::from_millis(250);

/// What the torture is asked to do.
#[derive(Debug)]
pub(crate) struct Options {
    /// How often the daemon is killed with -9.
    pub(crate) kills: u32,
    /// Draws contacts, kills and faults; `None`: a new one.
    pub(crate) seed: Option<u64>,
    /// Messages a second, over all contacts.
    pub(crate) rate: f64,
    /// How many contacts write at the same time.
    pub(crate) conversations: u16,
    /// Whether every business has a channel of every simulated provider.
    pub(crate) every_provider: bool,
    /// How long the provider takes at most between reading a send and having it in its list.
    pub(crate) hesitation: Duration,
    /// How long the daemon is away at least between a kill and the next start.
    pub(crate) away: Duration,
    /// How long the daemon is left alone at the end, at most, to finish what is under way.
    pub(crate) settle_within: Duration,
    /// One fault after the other for so long, instead of kills alone.
    pub(crate) chaos: Option<Duration>,
    /// What the daemon runs on.
    pub(crate) servers: Servers,
    /// Keeps configuration, database and log in this folder.
    pub(crate) keep: Option<PathBuf>,
    /// Shows no progress.
    pub(crate) quiet: bool,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TortureError {
    #[error("the folder cannot be used")]
    Folder(#[source] io::Error),
    #[error("a server cannot be reached or disturbed")]
    Server(#[source] io::Error),
    #[error("a task of the torture ended by itself")]
    Task(#[from] JoinError),
    #[error("the configuration does not hold")]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tortures, and checks every promise.
///
/// # Errors
/// [`TortureError`]
pub(crate) async fn run(options: &Options) -> Result<TortureReport, TortureError> {
    let begun = Instant::now();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let mut folder = TortureFolder::open(options.keep.as_deref()).map_err(TortureError::Folder)?;
    let host = Arc::new(Host::start(seed, None)?);
    let database = options.servers.database();
    let senders = TortureSender::all(options.every_provider);
    let public_url = options.servers.surroundings.public_url.as_deref().unwrap_or(PUBLIC_BASE_URL).to_owned();
    let written = folder.write_configuration(&senders, |provider| host.base_url(provider), (database, &public_url));
    written.map_err(TortureError::Folder)?;
    let front =
        options.servers.front().map(|front| Daemon { public_base_url: public_url, reached_at: front.to_owned() });
    let members = options.chaos.and(front.clone()).map(|front| Members::open(&folder.run, front).map(Arc::new));
    let members = members.transpose()?;
    let config = Config::load(&folder.run.config(), &Environment::default(), &crate::gateway::PROVIDERS)?.config;
    host.set_channels(&config, |_| None);
    let run = TortureRun {
        seed,
        host: Arc::clone(&host),
        ledger: Arc::default(),
        stalls: Stalls::default(),
        client: client::new()?,
        senders: senders.clone(),
        quiet: options.quiet,
    };
    fault_profile::apply(&host, options.hesitation);
    let nodes = options.servers.nodes(folder.run.path()).await.map_err(TortureError::Server)?;
    if let Some(front) = &front {
        host.set_daemon(front);
    }
    let killers = nodes.iter().map(|node| ProcessKiller {
        config: folder.run.config(),
        settings: node.settings.clone(),
        log: folder.run.log(),
        host: Arc::clone(&host),
        is_reached: options.servers.front().is_none(),
        away: options.away,
        ended: Vec::new(),
    });
    let killers: Vec<ProcessKiller> = killers.collect();
    let watching = tokio::spawn(run.stalls.clone().watch());
    let NodeRuns { killed, disturbed, mut daemons, mut ended, mut clients, told, skewed } =
        match options.chaos.zip(members.as_ref()) {
            None => run.lives(options, killers, &nodes).await?,
            Some((lasts, members)) => {
                chaos::day(&run, options, (killers, &nodes), (lasts, &folder.run.config()), members).await?
            }
        };
    let alone = Instant::now();
    fault_profile::clear(&host);
    run.settle(options.settle_within, &mut clients, &config.database.url).await?;
    clients.abort_all();
    let settling = alone.elapsed();
    for status in daemons.iter_mut().filter_map(child::Child::ended) {
        ended.push(format!("the daemon ended by itself: {status}"));
    }
    let evidence = run.evidence(&config.database.url, nodes.len(), (ended, skewed)).await?;
    drop(daemons);
    watching.abort();
    let mut verdicts = checks::all(&evidence);
    if let Some(members) = &members {
        verdicts.push(chaos::verdict(options, &told));
        verdicts.push(members.verdict(&config.database.url).await?);
    }
    let holds = verdicts.iter().all(|verdict| verdict.holds);
    if !holds {
        folder.run.keep();
    }
    Ok(TortureReport {
        holds,
        seed,
        repeat: options.again(seed),
        killed,
        nodes: nodes.len(),
        disturbed,
        seconds: begun.elapsed().as_secs_f64(),
        settling_seconds: settling.as_secs_f64(),
        webhooks: Webhooks::of(&evidence),
        taken: evidence.sends.len(),
        faults: host.faults_met(),
        outcomes: counted(evidence.dump.inbound.iter().map(|row| row.reason.as_deref().unwrap_or(&row.state))),
        states: counted(evidence.dump.outbound.iter().map(|row| row.state.as_str())),
        unknown: evidence.unknown_shares(&senders),
        stalls: evidence.stalls.len(),
        told,
        verdicts,
        kept: folder.run.kept().map(PathBuf::from),
    })
}

/// How the nodes' runs ended.
struct NodeRuns {
    killed: KillCounts,
    disturbed: BTreeMap<&'static str, u64>,
    /// The daemon that still runs, of each node.
    daemons: Vec<child::Child>,
    /// Those that ended by themselves.
    ended: Vec<String>,
    clients: JoinSet<()>,
    /// How faults of a chaos day were told.
    told: FaultsTold,
    /// When a node's clock was wrong.
    skewed: Vec<Stretch>,
}

/// What a run has beside its daemons.
#[derive(Clone)]
struct TortureRun {
    seed: u64,
    host: Arc<Host>,
    ledger: Arc<PostLedger>,
    stalls: Stalls,
    client: reqwest::Client,
    senders: Vec<TortureSender>,
    quiet: bool,
}

impl TortureRun {
    /// Starts the clients, kills the nodes as often as told while their servers are disturbed, and starts each once more. The
    /// clients are told to stop; what they have under way goes on.
    async fn lives(
        &self,
        options: &Options,
        killers: Vec<ProcessKiller>,
        nodes: &[Node],
    ) -> Result<NodeRuns, TortureError> {
        let (stop, stopping) = watch::channel(false);
        let clients = self.clients(options, stopping);
        let (tell_all_lived, all_lived) = watch::channel(false);
        let count = u32::try_from(killers.len().max(1)).unwrap_or(1);
        let mut lives = JoinSet::new();
        for (number, killer) in (0..count).zip(killers) {
            // What cannot be shared evenly falls on the first ones.
            let kills = options.kills / count + u32::from(number < options.kills % count);
            lives.spawn(self.clone().run_node(number, kills, killer));
        }
        let lived = async {
            let mut lived = Vec::new();
            while let Some(one) = lives.join_next().await {
                lived.push(one??);
            }
            tell_all_lived.send_replace(true);
            Ok::<_, TortureError>(lived)
        };
        let disturbing = async {
            let disturbed = options.servers.disturb(nodes, self.seed, &all_lived).await;
            disturbed.map_err(TortureError::Server)
        };
        let (lived, disturbed) = future::try_join(lived, disturbing).await?;
        let (mut killed, mut daemons, mut ended) = (KillCounts::default(), Vec::new(), Vec::new());
        for (mut killer, one) in lived {
            killed = killed.and(one);
            daemons.push(killer.final_run().await?);
            ended.append(&mut killer.ended);
        }
        stop.send_replace(true);
        let (told, skewed) = (FaultsTold::new(), Vec::new());
        Ok(NodeRuns { killed, disturbed, daemons, ended, clients, told, skewed })
    }

    fn clients(&self, options: &Options, stop: watch::Receiver<bool>) -> JoinSet<()> {
        let clients = Arc::new(Clients {
            host: Arc::clone(&self.host),
            ledger: Arc::clone(&self.ledger),
            client: self.client.clone(),
            senders: self.senders.clone(),
            seed: self.seed,
            gap: Duration::from_secs_f64(f64::from(options.conversations) / options.rate),
            stop,
            contacts: AtomicU32::new(0),
            messages: AtomicU32::new(0),
        });
        (0..u64::from(options.conversations)).map(|place| Arc::clone(&clients).talk(place)).collect()
    }

    /// Starts and kills a node as often as told.
    async fn run_node(
        self,
        number: u32,
        kills: u32,
        mut killer: ProcessKiller,
    ) -> Result<(ProcessKiller, KillCounts), ChildError> {
        let mut random = fastrand::Rng::with_seed(self.seed + u64::from(number));
        let mut killed = KillCounts::default();
        for life in 1..=kills {
            killer.run_and_kill(KillTime::draw(&mut random), &mut killed).await?;
            self.tell(format_args!("node {}, kill {life}/{kills}", number + 1));
            killer.pause(&mut random).await;
        }
        Ok((killer, killed))
    }

    /// Waits until nothing is under way any more, at most for `settle_within`; the checks find what is left then.
    async fn settle(
        &self,
        settle_within: Duration,
        clients: &mut JoinSet<()>,
        database: &str,
    ) -> Result<(), TortureError> {
        let history = HistoryReader::open(database).await?;
        let begun = Instant::now();
        let mut looks = 0_u32;
        while begun.elapsed() < settle_within {
            while clients.try_join_next().is_some() {}
            let counts = history.counts().await?;
            let (open, callbacks) = (under_way(&counts), self.host.callbacks_to_come());
            // What a spool keeps is acknowledged and in no table yet.
            let kept = self.ledger.count().1 as u64 > counts.inbound.values().sum();
            if clients.is_empty() && open == 0 && callbacks == 0 && !kept {
                return Ok(());
            }
            if looks.is_multiple_of(8) {
                self.tell(format_args!(
                    "settling, {} talk, {open} messages and {callbacks} callbacks under way",
                    clients.len()
                ));
            }
            looks += 1;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn evidence(
        &self,
        database: &str,
        nodes: usize,
        (ended, skewed): (Vec<String>, Vec<Stretch>),
    ) -> Result<Evidence, TortureError> {
        let mut dump = HistoryReader::open(database).await?.dump().await?;
        // What members wrote and heard is in no ledger of contacts.
        let tenants: BTreeSet<String> = self.senders.iter().map(TortureSender::tenant).collect();
        let is_contacts = |tenant: &str| tenants.contains(tenant);
        dump.inbound.retain(|row| is_contacts(&row.tenant_id));
        dump.outbound.retain(|row| is_contacts(&row.tenant_id));
        dump.events.retain(|row| is_contacts(&row.tenant_id));
        let (posts, sends) = (self.ledger.snapshot(), self.host.sent());
        Ok(Evidence { posts, sends, dump, stalls: self.stalls.seen(), nodes, skewed, ended })
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.quiet {
            return;
        }
        let (waiting, acknowledged) = self.ledger.count();
        let taken = self.host.taken();
        print_error_line(format_args!(
            "{what}: {acknowledged:>6} acknowledged, {waiting:>3} waiting for it, {taken:>6} at the provider"
        ));
        let _ = io::stderr().flush();
    }
}

/// Messages in without a turn, and messages out without an end.
fn under_way(counts: &RowCounts) -> u64 {
    let of = |counts: &std::collections::BTreeMap<String, u64>, words: &[&str]| -> u64 {
        words.iter().filter_map(|word| counts.get(*word)).sum()
    };
    of(&counts.inbound, &["accepted"]) + of(&counts.outbound, &["pending", "sending", "unknown", "deferred"])
}

impl Options {
    /// The command that draws the same again.
    fn again(&self, seed: u64) -> String {
        let Self { kills, rate, conversations, hesitation, away, every_provider, .. } = self;
        let every = if *every_provider { " --every-provider" } else { "" };
        let (hesitation, away) = (humantime::format_duration(*hesitation), humantime::format_duration(*away));
        // What the servers are called may hold a password.
        let servers = if self.servers.database().is_some() { " (and the same servers)" } else { "" };
        let chaos =
            self.chaos.map(|lasts| format!(" --chaos {}", humantime::format_duration(lasts))).unwrap_or_default();
        format!(
            "palabre torture --seed {seed} --kills {kills} --rate {rate} --conversations {conversations} \
             --hesitation {hesitation} --away {away}{every}{chaos}{servers}"
        )
    }
}
