//! Starts PostgreSQL, Redis and nginx for as many nodes as named, and runs `palabre torture` on them: see docs/torture.md. For a
//! chaos day, as root, also Prometheus, and disks that can be filled.
//!
//! Told: the program, the site file, how many nodes, and what else `palabre torture` is to be told.

use std::process::{Command, ExitCode};

use palabre_testbed::postgres::Options;
use palabre_testbed::rig::Rig;

fn main() -> Result<ExitCode, String> {
    let mut told = std::env::args().skip(1);
    let (Some(palabre), Some(site), Some(nodes)) = (told.next(), told.next(), told.next()) else {
        return Err("told: the program, the site file, how many nodes, what `palabre torture` is to be told".to_owned());
    };
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let site = read(&site)?;
    let nodes = nodes.parse().map_err(|error| format!("how many nodes: {error}"))?;
    let told: Vec<String> = told.collect();
    let rig = if told.iter().any(|word| word == "--chaos") {
        Rig::for_chaos(&site, &read("config/prometheus/alerts.yml")?, nodes)
    } else {
        Rig::start(&site, nodes, Options { durable: true })
    };
    let tortured =
        Command::new(palabre).arg("torture").args(rig.arguments()).args(told).envs(rig.environment()).status();
    let code = tortured.map_err(|error| error.to_string())?.code();
    // 1: a promise was broken.
    Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(70)))
}
