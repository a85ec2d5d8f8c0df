//! `palabre check`: everything that is wrong with a configuration, or what it sets up.

use std::io::{self, Write};
use std::path::Path;

use palabre_actors::domain::rules::Language;
use serde_json::{Value, json};

use super::exit;
use crate::config::{Channel, Config, ConfigErrors, Environment, Loaded, Place, Problem, Severity, Tenant};

/// What Twilio needs behind a webhook URL to try again: by default, its failed call is a lost message.
const RETRIES: &str = "#rc=5&rp=all";

/// Checks the configuration with the environment of this process and answers the exit code.
///
/// # Errors
/// `out` cannot be written.
pub fn run(config_path: &Path, json: bool, out: &mut impl Write) -> io::Result<u8> {
    run_with(config_path, &Environment::from_process(), json, out)
}

/// [`run`] with an environment of the caller's.
///
/// # Errors
/// `out` cannot be written.
pub fn run_with(config_path: &Path, environment: &Environment, json: bool, out: &mut impl Write) -> io::Result<u8> {
    let checked = Config::load(config_path, environment);
    if json {
        writeln!(out, "{:#}", as_json(&checked))?;
    } else {
        match &checked {
            Ok(loaded) => summary(loaded, out)?,
            Err(errors) => writeln!(out, "{errors}")?,
        }
    }
    out.flush()?;
    Ok(if checked.is_ok() { exit::OK } else { exit::FOUND_WRONG })
}

fn summary(Loaded { config, warnings }: &Loaded, out: &mut impl Write) -> io::Result<()> {
    for warning in warnings {
        writeln!(out, "{warning}")?;
    }
    for tenant in &config.tenants {
        let rules = tenant.rules.source();
        writeln!(out, "{} ({})", tenant.id, tenant.name)?;
        writeln!(out, "  speaks    {}, in {}", language(tenant), tenant.timezone)?;
        writeln!(
            out,
            "  limits    {} sends/s, {} a day, {} automatic answers a minute to one contact",
            tenant.limits.per_second, tenant.limits.per_day, rules.per_contact_per_minute
        )?;
        let (questions, sellers) = (counted(rules.faq.len(), "question"), counted(rules.sellers.len(), "seller"));
        writeln!(out, "  knows     {questions}, {sellers}")?;
        for channel in &tenant.channels {
            writeln!(out, "  channel   {} · {} · {}", channel.id, channel.provider.name(), channel.address)?;
            writeln!(out, "            {}", webhook(config, channel))?;
        }
        writeln!(out)?;
    }
    if config.tenants.iter().any(|tenant| !tenant.channels.is_empty()) {
        writeln!(
            out,
            "Paste each URL into the provider's \"when a message comes in\" setting, with what follows the #:"
        )?;
        writeln!(out, "it makes Twilio try again when this machine is away.")?;
        if config.http.public_base_url.is_some() {
            writeln!(out, "Status callbacks need no setting: every message names its own.")?;
        } else {
            writeln!(
                out,
                "Set http.public_base_url to see whole URLs here. Without it no message can name where its status"
            )?;
            writeln!(out, "goes: what is sent stays `sent`, delivered or not.")?;
        }
        writeln!(out)?;
    }
    let channels: usize = config.tenants.iter().map(|tenant| tenant.channels.len()).sum();
    writeln!(
        out,
        "ok: {}, {}, {}",
        counted(config.tenants.len(), "tenant"),
        counted(channels, "channel"),
        counted(warnings.len(), "warning")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn language(tenant: &Tenant) -> &'static str {
    match tenant.rules.source().language {
        Language::Fr => "fr",
        Language::En => "en",
    }
}

fn webhook(config: &Config, channel: &Channel) -> String {
    let base = config.http.public_base_url.as_deref().unwrap_or_default();
    format!("{base}/webhooks/{}/{}{RETRIES}", channel.provider.name(), channel.id)
}

fn as_json(checked: &Result<Loaded, ConfigErrors>) -> Value {
    let (config, problems) = match checked {
        Ok(loaded) => (Some(&loaded.config), &loaded.warnings),
        Err(errors) => (None, &errors.problems),
    };
    let of = |severity: Severity| -> Vec<Value> {
        problems.iter().filter(|problem| problem.severity == severity).map(problem_as_json).collect()
    };
    json!({
        "ok": config.is_some(),
        "errors": of(Severity::Error),
        "warnings": of(Severity::Warning),
        "tenants": config.map(|config| {
            config.tenants.iter().map(|tenant| tenant_as_json(config, tenant)).collect::<Vec<_>>()
        }),
    })
}

fn problem_as_json(problem: &Problem) -> Value {
    let (file, line, column, variable) = match &problem.place {
        Place::File(file) => (Some(file), None, None, None),
        Place::Line { file, line, column } => (Some(file), Some(line), Some(column), None),
        Place::Variable(name) => (None, None, None, Some(name)),
    };
    json!({
        "file": file,
        "line": line,
        "column": column,
        "variable": variable,
        "key": problem.key,
        "reason": problem.reason,
        "help": problem.help,
    })
}

fn tenant_as_json(config: &Config, tenant: &Tenant) -> Value {
    let rules = tenant.rules.source();
    let channels = tenant.channels.iter().map(|channel| {
        json!({
            "id": channel.id.as_str(),
            "provider": channel.provider.name(),
            "address": channel.address.to_string(),
            "webhook": webhook(config, channel),
        })
    });
    json!({
        "id": tenant.id.as_str(),
        "name": tenant.name,
        "language": language(tenant),
        "timezone": tenant.timezone.name(),
        "limits": {
            "per_second": tenant.limits.per_second,
            "per_contact_per_minute": rules.per_contact_per_minute,
            "per_day": tenant.limits.per_day,
        },
        "questions": rules.faq.len(),
        "sellers": rules.sellers.len(),
        "channels": channels.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
