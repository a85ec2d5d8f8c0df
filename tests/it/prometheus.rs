//! Alerts and dashboards, read by Prometheus' own tool.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::daemon::{Waiting, World};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn promtool(told: &[&str]) {
    let said =
        Command::new("promtool").args(told).current_dir(ROOT).output().expect("promtool is there: run .ci/prepare");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "promtool {}: {}{}", told.join(" "), text(&said.stdout), text(&said.stderr));
}

/// `increase()` sees the first event of a counter alone that was there before it.
#[tokio::test]
async fn counters_are_there_with_0_before_anything_happens() {
    let world = World::start();
    // Dead letters are counted with the gauges, which are set a moment after the start.
    let (mut metrics, mut waiting) = (world.metrics().await, Waiting::begin());
    while !metrics.contains("palabre_outbox_dead_total{") && waiting.goes_on() {
        metrics = world.metrics().await;
    }
    for counter in [
        "palabre_outbox_sends_total{tenant=\"belle\",channel=\"belle\",",
        "palabre_conversation_turns_total{tenant=\"belle\",channel=\"belle\",",
        "palabre_outbox_dead_total{tenant=\"belle\",channel=\"belle\",",
        "palabre_outbox_delivered_total{tenant=\"belle\",channel=\"belle\"}",
        "palabre_webhook_outcomes_total{tenant=\"belle\",channel=\"belle\",",
        "palabre_ingress_accepted_total{kind=",
        "palabre_ingress_refused_total",
        "palabre_actor_panics_total{actor=",
        "palabre_process_panics_total",
        "palabre_payment_events_total{provider=\"stripe\",outcome=",
    ] {
        let mut lines = metrics.lines().filter(|line| line.starts_with(counter)).peekable();
        assert!(lines.peek().is_some() && lines.all(|line| line.ends_with(" 0")), "{counter}: {metrics}");
    }
}

#[test]
fn every_alert_fires_and_is_over_again() {
    promtool(&["check", "rules", "config/prometheus/alerts.yml"]);
    promtool(&["test", "rules", "tests/prometheus/alerts.yml"]);
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).expect("a file");
    let (alerts, tests) = (read("config/prometheus/alerts.yml"), read("tests/prometheus/alerts.yml"));
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let missing: Vec<&str> = names.filter(|name| tests.matches(&format!("alertname: {name}\n")).count() < 2).collect();
    assert!(
        missing.is_empty(),
        "tests/prometheus/alerts.yml says not when these fire and when they are over: {missing:?}"
    );
}

/// Every alert of a severity that the rules have goes somewhere.
#[test]
fn alertmanager_reads_the_sample_and_knows_where_each_severity_goes() {
    let amtool = |told: &[&str]| {
        let said = Command::new("amtool").args(told).current_dir(ROOT).output();
        let said = said.expect("amtool is there: run .ci/prepare");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(said.status.success(), "amtool {}: {}{}", told.join(" "), text(&said.stdout), text(&said.stderr));
        text(&said.stdout)
    };
    const SAMPLE: &str = "config/alertmanager/alertmanager.yml";
    amtool(&["check-config", SAMPLE]);
    for (severity, receivers) in [("page", "pager,palabre"), ("ticket", "desk")] {
        let route = ["config", "routes", "test", "--config.file", SAMPLE, &format!("severity={severity}")];
        assert_eq!(amtool(&route).trim(), receivers, "{severity}");
    }
    let alerts = std::fs::read_to_string(Path::new(ROOT).join("config/prometheus/alerts.yml")).expect("a file");
    let severities = alerts.lines().filter_map(|line| line.trim().strip_prefix("labels: { severity: "));
    assert!(severities.clone().count() > 40);
    assert!(severities.clone().all(|severity| ["page }", "ticket }"].contains(&severity)));
    let sample = std::fs::read_to_string(Path::new(ROOT).join(SAMPLE)).expect("a file");
    let inhibits = sample.split('"').filter(|text| text.starts_with("Palabre"));
    for name in inhibits.flat_map(|names| names.split('|')) {
        assert!(alerts.contains(&format!("- alert: {name}\n")), "{name}");
    }
}

/// Prometheus must understand every question of every dashboard.
#[test]
fn every_panel_asks_what_prometheus_understands() {
    let mut rules = "groups:\n  - name: panels\n    rules:\n".to_owned();
    let mut panels = 0;
    for entry in std::fs::read_dir(Path::new(ROOT).join("config/grafana")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let board: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("targets") {
                let expression = target["expr"].as_str().expect("an expression");
                let expression =
                    expression.replace("$__rate_interval", "5m").replace("$__range", "1d").replace("$tenant", ".*");
                assert!(!expression.contains('$'), "{}: {expression}", path.display());
                panels += 1;
                rules.push_str(&format!(
                    "      - record: panel:{panels}\n        expr: {}\n",
                    serde_json::to_string(&expression).expect("JSON")
                ));
            }
        }
    }
    assert!(panels > 40, "{panels}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("panels.yml");
    std::fs::write(&file, rules).expect("a file");
    promtool(&["check", "rules", &file.display().to_string()]);
}
