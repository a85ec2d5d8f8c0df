//! A short `palabre torture`: a few kills, one seed. The long one is run by hand (docs/torture.md).

use std::process::Command;

use palabre_testbed::postgres::Options;
use palabre_testbed::rig::Rig;
use serde_json::Value;

#[test]
fn killed_again_and_again_the_daemon_loses_and_repeats_nothing() {
    let told = ["torture", "--json", "--quiet", "--seed", "20261121", "--kills", "5", "--rate", "30"];
    let tortured = Command::new(env!("CARGO_BIN_EXE_palabre")).args(told).output().unwrap();
    let said = String::from_utf8_lossy(&tortured.stderr);
    let report: Value = serde_json::from_slice(&tortured.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(tortured.status.code(), Some(0), "{report:#}\n{said}");
    assert_eq!(report["holds"], true);
    assert_eq!(report["kills"], 5);
    assert_eq!(report["webhooks"]["messages"], report["webhooks"]["acknowledged"]);
    // It was no walk in the park.
    assert!(report["webhooks"]["unanswered"].as_u64() > Some(0), "{report:#}");
    assert!(report["webhooks"]["repeated"].as_u64() > Some(0), "{report:#}");
    assert!(report["faults"].as_object().is_some_and(|faults| faults.len() >= 3), "{report:#}");
    assert!(report["outcomes"]["silent_opted_out"].as_u64() > Some(0), "{report:#}");
}

#[test]
fn three_nodes_behind_nginx_lose_and_repeat_nothing_whatever_happens_to_their_servers() {
    let rig = Rig::start(include_str!("../../config/nginx/palabre.conf"), 3, Options::default());
    let told = ["torture", "--json", "--quiet", "--seed", "20261122", "--kills", "9", "--rate", "30"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let tortured = command.args(told).args(["--conversations", "20"]).args(rig.arguments()).output().unwrap();
    let said = String::from_utf8_lossy(&tortured.stderr);
    let report: Value = serde_json::from_slice(&tortured.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(tortured.status.code(), Some(0), "{report:#}\n{said}");
    assert_eq!((&report["holds"], &report["nodes"], &report["kills"]), (&true.into(), &3.into(), &9.into()));
    assert_eq!(report["webhooks"]["messages"], report["webhooks"]["acknowledged"]);
    // Everything was done to them at least once.
    assert_eq!(report["disturbed"].as_object().map(serde_json::Map::len), Some(6), "{report:#}");
    // So few write so much that somebody who said STOP goes on.
    assert!(report["outcomes"]["silent_opted_out"].as_u64() > Some(0), "{report:#}");
}

/// `PALABRE_CHAOS=10m` makes it a day of that length, as root, with all of `benches/chaos.sh` around it.
#[test]
fn on_a_short_chaos_day_every_promise_holds_and_every_fault_is_told() {
    const SITE: &str = include_str!("../../config/nginx/palabre.conf");
    const RULES: &str = include_str!("../../config/prometheus/alerts.yml");
    let long = std::env::var("PALABRE_CHAOS").ok();
    let rig = match long {
        Some(_) => Rig::for_chaos(SITE, RULES, 3),
        None => Rig::start(SITE, 3, Options::default()),
    };
    let lasts = long.as_deref().unwrap_or("5s");
    let told = ["torture", "--json", "--quiet", "--seed", "20261201", "--chaos", lasts, "--rate", "20"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    command.args(told).args(["--conversations", "20"]).args(rig.arguments()).envs(rig.environment());
    let tortured = command.output().unwrap();
    let said = String::from_utf8_lossy(&tortured.stderr);
    let report: Value = serde_json::from_slice(&tortured.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(tortured.status.code(), Some(0), "{report:#}\n{said}");
    let faults = report["told"].as_object().map(serde_json::Map::len);
    assert!(faults == Some(6) || long.is_some() && faults > Some(6), "{report:#}");
    assert!(report["kills"].as_u64() > Some(0) && report["webhooks"]["messages"].as_u64() > Some(0), "{report:#}");
    assert_eq!(report["webhooks"]["messages"], report["webhooks"]["acknowledged"]);
}

#[test]
fn a_breach_is_told_with_the_seed_and_the_folder_stays() {
    // No time at all: something is always left.
    let arguments = ["torture", "--json", "--quiet", "--seed", "1", "--kills", "0", "--settle-within", "1ms"];
    let tortured = Command::new(env!("CARGO_BIN_EXE_palabre")).args(arguments).output().unwrap();
    let report: Value = serde_json::from_slice(&tortured.stdout).unwrap();
    assert_eq!(tortured.status.code(), Some(1), "{report:#}");
    assert!(report["repeat"].as_str().is_some_and(|command| command.contains("--seed 1 ")), "{report:#}");
    let kept = report["kept"].as_str().unwrap();
    assert!(std::path::Path::new(kept).join("palabre.db").exists());
    std::fs::remove_dir_all(kept).unwrap();
}
