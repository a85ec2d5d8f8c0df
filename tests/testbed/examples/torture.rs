//! Starts PostgreSQL, Redis and nginx for as many nodes as named, and runs `palabre torture` on them: see docs/torture.md.
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
    let site = std::fs::read_to_string(&site).map_err(|error| format!("{site}: {error}"))?;
    let nodes = nodes.parse().map_err(|error| format!("how many nodes: {error}"))?;
    let rig = Rig::start(&site, nodes, Options { durable: true });
    let tortured = Command::new(palabre).arg("torture").args(rig.arguments()).args(told).status();
    let code = tortured.map_err(|error| error.to_string())?.code();
    // 1: a promise was broken.
    Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(70)))
}
