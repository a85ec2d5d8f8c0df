//! `palabre tenant export|erase`: a whole tenant as files, and its deletion.

use std::path::PathBuf;

use clap::Args;
use palabre_actors::domain::ids::TenantId;
use serde_json::json;

use super::super::outbox::on;
use super::super::terminal::{self, table};
use super::super::{ConfigFile, complain, complain_about, exit, say};
use crate::app::privacy::beside;
use crate::config::Config;
use crate::service::privacy::{self, TenantError};
use crate::service::{Caller, ServiceError};
use crate::store::operator::Operator;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Which tenant
    #[arg(value_name = "ID")]
    id: String,
    /// The folder; it must be new, or empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EraseArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Which tenant
    #[arg(value_name = "ID")]
    id: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn export(args: &ExportArgs) -> u8 {
    on(&args.file, async |operator, config| write(operator, args, &config).await)
}

pub(in crate::cli) fn erase(args: &EraseArgs) -> u8 {
    on(&args.file, async |operator, config| delete(operator, args, &config).await)
}

async fn write(operator: Operator, args: &ExportArgs, config: &Config) -> Result<u8, ServiceError> {
    let (data, tenant) = (beside(operator, config), TenantId::new(&args.id));
    let counts = match privacy::export_tenant(&Caller::command_line(), &data, &tenant, &args.to).await {
        Ok(counts) => counts,
        Err(error) => return refused(error),
    };
    if args.json {
        say(format_args!("{}", json!({ "folder": args.to.display().to_string(), "rows": counts })));
    } else {
        let rows: Vec<_> = counts.iter().map(|(name, rows)| vec![(*name).to_owned(), rows.to_string()]).collect();
        say(format_args!("{}", table(&["table", "rows"], &rows).trim_end()));
    }
    Ok(exit::OK)
}

async fn delete(operator: Operator, args: &EraseArgs, config: &Config) -> Result<u8, ServiceError> {
    let tenant = TenantId::new(&args.id);
    let question = format_args!("This cannot be taken back. Erase everything of {}? Type its name:", args.id);
    if !args.yes && !terminal::is_confirmed(question, &args.id) {
        complain_about(format_args!("nothing was erased: type the tenant's name, or give --yes"));
        return Ok(exit::FOUND_WRONG);
    }
    let is_configured = config.tenants.iter().any(|known| known.id == tenant);
    let data = beside(operator, config);
    let erased = match privacy::erase_tenant(&Caller::command_line(), &data, (&tenant, is_configured)).await {
        Ok(erased) => erased,
        Err(error) => return refused(error),
    };
    if args.json {
        say(format_args!("{}", json!({ "rows": erased.rows, "held": erased.held, "rewritten": erased.is_rewritten })));
        return Ok(exit::OK);
    }
    let rows: Vec<_> = erased.rows.iter().map(|(name, rows)| vec![(*name).to_owned(), rows.to_string()]).collect();
    say(format_args!("{}", table(&["table", "rows"], &rows).trim_end()));
    if erased.held > 0 {
        say(format_args!("kept because the law asks for it, without a name: {} rows of payment_events", erased.held));
    }
    Ok(exit::OK)
}

fn refused(error: TenantError) -> Result<u8, ServiceError> {
    match error {
        TenantError::Service(ServiceError::UnknownTenant) => {
            complain_about(format_args!("the database knows no tenant of this name: `palabre tenant diff`"));
            Ok(exit::FOUND_WRONG)
        }
        TenantError::Configured => {
            complain_about(format_args!("{error}"));
            Ok(exit::FOUND_WRONG)
        }
        TenantError::Service(error) => Err(error),
        TenantError::File(_) => Ok(complain(&error)),
    }
}
