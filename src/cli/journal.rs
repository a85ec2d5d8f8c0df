//! `palabre journal`: whether the files of the journals say what the database says.

use std::path::PathBuf;

use chrono::{Days, NaiveDate, TimeDelta, Utc};
use clap::{Args, Subcommand};
use palabre_actors::domain::Timestamp;

use super::outbox::on;
use super::{ConfigFile, complain, complain_about, exit, names, say, terminal};
use crate::app::journal::tenant as journal_of;
use crate::config::Config;
use crate::journal::{DayVerdict, JournalFolder, JournalTenant, day_of, verify};
use crate::service::ServiceError;
use crate::store::operator::Operator;

/// What to do with the journals.
#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// Compare the files with the database, day by day; exits with 1 when a line is missing, too much, or unreadable
    #[command(
        after_help = "A daemon may run meanwhile: the last three seconds are not expected in the files. With several nodes, a day's\n\
        lines stand on the node that had the journal then: copy their folders to this machine and name them with --dir.\n\
        docs/journal.md says what a line is."
    )]
    Verify(JournalVerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct JournalVerifyArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of these tenants
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    tenant: Vec<String>,
    /// Days from then on: `7d` ago, a day, a moment
    #[arg(long, value_parser = terminal::past, default_value = "7d")]
    since: Timestamp,
    /// More folders of the same tenant's journal, from other nodes
    #[arg(long, value_name = "FOLDER")]
    dir: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &JournalCommand) -> u8 {
    let JournalCommand::Verify(args) = command;
    on(&args.file, async |operator, config| compare(&operator, args, &config).await)
}

async fn compare(operator: &Operator, args: &JournalVerifyArgs, config: &Config) -> Result<u8, ServiceError> {
    if let Some(stranger) = args.tenant.iter().find(|id| config.tenants.iter().all(|known| known.id.as_str() != **id)) {
        complain_about(format_args!("{}", names::no_tenant(stranger, config)));
        return Ok(exit::FOUND_WRONG);
    }
    let is_meant =
        |journal: &JournalTenant| args.tenant.is_empty() || args.tenant.iter().any(|id| journal.tenant.as_str() == id);
    let journals: Vec<JournalTenant> = config.tenants.iter().filter_map(journal_of).filter(is_meant).collect();
    if journals.is_empty() {
        complain_about(format_args!("no tenant has a journal: write `[journal]` with `dir = \"logs/message_events\"`"));
        return Ok(exit::FOUND_WRONG);
    }
    let now = Utc::now();
    let kept_from = config.retention.events.and_then(|kept| now.checked_sub_signed(TimeDelta::from_std(kept).ok()?));
    let mut shown = Vec::new();
    let mut holds = true;
    for journal in &journals {
        let Some(began) = operator.journal_since(&journal.tenant).await? else {
            say(format_args!("{}: no daemon has written this journal yet", journal.tenant));
            holds = false;
            continue;
        };
        let more = args.dir.iter().cloned().map(JournalFolder::new);
        let folders: Vec<JournalFolder> = std::iter::once(journal.folder.clone()).chain(more).collect();
        let mut day = day_of(args.since.max(began), journal.zone);
        let last = day_of(now, journal.zone);
        while day <= last {
            let whose = (&journal.tenant, journal.zone);
            let verdict = match verify(operator, whose, &folders, day, (began, kept_from, now)).await {
                Ok(verdict) => verdict,
                Err(error) => return Ok(complain(&error)),
            };
            holds &= verdict.holds();
            if args.json {
                shown.push(shape(journal, &verdict));
            } else {
                tell(journal, &verdict);
            }
            day = next(day);
        }
    }
    if args.json {
        say(format_args!("{}", serde_json::json!({ "holds": holds, "days": shown })));
    }
    Ok(if holds { exit::OK } else { exit::FOUND_WRONG })
}

fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

fn shape(journal: &JournalTenant, verdict: &DayVerdict) -> serde_json::Value {
    let listed = |of: &[(uuid::Uuid, String)]| -> Vec<serde_json::Value> {
        of.iter().map(|(message, event)| serde_json::json!({ "message_id": message, "event": event })).collect()
    };
    serde_json::json!({
        "tenant_id": journal.tenant.as_str(),
        "day": verdict.day,
        "file": journal.folder.file(verdict.day).display().to_string(),
        "holds": verdict.holds(),
        "lines": verdict.lines,
        "missing": listed(&verdict.missing),
        "surplus": listed(&verdict.surplus),
        "forgotten": verdict.forgotten,
        "repeated": verdict.repeated,
        "unreadable": verdict.unreadable,
    })
}

fn tell(journal: &JournalTenant, verdict: &DayVerdict) {
    /// So many are named; more are counted.
    const NAMED: usize = 10;
    let mut told = format!("{} {}: {} lines", journal.tenant, verdict.day, verdict.lines);
    for (count, what) in [
        (verdict.missing.len() as u64, "MISSING"),
        (verdict.surplus.len() as u64, "TOO MUCH"),
        (verdict.unreadable, "UNREADABLE"),
        (verdict.repeated, "repeated"),
        (verdict.forgotten, "older than what the database keeps"),
    ] {
        if count > 0 {
            told.push_str(&format!(", {count} {what}"));
        }
    }
    if verdict.holds() {
        told.push_str(", whole");
    }
    say(format_args!("{told}"));
    for (what, of) in [("missing", &verdict.missing), ("too much", &verdict.surplus)] {
        for (message, event) in of.iter().take(NAMED) {
            say(format_args!("  {what}: {event} of {message}"));
        }
        if of.len() > NAMED {
            say(format_args!("  … and {} more", of.len() - NAMED));
        }
    }
}
