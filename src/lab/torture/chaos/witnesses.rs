//! Witnesses of a chaos day: the nodes' health, Prometheus' alerts, and `palabre doctor`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::fault::{ChaosFault, Told};
use crate::lab::torture::child;
use crate::lab::torture::installation::Node;

/// A node that does not answer within this time is down for whoever asks.
const ANSWER: Duration = Duration::from_secs(1);
/// The doctor asks others, who may take their time.
const EXAMINATION: Duration = Duration::from_secs(90);

/// What the doctor finds that is not well: checks, what they are about, and how bad it is.
pub(super) type Complaints = BTreeSet<(String, Option<String>, String)>;

/// Whom a chaos day asks.
pub(super) struct Witnesses {
    pub(super) client: reqwest::Client,
    /// Where the nodes listen.
    pub(super) ports: Vec<u16>,
    pub(super) prometheus: Option<Url>,
    pub(super) config: PathBuf,
    /// What the doctor found while all was well, by node.
    pub(super) usual: BTreeMap<usize, Complaints>,
}

impl Witnesses {
    /// Whether the nodes tell a fault, which may be one of this node.
    pub(super) async fn tell(&self, fault: &ChaosFault, node: usize) -> bool {
        match &fault.told {
            Told::ByAlert => self.alerts(fault).await == Some(true),
            Told::ByNoAnswer => match self.ports.get(node) {
                Some(port) => self.health(*port).await.is_none(),
                None => false,
            },
            Told::By(component) => {
                for port in &self.ports {
                    let report = self.health(*port).await;
                    if report.is_some_and(|report| is_told(&report, component)) {
                        return true;
                    }
                }
                false
            }
        }
    }

    /// Whether a fault's alert fires. `None`: Prometheus does not answer, or there is none.
    pub(super) async fn alerts(&self, fault: &ChaosFault) -> Option<bool> {
        let url = self.prometheus.as_ref()?.join("api/v1/alerts").ok()?;
        let told: Value = self.client.get(url).timeout(ANSWER).send().await.ok()?.json().await.ok()?;
        let mut alerts = told["data"]["alerts"].as_array()?.iter();
        Some(alerts.any(|alert| alert["state"] == "firing" && alert["labels"]["alertname"] == fault.alert.as_str()))
    }

    /// Whether `palabre doctor`, asked on a node's machine, names a fault that it does not find while all is well.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn names(&self, fault: &ChaosFault, (number, node): (usize, &Node)) -> io::Result<bool> {
        let usual = self.usual.get(&number).cloned().unwrap_or_default();
        let found = self.complaints(node).await?;
        let mut new = found.difference(&usual);
        Ok(new.any(|(check, about, _)| *check == fault.doctor || about.as_deref() == Some(fault.doctor.as_str())))
    }

    /// What `palabre doctor` finds on a node's machine that is not well.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn complaints(&self, node: &Node) -> io::Result<Complaints> {
        let mut doctor = child::command(&node.settings)?;
        doctor.args(["doctor", "--json", "--config"]).arg(&self.config).stdin(Stdio::null());
        let asked = tokio::task::spawn_blocking(move || doctor.output());
        let Ok(said) = tokio::time::timeout(EXAMINATION, asked).await else { return Ok(Complaints::new()) };
        let said: Value = serde_json::from_slice(&said.map_err(io::Error::other)??.stdout).unwrap_or_default();
        let findings = said["findings"].as_array().into_iter().flatten();
        let bad = findings.filter(|found| found["level"] != "good");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(bad
            .filter_map(|found| Some((text(&found["check"])?, text(&found["subject"]), text(&found["level"])?)))
            .collect())
    }

    async fn health(&self, port: u16) -> Option<Value> {
        let asked = self.client.get(format!("http://127.0.0.1:{port}/api/health")).timeout(ANSWER).send();
        asked.await.ok()?.json().await.ok()
    }
}

/// Whether a report says that a component is not up, or that messages wait beside the database.
fn is_told(report: &Value, component: &str) -> bool {
    let part = &report["components"][component];
    let waits = part["spool"]["records"].as_u64().is_some_and(|records| records > 0);
    waits || part["status"].as_str().is_some_and(|status| status != "up")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_component_tells_it_until_it_is_up_and_nothing_waits() {
        let report = |store: Value| json!({ "components": { "store": store } });
        assert!(is_told(&report(json!({ "status": "degraded" })), "store"));
        assert!(is_told(&report(json!({ "status": "up", "spool": { "records": 3 } })), "store"));
        assert!(!is_told(&report(json!({ "status": "up", "spool": { "records": 0 } })), "store"));
        assert!(!is_told(&report(json!({ "status": "down" })), "redis"));
    }
}
