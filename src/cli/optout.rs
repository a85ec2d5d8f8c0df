//! `palabre optout …`: lists, adds and removes opt-outs.

use std::io::BufRead;

use clap::{Args, Subcommand};
use palabre_actors::domain::address::{Address, HomeCountry, Scheme};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;

use super::outbox::on;
use super::terminal::{age, counted, cut, now, table};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{OptOutEntry, Visibility};
use crate::service::{Caller, ServiceError, consents};
use crate::store::operator::{Operator, OptOut, PageRequest, Tenants};

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

/// Runs the command.
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

pub(super) fn among(tenants: &[String]) -> Tenants {
    if tenants.is_empty() {
        return Tenants::All;
    }
    Tenants::Of(tenants.iter().map(|tenant| TenantId::new(tenant)).collect())
}

pub(super) fn tenant(id: &str, config: &Config) -> Option<TenantId> {
    let known = config.tenants.iter().find(|tenant| tenant.id.as_str() == id);
    if known.is_none() {
        complain_about(format_args!("{}", names::no_tenant(id, config)));
    }
    known.map(|tenant| tenant.id.clone())
}

/// What phone numbers without `+` mean to a tenant.
pub(super) fn home(tenant: &TenantId, config: &Config) -> Option<HomeCountry> {
    config.tenants.iter().find(|known| known.id == *tenant)?.country
}

/// The same where any number of tenants may be named: it is known of one alone.
pub(super) fn home_of(tenants: &[String], config: &Config) -> Option<HomeCountry> {
    match tenants {
        [tenant] => home(&TenantId::new(tenant), config),
        _ => None,
    }
}

/// The addresses that are meant; what is wrong with one is told without repeating it (I10).
pub(super) fn addresses(given: &str, home: Option<HomeCountry>) -> Option<Vec<Address>> {
    let lines: Vec<String> = if given == "-" {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    } else {
        vec![given.to_owned()]
    };
    let mut addresses = Vec::with_capacity(lines.len());
    for (number, line) in (1..).zip(&lines) {
        match parsed(line, home) {
            Ok(address) => addresses.push(address),
            Err(why) => {
                complain_about(format_args!("address {number}: {why}; nothing was changed"));
                return None;
            }
        }
    }
    Some(addresses)
}

/// An address with its scheme; an error does not repeat it (I10).
pub(super) fn parsed(text: &str, home: Option<HomeCountry>) -> Result<Address, String> {
    let scheme = text.split_once(':').and_then(|(scheme, _)| scheme.trim().parse::<Scheme>().ok());
    let scheme = scheme.ok_or("write its scheme before it, such as `whatsapp:+33612345678` or `sms:+33612345678`")?;
    Address::parse(scheme, text, home).map_err(|error| error.to_string())
}

/// Somebody who is looked for: a phone number needs no scheme, because it is one person on every kind of channel. An error does
/// not repeat it (I10).
pub(super) fn person(text: &str, home: Option<HomeCountry>) -> Result<Address, String> {
    if text.contains(|c: char| c.is_alphabetic()) {
        return parsed(text, home);
    }
    let address = Address::parse(Scheme::Sms, text, home).map_err(|error| error.to_string())?;
    if address.is_phone() { Ok(address) } else { Err("write its scheme before it, such as `sms:38080`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_its_scheme() {
        let france = HomeCountry::of_code("FR");
        assert_eq!(parsed("whatsapp:+33 6 12 34 56 78", None).unwrap().as_str(), "whatsapp:+33612345678");
        assert_eq!(parsed("sms:06 12 34 56 78", france).unwrap().as_str(), "sms:+33612345678");
        for home in [None, france] {
            for wrong in ["+33612345678", "fax:+33612345678", "whatsapp:", "whatsapp:0612", "sms:2025550123"] {
                let why = parsed(wrong, home).unwrap_err();
                assert!(!why.contains("0612") && !why.is_empty(), "{why}");
            }
        }
    }

    #[test]
    fn a_person_is_looked_for_by_number_alone() {
        let france = HomeCountry::of_code("FR");
        for (text, home, found) in [
            ("+224 620 00 00 00", None, Some("sms:+224620000000")),
            ("06 12 34 56 78", france, Some("sms:+33612345678")),
            ("whatsapp:+33612345678", None, Some("whatsapp:+33612345678")),
            ("telegram:123", None, Some("telegram:123")),
            ("mailto:a@b.fr", None, Some("mailto:a@b.fr")),
            ("06 12 34 56 78", None, None),
            ("38080", france, None),
            ("a@b.fr", None, None),
        ] {
            assert_eq!(person(text, home).ok().as_ref().map(Address::as_str), found, "{text}");
        }
    }
}
