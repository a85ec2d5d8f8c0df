//! Tests of the configuration.

mod console;
mod delivery;
mod files;
mod flows;
mod layers;
mod mistakes;
mod mutations;
mod secrets;
mod together;
mod webhooks;

use super::{Config, ConfigErrors, Environment, Loaded, Location, Problem, Severity};
use crate::gateway::PROVIDERS;

/// A tenant that holds, as text.
const TENANT: &str = r#"replies.fallback = "Bien reçu."
id = "belle"
[[channels]]
id = "belle-wa"
provider = "twilio-whatsapp"
address = "whatsapp:+14155238886"
account_sid = "AC00000000000000000000000000000001"
auth_token = { env = "TOKEN" }
"#;

/// The secret that no output may show.
const SECRET: &str = "5ecret-0f-belle";

fn environment() -> Environment {
    Environment::from_iter([("TOKEN", SECRET)])
}

fn with(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().chain([("TOKEN", SECRET)]).collect()
}

fn load(main: &str, tenants: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    Config::from_toml_texts(main, tenants, &environment(), &PROVIDERS)
}

fn holds(main: &str, variables: &[(&str, &str)]) -> Config {
    match Config::from_toml_texts(main, &[("belle.toml", TENANT)], &with(variables), &PROVIDERS) {
        Ok(loaded) => loaded.config,
        Err(errors) => panic!("{errors}"),
    }
}

fn problems(main: &str, tenants: &[(&str, &str)]) -> Vec<Problem> {
    match load(main, tenants) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.problems,
    }
}

/// `error palabre.toml:2:1 reason | help`
fn told(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match &problem.place {
        Location::Line { file, line, column } => format!("{file}:{line}:{column}"),
        other => other.to_string(),
    };
    let help = problem.help.as_deref().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("{severity} {place} {}{help}", problem.reason)
}
