//! `palabre contact export|erase|verify`: exports everything of a person, and erases them.

use std::io::BufRead as _;
use std::path::PathBuf;

use clap::Args;
use palabre_actors::domain::ids::{ContactId, TenantId};
use palabre_actors::domain::rules::Language;
use serde_json::json;

use super::super::outbox::on;
use super::super::terminal::{self, table};
use super::super::{ConfigFile, Tongue, complain, complain_about, exit, say, who};
use crate::app::privacy::beside;
use crate::config::Config;
use crate::service::privacy::{self, RequestOutcome, Whom};
use crate::service::{Caller, ServiceError};
use crate::store::operator::Operator;
use crate::store::privacy::ErasureReport;

#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    file: ConfigFile,
    /// The contact's id, or an address of theirs with --tenant; `-` reads it from standard input
    #[arg(value_name = "CONTACT|ADDRESS")]
    whom: String,
    /// Whose contact, when an address is given
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    which: Which,
    /// Where the file goes
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// In which language the page is; the tenant's unless given
    #[arg(long, value_enum)]
    language: Option<Tongue>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EraseArgs {
    #[command(flatten)]
    which: Which,
    /// Only say what there is of them
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The ZIP
    #[arg(value_name = "FILE")]
    export: PathBuf,
}

pub(super) fn export(args: &ExportArgs) -> u8 {
    on(&args.which.file, async |operator, config| write(operator, args, &config).await)
}

pub(super) fn erase(args: &EraseArgs) -> u8 {
    on(&args.which.file, async |operator, config| forget(operator, args, &config).await)
}

pub(super) fn verify(args: &VerifyArgs) -> u8 {
    on(&args.file, async |operator, config| check(operator, args, &config).await)
}

/// The person that is meant; an error does not repeat the address (I10).
fn whom(which: &Which, config: &Config) -> Option<Whom> {
    let mut given = which.whom.clone();
    if given == "-" {
        given.clear();
        std::io::stdin().lock().read_line(&mut given).ok()?;
    }
    let given = given.trim();
    if let Ok(contact) = given.parse::<ContactId>() {
        return Some(Whom::Contact(contact));
    }
    let Some(tenant) = &which.tenant else {
        complain_about(format_args!("whose contact is it? give --tenant with an address, or the contact's id"));
        return None;
    };
    match who::parsed(given, who::home(&TenantId::new(tenant), config)) {
        Ok(address) => Some(Whom::Address(TenantId::new(tenant), address)),
        Err(why) => {
            complain_about(format_args!("{why}"));
            None
        }
    }
}

fn language_of(config: &Config, tenant: Option<&TenantId>) -> Language {
    let known = config.tenants.iter().find(|known| Some(&known.id) == tenant);
    known.map_or(Language::En, |tenant| tenant.rules.source().language)
}

fn nobody(error: ServiceError) -> Result<u8, ServiceError> {
    match error {
        ServiceError::NotFound(_) | ServiceError::UnknownTenant => {
            complain_about(format_args!("there is no such contact: `palabre conversations search` finds people"));
            Ok(exit::FOUND_WRONG)
        }
        ServiceError::NotValid { reason, .. } => {
            complain_about(format_args!("{reason}"));
            Ok(exit::FOUND_WRONG)
        }
        other => Err(other),
    }
}

async fn write(operator: Operator, args: &ExportArgs, config: &Config) -> Result<u8, ServiceError> {
    let Some(whom) = whom(&args.which, config) else { return Ok(exit::USAGE) };
    let data = beside(operator, config);
    let tenant = match &whom {
        Whom::Contact(contact) => {
            data.store.contact(&crate::service::Tenants::All, *contact).await?.map(|contact| contact.tenant)
        }
        Whom::Address(tenant, _) => Some(tenant.clone()),
    };
    let language = args.language.map_or_else(|| language_of(config, tenant.as_ref()), Into::into);
    let request = match privacy::request_export(&Caller::command_line(), &data, &whom, (language, true)).await {
        Ok(request) => request,
        Err(error) => return nobody(error),
    };
    let file = match data.work_on(&request).await {
        Ok(RequestOutcome::Exported { file }) => file,
        Ok(RequestOutcome::Erased(_)) => return Ok(exit::FAILED),
        Err(error) => return Ok(complain(&error)),
    };
    let Some(mut path) = data.path_of(&file) else { return Ok(exit::FAILED) };
    if let Some(to) = &args.to {
        if let Err(error) = std::fs::copy(&path, to) {
            complain_about(format_args!("{}: {error}; the export lies at {}", to.display(), path.display()));
            return Ok(exit::FAILED);
        }
        path.clone_from(to);
    }
    if args.which.json {
        say(format_args!("{}", json!({ "request": request.id.to_string(), "file": path.display().to_string() })));
    } else {
        say(format_args!("{}", path.display()));
    }
    Ok(exit::OK)
}

async fn forget(operator: Operator, args: &EraseArgs, config: &Config) -> Result<u8, ServiceError> {
    let Some(whom) = whom(&args.which, config) else { return Ok(exit::USAGE) };
    let data = beside(operator, config);
    if args.dry_run {
        return match privacy::extent(&Caller::command_line(), &data, &whom).await {
            Ok((_, counts)) => {
                say(format_args!(
                    "{} addresses, {} conversations, {} messages, {} subscriptions ({} running)",
                    counts.addresses,
                    counts.conversations,
                    counts.messages,
                    counts.subscriptions,
                    counts.running_subscriptions
                ));
                Ok(exit::OK)
            }
            Err(error) => nobody(error),
        };
    }
    let question = format_args!("This cannot be taken back. Erase this person? Type `yes`:");
    if !args.yes && !terminal::is_confirmed(question, "yes") {
        complain_about(format_args!("nothing was erased: answer `yes`, or give --yes"));
        return Ok(exit::FOUND_WRONG);
    }
    let request = match privacy::request_erasure(&Caller::command_line(), &data, &whom, (Language::En, true)).await {
        Ok(request) => request,
        Err(error) => return nobody(error),
    };
    match data.work_on(&request).await {
        Ok(RequestOutcome::Erased(report)) => tell(&report, args.which.json),
        Ok(RequestOutcome::Exported { .. }) => return Ok(exit::FAILED),
        Err(error) => return Ok(complain(&error)),
    }
    Ok(exit::OK)
}

fn tell(report: &ErasureReport, is_json: bool) {
    if is_json {
        say(format_args!("{}", serde_json::to_string_pretty(report).unwrap_or_default()));
        return;
    }
    let rows: Vec<_> = report.rows.iter().map(|(table, rows)| vec![table.clone(), rows.to_string()]).collect();
    say(format_args!("{}", table(&["table", "rows"], &rows).trim_end()));
    for (what, number) in [
        ("messages called back", report.cancelled_messages),
        ("bookings cancelled", report.cancelled_bookings),
        ("mentions taken out of other texts", report.mentions),
        ("lines of journals changed", report.lines),
    ] {
        if number > 0 {
            say(format_args!("{number} {what}"));
        }
    }
    for (table, rows) in &report.held {
        say(format_args!("kept because the law asks for it, without a name: {rows} rows of {table}"));
    }
    if report.keeps_silence {
        say(format_args!("they had said STOP: a hash of each address keeps them silent until they say START"));
    }
    match report.is_rewritten {
        Some(false) => say(format_args!(
            "the database's file is large or in use, and was not written anew: what an older version deleted may be left in it \
             until `sqlite3 FILE VACUUM` is run beside a stopped daemon"
        )),
        None => say(format_args!("PostgreSQL takes deleted rows out of its files by itself; VACUUM does it at once")),
        Some(true) => {}
    }
}

async fn check(operator: Operator, args: &VerifyArgs, config: &Config) -> Result<u8, ServiceError> {
    let key = beside(operator, config).signing_key().await?;
    let file = match std::fs::read(&args.export) {
        Ok(file) => file,
        Err(error) => {
            complain_about(format_args!("{}: {error}", args.export.display()));
            return Ok(exit::FAILED);
        }
    };
    match privacy::check(&file, &key) {
        Ok(checked) => {
            let manifest = checked.manifest;
            say(format_args!(
                "it holds: contact {} of {}, made {}, {} files",
                manifest.contact,
                manifest.tenant,
                manifest.made_at,
                manifest.files.len()
            ));
            Ok(exit::OK)
        }
        Err(problem) => {
            complain_about(format_args!("it does not hold: {problem}"));
            Ok(exit::FOUND_WRONG)
        }
    }
}
