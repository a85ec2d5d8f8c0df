//! `palabre torture`: its arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::{complain, exit, on_runtime, say};
use crate::lab::torture::{self, Options, Servers, Surroundings};

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
    /// Give every business a channel of every simulated provider, not only WhatsApp and SMS of the first one
    #[arg(long)]
    every_provider: bool,
    /// How long the provider takes at most between reading a send and having it in its list; must stay below the half
    /// second after which the daemon asks
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = humantime::parse_duration)]
    hesitation: Duration,
    /// How long the daemon is away at least between a kill and the next start
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = humantime::parse_duration)]
    away: Duration,
    /// How long the daemon is left alone at the end, at most, to finish what is under way
    #[arg(long, alias = "patience", value_name = "TIME", default_value = "180s", value_parser = humantime::parse_duration)]
    settle_within: Duration,
    /// A chaos day instead of kills alone: nodes that are killed or stand still, crashed servers, providers that are down, a wrong
    /// file, one after the other for so long; each must be told by the nodes' health, and be over again
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "1h", value_parser = humantime::parse_duration,
        requires_all = ["nodes", "redis", "crash_database", "crash_redis"])]
    chaos: Option<Duration>,
    #[command(flatten)]
    servers: ServerArgs,
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

#[derive(Debug, Args)]
struct ServerArgs {
    /// An empty PostgreSQL database to run on, instead of SQLite in the folder
    #[arg(long, value_name = "URL", value_parser = url)]
    database: Option<Url>,
    /// The Redis that the nodes share
    #[arg(long, value_name = "URL", value_parser = url, requires = "database")]
    redis: Option<Url>,
    /// A node for each port of loopback
    #[arg(long, value_name = "PORT,…", value_delimiter = ',', requires_all = ["database", "front"])]
    nodes: Vec<u16>,
    /// The load balancer that passes webhooks on to the nodes
    #[arg(long, value_name = "URL", requires = "nodes")]
    front: Option<String>,
    /// A shell command that crashes PostgreSQL and starts it again
    #[arg(long, value_name = "COMMAND", requires = "database")]
    crash_database: Option<String>,
    /// A shell command that kills Redis, which comes back empty
    #[arg(long, value_name = "COMMAND", requires = "redis")]
    crash_redis: Option<String>,
    /// What a chaos day has beside: a Prometheus whose alerts must fire, and faults that commands make (docs/torture.md)
    #[arg(long, value_name = "FILE", requires = "chaos", value_parser = |path: &str| Surroundings::read(path.as_ref()))]
    surroundings: Option<Surroundings>,
}

/// Runs the torture; answers 1 when a promise is broken.
pub(super) fn run(args: TortureArgs) -> u8 {
    let json = args.json;
    let options = args.options();
    on_runtime(async {
        match torture::run(&options).await {
            Ok(report) => {
                let text =
                    if json { serde_json::to_string_pretty(&report).unwrap_or_default() } else { report.to_string() };
                say(format_args!("{}", text.trim_end()));
                if report.holds { exit::OK } else { exit::FOUND_WRONG }
            }
            Err(error) => complain(&error),
        }
    })
}

impl TortureArgs {
    fn options(self) -> Options {
        let ServerArgs { database, redis, nodes, front, crash_database, crash_redis, surroundings } = self.servers;
        let surroundings = surroundings.unwrap_or_default();
        Options {
            kills: self.kills,
            seed: self.seed,
            rate: self.rate,
            conversations: self.conversations,
            every_provider: self.every_provider,
            hesitation: self.hesitation,
            away: self.away,
            settle_within: self.settle_within,
            chaos: self.chaos,
            servers: Servers { database, redis, nodes, front, crash_database, crash_redis, surroundings },
            keep: self.keep,
            quiet: self.quiet,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.1..=10_000.0).contains(rate));
    rate.ok_or_else(|| "a number from 0.1 to 10000".to_owned())
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.has_host() { Ok(url) } else { Err("names no host".to_owned()) }
}
