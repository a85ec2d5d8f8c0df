//! `palabre consents …`: writes the ledger of consents out as proof, and records consents that came another way.

use std::fmt::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use palabre_actors::domain::address::Address;

use super::outbox::on;
use super::terminal::now;
use super::who::{addresses, among, home, home_of, person, tenant};
use super::{ConfigFile, complain_about, exit, names, say};
use crate::config::Config;
use crate::http::api::responses::{ConsentEntry, Visibility};
use crate::service::{Caller, ServiceError, consents};
use crate::store::operator::Operator;

/// Rows that are read at once.
const AT_ONCE: usize = 500;

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum ConsentsCommand {
    /// Write the ledger out: who consented to what, when, and what proves it, oldest first
    #[command(after_help = "Examples:\n  \
        palabre consents export --tenant institut-belle --reveal > consents.csv\n  \
        palabre consents export --format jsonl --address whatsapp:+33612345678 --reveal\n\n\
        Addresses are masked and operators' evidence left out unless --reveal is given: the file is personal data then.")]
    Export(ExportArgs),
    /// Record a consent that was given on paper or by telephone, with what proves it: what waits for it goes out
    #[command(after_help = "Examples:\n  \
        palabre consents record --tenant institut-belle whatsapp:+33612345678 --evidence 'form of 2026-11-30, folder 12'\n  \
        palabre consents record --tenant institut-belle - --evidence 'list of the fair' < addresses.txt\n\n\
        The evidence stays in the ledger for good. A STOP is not lifted by it: `palabre optout remove` records a START.\n\
        Exit code 0: all are recorded; 1: some are not, and the reason is said.")]
    Record(RecordArgs),
}

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Towards which tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Who: `whatsapp:+33612345678`, `sms:+33612345678`, …; `-` reads one a line from standard input
    address: String,
    /// What proves it, for the ledger
    #[arg(long, value_name = "WHAT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    evidence: String,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Of one person, by any of their addresses, however it is written
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// How rows are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// JSON lines: the same as `--format jsonl`
    #[arg(long)]
    json: bool,
    /// Write whole addresses and evidence
    #[arg(long)]
    reveal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header and a line for each row, with commas, as RFC 4180 has it
    Csv,
    /// One JSON object on each line
    Jsonl,
}

pub(super) fn run(command: &ConsentsCommand) -> u8 {
    match command {
        ConsentsCommand::Export(args) => on(&args.file, async |operator, config| {
            let home = home_of(&args.tenant, &config);
            match args.address.as_deref().map(|text| person(text, home)).transpose() {
                Ok(address) => export(&operator, args, address.as_ref(), &config).await,
                Err(why) => {
                    complain_about(format_args!("--address: {why}"));
                    Ok(exit::USAGE)
                }
            }
        }),
        ConsentsCommand::Record(args) => on(&args.file, async |operator, config| {
            let Some(tenant) = tenant(&args.tenant, &config) else { return Ok(exit::FOUND_WRONG) };
            let Some(addresses) = addresses(&args.address, home(&tenant, &config)) else { return Ok(exit::USAGE) };
            let mut code = exit::OK;
            for address in &addresses {
                let who = (&tenant, address);
                match consents::record(&Caller::command_line(), &operator, who, &args.evidence, now()).await {
                    Ok(()) => say(format_args!("{address}  recorded: they consented")),
                    Err(ServiceError::NotValid { reason, .. }) => {
                        complain_about(format_args!("{address}  {reason}"));
                        code = exit::FOUND_WRONG;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(code)
        }),
    }
}

async fn export(
    operator: &Operator,
    args: &ExportArgs,
    address: Option<&Address>,
    config: &Config,
) -> Result<u8, ServiceError> {
    let (tenants, content) = (among(&args.tenant), if args.reveal { Visibility::Whole } else { Visibility::Masked });
    let csv = args.format == Format::Csv && !args.json;
    let (mut after, mut rows) = (None, 0_u64);
    if csv {
        say(format_args!("{}", COLUMNS.join(",")));
    }
    loop {
        let page = consents::ledger(&Caller::command_line(), operator, &tenants, address, (after, AT_ONCE)).await?;
        let mut text = String::new();
        for consent in page.iter().map(|row| ConsentEntry::of(row, content)) {
            let line = if csv { line(&consent) } else { serde_json::to_string(&consent).unwrap_or_default() };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        }
        if !text.is_empty() {
            say(format_args!("{}", text.trim_end()));
        }
        rows += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == AT_ONCE => after = Some(last.id),
            _ => break,
        }
    }
    if rows == 0 {
        let stranger = names::stranger(&tenants, None, config);
        complain_about(format_args!(
            "{}",
            stranger.unwrap_or_else(
                || "the ledger has no such row: nobody asked for, gave or took back a consent".to_owned()
            )
        ));
        return Ok(exit::FOUND_WRONG);
    }
    Ok(exit::OK)
}

const COLUMNS: [&str; 9] =
    ["id", "tenant_id", "channel_id", "contact_id", "address", "what", "source", "evidence", "created_at"];

fn line(consent: &ConsentEntry) -> String {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        consent.id.clone(),
        consent.tenant_id.clone(),
        or_empty(&consent.channel_id),
        or_empty(&consent.contact_id),
        consent.address.clone(),
        consent.what.clone(),
        consent.source.clone(),
        or_empty(&consent.evidence),
        consent.created_at.clone(),
    ];
    cells.map(|cell| quoted(&cell)).join(",")
}

/// A cell as RFC 4180 has it; one that a spreadsheet would take for a formula is quoted with an apostrophe before it.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula || cell.contains([',', '"', '\n', '\r']) {
        let apostrophe = if formula { "'" } else { "" };
        return format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (cell, expected) in [
            ("whatsapp:+336…78", "whatsapp:+336…78"),
            ("", ""),
            ("a, b", "\"a, b\""),
            ("say \"yes\"", "\"say \"\"yes\"\"\""),
            ("=1+1", "\"'=1+1\""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
