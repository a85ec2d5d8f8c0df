//! `palabre check`: everything that is wrong with a configuration, or what it sets up.

mod summary;

use std::io::{self, Write};
use std::path::Path;

use palabre_actors::domain::rules::Language;
use serde_json::{Value, json};

use super::exit;
use crate::config::{
    ApiKey, Channel, Config, ConfigErrors, Environment, Loaded, Location, Problem, Severity, Tenant, masked,
};
use crate::gateway::PROVIDERS;
use crate::gateway::channel_setup::webhook_url;

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
    let checked = Config::load(config_path, environment, &PROVIDERS);
    if json {
        writeln!(out, "{:#}", as_json(&checked))?;
    } else {
        match &checked {
            Ok(loaded) => summary::write(loaded, out)?,
            Err(errors) => writeln!(out, "{errors}")?,
        }
    }
    out.flush()?;
    Ok(if checked.is_ok() { exit::OK } else { exit::FOUND_WRONG })
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
    webhook_url(base, channel.provider.name(), channel.id.as_str())
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
        Location::File(file) => (Some(file), None, None, None),
        Location::Line { file, line, column } => (Some(file), Some(line), Some(column), None),
        Location::Variable(name) => (None, None, None, Some(name)),
    };
    json!({
        "file": file,
        "line": line,
        "column": column,
        "variable": variable,
        "key": masked(&problem.key),
        "reason": problem.reason,
        "help": problem.help,
    })
}

fn tenant_as_json(config: &Config, tenant: &Tenant) -> Value {
    let rules = tenant.rules.source();
    let budget = &tenant.budget;
    let templates = rules.templates.iter().map(
        |template| json!({ "name": template.name, "language": template.language, "variables": template.variables }),
    );
    json!({
        "id": tenant.id.as_str(),
        "name": tenant.name,
        "language": language(tenant),
        "timezone": tenant.timezone.name(),
        "country": tenant.country.map(|country| country.code()),
        "limits": {
            "per_second": tenant.limits.per_second,
            "per_contact_per_minute": rules.per_contact_per_minute,
            "per_day": tenant.limits.per_day,
        },
        "budget": budget.is_set().then(|| json!({
            "per_day_micros": budget.per_day_micros,
            "per_month_micros": budget.per_month_micros,
            "alert_at": budget.alert_at,
            "hard_stop": budget.hard_stop,
        })),
        "double_opt_in": rules.double_opt_in,
        "questions": rules.faq.len(),
        "sellers": rules.sellers.len(),
        "templates": templates.collect::<Vec<_>>(),
        "api_keys": keys_to(tenant, config).map(|key| json!({ "name": key.name, "scopes": scopes(key) })).collect::<Vec<_>>(),
        "channels": tenant.channels.iter().map(|channel| channel_as_json(config, channel)).collect::<Vec<_>>(),
    })
}

fn channel_as_json(config: &Config, channel: &Channel) -> Value {
    let account = &channel.provider;
    json!({
        "id": channel.id.as_str(),
        "provider": channel.provider.name(),
        "address": channel.address.to_string(),
        "webhook": webhook(config, channel),
        "api_base_url": account.api_base_url,
        "backup_api_base_url": account.backup_api_base_url,
        "fallback_channel": channel.profile.fallback.as_ref().map(|fallback| fallback.as_str()),
        "window_s": channel.profile.window.map(|window| window.as_secs()),
        "cost_micros": channel.profile.cost_micros,
    })
}

/// The keys that open a tenant.
fn keys_to<'c>(tenant: &Tenant, config: &'c Config) -> impl Iterator<Item = &'c ApiKey> {
    let id = tenant.id.clone();
    config.api.keys.iter().filter(move |key| key.tenants.include(&id))
}

fn scopes(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.iter().map(|scope| scope.as_str()).collect()
}

#[cfg(test)]
mod tests;
