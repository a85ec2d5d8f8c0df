//! `palabre scenario run`: conversations as readable files, told to a tenant's rules with time that jumps.
//!
//! A file is Markdown; lines that begin with `- ` are the script, everything else is for people:
//!
//! ```text
//! now: 2026-11-30 10:00
//! - C: rdv manucure demain 15h
//! - B: Manucure mardi 1er décembre à 15:00…
//! - wait: 2h
//! - booked: manucure Awa 2026-12-01 15:00
//! ```

mod live;
mod script;
mod world;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::script::{Script, ScriptLine};
use self::world::World;
use super::{ConfigFile, complain_about, exit, load_without_secrets, say};
use crate::config::Config;

/// What to do with scenarios.
#[derive(Debug, Subcommand)]
pub(super) enum ScenarioCommand {
    /// Tell conversations to a tenant's rules, and compare what comes back
    #[command(after_help = "Examples:\n  \
        palabre scenario run tests/scenarios/*.md\n  \
        palabre scenario run my.md --tenant institut-belle\n\n\
        Nothing is sent and nothing is written; time passes as the file says. `- C: …` is what a customer writes, `- B: …` what \
        must come back (`…` at the end: anything more), `- B: (silence)`, `- wait: 2h`, `- booked: SERVICE WITH DAY TIME`, `- leads: N`, `- waiting: SERVICE STATE`, \
        `- orders: R12 M; 2 R15`, `- handler: human`; \
        `- A: …` is what the assistant will answer next (`(does not know)`, `(late)`).\n\
        Exit code 0: all of it came; 1: something else did.")]
    Run(RunArgs),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The tenant, where the file does not say `tenant: …`
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Scenarios
    #[arg(required = true, value_name = "FILE")]
    scenarios: Vec<PathBuf>,
}

pub(super) fn run(command: &ScenarioCommand) -> u8 {
    let ScenarioCommand::Run(args) = command;
    let Some(config) = load_without_secrets(&args.file.config) else { return exit::FOUND_WRONG };
    let mut code = exit::OK;
    for path in &args.scenarios {
        match play_file(path, args.tenant.as_deref(), &config) {
            Ok(lines) => say(format_args!("{}: {lines} lines, as written", path.display())),
            Err(wrong) => {
                complain_about(format_args!("{}:{wrong}", path.display()));
                code = exit::FOUND_WRONG;
            }
        }
    }
    code
}

/// Plays one file. Answers how many lines of script it has, or where it went another way.
fn play_file(path: &Path, tenant: Option<&str>, config: &Config) -> Result<usize, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!(" cannot be read: {error}"))?;
    play(&text, tenant, config)
}

fn play(text: &str, tenant: Option<&str>, config: &Config) -> Result<usize, String> {
    let script = Script::read(text)?;
    let id = script.tenant.as_deref().or(tenant).ok_or(" names no tenant: write `tenant: …`, or give --tenant")?;
    let tenant = config.tenants.iter().find(|tenant| tenant.id.as_str() == id);
    let tenant = tenant.ok_or_else(|| format!(" there is no tenant `{id}`"))?;
    let mut world = World::new(tenant, &script)?;
    for (number, line) in &script.lines {
        follow(&mut world, line).map_err(|wrong| format!("{number}: {wrong}"))?;
    }
    world.nothing_unheard().map_err(|wrong| format!(" {wrong}"))?;
    Ok(script.lines.len())
}

fn follow(world: &mut World<'_>, line: &ScriptLine) -> Result<(), String> {
    match line {
        ScriptLine::Says { who, text } => {
            world.nothing_unheard()?;
            world.say(who, text);
            Ok(())
        }
        ScriptLine::Hears { who, expected } => world.hears(who.as_deref(), expected),
        ScriptLine::Waits(time) => {
            world.nothing_unheard()?;
            world.wait(*time);
            Ok(())
        }
        ScriptLine::Booked(expected) => same("booked", expected, &world.booked()),
        ScriptLine::Leads(expected) => same("leads", &expected.to_string(), &world.leads.len().to_string()),
        ScriptLine::Waiting(expected) => same("waiting", expected, &world.waiting()),
        ScriptLine::Assistant(reply) => {
            world.assistant_says(reply.clone());
            Ok(())
        }
        ScriptLine::Orders(expected) => same("orders", expected, &world.orders()),
        ScriptLine::Handler(expected) => same("handler", expected, world.handler()),
    }
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::gateway::PROVIDERS;

    #[test]
    fn the_repository_s_scenarios_go_as_they_are_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tenants = root.join("tests/scenarios/tenants");
        let texts: Vec<(String, String)> = std::fs::read_dir(&tenants)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
            .collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let config = Config::from_toml_texts("", &texts, &Environment::default(), &PROVIDERS).unwrap().config;
        let mut wrong = Vec::new();
        let mut played = 0;
        for entry in std::fs::read_dir(root.join("tests/scenarios")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                played += 1;
                if let Err(error) = play_file(&path, None, &config) {
                    wrong.push(format!("{}:{error}", path.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert!(played >= 12, "{played} scenarios");
    }

    #[test]
    fn a_scenario_that_goes_another_way_says_where() {
        let tenant = include_str!("../../tests/scenarios/tenants/belle.toml");
        let config = Config::from_toml_texts("", &[("belle.toml", tenant)], &Environment::default(), &PROVIDERS);
        let config = config.unwrap().config;
        let told =
            |script: &str| play(&format!("now: 2026-11-30 10:00\n{script}"), Some("belle"), &config).unwrap_err();
        assert!(told("- C: rdv\n- B: Bonsoir").starts_with("3: B to C: \"Avec plaisir."));
        assert!(told("- C: rdv\n- C: 1").starts_with("3: C was told"));
        assert!(told("- C: rdv").starts_with(" C was told"));
        assert!(told("- X").starts_with("2: "));
        assert!(told("- C: rdv\n- B: (silence)").starts_with("3: B to C: \"Avec plaisir."));
    }
}
