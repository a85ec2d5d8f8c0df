//! `palabre optout …`: lists, adds and removes opt-outs.

use clap::{Args, Subcommand};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;

use super::outbox::on;
use super::terminal::{age, counted, cut, now, table};
use super::who::{addresses, home};
pub(super) use super::who::{among, tenant};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{OptOutEntry, Visibility};
use crate::service::{Caller, ServiceError, consents};
use crate::store::operator::{Operator, OptOut, PageRequest};

/// What to do with the list of those who said STOP.
#[derive(Debug, Subcommand)]
pub(super) enum OptoutCommand {
    /// List who said STOP, newest first
    List(ListArgs),
    /// Record a STOP that came another way (at the counter, in a letter): silence from now on
    #[command(after_help = "Examples:\n  \
        palabre optout add --tenant institut-belle whatsapp:+33612345678\n  \
        palabre optout add --tenant institut-belle - < addresses.txt\n\n\
        A file keeps addresses out of the shell's history. What waits for the contact is held back in the same moment, under each of their addresses.")]
    Add(AddArgs),
    /// Record an explicit START that came another way: they may be written to again
    #[command(after_help = "Only the contact can end their silence. --evidence says how they did, and stays in the \
        ledger for good.\nWhat was held back stays so: `palabre outbox replay` sends it.")]
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Towards these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Only what is older than this one: the next page
    #[arg(long, value_name = "ID", value_parser = names::listed)]
    before: Option<uuid::Uuid>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Show whole addresses
    #[arg(long)]
    reveal: bool,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Towards which tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Who: `whatsapp:+33612345678`, `sms:+33612345678`, …; `-` reads one a line from standard input
    address: String,
    /// What proves it, for the ledger
    #[arg(long, value_name = "WHAT")]
    evidence: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Towards which tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Who: `whatsapp:+33612345678`, …; `-` reads one a line from standard input
    address: String,
    /// What proves that they said START, for the ledger
    #[arg(long, value_name = "WHAT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    evidence: String,
}

pub(super) fn run(command: &OptoutCommand) -> u8 {
    match command {
        OptoutCommand::List(args) => on(&args.file, async |operator, config| list(&operator, args, &config).await),
        OptoutCommand::Add(args) => on(&args.file, async |operator, config| {
            let Some(tenant) = tenant(&args.tenant, &config) else { return Ok(exit::FOUND_WRONG) };
            let Some(addresses) = addresses(&args.address, home(&tenant, &config)) else { return Ok(exit::USAGE) };
            add(&operator, &tenant, &addresses, args.evidence.as_deref()).await
        }),
        OptoutCommand::Remove(args) => on(&args.file, async |operator, config| {
            let Some(tenant) = tenant(&args.tenant, &config) else { return Ok(exit::FOUND_WRONG) };
            let Some(addresses) = addresses(&args.address, home(&tenant, &config)) else { return Ok(exit::USAGE) };
            remove(&operator, &tenant, &addresses, &args.evidence).await
        }),
    }
}

async fn list(operator: &Operator, args: &ListArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let limit = usize::from(args.limit);
    let rows =
        consents::opt_outs(&Caller::command_line(), operator, &tenants, PageRequest { before: args.before, limit })
            .await?;
    let content = if args.reveal { Visibility::Whole } else { Visibility::Masked };
    if args.json {
        let rows: Vec<_> = rows.iter().map(|row| OptOutEntry::of(row, content)).collect();
        say(format_args!("{}", serde_json::to_string_pretty(&rows).unwrap_or_default()));
    } else if rows.is_empty() {
        let stranger = names::stranger(&tenants, None, config);
        complain_about(format_args!("{}", stranger.unwrap_or_else(|| "nobody said STOP".to_owned())));
    } else {
        let now = now();
        let row = |row: &OptOut| {
            let tenant = cut(row.tenant.as_str(), 16);
            vec![
                row.id.to_string(),
                age(now - row.created_at, Language::En),
                tenant,
                row.source.clone(),
                content.address(&row.address),
            ]
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        say(format_args!("{}", table(&["id", "age", "tenant", "source", "address"], &rows).trim_end()));
    }
    Ok(if rows.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}

async fn add(
    operator: &Operator,
    tenant: &TenantId,
    addresses: &[Address],
    evidence: Option<&str>,
) -> Result<u8, ServiceError> {
    let caller = Caller::command_line();
    for address in addresses {
        match consents::opt_out(&caller, operator, (tenant, address), evidence, now()).await? {
            Some(held_back) => {
                let held_back = counted(held_back as u64, "message");
                say(format_args!("{address}  recorded: silence from now on, {held_back} held back"));
            }
            None => say(format_args!("{address}  was on the list already")),
        }
    }
    Ok(exit::OK)
}

async fn remove(
    operator: &Operator,
    tenant: &TenantId,
    addresses: &[Address],
    evidence: &str,
) -> Result<u8, ServiceError> {
    let (caller, mut code) = (Caller::command_line(), exit::OK);
    for address in addresses {
        if consents::opt_in(&caller, operator, (tenant, address), evidence, now()).await? {
            say(format_args!("{address}  recorded: they may be written to again"));
        } else {
            complain_about(format_args!("{address} is not on the list of {tenant}"));
            code = exit::FOUND_WRONG;
        }
    }
    Ok(code)
}
