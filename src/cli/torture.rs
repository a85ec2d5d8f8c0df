//! `palabre torture`: the daemon as a process of its own, under load, killed with -9 again and again at random moments,
//! beside a provider that misbehaves; then every promise is held against what the customers did, what the provider took
//! and what the tables hold.
//!
//! Everything that is drawn follows from the seed: who writes what, when the daemon is killed, what goes wrong at the
//! provider. What meets what is up to the machine, so the same seed tries the same things and need not find the same.

mod cast;
mod checks;
mod child;
mod customers;
mod evidence;
mod folder;
mod installation;
mod kills;
mod ledger;
mod relay;
mod report;
mod stalls;
mod weather;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use self::customers::Crowd;
use self::evidence::Evidence;
use self::folder::{Folder, PUBLIC_BASE_URL};
use self::installation::{InstallationArgs, Node};
use self::kills::{ChildError, Executioner, Killed, Moment};
use self::ledger::Ledger;
use self::report::{Report, Webhooks, counted};
use self::stalls::Stalls;
use super::{complain, complain_about, exit, say};
use crate::config::{Config, ConfigErrors, Environment};
use crate::gateway::client::{self, ClientError};
use crate::gateway::twilio::simulator::{Daemon as Whereabouts, Simulator, SimulatorConfig, SimulatorError};
use crate::store::{Archive, Counts, StoreError};

/// How often it is looked whether anything is still under way.
const LOOK: Duration = Duration::from_millis(250);

/// What the torture can be told.
#[derive(Debug, Args)]
pub(super) struct TortureArgs {
    /// How often the daemon is killed with -9
    #[arg(long, value_name = "N", default_value_t = 50)]
    kills: u32,
    /// Draws contacts, kills and faults; the same draws the same [default: a new one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Messages a second, over all contacts
    #[arg(long, value_name = "PER_SECOND", default_value_t = 30.0, value_parser = rate)]
    rate: f64,
    /// How many contacts write at the same time; who is through is followed by another
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    conversations: u16,
    /// How long the provider takes at most between reading a send and having it in its list; must stay below the half
    /// second after which the daemon asks
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = humantime::parse_duration)]
    hesitation: Duration,
    /// How long the daemon is away at least between a kill and the next start
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = humantime::parse_duration)]
    away: Duration,
    /// How long the daemon is left alone at the end, at most, to finish what is under way
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = humantime::parse_duration)]
    patience: Duration,
    #[command(flatten)]
    installation: InstallationArgs,
    /// Keep configuration, database and log in this folder (after a breach they are kept anyway)
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
enum TortureError {
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

/// Runs the subcommand.
pub(super) fn run(args: &TortureArgs) -> u8 {
    super::on_runtime(async {
        match torture(args).await {
            Ok(report) => {
                let text = if args.json {
                    serde_json::to_string_pretty(&report).unwrap_or_default()
                } else {
                    report.to_string()
                };
                say(format_args!("{}", text.trim_end()));
                if report.holds { exit::OK } else { exit::FOUND_WRONG }
            }
            Err(error) => complain(&error),
        }
    })
}

async fn torture(args: &TortureArgs) -> Result<Report, TortureError> {
    let begun = Instant::now();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let mut folder = Folder::open(args.keep.as_deref()).map_err(TortureError::Folder)?;
    let provider = Arc::new(Simulator::start(SimulatorConfig { seed, ..SimulatorConfig::new(folder.accounts()) })?);
    folder.furnish(&provider.base_url(), args.installation.database()).map_err(TortureError::Folder)?;
    let config = Config::load(&folder.config(), &Environment::default())?.config;
    let rack = Rack {
        seed,
        provider: Arc::clone(&provider),
        ledger: Arc::default(),
        stalls: Stalls::default(),
        client: client::new()?,
        quiet: args.quiet,
    };
    weather::rough(&provider, args.hesitation);
    let nodes = args.installation.nodes().await.map_err(TortureError::Server)?;
    if let Some(front) = args.installation.front() {
        let (public_base_url, reached_at) = (PUBLIC_BASE_URL.to_owned(), front.to_owned());
        provider.set_daemon(Whereabouts { public_base_url, reached_at });
    }
    let executioners = nodes.iter().map(|node| Executioner {
        config: folder.config(),
        settings: node.settings.clone(),
        log: folder.log(),
        provider: Arc::clone(&provider),
        is_reached: args.installation.front().is_none(),
        away: args.away,
        ended: Vec::new(),
    });
    let executioners: Vec<Executioner> = executioners.collect();
    let watching = tokio::spawn(rack.stalls.clone().watch());
    let Lived { killed, disturbed, mut daemons, mut ended, mut crowd } = rack.lives(args, executioners, &nodes).await?;
    let alone = Instant::now();
    weather::calm(&provider);
    rack.settle(args.patience, &mut crowd, &config.database.url).await?;
    crowd.abort_all();
    let settling = alone.elapsed();
    for status in daemons.iter_mut().filter_map(child::Child::ended) {
        ended.push(format!("the daemon ended by itself: {status}"));
    }
    let evidence = rack.evidence(&config.database.url, ended).await?;
    drop(daemons);
    watching.abort();
    let verdicts = checks::all(&evidence);
    let holds = verdicts.iter().all(|verdict| verdict.holds);
    if !holds {
        folder.keep();
    }
    Ok(Report {
        holds,
        seed,
        repeat: args.again(seed),
        killed,
        nodes: nodes.len(),
        disturbed,
        seconds: begun.elapsed().as_secs_f64(),
        settling_seconds: settling.as_secs_f64(),
        webhooks: Webhooks::of(&evidence),
        taken: evidence.sends.len(),
        faults: provider.faults_met(),
        outcomes: counted(evidence.census.inbound.iter().map(|row| row.reason.as_deref().unwrap_or(&row.state))),
        states: counted(evidence.census.outbound.iter().map(|row| row.state.as_str())),
        stalls: evidence.stalls.len(),
        verdicts,
        kept: folder.kept().map(PathBuf::from),
    })
}

/// What came of the nodes' lives.
struct Lived {
    killed: Killed,
    disturbed: BTreeMap<&'static str, u64>,
    /// The last of each node.
    daemons: Vec<child::Child>,
    /// Those that ended by themselves.
    ended: Vec<String>,
    crowd: JoinSet<()>,
}

/// What a run is made of, beside the daemon.
#[derive(Clone)]
struct Rack {
    seed: u64,
    provider: Arc<Simulator>,
    ledger: Arc<Ledger>,
    stalls: Stalls,
    client: reqwest::Client,
    quiet: bool,
}

impl Rack {
    /// Starts the crowd, kills the nodes as often as told while their servers are disturbed, and starts each once more. The
    /// crowd is told to stop; what it has under way goes on.
    async fn lives(
        &self,
        args: &TortureArgs,
        executioners: Vec<Executioner>,
        nodes: &[Node],
    ) -> Result<Lived, TortureError> {
        let (stop, stopping) = watch::channel(false);
        let crowd = self.crowd(args, stopping);
        let (tell_all_lived, all_lived) = watch::channel(false);
        let count = u32::try_from(executioners.len().max(1)).unwrap_or(1);
        let mut lives = JoinSet::new();
        for (number, executioner) in (0..count).zip(executioners) {
            // What cannot be shared evenly falls on the first ones.
            let kills = args.kills / count + u32::from(number < args.kills % count);
            lives.spawn(self.clone().lives_of(number, kills, executioner));
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
            let disturbed = args.installation.disturb(nodes, self.seed, &all_lived).await;
            disturbed.map_err(TortureError::Server)
        };
        let (lived, disturbed) = future::try_join(lived, disturbing).await?;
        let (mut killed, mut daemons, mut ended) = (Killed::default(), Vec::new(), Vec::new());
        for (mut executioner, one) in lived {
            killed = killed.and(one);
            daemons.push(executioner.last_life().await?);
            ended.append(&mut executioner.ended);
        }
        stop.send_replace(true);
        Ok(Lived { killed, disturbed, daemons, ended, crowd })
    }

    fn crowd(&self, args: &TortureArgs, stop: watch::Receiver<bool>) -> JoinSet<()> {
        let crowd = Arc::new(Crowd {
            provider: Arc::clone(&self.provider),
            ledger: Arc::clone(&self.ledger),
            client: self.client.clone(),
            seed: self.seed,
            gap: Duration::from_secs_f64(f64::from(args.conversations) / args.rate),
            stop,
            contacts: AtomicU32::new(0),
            messages: AtomicU32::new(0),
        });
        (0..u64::from(args.conversations)).map(|place| Arc::clone(&crowd).talk(place)).collect()
    }

    /// All lives of a node but the last.
    async fn lives_of(
        self,
        number: u32,
        kills: u32,
        mut executioner: Executioner,
    ) -> Result<(Executioner, Killed), ChildError> {
        let mut random = fastrand::Rng::with_seed(self.seed + u64::from(number));
        let mut killed = Killed::default();
        for life in 1..=kills {
            executioner.one_life(Moment::draw(&mut random), &mut killed).await?;
            self.tell(format_args!("node {}, kill {life}/{kills}", number + 1));
            executioner.pause(&mut random).await;
        }
        Ok((executioner, killed))
    }

    /// Waits until nothing is under way any more, or the patience is at its end: what is left then is found by the
    /// checks.
    async fn settle(&self, patience: Duration, crowd: &mut JoinSet<()>, database: &str) -> Result<(), TortureError> {
        let archive = Archive::open(database).await?;
        let begun = Instant::now();
        let mut looks = 0_u32;
        while begun.elapsed() < patience {
            while crowd.try_join_next().is_some() {}
            let counts = archive.counts().await?;
            let (open, callbacks) = (under_way(&counts), self.provider.callbacks_to_come());
            // What a spool keeps is acknowledged and in no table yet.
            let kept = self.ledger.count().1 as u64 > counts.inbound.values().sum();
            if crowd.is_empty() && open == 0 && callbacks == 0 && !kept {
                return Ok(());
            }
            if looks.is_multiple_of(8) {
                self.tell(format_args!(
                    "settling, {} talk, {open} messages and {callbacks} callbacks under way",
                    crowd.len()
                ));
            }
            looks += 1;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn evidence(&self, database: &str, ended: Vec<String>) -> Result<Evidence, TortureError> {
        let census = Archive::open(database).await?.census().await?;
        let (book, sends) = (self.ledger.snapshot(), self.provider.sends());
        Ok(Evidence { book, sends, census, stalls: self.stalls.seen(), ended })
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.quiet {
            return;
        }
        let (waiting, acknowledged) = self.ledger.count();
        let taken = self.provider.taken();
        complain_about(format_args!(
            "{what}: {acknowledged:>6} acknowledged, {waiting:>3} waiting for it, {taken:>6} at the provider"
        ));
        let _ = io::stderr().flush();
    }
}

/// Messages in without a turn, and messages out without an end.
fn under_way(counts: &Counts) -> u64 {
    let of = |counts: &std::collections::BTreeMap<String, u64>, words: &[&str]| -> u64 {
        words.iter().filter_map(|word| counts.get(*word)).sum()
    };
    of(&counts.inbound, &["accepted"]) + of(&counts.outbound, &["pending", "sending", "unknown", "deferred"])
}

impl TortureArgs {
    /// The command that draws the same again.
    fn again(&self, seed: u64) -> String {
        let Self { kills, rate, conversations, hesitation, away, .. } = self;
        let (hesitation, away) = (humantime::format_duration(*hesitation), humantime::format_duration(*away));
        // What the servers are called may hold a password.
        let servers = if self.installation.database().is_some() { " (and the same servers)" } else { "" };
        format!(
            "palabre torture --seed {seed} --kills {kills} --rate {rate} --conversations {conversations} \
             --hesitation {hesitation} --away {away}{servers}"
        )
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.1..=10_000.0).contains(rate));
    rate.ok_or_else(|| "a number from 0.1 to 10000".to_owned())
}
