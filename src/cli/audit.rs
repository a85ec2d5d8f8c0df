//! `palabre audit`: who did what, and whether the log is whole.

use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::optout::among;
use super::outbox::on;
use super::{ConfigFile, complain_about, exit, names, say, terminal};
use crate::config::Config;
use crate::http::api::responses::AuditLogEntry;
use crate::service::{Caller, ServiceError, audit};
use crate::store::audit::{AuditFault, AuditFilter, AuditVerdict};
use crate::store::operator::Operator;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show who did what, the newest first
    List(AuditListArgs),
    /// Read every chain to its end, and say whether each row is the one that was written; exits with 1 when one is not
    #[command(
        after_help = "The daemon writes the end of every chain to its log once a day (`audit log`, with audit.hash). Whoever can change\n\
        the database can make a whole chain anew; --hash with a hash from an old log shows that they did."
    )]
    Verify(AuditVerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct AuditListArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Of this person or key, as the list shows them
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Of this action (`outbox.replay`), or of those that begin with this word (`outbox`)
    #[arg(long, value_name = "WORD")]
    action: Option<String>,
    /// From then on: `2h` ago, a day, a moment
    #[arg(long, value_parser = terminal::past)]
    since: Option<Timestamp>,
    /// Older than this row: the last id of the page before
    #[arg(long, value_parser = names::listed)]
    before: Option<Uuid>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuditVerifyArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of this tenant alone
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// A hash from an old log, which must stand in the tenant's chain
    #[arg(long, value_name = "HASH", requires = "tenant")]
    hash: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &AuditCommand) -> u8 {
    match command {
        AuditCommand::List(args) => on(&args.file, async |operator, config| list(&operator, args, &config).await),
        AuditCommand::Verify(args) => on(&args.file, async |operator, config| verify(&operator, args, &config).await),
    }
}

async fn list(operator: &Operator, args: &AuditListArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenants = among(&args.tenant);
    let filter = AuditFilter {
        actor: args.actor.clone(),
        action: args.action.clone(),
        since: args.since,
        until: None,
        before: args.before,
    };
    let page = (&filter, usize::from(args.limit));
    let rows = audit::list(&Caller::command_line(), operator, &tenants, page).await?;
    if args.json {
        let entries: Vec<_> = rows.iter().map(AuditLogEntry::of).collect();
        say(format_args!("{}", serde_json::json!({ "entries": entries })));
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        let stranger = names::stranger(&tenants, None, config);
        complain_about(format_args!("{}", stranger.unwrap_or_else(|| "the audit log has no such row".to_owned())));
        return Ok(exit::FOUND_WRONG);
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                row.tenant.as_ref().map_or("-", TenantId::as_str).to_owned(),
                row.actor.clone(),
                row.action.clone(),
                format!("{} {}", row.entity_type, row.entity_id),
            ]
        })
        .collect();
    say(format_args!("{}", terminal::table(&["WHEN (UTC)", "TENANT", "WHO", "WHAT", "OF WHAT"], &rows).trim_end()));
    Ok(exit::OK)
}

async fn verify(operator: &Operator, args: &AuditVerifyArgs, config: &Config) -> Result<u8, ServiceError> {
    let caller = Caller::command_line();
    let mut heads = audit::heads(&caller, operator).await?;
    if let Some(tenant) = &args.tenant {
        heads.retain(|head| head.tenant.as_ref().is_some_and(|own| own.as_str() == tenant));
        if heads.is_empty() {
            let stranger = names::stranger(&among(std::slice::from_ref(tenant)), None, config);
            complain_about(format_args!("{}", stranger.unwrap_or_else(|| "nobody did anything yet".to_owned())));
            return Ok(exit::FOUND_WRONG);
        }
    }
    let mut verdicts = Vec::new();
    for head in heads {
        verdicts.push(audit::verify(&caller, operator, head, args.hash.as_deref()).await?);
    }
    let is_whole = verdicts.iter().all(|verdict| verdict.fault.is_none() && verdict.has_hash != Some(false));
    if args.json {
        let chains: Vec<_> = verdicts.iter().map(shown).collect();
        say(format_args!("{}", serde_json::json!({ "whole": is_whole, "chains": chains })));
    } else {
        verdicts.iter().for_each(|verdict| say(format_args!("{}", told(verdict))));
        if verdicts.is_empty() {
            say(format_args!("the audit log is empty: nobody did anything yet"));
        }
    }
    Ok(if is_whole { exit::OK } else { exit::FOUND_WRONG })
}

fn shown(verdict: &AuditVerdict) -> serde_json::Value {
    serde_json::json!({
        "tenant_id": verdict.head.tenant.as_ref().map(TenantId::as_str),
        "rows": verdict.rows,
        "position": verdict.head.position,
        "kept_from": verdict.head.kept_from,
        "hash": verdict.head.hash,
        "fault": verdict.fault.as_ref().map(fault),
        "has_hash": verdict.has_hash,
    })
}

fn told(verdict: &AuditVerdict) -> String {
    let chain = verdict.head.tenant.as_ref().map_or("the installation", TenantId::as_str);
    let hash = match verdict.has_hash {
        Some(true) => ", and the given hash stands in it",
        Some(false) => {
            ", but the given hash does not stand in it: it was made anew, or the hash is older than its first row"
        }
        None => "",
    };
    match &verdict.fault {
        Some(what) => format!("{chain}: NOT WHOLE: {}", fault(what)),
        None => format!("{chain}: {} rows, whole, up to {}{hash}", verdict.rows, verdict.head.hash),
    }
}

fn fault(what: &AuditFault) -> String {
    match what {
        AuditFault::Changed(position) => format!("row {position} was changed"),
        AuditFault::Missing(position) => format!("row {position} is missing"),
        AuditFault::Head => "the chain ends elsewhere than was written down".to_owned(),
    }
}
