//! `palabre faq`: tries messages out, moves entries in and out, shows what nobody could answer.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Utc};
use clap::{Args, Subcommand};
use futures_util::FutureExt as _;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{Language, Rules};

use super::outbox::on;
use super::{ConfigFile, Tongue, complain_about, exit, load_without_secrets, names, say};
use crate::config::Config;
use crate::http::api::responses::{FaqTried, UnansweredItem};
use crate::service::Caller;
use crate::service::faq::{self, Imported, TRADES, Tried};

/// What to do with the FAQ.
#[derive(Debug, Subcommand)]
pub(super) enum FaqCommand {
    /// Show which entry a message gets, with scores, and why
    #[command(after_help = "Example:\n  palabre faq try --tenant institut-belle \"cb pour les sourcils\"\n\n\
        Reads the configuration, and the table when there is a database. Nothing is sent.")]
    Try(TryArgs),
    /// Take entries over from a CSV file: question, keywords, about, answer, language, enabled
    #[command(
        after_help = "An entry whose question is there already is changed, others are added. A running daemon answers with \
        them\nwithin seconds. When a line does not hold, nothing is taken over."
    )]
    Import(ImportArgs),
    /// Write the entries of the table out as CSV
    Export(TenantArgs),
    /// Print ten entries to begin with, for a trade
    #[command(after_help = "Example:\n  palabre faq template beauty > faq.csv      # change the answers, then:\n  \
        palabre faq import --tenant institut-belle faq.csv")]
    Template(TemplateArgs),
    /// Show what no entry answered, alike messages together
    Unanswered(UnansweredArgs),
}

#[derive(Debug, Args)]
pub(super) struct TenantArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Of this tenant; may be left out when there is only one
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct TryArgs {
    #[command(flatten)]
    of: TenantArgs,
    /// What a customer would write
    text: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    of: TenantArgs,
    /// The file; `-` reads standard input
    path: PathBuf,
    /// Delete the entries of the table that the file does not have
    #[arg(long)]
    replace: bool,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct TemplateArgs {
    /// The trade
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TRADES))]
    trade: String,
    /// In which language
    #[arg(long, value_enum, default_value_t = Tongue::Fr)]
    language: Tongue,
}

#[derive(Debug, Args)]
pub(super) struct UnansweredArgs {
    #[command(flatten)]
    of: TenantArgs,
    /// Of so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days: u16,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Show what was written; counts alone are shown otherwise
    #[arg(long)]
    reveal: bool,
}

pub(super) fn run(command: &FaqCommand) -> u8 {
    match command {
        FaqCommand::Try(args) => try_out(args),
        FaqCommand::Template(args) => {
            let language: Language = args.language.into();
            say(format_args!("{}", faq::template(&args.trade, language).unwrap_or_default().trim_end()));
            exit::OK
        }
        FaqCommand::Import(args) => on(&args.of.file, async |operator, config| {
            let Some((tenant, rules)) = meant(args.of.tenant.as_deref(), &config) else { return Ok(exit::FOUND_WRONG) };
            let csv = match read(&args.path) {
                Ok(csv) => csv,
                Err(error) => {
                    complain_about(format_args!("{}: {error}", args.path.display()));
                    return Ok(exit::FAILED);
                }
            };
            let how = (args.replace, args.dry_run);
            let imported =
                faq::import(&Caller::command_line(), &operator, (&tenant, rules), &csv, how, Utc::now()).await?;
            Ok(told(&imported, args.dry_run))
        }),
        FaqCommand::Export(args) => on(&args.file, async |operator, config| {
            let Some((tenant, _)) = meant(args.tenant.as_deref(), &config) else { return Ok(exit::FOUND_WRONG) };
            let csv = faq::export(&Caller::command_line(), &operator, &tenant).await?;
            say(format_args!("{}", csv.trim_end()));
            Ok(exit::OK)
        }),
        FaqCommand::Unanswered(args) => on(&args.of.file, async |operator, config| {
            let Some((tenant, rules)) = meant(args.of.tenant.as_deref(), &config) else { return Ok(exit::FOUND_WRONG) };
            let since = Utc::now() - TimeDelta::days(i64::from(args.days));
            let groups = faq::unanswered(&Caller::command_line(), &operator, (&tenant, rules), since).await?;
            let mut groups: Vec<UnansweredItem> = groups.iter().map(UnansweredItem::of).collect();
            if !args.reveal {
                groups.iter_mut().for_each(|group| group.examples.clear());
            }
            if args.json {
                say(format_args!("{}", serde_json::to_string_pretty(&groups).unwrap_or_default()));
                return Ok(exit::OK);
            }
            if groups.is_empty() {
                say(format_args!("every message of the last {} days got an answer", args.days));
            }
            for group in groups {
                let UnansweredItem { count, customers, last, examples } = group;
                say(format_args!("{count:>4} of {customers} customers, last {last}  {}", examples.join(" · ")));
            }
            Ok(exit::OK)
        }),
    }
}

fn try_out(args: &TryArgs) -> u8 {
    let Some(config) = load_without_secrets(&args.of.file.config) else { return exit::FOUND_WRONG };
    let Some((tenant, rules)) = meant(args.of.tenant.as_deref(), &config) else { return exit::FOUND_WRONG };
    let has_table = config
        .database
        .url
        .strip_prefix("sqlite://")
        .is_none_or(|file| file.split('?').next().is_some_and(|file| Path::new(file).exists()));
    let caller = Caller::command_line();
    if !has_table {
        // Nothing is awaited without a store.
        let tried = faq::try_out(&caller, None, (&tenant, rules), &args.text, Utc::now()).now_or_never();
        return tried.and_then(Result::ok).map_or(exit::FAILED, |tried| print(&tried, args.json));
    }
    on(&args.of.file, async |operator, config| {
        let Some((tenant, rules)) = meant(args.of.tenant.as_deref(), &config) else { return Ok(exit::FOUND_WRONG) };
        let tried = faq::try_out(&caller, Some(&operator), (&tenant, rules), &args.text, Utc::now()).await?;
        Ok(print(&tried, args.json))
    })
}

fn print(tried: &Tried, json: bool) -> u8 {
    let told = FaqTried::of(tried);
    if json {
        say(format_args!("{}", serde_json::to_string_pretty(&told).unwrap_or_default()));
        return exit::OK;
    }
    match told.outcome {
        "answered" => {
            told.entries.iter().for_each(|entry| say(format_args!("answers: {} ({})", entry.question, entry.id)))
        }
        "offered" => {
            say(format_args!("unsure; offers a menu:"));
            for (at, entry) in told.entries.iter().enumerate() {
                say(format_args!("  {} {} ({})", at + 1, entry.question, entry.id));
            }
        }
        _ => say(format_args!("no entry answers")),
    }
    say(format_args!("decided by the rule {} ({}):", told.rule, told.reason));
    match told.texts.as_slice() {
        [] => say(format_args!("  nothing is written")),
        texts => texts.iter().flat_map(|text| text.lines()).for_each(|line| say(format_args!("  {line}"))),
    }
    let concepts: Vec<String> =
        told.concepts.iter().map(|concept| format!("{} {}", concept.name, concept.score)).collect();
    say(format_args!(
        "asks for: {}",
        if concepts.is_empty() { "nothing that is known".to_owned() } else { concepts.join(", ") }
    ));
    for score in &told.scores {
        say(format_args!("  {:>3}  {} ({})", score.score, score.question, score.id));
    }
    exit::OK
}

/// The tenant that is named, or the only one. Says so when there is none.
fn meant<'c>(named: Option<&str>, config: &'c Config) -> Option<(TenantId, &'c Rules)> {
    let found = match (named, config.tenants.as_slice()) {
        (Some(named), tenants) => tenants.iter().find(|tenant| tenant.id.as_str() == named),
        (None, [only]) => Some(only),
        (None, _) => {
            complain_about(format_args!("name a tenant: --tenant ID"));
            return None;
        }
    };
    if found.is_none() {
        complain_about(format_args!("{}", names::no_tenant(named.unwrap_or_default(), config)));
    }
    found.map(|tenant| (tenant.id.clone(), &*tenant.rules))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path);
    }
    let mut csv = Vec::new();
    std::io::stdin().read_to_end(&mut csv)?;
    Ok(csv)
}

fn told(imported: &Imported, dry_run: bool) -> u8 {
    for (line, problem) in &imported.problems {
        complain_about(format_args!("line {line}: {problem}"));
    }
    if !imported.problems.is_empty() {
        complain_about(format_args!("nothing was taken over"));
        return exit::FOUND_WRONG;
    }
    let Imported { added, changed, unchanged, removed, .. } = imported;
    let would = if dry_run { "would be: " } else { "" };
    say(format_args!("{would}{added} added, {changed} changed, {unchanged} as before, {removed} deleted"));
    exit::OK
}
