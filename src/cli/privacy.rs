//! `palabre privacy …`: what the retentions would delete today, and what was asked for.

use std::sync::Arc;

use clap::{Args, Subcommand};
use palabre_actors::domain::rules::Language;
use serde_json::json;

use super::outbox::on;
use super::terminal::{age, now, table};
use super::{ConfigFile, exit, say};
use crate::app::SystemClock;
use crate::config::Config;
use crate::service::privacy::{self, PrivacyDesk};
use crate::service::{Caller, ServiceError};
use crate::store::operator::Operator;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(super) enum PrivacyCommand {
    /// Show each class of rows with its retention, and how many rows that would delete today
    Plan(PlanArgs),
    /// List the exports and erasures that were asked for, the newest first
    Requests(PlanArgs),
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Requests that are listed.
const LISTED: usize = 100;

/// Runs the command.
pub(super) fn run(command: &PrivacyCommand) -> u8 {
    match command {
        PrivacyCommand::Plan(args) => on(&args.file, async |operator, config| plan(operator, args, &config).await),
        PrivacyCommand::Requests(args) => {
            on(&args.file, async |operator, config| requests(operator, args, &config).await)
        }
    }
}

async fn plan(operator: Operator, args: &PlanArgs, config: &Config) -> Result<u8, ServiceError> {
    let desk = PrivacyDesk::new(operator, Arc::new(SystemClock), &config.privacy);
    let plan = privacy::plan(&Caller::command_line(), &desk, config.retention, &config.privacy).await?;
    let kept = |kept: Option<std::time::Duration>| {
        kept.map_or_else(|| "for ever".to_owned(), |kept| humantime::format_duration(kept).to_string())
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
    let desk = PrivacyDesk::new(operator, Arc::new(SystemClock), &config.privacy);
    let requests = privacy::requests(&Caller::command_line(), &desk, (None, LISTED)).await?;
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
