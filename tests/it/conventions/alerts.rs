//! Alerts and dashboards: each uses metrics that the code writes; alerts lead to words about what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::docs::headings;
use super::tree::Tree;

const FILE: &str = "config/prometheus/alerts.yml";
const DASHBOARDS: &str = "config/grafana/";

/// What an operator must hear of without asking.
const MUST: [&str; 12] = [
    "palabre_channel_state{state=~\"open|half_open\"}",
    "palabre_channel_state{state=\"paused\"}",
    "palabre_access_stuck_chats_count",
    "palabre_audit_broken",
    "palabre_config_reload_refused",
    "palabre_outbox_dead_total",
    "palabre_outbox_unanswered_checks_total",
    "palabre_public_certificate_believed",
    "palabre_public_certificate_ends_seconds",
    "palabre_tenant_budget_alert",
    "palabre_tenant_day_used_ratio",
    "palabre_webhook_outcomes_total",
];

/// Alerts on metrics that nothing writes, alerts that lead nowhere, and what has none.
pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let text = tree.text(FILE).unwrap_or_default();
    let written = written(tree);
    let unwritten = asked_for(text).into_iter().filter(|name| !written.contains(name));
    let unwritten = unwritten.map(|name| format!("{FILE}: nothing writes {name}"));
    let boards = tree.with_ending(".json").filter(|(path, _)| path.starts_with(DASHBOARDS));
    let unseen = boards.flat_map(|(path, text)| {
        let asked = asked_for(text).into_iter().filter(|name| !written.contains(name));
        asked.map(|name| format!("{path}: nothing writes {name}")).collect::<Vec<_>>()
    });
    let unseen: Vec<String> = unseen.collect();
    let missing = MUST.iter().filter(|must| !text.contains(**must)).map(|must| format!("{FILE}: no alert on {must}"));
    let astray = text.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).filter_map(|runbook| {
        let (file, heading) = runbook.split_once('#').unwrap_or((runbook, ""));
        let leads = tree.text(file).is_some_and(|text| heading.is_empty() || headings(text).contains(heading));
        (!leads).then(|| format!("{FILE}: {runbook} leads nowhere"))
    });
    unwritten.chain(unseen).chain(missing).chain(astray).collect()
}

/// Metrics that expressions name, without what a histogram adds to its name.
fn asked_for(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("palabre_"));
    let bare = |name: &str| {
        // A histogram's count is told from a gauge of that name by its unit.
        let count = name.strip_suffix("_count").filter(|name| name.ends_with("_seconds") || name.ends_with("_rows"));
        name.strip_suffix("_bucket").or(count).unwrap_or(name).to_owned()
    };
    names.map(bare).collect()
}

/// Metrics that the sources write, by their names or those of their constants.
fn written(tree: &Tree) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    let (mut names, mut used) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
    for (path, text) in tree.with_ending(".rs") {
        if !path.starts_with("src/") && !path.starts_with("actors/src/") {
            continue;
        }
        for line in text.lines() {
            if let Some((name, value)) = line.split_once("const ").and_then(|(_, rest)| rest.split_once(": &str = \""))
            {
                names.entry(name.to_owned()).or_default().push(value.trim_end_matches("\";").to_owned());
            }
        }
        for kind in ["counter!(", "gauge!(", "histogram!("] {
            for call in text.split(kind).skip(1) {
                let first = call.split([',', ')']).next().unwrap_or_default().trim();
                match first.strip_prefix('"') {
                    Some(name) => written.insert(name.trim_end_matches('"').to_owned()),
                    None => used.insert(first.rsplit("::").next().unwrap_or(first).to_owned()),
                };
            }
        }
    }
    written.extend(used.iter().filter_map(|constant| names.get(constant)).flatten().cloned());
    written
}

#[test]
fn alerts_on_nothing_are_seen() {
    let must: String = MUST.iter().skip(1).map(|must| format!("expr: {must} > 0\n")).collect();
    let alerts = format!(
        "{must}expr: palabre_a_b_total > 1\nexpr: rate(palabre_a_c_seconds_bucket[5m]) > palabre_a_d + palabre_a_e\nrunbook: docs/a.md#what-now\nrunbook: docs/a.md#nothing\n"
    );
    let all: String = MUST
        .iter()
        .filter_map(|must| must.split('{').next())
        .map(|name| {
            let constant = name.to_uppercase();
            format!("pub const {constant}: &str = \"{name}\";\nfn f() {{ gauge!(metric::{constant}, \"a\" => 1); }}\n")
        })
        .collect();
    let source = "const B: &str = \"palabre_a_b_total\";\nconst C: &str = \"palabre_a_c_seconds\";\nconst D: &str = \"palabre_a_d\";\nfn g() { metrics::counter!(\n    B,\n); histogram!(names::C).record(1.0); gauge!(\"palabre_a_e\"); }\n";
    let tree = Tree::planted(&[
        (FILE, &alerts),
        ("docs/a.md", "# What now?\n"),
        ("src/a.rs", &all),
        ("actors/src/b.rs", source),
        ("tests/c.rs", "fn h() { gauge!(D); }"),
        ("config/grafana/a.json", "{\"expr\": \"palabre_a_b_total / palabre_a_c_seconds_count - palabre_a_f\"}"),
    ]);
    assert_eq!(
        complaints(&tree),
        [
            format!("{FILE}: nothing writes palabre_a_d"),
            "config/grafana/a.json: nothing writes palabre_a_f".to_owned(),
            format!("{FILE}: no alert on {}", MUST[0]),
            format!("{FILE}: docs/a.md#nothing leads nowhere"),
        ]
    );
}
