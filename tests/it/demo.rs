//! `palabre demo` and `palabre explain` as their users run them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn palabre(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_palabre")).args(arguments).env_remove("PALABRE_CONFIG").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn explain(folder: &Path, id: &str, more: &[&str]) -> Output {
    let config = folder.join("palabre.toml");
    palabre(&[&["explain", id, "--config", config.to_str().unwrap()], more].concat())
}

#[test]
fn every_invariant_holds_and_every_story_is_told() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("kept");
    let played = palabre(&["demo", "--json", "--keep", folder.to_str().unwrap()]);
    let summary: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(played.status.code(), Some(0), "{summary:#}\n{}", text(&played.stderr));
    assert_eq!(summary["holds"], true);
    assert_eq!(summary["invariants"].as_array().unwrap().len(), 13);
    let story = summary["invariants"].as_array().unwrap().iter().find(|verdict| verdict["name"] == "one person");
    assert!(story.is_some_and(|story| story["checked"].as_str().unwrap().contains("on 4 channels")), "{summary:#}");
    assert_eq!(summary["counts"]["duplicates"], 20);
    assert_eq!(summary["counts"]["rate_limited"], 5);

    let log = std::fs::read_to_string(folder.join("palabre.log")).unwrap();
    let flow = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let flow = flow.filter_map(|line| line["correlation.id"].as_str().map(str::to_owned)).next().unwrap();
    let told = explain(&folder, &flow, &["--json"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let story: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(story["correlation_id"], flow.as_str());
    let message = story["message"]["id"].as_str().unwrap();
    let masked = text(&explain(&folder, message, &[]).stdout);
    assert!(masked.contains(message) && masked.contains("webhook_received"), "{masked}");
    assert!(!masked.contains("+3363998") && masked.contains('…'), "{masked}");

    let unknown = explain(&folder, "SM00000000000000000000000000000000", &[]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("no message and no flow has this id"));

    let again = palabre(&["demo", "--keep", folder.to_str().unwrap()]);
    assert_ne!(again.status.code(), Some(0));
    assert!(text(&again.stderr).contains("holds a palabre already"));
}

#[test]
fn i13_a_members_life_ends_as_the_ledger_says() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("kept");
    let played = palabre(&["demo", "--access", "--json", "--keep", folder.to_str().unwrap()]);
    let summary: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(played.status.code(), Some(0), "{summary:#}\n{}", text(&played.stderr));
    assert_eq!((&summary["holds"], &summary["days"]), (&true.into(), &36.into()), "{summary:#}");
    assert_eq!(summary["checks"].as_array().unwrap().len(), 5);
    assert!(folder.join("palabre.db").exists());
}
