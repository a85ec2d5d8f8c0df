//! `palabre access audit`: what the daily audit of chats would find now.

use clap::Args;
use palabre_actors::domain::address::Address;
use serde_json::json;

use super::WhichTenants;
use crate::cli::optout::among;
use crate::cli::terminal::{now, table};
use crate::cli::{exit, mask, say};
use crate::service::Caller;
use crate::service::paid_access::{self as access, AccessError, PaidAccess};

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    #[command(flatten)]
    pub(super) which: WhichTenants,
    /// Show whole addresses
    #[arg(long)]
    reveal: bool,
}

/// Looks, and changes nothing.
pub(super) async fn run(access: &PaidAccess, args: &AuditArgs) -> Result<u8, AccessError> {
    let tenants = among(&args.which.tenant);
    let audits = access::audit_chats(&Caller::command_line(), access, &tenants, now()).await?;
    let who = |address: &Address| if args.reveal { address.as_str().to_owned() } else { mask::contact(address, "") };
    if args.which.json {
        let audits: Vec<_> = audits
            .iter()
            .map(|(tenant, chat, audit)| {
                let found = audit.found.iter();
                let found =
                    found.map(|(address, finding)| json!({ "address": who(address), "finding": finding.as_str() }));
                json!({
                    "tenant_id": tenant.as_str(), "chat": chat.as_str(), "asked_about": audit.asked,
                    "bot_may_not": audit.is_stuck, "found": found.collect::<Vec<_>>(),
                })
            })
            .collect();
        say(format_args!("{}", json!({ "chats": audits })));
    } else {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (tenant, chat, audit) in &audits {
            let row =
                |who: String, what: &str| vec![tenant.to_string(), chat.as_str().to_owned(), who, what.to_owned()];
            if audit.is_stuck {
                rows.push(row("-".to_owned(), "the bot is no administrator who may invite and ban"));
            } else if audit.found.is_empty() {
                rows.push(row("-".to_owned(), "all are where they should be"));
            }
            rows.extend(audit.found.iter().map(|(address, finding)| row(who(address), finding.as_str())));
        }
        say(format_args!("{}", table(&["TENANT", "CHAT", "WHO", "WHAT"], &rows)));
    }
    let is_well = audits.iter().all(|(_, _, audit)| audit.found.is_empty() && !audit.is_stuck);
    Ok(if is_well { exit::OK } else { exit::FOUND_WRONG })
}
