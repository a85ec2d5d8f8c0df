//! `palabre simulate`: plays customers and provider against a running daemon: by hand ([`stand_in`]), or as a load driver.
//!
//! In the load driver, one thread does everything, because it shares its cores with what it measures: [`mod@drive`] posts [`webhook`]s over
//! keep-alive [`connection`]s when the [`schedule`] says so, [`provider`] takes the replies, the [`ledger`] knows which
//! message each belongs to, and [`report`] tells what came of it.

mod connection;
mod drive;
mod ledger;
mod process;
mod progress;
mod provider;
mod report;
mod schedule;
mod setup;
mod stand_in;
mod tally;
mod target;
#[cfg(test)]
mod tests;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use self::drive::{Load, Pace, drive};
use self::process::Process;
use self::progress::{Progress, Snapshot};
use self::schedule::Schedule;
use self::setup::{MOST_TENANTS, Setup};
use self::stand_in::ProviderArgs;
use self::target::Target;
use self::webhook::MOST_CONTACTS;
use super::{ConfigFile, complain, complain_about, exit, load, say};

/// Drives a load.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    #[command(subcommand)]
    command: SimulateCommand,
}

#[derive(Debug, Subcommand)]
enum SimulateCommand {
    /// Write a configuration for load tests into a new folder: tenants with generous limits, the provider on this machine
    Setup(SetupArgs),
    /// Post webhooks to the daemon of a configuration and take its replies, then tell latencies and what went wrong
    ///
    /// The daemon runs already (`palabre serve` with the same --config), on this machine; the provider's side is played
    /// here, on the port of the channels' api_base_url. Ctrl-C ends the run early, with its report.
    /// Exits with 1 when a reply was lost, repeated or out of order.
    Run(RunArgs),
    /// Play the provider for the tenants of a configuration, on this machine: take what they send, and write to them as a customer
    ///
    /// For trying one's own tenants without an account: every channel has `api_base_url = "http://127.0.0.1:4010"` (say), and
    /// the daemon runs with the same --config. What customers write is typed, or posted as JSON; webhooks are signed with the
    /// channels' own tokens. Refused when a channel would send to a real provider. Ctrl-C ends it.
    #[command(
        after_help = "Type `CHANNEL NUMBER TEXT`, such as `belle-wa +33639980101 Bonjour`, then further texts alone.\n\
        docs/try.md leads through it."
    )]
    Provider(ProviderArgs),
}

#[derive(Debug, Args)]
struct SetupArgs {
    /// A folder without a palabre.toml
    dir: PathBuf,
    /// How many tenants, with one WhatsApp channel each
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_TENANTS)))]
    tenants: u16,
    /// Where the daemon will listen
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Where the provider's side will listen
    #[arg(long, default_value_t = 4010, value_parser = clap::value_parser!(u16).range(1..))]
    provider_port: u16,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Webhooks a second. They leave on schedule whether or not earlier ones were answered, and latency counts from the
    /// moment at which each was due
    #[arg(long, value_name = "PER_SECOND", default_value_t = 200.0, value_parser = rate)]
    rate: f64,
    /// No schedule: each connection posts as soon as it has its answer, which finds the most that the daemon takes
    #[arg(long, conflicts_with = "rate")]
    closed: bool,
    /// The most connections at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// How long to post, after the warm-up
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    duration: Duration,
    /// What comes before; its latencies do not count, its messages do
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    warmup: Duration,
    /// How many conversations the messages are spread over, over all tenants
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    conversations: u32,
    /// One message for each conversation, then end (no --duration)
    #[arg(long, conflicts_with = "duration")]
    once: bool,
    /// The share of webhooks that repeat an earlier one, as a provider's retries do
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    duplicates: f64,
    /// How long to wait for replies when everything is posted; what is missing then counts as lost
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    grace: Duration,
    /// Do not wait for replies at the end, and call none lost
    #[arg(long, conflicts_with_all = ["grace", "linger"])]
    no_replies_wait: bool,
    /// How long to listen for surplus replies when all are there
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    linger: Duration,
    /// The daemon's process, for its memory and processor time [default: the one that listens, when it can be seen]
    #[arg(long)]
    pid: Option<u32>,
    /// Draws conversations and duplicates; the same draws the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &SimulateArgs) -> u8 {
    match &args.command {
        SimulateCommand::Setup(args) => set_up(args),
        SimulateCommand::Run(args) => drive_load(args),
        SimulateCommand::Provider(args) => stand_in::run(args),
    }
}

fn set_up(args: &SetupArgs) -> u8 {
    let setup = Setup { tenants: args.tenants, port: args.port, provider_port: args.provider_port };
    match setup.write(&args.dir) {
        Ok(config) => {
            let config = config.display();
            say(format_args!("{config} and {} tenants are written. Next, in two terminals:", args.tenants));
            say(format_args!("  palabre serve --config {config}"));
            say(format_args!("  palabre simulate run --config {config}"));
            exit::OK
        }
        Err(error) => complain(&error),
    }
}

/// What keeps a run from starting.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error(transparent)]
    Unfit(#[from] target::Unfit),
    #[error("{0} channels have room for {1} conversations: ask for fewer, or set up more tenants")]
    TooManyConversations(usize, u64),
    #[error("nothing answers on {0}: start the daemon first, `palabre serve` with the same --config")]
    NoDaemon(SocketAddr, #[source] io::Error),
    #[error("the provider's side cannot listen on {0} (the channels' api_base_url)")]
    ProviderPort(SocketAddr, #[source] io::Error),
    #[error("the webhooks could not be laid out")]
    Webhooks(#[from] crate::gateway::twilio::form::NotAForm),
    #[error("the operating system gave no runtime")]
    Runtime(#[source] io::Error),
}

fn drive_load(args: &RunArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    if !args.closed {
        for doubt in target::doubts(&config, args.rate, args.conversations) {
            complain_about(format_args!("warning: {doubt}"));
        }
    }
    let report = Target::of(&config).map_err(Unready::from).and_then(|target| {
        // One thread: see the module's documentation.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Unready::Runtime)?;
        LocalSet::new().block_on(&runtime, against(&target, args))
    });
    match report {
        Ok(report) => {
            let text = if args.json { serde_json::to_string(&report).unwrap_or_default() } else { report.to_string() };
            say(format_args!("{text}"));
            if report.held { exit::OK } else { exit::FOUND_WRONG }
        }
        Err(error) => complain(&error),
    }
}

async fn against(target: &Target, args: &RunArgs) -> Result<report::Report, Unready> {
    let room = target.senders.len() as u64 * u64::from(MOST_CONTACTS);
    if u64::from(args.conversations) > room {
        return Err(Unready::TooManyConversations(target.senders.len(), room));
    }
    let knock = tokio::net::TcpStream::connect(target.daemon).await;
    knock.map_err(|error| Unready::NoDaemon(target.daemon, error))?;
    let mut listeners = Vec::with_capacity(target.providers.len());
    for address in &target.providers {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.map_err(|error| Unready::ProviderPort(*address, error))?);
    }
    let daemon = args.pid.map(Process).or_else(|| Process::listening_on(target.daemon));
    let progress = (!args.quiet).then(Progress::new);
    let tell = move |snapshot: &Snapshot| {
        if let Some(progress) = &progress {
            progress.tell(snapshot);
        }
    };
    Ok(drive(target, &args.load(), listeners, daemon, tell).await?)
}

impl RunArgs {
    fn load(&self) -> Load {
        let schedule = Schedule::new(self.rate).filter(|_| !self.closed);
        Load {
            pace: schedule.map_or(Pace::Closed, |schedule| Pace::Open { schedule, per_second: self.rate }),
            connections: usize::from(self.connections),
            duration: self.duration,
            warmup: self.warmup,
            conversations: self.conversations,
            once: self.once,
            duplicates: self.duplicates,
            grace: (!self.no_replies_wait).then_some(self.grace),
            linger: self.linger,
            seed: self.seed,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| Schedule::new(*rate).is_some() && *rate <= 1_000_000.0);
    rate.ok_or_else(|| "a number above 0, at most 1000000".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=0.9).contains(share));
    share.ok_or_else(|| "a share from 0 to 0.9".to_owned())
}

fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}
