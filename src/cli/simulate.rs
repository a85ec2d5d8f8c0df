//! `palabre simulate`: its arguments.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ConfigFile, complain, complain_about, exit, load, say};
use crate::gateway::simulations;
use crate::lab::simulate::manual::{self, ManualError};
use crate::lab::simulate::{self, Load, MOST_TENANTS, Pace, Schedule, Setup};

/// Statuses that a provider reports of a message.
const STATUSES: [&str; 5] = ["sent", "delivered", "read", "failed", "undelivered"];

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
    /// Play the provider for the tenants of a configuration, on this machine: take what they send, and write to them as a
    /// customer
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
    /// How many tenants, with one channel each
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_TENANTS)))]
    tenants: u16,
    /// Whose channels: any provider with a simulator [default: the first one with WhatsApp]
    #[arg(long, value_name = "NAME", value_parser = simulated)]
    provider: Option<&'static str>,
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

#[derive(Debug, Args)]
struct ProviderArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Where scripts post what customers write, on this machine; with port 0 on a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4011", value_parser = loopback)]
    post: SocketAddr,
    /// Which statuses follow a message that was taken, in this order; `none` for none
    #[arg(long, value_name = "STATUS", value_delimiter = ',', default_value = "sent,delivered,read", value_parser = status)]
    callbacks: Vec<&'static str>,
    /// The provider's code that goes with `failed` and `undelivered`
    #[arg(long, value_name = "CODE", default_value_t = 30003)]
    code: u32,
    /// Before each of the statuses, a wait of up to this long
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration)]
    late: Duration,
    /// Take nothing: refuse every message with this code of the provider's (21211, 63016, …)
    #[arg(long, value_name = "CODE")]
    refuse: Option<u32>,
    /// Refuse what these channels send, and take the rest
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',', requires = "refuse")]
    only: Vec<String>,
}

/// Runs the subcommand.
pub(super) fn run(args: &SimulateArgs) -> u8 {
    match &args.command {
        SimulateCommand::Setup(args) => set_up(args),
        SimulateCommand::Run(args) => drive_load(args),
        SimulateCommand::Provider(args) => play_provider(args),
    }
}

fn set_up(args: &SetupArgs) -> u8 {
    let (provider, provider_port) = (args.provider, args.provider_port);
    let setup = Setup { tenants: args.tenants, provider, port: args.port, provider_port };
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

fn drive_load(args: &RunArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    if !args.closed {
        for warning in simulate::warnings(&config, args.rate, args.conversations) {
            complain_about(format_args!("warning: {warning}"));
        }
    }
    match simulate::run(&config, &args.load(), args.pid, args.quiet) {
        Ok(report) => {
            let text = if args.json { serde_json::to_string(&report).unwrap_or_default() } else { report.to_string() };
            say(format_args!("{text}"));
            if report.held { exit::OK } else { exit::FOUND_WRONG }
        }
        Err(error) => complain(&error),
    }
}

/// Simulates the provider until Ctrl-C.
fn play_provider(args: &ProviderArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    match manual::run(&config, &args.file.config, &args.options()) {
        Ok(()) => exit::OK,
        Err(error @ (ManualError::Elsewhere(_) | ManualError::NoChannel(_))) => {
            complain_about(format_args!("{error}"));
            exit::FOUND_WRONG
        }
        Err(ManualError::Daemon(error)) => {
            complain_about(format_args!("{error}"));
            exit::FAILED
        }
        Err(error) => complain(&error),
    }
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

impl ProviderArgs {
    fn options(&self) -> manual::Options {
        manual::Options {
            post: self.post,
            callbacks: if self.callbacks == ["none"] { Vec::new() } else { self.callbacks.clone() },
            code: self.code,
            late: self.late,
            refuse: self.refuse,
            only: self.only.clone(),
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

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write it like 127.0.0.1:4011".to_owned())?;
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err("customers' messages are taken on this machine alone, on 127.0.0.1 say".to_owned())
    }
}

fn simulated(text: &str) -> Result<&'static str, String> {
    let known = || simulations().into_iter().flat_map(|simulation| simulation.providers()).map(|(name, _)| *name);
    known().find(|name| *name == text).ok_or_else(|| format!("one of {}", known().collect::<Vec<_>>().join(", ")))
}

fn status(text: &str) -> Result<&'static str, String> {
    let known = STATUSES.iter().chain(&["none"]).find(|status| **status == text);
    known.copied().ok_or_else(|| format!("one of {}, none", STATUSES.join(", ")))
}
