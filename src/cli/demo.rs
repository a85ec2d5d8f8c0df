//! `palabre demo`: the whole of it in one process, over real HTTP with real signatures. Twelve customers of four tenants
//! talk at once; then every invariant is held against the database and the simulated provider.

mod cast;
mod checks;
mod evidence;
mod folder;
mod gather;
mod journal;
mod phones;
mod players;
mod stage;
mod summary;
mod teller;
mod transcript;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use palabre_actors::domain::event::ActorType;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use self::cast::{CUT_OFF, DESKS, TOLD_TO_WAIT};
use self::folder::Folder;
use self::journal::Journal;
use self::stage::Stage;
use self::summary::Summary;
use self::teller::Teller;
use self::transcript::Look;
use super::{complain, exit, say};
use crate::app::{self, Running};
use crate::config::{Config, ConfigErrors, Environment};
use crate::gateway::client;
use crate::gateway::twilio::simulator::{Fault, Faults, Rule, SimulatorError, When};
use crate::store::{Archive, StoreError};
use crate::telemetry::{self, logs, metrics};

/// The code of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// The longest wait for the transcript's last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What the demo can be told.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Stay when all is said: print the URLs and let customers go on talking slowly, until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Let customers go on talking until so many seconds have passed since the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    seconds: u64,
    /// Keep the configuration, the database and the log in this folder, for `palabre explain` and `palabre serve`
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where the daemon listens; with port 0 on a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Print one JSON document at the end instead of the transcript
    #[arg(long)]
    json: bool,
}

/// Plays, checks, and answers 1 when an invariant is broken.
pub(super) fn run(args: &DemoArgs) -> u8 {
    super::on_runtime(async {
        match show(args).await {
            Ok(code) => code,
            Err(DemoError::Config(errors)) => {
                super::complain_about(format_args!("{errors}"));
                exit::FAILED
            }
            Err(error) => complain(&error),
        }
    })
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("the demo's folder cannot be used")]
    Folder(#[from] io::Error),
    #[error("the demo's configuration does not hold")]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Logs(#[from] logs::LogsError),
    #[error(transparent)]
    Metrics(#[from] metrics::MetricsError),
    #[error(transparent)]
    Start(#[from] app::StartError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Client(#[from] client::ClientError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn show(args: &DemoArgs) -> Result<u8, DemoError> {
    let look = Look::of_stdout();
    let folder = Folder::open(args.keep.as_deref())?;
    let begun = Instant::now();
    let theatre = Theatre::open(args, &folder, look).await?;
    let mut interrupted = interruptions()?;
    let code = tokio::select! {
        code = theatre.play(args, &folder, look, begun) => code?,
        () = interrupted.come() => INTERRUPTED,
    };
    if code == INTERRUPTED {
        theatre.close().await;
        return Ok(INTERRUPTED);
    }
    if args.stay {
        theatre.stay(args, &folder, look, &mut interrupted).await;
    }
    theatre.finish(args, &folder, look, begun).await
}

/// The daemon, the stage around it, and what runs beside them.
struct Theatre {
    config: Config,
    stage: Arc<Stage>,
    daemon: Running,
    phones: JoinHandle<()>,
    printing: JoinHandle<()>,
    log: logs::LogGuard,
}

impl Theatre {
    async fn open(args: &DemoArgs, folder: &Folder, look: Look) -> Result<Self, DemoError> {
        let journal = Arc::new(Journal::default());
        let (simulator, arriving) = stage::provider(folder, &journal)?;
        folder.furnish(args.listen, &simulator.base_url())?;
        // Nothing of the surroundings: the demo is the same everywhere.
        let config = Config::load(&folder.config(), &Environment::default())?.config;
        let log = logs::install_to(&config.logs, File::create(folder.log())?)?;
        telemetry::panics::install();
        let exporter = metrics::install()?;
        let (teller, printing) = Teller::start(look, args.json);
        let daemon = app::start(config.clone(), exporter).await?;
        simulator.set_daemon(stage::daemon(daemon.addr));
        simulator.set_faults(Faults::of([
            Rule::once(Fault::TakeThenReset).when(When::To(CUT_OFF.to_owned())),
            Rule::once(Fault::TooManyRequests { retry_after_secs: Some(1) }).when(When::To(TOLD_TO_WAIT.to_owned())),
        ]));
        let stage = Arc::new(Stage {
            simulator: Arc::new(simulator),
            journal,
            archive: Archive::open(&config.database.url).await?,
            store: daemon.store().clone(),
            teller,
            client: client::new()?,
        });
        let phones = tokio::spawn(phones::serve(Arc::clone(&stage), arriving));
        Ok(Self { config, stage, daemon, phones, printing, log })
    }

    /// The script, then small talk for as long as was asked, then nothing that is still under way.
    async fn play(&self, args: &DemoArgs, folder: &Folder, look: Look, begun: Instant) -> Result<u8, DemoError> {
        let teller = &self.stage.teller;
        teller.note(format!(
            "daemon on {}, SQLite in {}, provider simulated on {}",
            self.daemon.addr,
            folder.config().parent().unwrap_or(&folder.config()).display(),
            self.stage.simulator.base_url()
        ));
        teller.note("→ a customer writes (webhook, answer)   ← an answer reaches a phone (since the webhook)   ✓ sent  ✓✓ delivered");
        players::play(&self.stage).await;
        if let Some(left) = Duration::from_secs(args.seconds).checked_sub(begun.elapsed()) {
            players::chat(&self.stage, tokio::time::sleep(left)).await;
        }
        teller.note("all is said; waiting for retries and late callbacks");
        if !gather::quiet(&self.stage).await {
            teller.note("something is still under way after a long wait");
        }
        if args.stay {
            let said = gather::said(&self.stage, &self.urls()).await;
            let book = self.stage.journal.snapshot();
            let evidence = gather::evidence(&self.stage.archive, &self.config, folder, book, said).await?;
            if !args.json {
                tokio::time::sleep(Duration::from_millis(300)).await;
                say(format_args!("\n{}", Summary::of(&evidence, begun.elapsed()).text(look)));
            }
        }
        Ok(exit::OK)
    }

    /// Small talk until Ctrl-C.
    async fn stay(&self, args: &DemoArgs, folder: &Folder, look: Look, interrupted: &mut Interruptions) {
        if !args.json {
            say(format_args!("\n{}", self.directions(folder, look)));
        }
        players::chat(&self.stage, interrupted.come()).await;
        self.stage.teller.note("Ctrl-C: finishing what is under way");
        gather::quiet(&self.stage).await;
    }

    /// Stops the daemon, then judges what it left.
    async fn finish(self, args: &DemoArgs, folder: &Folder, look: Look, begun: Instant) -> Result<u8, DemoError> {
        let took = begun.elapsed();
        let said = gather::said(&self.stage, &self.urls()).await;
        let book = self.stage.journal.snapshot();
        let config = self.config.clone();
        let archive = self.stage.archive.clone();
        self.close().await;
        let evidence = gather::evidence(&archive, &config, folder, book, said).await?;
        if args.stay && !args.json && by_hand(&evidence) {
            say(format_args!(
                "\n{}",
                look.dim("You had a hand in it, so the script is no measure of what came after.")
            ));
            say(format_args!("{}", hint(folder, &evidence, look)));
            return Ok(exit::OK);
        }
        let summary = Summary::of(&evidence, took);
        if args.json {
            let document = serde_json::to_string_pretty(&summary).unwrap_or_default();
            say(format_args!("{document}"));
        } else {
            say(format_args!("\n{}", summary.text(look)));
            say(format_args!("{}", hint(folder, &evidence, look)));
        }
        Ok(if summary.holds { exit::OK } else { exit::FOUND_WRONG })
    }

    /// Stops everything, and flushes the transcript and the log.
    async fn close(self) {
        self.phones.abort();
        // Its connections to the simulator are of no use any more, and what it has not finished is in the store.
        self.daemon.stop().await;
        drop(self.phones.await);
        drop(self.stage);
        let _ = tokio::time::timeout(LAST_LINES, self.printing).await;
        // The log's last lines are written by the time this is gone.
        drop(self.log);
    }

    fn urls(&self) -> Vec<(&'static str, String)> {
        let (addr, admin) = (self.daemon.addr, self.daemon.admin_addr);
        vec![
            ("the health", format!("http://{addr}/api/health")),
            ("the metrics", format!("http://{admin}/metrics")),
            ("the API", format!("http://{admin}/api/v1/openapi.json")),
        ]
    }

    fn directions(&self, folder: &Folder, look: Look) -> String {
        let mut lines = vec![look.dim("The daemon stays. Customers go on talking; Ctrl-C ends it.")];
        lines.extend(self.urls().into_iter().map(|(what, url)| format!("  {what:<12} {url}")));
        let (addr, admin) = (self.daemon.addr, self.daemon.admin_addr);
        lines.push(format!(
            "  {:<12} curl -H 'Authorization: Bearer {}' http://{admin}/api/v1/outbox/counts",
            "its key",
            folder.api_key()
        ));
        for desk in DESKS {
            lines.push(format!(
                "  {:<12} http://{addr}/webhooks/{}/{}",
                desk.channel,
                desk.kind.provider(),
                desk.channel
            ));
        }
        lines.push(look.dim(&format!("  Webhooks are signed for {}.", folder::PUBLIC_BASE_URL)));
        lines.join("\n")
    }
}

/// Whether somebody used the API or the operators' commands, which no script has foreseen.
fn by_hand(evidence: &evidence::Evidence) -> bool {
    let operator = ActorType::Operator.as_str();
    evidence.census.events.iter().any(|event| event.actor_type == operator)
}

/// How to look at one message, with an id that is there.
fn hint(folder: &Folder, evidence: &evidence::Evidence, look: Look) -> String {
    let silent = |row: &&crate::store::entity::message_in::Model| row.reason.as_deref() == Some("silent_opted_out");
    let example = evidence.census.inbound.iter().find(silent).map_or("ID", |row| row.provider_message_id.as_str());
    look.dim(&if folder.is_kept() {
        format!("one message's story: palabre explain {example} --config {}", folder.config().display())
    } else {
        "keep the database with --keep DIR, then: palabre explain ID --config DIR/palabre.toml".to_owned()
    })
}

/// Ctrl-C and SIGTERM.
struct Interruptions {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

fn interruptions() -> io::Result<Interruptions> {
    Ok(Interruptions { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

impl Interruptions {
    async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
