//! `palabre tenant`: sets tenants up, exports and erases them.

mod leaving;

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum as _};
use palabre_actors::domain::rules::Language;
use serde_json::json;

use super::{ConfigFile, Tongue, complain, complain_about, exit, load_without_secrets, on_runtime, say, terminal};
use crate::config::{Config, Environment, Severity};
use crate::service::Caller;
use crate::service::faq::TRADES;
use crate::service::setup::{self, NewTenant, TenantFileError, TenantFolder, trades};
use crate::store::operator::Operator;

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Write a new tenant's file: hours, services, ten answers of its trade, and a test phone
    #[command(after_help = "Asks for what is not given, at a terminal. Examples:\n  \
        palabre tenant new\n  \
        palabre tenant new --name \"Institut Belle\" --trade beauty --language fr --phone +33612345678\n\n\
        A running daemon takes the file over within a second: write to the new tenant on the test phone in the console, then\n\
        change the answers with any editor.")]
    New(NewArgs),
    /// Show the tenants of the configuration, and files that do not hold
    List(ListArgs),
    /// Show what the files would change: tenants that are new, gone, or whose files do not hold
    Diff(ListArgs),
    /// Write everything of a tenant into a new folder: a file of JSON lines for each table, and a signed list of them
    Export(leaving::ExportArgs),
    /// Delete everything of a tenant that the configuration has no more
    #[command(
        after_help = "It cannot be taken back. Remove the tenant's file first, so that no daemon writes its rows again.\n\
        What the law wants kept of payments stays, without a name; journals and exports elsewhere are deleted by hand.\n\
        Exit code 0: erased; 1: there is no such tenant, or the configuration has it."
    )]
    Erase(leaving::EraseArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The name that customers know
    #[arg(long)]
    name: Option<String>,
    /// Its id in paths and tables; made of the name unless given
    #[arg(long)]
    id: Option<String>,
    /// What the business does
    #[arg(long, value_parser = PossibleValuesParser::new(TRADES))]
    trade: Option<String>,
    /// In which language it answers
    #[arg(long, value_enum)]
    language: Option<Tongue>,
    /// Where its clock is
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// A number of its own people, with its country
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Print the file instead of writing it
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &TenantCommand) -> u8 {
    match command {
        TenantCommand::New(args) => new(args),
        TenantCommand::List(args) => list(args),
        TenantCommand::Diff(args) => diff(args),
        TenantCommand::Export(args) => leaving::export(args),
        TenantCommand::Erase(args) => leaving::erase(args),
    }
}

fn new(args: &NewArgs) -> u8 {
    let Some(new) = answers(args) else { return exit::USAGE };
    let folder = TenantFolder::of(&args.file.config, Environment::from_process());
    if args.dry_run {
        return match setup::draft(&new) {
            Ok(text) => {
                say(format_args!("{}", text.trim_end()));
                exit::OK
            }
            Err(error) => refused(&error),
        };
    }
    // The audit log is in the database; before the daemon's first start there is none to note it in.
    let url = load_without_secrets(&args.file.config).map(|config| config.database.url);
    let Some(url) = url else { return exit::FOUND_WRONG };
    on_runtime(async {
        let operator = Operator::open(&url).await.ok();
        match setup::create(&Caller::command_line(), operator.as_ref(), &folder, &new).await {
            Ok(made) => {
                told(&new, &made.path.display().to_string(), args);
                exit::OK
            }
            Err(error) => refused(&error),
        }
    })
}

fn told(new: &NewTenant, path: &str, args: &NewArgs) {
    if args.json {
        say(format_args!("{}", json!({ "id": new.id, "file": path, "channel_id": format!("{}-try", new.id) })));
        return;
    }
    let (name, id, config) = (&new.name, &new.id, args.file.config.display());
    say(format_args!(
        "{name} is set up: {path}\n  A running daemon serves it within a second. Then:\n    \
         let people in     palabre user add NAME@DOMAIN --tenant {id} --role owner --config {config}\n    \
         try it            the test phone in the console\n    \
         change answers    any editor: each change counts within a second\n    \
         is it ready?      palabre doctor --tenant {id} --config {config}",
    ));
}

fn refused(error: &TenantFileError) -> u8 {
    match error {
        TenantFileError::Io(_) | TenantFileError::Folder(_) => complain(error),
        _ => {
            complain_about(format_args!("error: {error}"));
            exit::FOUND_WRONG
        }
    }
}

/// What was given, and what a person at the terminal answers: the questions of the console's first page. `None`: something is
/// missing and nobody can be asked.
fn answers(args: &NewArgs) -> Option<NewTenant> {
    let is_asked = std::io::stdin().is_terminal();
    let language: Language = match args.language {
        Some(language) => language.into(),
        None => {
            let answer = given(None, "--language", "Langue / language", "fr, en", "fr")?;
            Tongue::from_str(&answer, true).ok()?.into()
        }
    };
    let words = |fr: &'static str, en: &'static str| if language == Language::En { en } else { fr };
    let trades: Vec<String> =
        trades::ALL.iter().map(|trade| format!("{} ({})", trade.id, trade.name(language))).collect();
    let trade = given(args.trade.clone(), "--trade", words("Métier", "Trade"), &trades.join(", "), TRADES[0])?;
    let name = words("Nom, comme vos clients le connaissent", "Name that customers know");
    let name = given(args.name.clone(), "--name", name, "", "")?;
    let timezone = match &args.timezone {
        Some(zone) => zone.clone(),
        None if is_asked => {
            let zones = "Europe/Paris, Africa/Conakry, …";
            given(None, "--timezone", words("Fuseau horaire", "Time zone"), zones, "Europe/Paris")?
        }
        None => "Europe/Paris".to_owned(),
    };
    let phone = match &args.phone {
        Some(phone) => Some(phone.clone()),
        None if is_asked => {
            let question = words("Votre propre numéro, avec son pays", "Your own number, with its country");
            let hint = words("par exemple +33612345678 ; - : aucun", "such as +33612345678; -: none");
            Some(given(None, "--phone", question, hint, "-")?).filter(|phone| phone != "-")
        }
        None => None,
    };
    let id = args.id.clone().unwrap_or_else(|| setup::id_of(&name));
    Some(NewTenant { id, name, trade, language, timezone, phone, with_faq: true })
}

fn given(flag: Option<String>, name: &str, question: &str, hint: &str, default: &str) -> Option<String> {
    if flag.is_some() {
        return flag;
    }
    if !std::io::stdin().is_terminal() {
        complain_about(format_args!("error: {name} is missing, and there is no terminal to ask at"));
        return None;
    }
    loop {
        let hint = if hint.is_empty() { String::new() } else { format!("\n  {hint}") };
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let _ = write!(std::io::stderr(), "{question}{shown}{hint}\n> ");
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).ok()? == 0 {
            return None;
        }
        let answer = line.trim();
        match (answer.is_empty(), default.is_empty()) {
            (false, _) => return Some(answer.to_owned()),
            (true, false) => return Some(default.to_owned()),
            (true, true) => {}
        }
    }
}

fn list(args: &ListArgs) -> u8 {
    let Some(config) = load_without_secrets(&args.file.config) else { return exit::FOUND_WRONG };
    if args.json {
        let tenants: Vec<_> = config
            .tenants
            .iter()
            .map(|tenant| {
                let channels: Vec<&str> = tenant.channels.iter().map(|channel| channel.id.as_str()).collect();
                json!({ "id": tenant.id.as_str(), "name": tenant.name, "timezone": tenant.timezone.name(), "channels": channels })
            })
            .collect();
        say(format_args!("{}", json!({ "tenants": tenants })));
        return exit::OK;
    }
    let rows: Vec<Vec<String>> = config
        .tenants
        .iter()
        .map(|tenant| {
            let channels: Vec<&str> = tenant.channels.iter().map(|channel| channel.id.as_str()).collect();
            vec![tenant.id.to_string(), tenant.name.clone(), tenant.timezone.name().to_owned(), channels.join(", ")]
        })
        .collect();
    say(format_args!("{}", terminal::table(&["tenant", "name", "time zone", "channels"], &rows).trim_end()));
    exit::OK
}

/// What the files say beside what the database knows.
fn diff(args: &ListArgs) -> u8 {
    let environment = Environment::from_process();
    let loaded = Config::load(&args.file.config, &environment, &crate::gateway::PROVIDERS);
    let config = match loaded {
        Ok(loaded) => loaded.config,
        Err(errors) => {
            complain_about(format_args!("{errors}"));
            let wrong = errors.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            if args.json {
                say(format_args!("{}", json!({ "holds": false, "errors": wrong })));
            }
            return exit::FOUND_WRONG;
        }
    };
    on_runtime(async {
        let known = async { Operator::open(&config.database.url).await?.ids_of(&crate::service::Tenants::All).await };
        let known = match known.await {
            Ok(known) => known,
            Err(error) => return complain(&error),
        };
        let configured: Vec<&str> = config.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
        let added: Vec<&str> = configured.iter().copied().filter(|id| !known.iter().any(|known| known == id)).collect();
        let removed: Vec<&String> = known.iter().filter(|known| !configured.contains(&known.as_str())).collect();
        if args.json {
            say(format_args!("{}", json!({ "holds": true, "added": added, "removed": removed })));
            return exit::OK;
        }
        for id in &added {
            say(format_args!("+ {id}  no daemon has served it yet"));
        }
        for id in &removed {
            say(format_args!("- {id}  has no file: its webhooks get 404, its rows and what waits stay"));
        }
        if added.is_empty() && removed.is_empty() {
            say(format_args!("the files hold, and name the tenants that the database knows"));
        }
        exit::OK
    })
}
