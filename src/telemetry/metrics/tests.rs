//! Tests of metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

const HANDBOOK: &str = include_str!("../../../docs/operations.md");

#[test]
fn the_handbook_explains_every_metric() {
    for metric in CATALOGUE {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let row = format!("| `{}` | {kind} |", metric.name);
        assert!(HANDBOOK.contains(&row), "docs/operations.md has no row starting with {row}");
    }
}

#[test]
fn names_follow_the_rule_and_are_unique() {
    let mut seen = BTreeSet::new();
    for metric in CATALOGUE {
        assert!(seen.insert(metric.name), "{} stands twice", metric.name);
        assert!(looks_like_a_metric(metric.name), "{} is not palabre_<subsystem>_<noun>…", metric.name);
        assert!(metric.kind != MetricKind::Counter || metric.name.ends_with("_total"), "{}", metric.name);
    }
}

#[test]
fn every_metric_in_the_sources_is_in_the_catalogue() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    for folder in ["src", "actors/src"] {
        collect(&root.join(folder), &mut named);
    }
    let catalogue: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
    let missing: Vec<_> = named.iter().filter(|name| !catalogue.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "add to telemetry::metrics::CATALOGUE and to docs/operations.md: {missing:?}");
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["config/prometheus/alerts.yml", "config/grafana/palabre.json"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| w.starts_with("palabre_")) {
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|s| word.strip_suffix(s)).unwrap_or(word);
            let known = CATALOGUE.iter().any(|metric| metric.name == word || metric.name == name);
            assert!(known, "{file} asks for {word}, which nothing exports");
        }
    }
}

#[test]
fn installing_twice_gives_one_recorder() {
    let first = install().unwrap();
    ::metrics::counter!(WEBHOOK_STRAYS, "route" => "/installed-twice").increment(1);
    let second = install().unwrap();
    for exporter in [first, second] {
        let text = exporter.render();
        assert!(text.contains("palabre_webhook_strays_total{route=\"/installed-twice\"} 1"), "{text}");
        assert!(text.contains("# HELP palabre_webhook_strays_total"), "{text}");
        assert!(text.contains("palabre_process_uptime_seconds"), "{text}");
    }
}

#[test]
fn seconds_have_the_documented_buckets() {
    let exporter = install().unwrap();
    ::metrics::histogram!(HTTP_REQUEST_SECONDS, "route" => "/bucket-test").record(0.012);
    let text = exporter.render();
    assert!(text.contains("palabre_http_request_seconds_bucket{route=\"/bucket-test\",le=\"0.01\"} 0"), "{text}");
    assert!(text.contains("palabre_http_request_seconds_bucket{route=\"/bucket-test\",le=\"0.015\"} 1"), "{text}");
}

/// The crates' own names have two parts.
fn looks_like_a_metric(text: &str) -> bool {
    text.split('_').count() >= 3
        && text.starts_with("palabre_")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// String literals in Rust sources that look like names of metrics.
fn collect(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            into.extend(text.split('"').filter(|literal| looks_like_a_metric(literal)).map(str::to_owned));
        }
    }
}
