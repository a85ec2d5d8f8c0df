//! Starts PostgreSQL, Redis and nginx for as many nodes as named, and runs `palabre torture` on them: see docs/torture.md.
//!
//! Told: the program, the site file, how many nodes, and what else `palabre torture` is to be told.

use std::process::{Command, ExitCode};

use palabre_testbed::postgres::Options;
use palabre_testbed::rig::Rig;

fn main() -> ExitCode {
    let mut told = std::env::args().skip(1);
    let (Some(palabre), Some(site), Some(nodes)) = (told.next(), told.next(), told.next()) else {
        eprintln!("told: the program, the site file, how many nodes, and what `palabre torture` is to be told");
        return ExitCode::FAILURE;
    };
    let (Ok(site), Ok(nodes)) = (std::fs::read_to_string(&site), nodes.parse()) else {
        eprintln!("no site file, or no number of nodes");
        return ExitCode::FAILURE;
    };
    let rig = Rig::start(&site, nodes, Options { durable: true });
    let tortured = Command::new(palabre).arg("torture").args(rig.arguments()).args(told).status();
    drop(rig);
    // 1: a promise was broken.
    let code = tortured.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(70))
}
