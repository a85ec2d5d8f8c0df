//! `palabre crm`: whose a contact is in the tenant's CRM.

use clap::{Args, Subcommand};
use palabre_actors::domain::address::{Scheme, Unnamed};
use palabre_actors::domain::ids::TenantId;
use serde_json::json;

use super::outbox::on;
use super::{ConfigFile, complain_about, exit, load, names, on_runtime, say, who};
use crate::config::{Config, Tenant};
use crate::service::{Caller, crm};
use crate::store::operator::Operator;

/// Questions about the CRMs of tenants.
#[derive(Debug, Subcommand)]
pub(super) enum CrmCommand {
    /// How many contacts each tenant's CRM knows, and the last failure
    Status(CrmStatusArgs),
    /// Ask a tenant's CRM for a phone number or an e-mail address, without storing anything
    #[command(after_help = "Examples:\n  \
        palabre crm find +33612345678 --tenant institut-belle\n  \
        palabre crm find nadia@exemple.fr --tenant institut-belle --json\n\n\
        Exit code 0: found; 1: the CRM knows nobody, or does not answer.")]
    Find(CrmFindArgs),
}

#[derive(Debug, Args)]
pub(super) struct CrmStatusArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CrmFindArgs {
    /// A phone number, or an e-mail address
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    file: ConfigFile,
    /// Whose CRM
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &CrmCommand) -> u8 {
    match command {
        CrmCommand::Status(args) => status(args),
        CrmCommand::Find(args) => find(args),
    }
}

fn status(args: &CrmStatusArgs) -> u8 {
    on(&args.file, async |operator, config| {
        let with: Vec<TenantId> = tenants(&config).map(|tenant| tenant.id.clone()).collect();
        if with.is_empty() {
            complain_about(format_args!("no tenant has a CRM: write `[crm]` with `provider = \"espocrm\"`"));
            return Ok(exit::FOUND_WRONG);
        }
        let mut counts = crm::counts(&Caller::command_line(), &operator, &with).await?;
        let mut shown = Vec::new();
        for tenant in with {
            let of = counts.remove(&tenant).unwrap_or_default();
            let looked_up = of.found + of.absent;
            let share = (looked_up > 0).then(|| of.found * 100 / looked_up);
            if args.json {
                shown.push(json!({ "tenant_id": tenant.as_str(), "found": of.found, "absent": of.absent,
                    "pending": of.pending, "correlated_percent": share, "last_error": of.last_error }));
                continue;
            }
            let share = share.map_or_else(String::new, |share| format!(" ({share} %)"));
            say(format_args!(
                "{tenant}: {} found{share}, {} in no CRM, {} to look up",
                of.found, of.absent, of.pending
            ));
            if let Some(error) = of.last_error {
                say(format_args!("  a look-up failed: {error}"));
            }
        }
        if args.json {
            say(format_args!("{}", json!({ "tenants": shown })));
        }
        Ok(exit::OK)
    })
}

fn find(args: &CrmFindArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    let Some(tenant) = config.tenants.iter().find(|tenant| tenant.id.as_str() == args.tenant) else {
        complain_about(format_args!("{}", names::no_tenant(&args.tenant, &config)));
        return exit::FOUND_WRONG;
    };
    let Some(settings) = &tenant.crm else {
        complain_about(format_args!("the tenant has no CRM: write `[crm]` into its file"));
        return exit::FOUND_WRONG;
    };
    let unnamed = if args.address.contains('@') { Unnamed::Only(Scheme::Mailto) } else { Unnamed::Phone(Scheme::Sms) };
    let address = match who::written(&args.address, (unnamed, tenant.country)) {
        Ok(address) => address,
        Err(why) => {
            complain_about(format_args!("{why}"));
            return exit::USAGE;
        }
    };
    on_runtime(async {
        let operator = match Operator::open(&config.database.url).await {
            Ok(operator) => operator,
            Err(error) => return super::complain(&error),
        };
        let private = config.webhooks.private_targets;
        let whose = (tenant, settings);
        match crm::find(&Caller::command_line(), &operator, whose, &address, private).await {
            Ok(Ok(Some(record))) if args.json => {
                say(format_args!("{}", json!({ "kind": record.kind, "id": record.id })));
                exit::OK
            }
            Ok(Ok(Some(record))) => {
                say(format_args!("{} {}", record.kind, record.id));
                exit::OK
            }
            Ok(Ok(None)) => {
                complain_about(format_args!("the CRM knows nobody with this address"));
                exit::FOUND_WRONG
            }
            Ok(Err(reason)) => {
                complain_about(format_args!("the CRM does not answer: {reason}"));
                exit::FOUND_WRONG
            }
            Err(error) => super::complain(&error),
        }
    })
}

fn tenants(config: &Config) -> impl Iterator<Item = &Tenant> {
    config.tenants.iter().filter(|tenant| tenant.crm.is_some())
}
