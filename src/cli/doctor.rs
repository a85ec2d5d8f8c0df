//! `palabre doctor`: what is wrong with an installation, and what to do about it.

use std::io::Write as _;

use chrono::Utc;
use clap::Args;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use serde_json::json;

use super::{ConfigFile, Tongue, complain, complain_about, exit, names, on_runtime, say};
use crate::config::Config;
use crate::gateway::{PROVIDERS, SetupLevel};
use crate::service::Caller;
use crate::service::doctor::{DoctorFinding, Installation, examine};

pub(super) const HELP: &str = "Nothing is changed and nothing is sent. It asks the daemon, the public URL, the database, and each provider's API, so run it\n\
    as the daemon's user, with the daemon's secrets in the environment. Exit codes: 0 all is well (doubts do not count),\n\
    1 something is wrong, 70 it could not run.";

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this tenant's channels, messages and payments
    #[arg(long)]
    tenant: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// In which language it is told
    #[arg(long, value_enum, default_value_t = Tongue::En)]
    language: Tongue,
}

/// Runs the command.
pub(super) fn run(args: &DoctorArgs) -> u8 {
    let language = args.language.into();
    let loaded = match Config::load_from_process(&args.file.config, &PROVIDERS) {
        Ok(loaded) => loaded,
        Err(errors) => {
            let found = errors.problems.iter().map(|problem| DoctorFinding::of_problem("configuration", problem));
            return tell(&found.collect::<Vec<_>>(), args.json, language);
        }
    };
    if let Some(named) = &args.tenant
        && loaded.config.tenants.iter().all(|tenant| tenant.id.as_str() != named)
    {
        complain_about(format_args!("{}", names::no_tenant(named, &loaded.config)));
        return exit::FOUND_WRONG;
    }
    let tenant = args.tenant.as_deref().map(TenantId::new);
    on_runtime(async {
        let (path, now) = (&args.file.config, Utc::now());
        let installation = Installation { path, loaded: &loaded, tenant: tenant.as_ref(), store: None, now };
        match examine(&Caller::command_line(), &installation).await {
            Ok(findings) => tell(&findings, args.json, language),
            Err(error) => complain(&error),
        }
    })
}

fn tell(findings: &[DoctorFinding], as_json: bool, language: Language) -> u8 {
    let is_ready = findings.iter().all(|found| found.level != SetupLevel::Wrong);
    if as_json {
        let shown: Vec<_> = findings
            .iter()
            .map(|found| {
                json!({
                    "check": found.check,
                    "subject": found.subject,
                    "level": level(found.level),
                    "what": found.what.of(language),
                    "todo": found.todo.as_ref().map(|todo| todo.of(language)),
                })
            })
            .collect();
        let _ = writeln!(std::io::stdout(), "{:#}", json!({ "ready": is_ready, "findings": shown }));
    } else {
        for found in findings {
            say(format_args!("{}  {}: {}", mark(found.level, language), name(found), found.what.of(language)));
        }
        conclude(findings, is_ready, language);
    }
    if is_ready { exit::OK } else { exit::FOUND_WRONG }
}

/// What to do, the worst first; or that there is nothing to do.
fn conclude(findings: &[DoctorFinding], is_ready: bool, language: Language) {
    let (ready, wrong, doubtful) = match language {
        Language::En => ("ready", "to do:", "worth a look:"),
        Language::Fr => ("prêt", "à faire :", "à regarder :"),
    };
    for (level, head) in [(SetupLevel::Wrong, wrong), (SetupLevel::Doubtful, doubtful)] {
        let mut todo = findings.iter().filter(|found| found.level == level).peekable();
        if todo.peek().is_some() {
            say(format_args!("\n{head}"));
        }
        for (number, found) in todo.enumerate() {
            let what = found.todo.as_ref().unwrap_or(&found.what).of(language);
            say(format_args!("  {}. {}: {what}", number + 1, name(found)));
        }
    }
    if is_ready {
        say(format_args!("\n{ready}"));
    }
}

fn name(found: &DoctorFinding) -> String {
    match &found.subject {
        Some(subject) => format!("{} {subject}", found.check),
        None => found.check.to_owned(),
    }
}

/// The word for scripts.
fn level(level: SetupLevel) -> &'static str {
    match level {
        SetupLevel::Good => "good",
        SetupLevel::Doubtful => "doubtful",
        SetupLevel::Wrong => "wrong",
    }
}

/// The word for people, of one width.
fn mark(level: SetupLevel, language: Language) -> &'static str {
    match (level, language) {
        (SetupLevel::Good, _) => "ok   ",
        (SetupLevel::Doubtful, Language::En) => "doubt",
        (SetupLevel::Wrong, Language::En) => "WRONG",
        (SetupLevel::Doubtful, Language::Fr) => "doute",
        (SetupLevel::Wrong, Language::Fr) => "FAUX ",
    }
}
