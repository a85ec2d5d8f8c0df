//! `palabre demo`: a daemon, simulated providers and twelve customers in one process.
//!
//! Webhooks and sends go over real HTTP with real signatures. At the end every invariant is checked against the database and
//! against what the simulated providers took.

mod checks;
mod collect;
mod customers;
mod evidence;
mod fixtures;
mod folder;
mod journal;
mod journey;
pub(crate) mod paid_access;
mod phones;
mod printer;
mod run;
mod summary;
mod transcript;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future;
use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::rules::Language;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use self::fixtures::{CUT_OFF, TOLD_TO_WAIT};
use self::folder::DemoFolder;
use self::journal::Journal;
use self::journey::{Journey, SimulatedMailServer, Told};
use self::printer::Printer;
use self::run::DemoRun;
use self::summary::Summary;
use self::transcript::Style;
use crate::app::{self, RunningDaemon, SystemClock};
use crate::config::{Config, ConfigErrors, Environment};
use crate::gateway::client;
use crate::gateway::simulator::{Fault, Faults, Rule, SimulatorError, When};
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::printer::print_line;
use crate::service::Caller;
use crate::service::people::{self, NewUser, People, SessionTimes, Token};
use crate::service::permissions::Role;
use crate::store::entity::{message_in, message_out};
use crate::store::{HistoryReader, StoreError};
use crate::telemetry::{self, logs, metrics};

/// The longest wait for the transcript's last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What the demo is asked to do.
#[derive(Debug)]
pub(crate) struct Options {
    /// Stays when the scripts are through, and lets customers write until Ctrl-C.
    pub(crate) stay: bool,
    /// Lets customers go on writing until so much time has passed since the start.
    pub(crate) at_least: Duration,
    /// Keeps the configuration, the database and the log in this folder.
    pub(crate) keep: Option<PathBuf>,
    /// Where the daemon listens; with port 0 on a free port.
    pub(crate) listen: SocketAddr,
    /// Prints one JSON document at the end instead of the transcript.
    pub(crate) json: bool,
}

/// How `palabre explain` words why a row ended as it did; the checks ask for every row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reasons {
    pub(crate) inbound: fn(&message_in::Model, Language) -> Option<String>,
    pub(crate) outbound: fn(&message_out::Model, Language) -> Option<String>,
}

/// How a demo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every invariant holds, or a person had a hand in it and nothing was judged.
    Held,
    /// An invariant is broken.
    Broken,
    /// Ctrl-C or SIGTERM came before the end.
    Interrupted,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
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

/// Runs the demo and checks every invariant.
///
/// # Errors
/// [`DemoError`]
pub(crate) async fn run(options: &Options, reasons: Reasons) -> Result<Ending, DemoError> {
    let style = Style::of_stdout();
    let folder = DemoFolder::open(options.keep.as_deref())?;
    let begun = Instant::now();
    let running = RunningDemo::start(options, reasons, &folder, style).await?;
    let mut interrupted = interruptions()?;
    let played = tokio::select! {
        played = running.play(options, &folder, style, begun) => Some(played),
        () = interrupted.come() => None,
    };
    let Some(played) = played else {
        running.close().await;
        return Ok(Ending::Interrupted);
    };
    played?;
    if options.stay {
        running.stay(options, &folder, style, &mut interrupted).await;
    }
    running.finish(options, &folder, style, begun).await
}

/// The daemon, the demo around it, and what runs beside them.
struct RunningDemo {
    config: Config,
    demo: Arc<DemoRun>,
    daemon: RunningDaemon,
    phones: JoinHandle<()>,
    printing: JoinHandle<()>,
    log: logs::LogGuard,
    reasons: Reasons,
    mail: SimulatedMailServer,
    /// What came of the story that is played beside the scripts.
    told: OnceLock<Told>,
}

impl RunningDemo {
    async fn start(options: &Options, reasons: Reasons, folder: &DemoFolder, style: Style) -> Result<Self, DemoError> {
        let journal = Arc::new(Journal::default());
        let (host, arriving) = run::host(&journal)?;
        let mail = SimulatedMailServer::start().await?;
        folder.write_configuration(options.listen, |provider| host.base_url(provider), mail.port())?;
        // The process's own environment is not read: the demo is the same everywhere.
        let config = Config::load(&folder.run.config(), &Environment::default(), &crate::gateway::PROVIDERS)?.config;
        let log = logs::install_to(&config.logs, File::create(folder.run.log())?)?;
        telemetry::panics::install();
        let exporter = metrics::install()?;
        let (printer, printing) = Printer::start(style, options.json);
        let daemon = app::start(config.clone(), None, exporter).await?;
        host.set_channels(&config, |_| None);
        host.set_daemon(&run::daemon(daemon.addr));
        host.set_faults(&Faults::of([
            Rule::once(Fault::TakeThenReset).when(When::To(CUT_OFF.to_owned())),
            Rule::once(Fault::TooManyRequests { retry_after_secs: Some(1) }).when(When::To(TOLD_TO_WAIT.to_owned())),
        ]));
        let demo = Arc::new(DemoRun {
            host,
            journal,
            history: HistoryReader::open(&config.database.url).await?,
            store: daemon.store().clone(),
            printer,
            client: client::new()?,
        });
        let phones = tokio::spawn(phones::serve(Arc::clone(&demo), arriving));
        Ok(Self { config, demo, daemon, phones, printing, log, reasons, mail, told: OnceLock::new() })
    }

    /// Runs the scripts, then small talk for as long as was asked, then waits until nothing is under way.
    async fn play(
        &self,
        options: &Options,
        folder: &DemoFolder,
        style: Style,
        begun: Instant,
    ) -> Result<(), DemoError> {
        let printer = &self.demo.printer;
        printer.note(format!(
            "daemon on {}, SQLite in {}, provider simulated on {}",
            self.daemon.addr,
            folder.run.config().parent().unwrap_or(&folder.run.config()).display(),
            self.demo.host.base_urls().join(", ")
        ));
        printer.note("→ a customer writes (webhook, answer)   ← an answer reaches a phone (since the webhook)   ✓ sent  ✓✓ delivered");
        let story = Journey::new(&self.demo, &self.mail, (self.daemon.addr, self.daemon.admin_addr), folder.api_key());
        let ((), told) = future::join(customers::follow_scripts(&self.demo), story.play()).await;
        let _ = self.told.set(told);
        if let Some(left) = options.at_least.checked_sub(begun.elapsed()) {
            customers::chat(&self.demo, tokio::time::sleep(left)).await;
        }
        printer.note("all is said; waiting for retries and late callbacks");
        if !collect::quiet(&self.demo).await {
            printer.note("something is still under way after a long wait");
        }
        if options.stay {
            let said = collect::said(&self.demo, &self.urls()).await;
            let observed = self.demo.journal.snapshot();
            let evidence = collect::evidence(
                &self.demo.history,
                &self.config,
                folder,
                (observed, self.told.get()),
                said,
                self.reasons,
            )
            .await?;
            if !options.json {
                tokio::time::sleep(Duration::from_millis(300)).await;
                print_line(format_args!("\n{}", Summary::of(&evidence, begun.elapsed()).text(style)));
            }
        }
        Ok(())
    }

    /// Small talk until Ctrl-C.
    async fn stay(&self, options: &Options, folder: &DemoFolder, style: Style, interrupted: &mut Interruptions) {
        if !options.json {
            print_line(format_args!("\n{}", self.directions(folder, style)));
            if let Some((email, password)) = self.console_user().await {
                let url = format!("http://{}/console", self.daemon.admin_addr);
                print_line(format_args!("  {:<12} {url}  {email}  {password}", "the console"));
            }
        }
        customers::chat(&self.demo, interrupted.come()).await;
        self.demo.printer.note("Ctrl-C: finishing what is under way");
        collect::quiet(&self.demo).await;
    }

    /// Stops the daemon, then judges what it left.
    async fn finish(
        self,
        options: &Options,
        folder: &DemoFolder,
        style: Style,
        begun: Instant,
    ) -> Result<Ending, DemoError> {
        let took = begun.elapsed();
        let said = collect::said(&self.demo, &self.urls()).await;
        let observed = self.demo.journal.snapshot();
        let config = self.config.clone();
        let history = self.demo.history.clone();
        let (reasons, told) = (self.reasons, self.told.get().cloned());
        self.close().await;
        let evidence = collect::evidence(&history, &config, folder, (observed, told.as_ref()), said, reasons).await?;
        if options.stay && !options.json && by_hand(&evidence) {
            print_line(format_args!(
                "\n{}",
                style.dim("You had a hand in it, so the script is no measure of what came after.")
            ));
            print_line(format_args!("{}", hint(folder, &evidence, style)));
            return Ok(Ending::Held);
        }
        let summary = Summary::of(&evidence, took);
        if options.json {
            let document = serde_json::to_string_pretty(&summary).unwrap_or_default();
            print_line(format_args!("{document}"));
        } else {
            print_line(format_args!("\n{}", summary.text(style)));
            print_line(format_args!("{}", hint(folder, &evidence, style)));
        }
        Ok(if summary.holds { Ending::Held } else { Ending::Broken })
    }

    /// Stops everything, and flushes the transcript and the log.
    async fn close(self) {
        self.phones.abort();
        // Its connections to the simulator are of no use any more, and what it has not finished is in the store.
        self.daemon.stop().await;
        drop(self.phones.await);
        drop(self.demo);
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

    /// Somebody who may look at every tenant in the console: e-mail and password.
    async fn console_user(&self) -> Option<(&'static str, String)> {
        const EMAIL: &str = "demo@palabre.example";
        let console = &self.config.console;
        let times = SessionTimes { idle: console.session_idle, lasts: console.session_lasts };
        let people = People::new(self.demo.store.operator(), Arc::new(SystemClock), times);
        let password = Token::fresh().ok()?.as_str().to_owned();
        let secret = SecretString::from(password.as_str());
        let new = NewUser {
            email: EMAIL,
            name: "Demo",
            language: Language::Fr,
            tenant: None,
            role: Role::Operator,
            password: Some(secret.clone()),
        };
        let caller = Caller::command_line();
        // In a folder that was kept they are there already.
        if people::add(&caller, &people, new).await.is_err() {
            people::set_password(&caller, &people, EMAIL, &secret).await.ok()?;
        }
        Some((EMAIL, password))
    }

    fn directions(&self, folder: &DemoFolder, style: Style) -> String {
        let mut lines = vec![style.dim("The daemon stays. Customers go on talking; Ctrl-C ends it.")];
        lines.extend(self.urls().into_iter().map(|(what, url)| format!("  {what:<12} {url}")));
        let (addr, admin) = (self.daemon.addr, self.daemon.admin_addr);
        lines.push(format!(
            "  {:<12} curl -H 'Authorization: Bearer {}' http://{admin}/api/v1/outbox/counts",
            "its key",
            folder.api_key()
        ));
        for channel in self.config.tenants.iter().flat_map(|tenant| &tenant.channels) {
            let (id, provider) = (&channel.id, channel.provider.name());
            lines.push(format!("  {id:<12} http://{addr}/webhooks/{provider}/{id}"));
        }
        lines.push(style.dim(&format!("  Webhooks are signed for {}.", PUBLIC_BASE_URL)));
        lines.join("\n")
    }
}

/// Whether somebody used the API or the operators' commands, which no script has foreseen.
fn by_hand(evidence: &evidence::Evidence) -> bool {
    let operator = ActorType::Operator.as_str();
    evidence.dump.events.iter().any(|event| event.actor_type == operator)
}

/// How to see one message, with an id that is there.
fn hint(folder: &DemoFolder, evidence: &evidence::Evidence, style: Style) -> String {
    let silent = |row: &&crate::store::entity::message_in::Model| row.reason.as_deref() == Some("silent_opted_out");
    let example = evidence.dump.inbound.iter().find(silent).map_or("ID", |row| row.provider_message_id.as_str());
    style.dim(&if folder.run.kept().is_some() {
        format!("one message's history: palabre explain {example} --config {}", folder.run.config().display())
    } else {
        "keep the database with --keep DIR, then: palabre explain ID --config DIR/palabre.toml".to_owned()
    })
}

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
