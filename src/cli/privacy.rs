//! `palabre privacy …`: what the retentions would delete today, and what was asked for.

use clap::{Args, Subcommand};
use palabre_actors::domain::rules::Language;
use serde_json::json;

use super::outbox::on;
use super::terminal::{age, now, table};
use super::{ConfigFile, Tongue, complain, complain_about, exit, load_without_secrets, say};
use crate::app::privacy::beside;
use crate::config::Config;
use crate::service::privacy;
use crate::service::{Caller, ServiceError, Tenants};
use crate::store::operator::Operator;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(super) enum PrivacyCommand {
    /// Show each class of rows with its retention, and how many rows that would delete today
    Plan(PlanArgs),
    /// List the exports and erasures that were asked for, the newest first
    Requests(PlanArgs),
    /// Print a tenant's record of processing, filled from the configuration
    #[command(after_help = "Example:\n  palabre privacy record --tenant institut-belle > registre.md\n\n\
        What the program cannot know, such as the legal basis, is marked \"to be completed\".")]
    Record(RecordArgs),
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Whose record
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// In which language; the tenant's unless given
    #[arg(long, value_enum)]
    language: Option<Tongue>,
}

/// Requests that are listed.
const LISTED: usize = 100;

pub(super) fn run(command: &PrivacyCommand) -> u8 {
    match command {
        PrivacyCommand::Plan(args) => on(&args.file, async |operator, config| plan(operator, args, &config).await),
        PrivacyCommand::Requests(args) => {
            on(&args.file, async |operator, config| requests(operator, args, &config).await)
        }
        PrivacyCommand::Record(args) => record(args),
    }
}

fn record(args: &RecordArgs) -> u8 {
    let Some(config) = load_without_secrets(&args.file.config) else { return exit::FOUND_WRONG };
    let Some(tenant) = config.tenants.iter().find(|tenant| tenant.id.as_str() == args.tenant) else {
        complain_about(format_args!("the configuration has no tenant of this name: `palabre tenant list`"));
        return exit::FOUND_WRONG;
    };
    let language = args.language.map_or_else(|| tenant.rules.source().language, Into::into);
    match privacy::record(&config, tenant, language, now()) {
        Ok(text) => {
            say(format_args!("{}", text.trim_end()));
            exit::OK
        }
        Err(error) => complain(&error),
    }
}

async fn plan(operator: Operator, args: &PlanArgs, config: &Config) -> Result<u8, ServiceError> {
    let data = beside(operator, config);
    let plan = privacy::plan(&Caller::command_line(), &data, config.retention, &config.privacy).await?;
    let kept = |kept: Option<std::time::Duration>| {
        kept.map_or_else(|| "for ever".to_owned(), |kept| format!("{}d", kept.as_secs() / 86_400))
    };
    if args.json {
        let classes: Vec<_> = plan
            .iter()
            .map(|(retention, class)| {
                json!({
                    "table": class.table, "retention": retention.map(|kept| kept.as_secs()), "rows": class.rows,
                    "would_delete": class.older, "oldest": class.oldest.map(|at| at.to_rfc3339()),
                })
            })
            .collect();
        say(format_args!("{}", json!({ "classes": classes })));
        return Ok(exit::OK);
    }
    let now = now();
    let rows: Vec<_> = plan
        .iter()
        .map(|(retention, class)| {
            vec![
                class.table.to_owned(),
                kept(*retention),
                class.rows.to_string(),
                class.older.to_string(),
                class.oldest.map_or_else(|| "-".to_owned(), |at| age(now - at, Language::En)),
            ]
        })
        .collect();
    say(format_args!("{}", table(&["table", "kept", "rows", "would go today", "oldest"], &rows).trim_end()));
    Ok(exit::OK)
}

async fn requests(operator: Operator, args: &PlanArgs, config: &Config) -> Result<u8, ServiceError> {
    let data = beside(operator, config);
    let requests = privacy::requests(&Caller::command_line(), &data, &Tenants::All, (None, LISTED)).await?;
    if args.json {
        let rows: Vec<_> = requests
            .iter()
            .map(|request| {
                json!({
                    "id": request.id.to_string(), "tenant_id": request.tenant.as_str(), "kind": request.kind.as_str(),
                    "contact_id": request.contact.to_string(), "state": request.state.as_str(), "progress": request.progress,
                    "requested_by": request.requested_by, "error": request.error, "created_at": request.created_at.to_rfc3339(),
                })
            })
            .collect();
        say(format_args!("{}", json!({ "requests": rows })));
        return Ok(exit::OK);
    }
    let now = now();
    let rows: Vec<_> = requests
        .iter()
        .map(|request| {
            vec![
                request.id.to_string(),
                age(now - request.created_at, Language::En),
                request.tenant.to_string(),
                request.kind.as_str().to_owned(),
                request.state.as_str().to_owned(),
                request.contact.to_string(),
            ]
        })
        .collect();
    say(format_args!("{}", table(&["id", "age", "tenant", "what", "state", "contact"], &rows).trim_end()));
    Ok(if requests.is_empty() { exit::FOUND_WRONG } else { exit::OK })
}
