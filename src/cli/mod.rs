//! The command line: one file per subcommand.

mod audit;
mod backup;
mod beside;
mod bookings;
mod broadcast;
pub mod check;
mod consents;
mod contact;
mod conversations;
mod crm;
#[cfg(feature = "lab")]
mod demo;
mod doctor;
#[cfg(test)]
mod documented;
mod explain;
mod faq;
mod files;
mod flow;
mod health;
mod journal;
mod live;
mod mask;
mod migrate;
mod names;
mod optout;
mod outbox;
mod paid_access;
mod privacy;
mod reload;
mod scenario;
mod serve;
#[cfg(feature = "lab")]
mod simulate;
mod telegram;
mod tenant;
mod terminal;
#[cfg(feature = "lab")]
mod torture;
mod user;
mod webhooks;
mod who;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use palabre_actors::domain::printable::shown;
use palabre_actors::domain::rules::Language;

use crate::config::{Config, ConfigErrors, Environment, Loaded};
use crate::gateway::PROVIDERS;

/// Exit codes that scripts can use.
pub mod exit {
    /// All is well.
    pub const OK: u8 = 0;
    /// The command ran and found something wrong: a broken invariant, a bad configuration, an unknown id.
    pub const FOUND_WRONG: u8 = 1;
    /// The command line itself is wrong (clap's own code).
    pub const USAGE: u8 = 2;
    /// The daemon could not start or had to stop: a port is taken, the database is away.
    pub const FAILED: u8 = 70;
}

/// A self-hosted message processor: one actor per conversation, a transactional outbox, silence after STOP.
///
/// Palabre receives the webhooks of WhatsApp and SMS providers, answers by each tenant's rules, and keeps its promise:
/// it never loses a message, never answers twice, and never writes to someone who said STOP.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = "Start with `palabre demo`: it needs nothing but this program.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM, which drains: turns and sends in flight finish first
    #[command(
        after_help = "While it runs, `palabre outbox list` shows what failed, `palabre outbox list --state pending` what \
        waits,\n`palabre explain ID` one message's whole history."
    )]
    Serve(ConfigFile),
    /// Make a running daemon take its tenants' files over now, and say which configuration counts
    #[command(after_help = reload::HELP)]
    Reload(reload::ReloadArgs),
    /// Set tenants up: answer some questions, and try the new tenant on the console's test phone
    #[command(subcommand, visible_alias = "tenants")]
    Tenant(tenant::TenantCommand),
    /// Read the configuration and say everything that is wrong with it, or what it sets up
    Check(CheckArgs),
    /// Look at a whole installation, from its public URL to each provider's settings, and say what to do about what is wrong
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::DoctorArgs),
    /// Save an installation's data into one file, beside the running daemon
    #[command(after_help = backup::BACKUP_HELP)]
    Backup(backup::BackupArgs),
    /// Check a backup, or restore it into a new folder
    #[command(after_help = backup::RESTORE_HELP)]
    Restore(backup::RestoreArgs),
    /// Whether a daemon is ready for messages: for health checks of containers, and for scripts
    Health(health::HealthArgs),
    /// Create the database, or bring its schema up to date (`serve` does so by itself unless told not to); with --from and
    /// --to, move an installation from SQLite to PostgreSQL
    #[command(after_help = migrate::HELP)]
    Migrate(migrate::MigrateArgs),
    /// See it all in a few seconds: a daemon, a simulated provider, twelve customers, every promise checked
    #[cfg(feature = "lab")]
    Demo(demo::DemoArgs),
    /// Tell one message's whole history, from its webhook to the last callback
    Explain(ExplainArgs),
    /// Look at what does not get through, replay it, call it back; pause a channel
    #[command(
        subcommand,
        after_help = "When messages do not get through:\n  \
            palabre outbox list --by-reason              what is wrong, how often, and what to do about it\n  \
        palabre outbox list --state pending --by-reason    what waits, and for what\n  \
            palabre outbox show ID                       one message and its history\n  \
            palabre outbox replay --reason 20003 --dry-run\n\n\
            A running daemon need not be stopped: it notices within seconds. docs/runbooks/dead-letters.md\n\
            leads through a bad night, docs/outbox.md explains every state and reason."
    )]
    Outbox(outbox::OutboxCommand),
    /// Who said STOP, and what came in by another way
    #[command(subcommand)]
    Optout(optout::OptoutCommand),
    /// The ledger of consents
    #[command(subcommand)]
    Consents(consents::ConsentsCommand),
    /// Export everything of a person, or erase them; make two contacts one person, and part them again
    #[command(subcommand)]
    Contact(contact::ContactCommand),
    /// Retention and requests of persons: what would go today, what was asked for
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// Read conversations: who is talked with, what was said; find them by a name, a number or words
    #[command(subcommand)]
    Conversations(conversations::ConversationsCommand),
    /// Check, draw and try the tenants' flows
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// Tell written conversations to a tenant's rules, with time that jumps
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// List what customers have booked
    #[command(subcommand)]
    Bookings(bookings::BookingsCommand),
    /// List the people who asked to be called back
    #[command(subcommand)]
    Leads(bookings::LeadsCommand),
    /// Write to many contacts at once: what it would come to, start it, watch it, stop it
    #[command(subcommand)]
    Broadcast(broadcast::BroadcastCommand),
    /// Live sessions and what was ordered in them
    #[command(subcommand)]
    Live(live::LiveCommand),
    /// Let people into the console: add them, list them, keep them out, give them another password
    #[command(subcommand)]
    User(user::UserCommand),
    /// Paid access to chats: plans, members, payments, access by hand
    #[command(subcommand)]
    Access(paid_access::AccessCommand),
    /// Who did what, and whether the audit log is whole
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Whose a contact is in the tenant's CRM
    #[command(subcommand)]
    Crm(crm::CrmCommand),
    /// Message events as files: whether they say what the database says
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Questions with known answers: try a message out, import and export entries, see what nobody could answer
    #[command(subcommand)]
    Faq(faq::FaqCommand),
    /// Tell Telegram where the bots' updates go, look at what it has, take it back
    #[command(subcommand)]
    Telegram(telegram::TelegramCommand),
    /// Where events go out to ([[webhooks]]): how that goes, a test, what was not taken again
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// Play provider and customers for a daemon on this machine: by hand (`provider`), or as a load that is measured
    #[cfg(feature = "lab")]
    Simulate(simulate::SimulateArgs),
    /// Kill a daemon with -9 again and again under load, beside a provider that misbehaves, and hold it to its promises
    ///
    /// Starts a throw-away daemon and a simulated provider on this machine. Exits with 1 when a message was lost, sent
    /// twice, out of order, sent after STOP, or is left without an end.
    #[cfg(feature = "lab")]
    Torture(Box<torture::TortureArgs>),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The daemon's configuration file; its tenants' folder holds one file per tenant
    #[arg(long, short, value_name = "FILE", default_value = "config/palabre.toml", env = "PALABRE_CONFIG")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// A message's id (ours or the provider's), or a correlation id
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    id: Option<String>,
    /// The newest message from or to this person, by any of their addresses: `+224620000000`, `telegram:123`; the audit log says
    /// that somebody was looked for
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// With --to: in this tenant alone; a number without + is one of its country
    #[arg(long, value_name = "ID", requires = "to")]
    tenant: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Show texts and whole addresses, which are masked otherwise
    #[arg(long, visible_alias = "reveal")]
    show_content: bool,
    /// In which language it is told
    #[arg(long, value_enum, default_value_t = Tongue::En)]
    language: Tongue,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Tongue {
    /// English
    En,
    /// French
    Fr,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::En => Self::En,
            Tongue::Fr => Self::Fr,
        }
    }
}

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    files::take_all();
    let code = match cli.command {
        Command::Serve(file) => serve::run(&file.config),
        Command::Check(args) => {
            check::run(&args.file.config, args.json, &mut std::io::stdout()).unwrap_or(exit::FAILED)
        }
        Command::Doctor(args) => doctor::run(&args),
        Command::Backup(args) => backup::run_backup(&args),
        Command::Restore(args) => backup::run_restore(&args),
        Command::Health(args) => health::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        #[cfg(feature = "lab")]
        Command::Demo(args) => demo::run(&args),
        Command::Explain(args) => {
            let manner =
                explain::Manner { language: args.language.into(), json: args.json, show_content: args.show_content };
            match &args.to {
                Some(person) => explain::run_for(&args.file.config, person, args.tenant.as_slice(), manner),
                None => explain::run(&args.file.config, args.id.as_deref().unwrap_or_default(), manner),
            }
        }
        Command::Outbox(command) => outbox::run(&command),
        Command::Optout(command) => optout::run(&command),
        Command::Consents(command) => consents::run(&command),
        Command::Contact(command) => contact::run(&command),
        Command::Privacy(command) => privacy::run(&command),
        Command::Conversations(command) => conversations::run(&command),
        Command::Access(command) => paid_access::run(&command),
        Command::Flow(command) => flow::run(&command),
        Command::Scenario(command) => scenario::run(&command),
        Command::Bookings(command) => bookings::run(&command),
        Command::Leads(command) => bookings::run_leads(&command),
        Command::Broadcast(command) => broadcast::run(&command),
        Command::Live(command) => live::run(&command),
        Command::Telegram(command) => telegram::run(&command),
        Command::Reload(args) => reload::run(&args),
        Command::Tenant(command) => tenant::run(&command),
        Command::User(command) => user::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Crm(command) => crm::run(&command),
        Command::Journal(command) => journal::run(&command),
        Command::Faq(command) => faq::run(&command),
        Command::Webhooks(command) => webhooks::run(&command),
        #[cfg(feature = "lab")]
        Command::Simulate(args) => simulate::run(&args),
        #[cfg(feature = "lab")]
        Command::Torture(args) => torture::run(*args),
    };
    ExitCode::from(code)
}

/// Loads a configuration, or prints everything that is wrong with it. Warnings are printed either way.
fn load(path: &Path) -> Option<Config> {
    tell(Config::load_from_process(path, &PROVIDERS))
}

/// [`load`] for commands that talk to no provider: they need no secret.
fn load_without_secrets(path: &Path) -> Option<Config> {
    tell(Config::load_without_secrets(path, &Environment::from_process(), &PROVIDERS))
}

fn tell(loaded: Result<Loaded, ConfigErrors>) -> Option<Config> {
    // Who may read which file is told by `serve`, `check` and `doctor`: it has nothing to do with what was asked for.
    let loaded = loaded.map(|mut loaded| {
        loaded.warnings.retain(|warning| !warning.is_about_rights());
        loaded
    });
    Some(warned(loaded)?.config)
}

fn warned(loaded: Result<Loaded, ConfigErrors>) -> Option<Loaded> {
    match loaded {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                complain_about(format_args!("{warning}"));
            }
            Some(loaded)
        }
        Err(errors) => {
            complain_about(format_args!("{errors}"));
            None
        }
    }
}

/// Whether there is a database to look into; says so where none was made yet.
fn has_database(config: &Config) -> bool {
    let file = config.database.url.strip_prefix("sqlite://").and_then(|rest| rest.split('?').next());
    let Some(file) = file.filter(|file| !Path::new(file).exists()) else { return true };
    complain_about(format_args!(
        "there is no database yet: {file}\n  `palabre serve` makes it at its first start; or is another configuration \
         meant (--config, PALABRE_CONFIG)?"
    ));
    false
}

/// Runs a command's asynchronous part.
fn on_runtime(work: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => complain(&error),
    }
}

/// Prints an error with its causes, and answers the code of a failure.
fn complain(error: &dyn Error) -> u8 {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let deeper_text = deeper.to_string();
        if !text.contains(&deeper_text) {
            text = format!("{text}: {deeper_text}");
        }
        cause = deeper.source();
    }
    complain_about(format_args!("error: {text}"));
    exit::FAILED
}

/// One line or more for people, on standard error. Who closed it does not want to know.
fn complain_about(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{}", shown(&text.to_string()));
}

/// One line or more for people or scripts, on standard output. Who closed it does not want to know. What contacts wrote may be
/// in it: nothing that a terminal obeys reaches it.
fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{}", shown(&text.to_string()));
}
