//! A real Alertmanager has its alerts told by the daemon.

use std::process::{Child, Command, Stdio};

use palabre_testbed::lasting_port;
use serde_json::json;
use tempfile::TempDir;

use crate::daemon::{BREATH, Setup, Waiting, World};

const KEY: &str = "key-of-the-alerts-0123456789";

/// It ends with its owner.
struct Alertmanager {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Alertmanager {
    /// One whose only receiver is what the sample has for Palabre, at another place.
    fn start(url: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), lasting_port());
        std::fs::write(folder.path().join("key"), KEY).expect("a file");
        let config = format!(
            "route: {{ receiver: palabre, group_by: [alertname], group_wait: 50ms, group_interval: 100ms }}\nreceivers:\n  - name: palabre\n    \
             webhook_configs:\n      - url: {url:?}\n        send_resolved: true\n        http_config: {{ authorization: {{ credentials_file: {:?} }} }}\n",
            folder.path().join("key").display().to_string()
        );
        std::fs::write(folder.path().join("alertmanager.yml"), config).expect("a file");
        let process = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", folder.path().join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("a file"))
            .spawn()
            .expect("prometheus-alertmanager is there: run .ci/prepare");
        Self { folder, port, process }
    }

    /// As Prometheus posts it; `over`: it has ended.
    async fn post(&self, over: bool) {
        let now = chrono::Utc::now();
        let mut alert = json!({
            "labels": { "alertname": "PalabreDiskFull", "severity": "page" },
            "annotations": { "summary": "The disk of the database is full", "runbook": "docs/operations.md#the-disk-is-full" },
            "startsAt": (now - chrono::TimeDelta::minutes(1)).to_rfc3339(),
        });
        if over {
            alert["endsAt"] = json!((now - chrono::TimeDelta::seconds(1)).to_rfc3339());
        }
        let client = reqwest::Client::new();
        let mut waiting = Waiting::begin();
        loop {
            let posted =
                client.post(format!("http://127.0.0.1:{}/api/v2/alerts", self.port)).json(&[&alert]).send().await;
            if posted.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(waiting.goes_on(), "{}", self.log());
            tokio::time::sleep(BREATH * 4).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn an_alert_and_its_end_reach_a_phone_through_palabre_itself() {
    let daemon =
        "[[api.keys]]\nname = \"alerts\"\nkey = { file = \"alerts.key\" }\ntenants = [\"belle\"]\nscopes = [\"send\"]";
    let mut world = World::asleep(&Setup { daemon: daemon.to_owned(), ..Setup::default() });
    world.write_secret("alerts.key", KEY);
    world.start_daemon();
    let url = format!("{}/api/v1/alerts/belle-sms?to=%2B33612345678", world.base_url());
    let alertmanager = Alertmanager::start(&url);
    let told = async |count: usize, words: &str| {
        let mut waiting = Waiting::begin();
        loop {
            let sends = world.twilio.sends();
            if sends.len() >= count {
                assert_eq!(sends.len(), count, "once");
                let sent = &sends[count - 1];
                assert!(sent.to == "+33612345678" && sent.body.contains(words), "{words}: {}", sent.body);
                return;
            }
            assert!(waiting.goes_on(), "{}\n{}", alertmanager.log(), world.logs());
            tokio::time::sleep(BREATH * 4).await;
        }
    };
    alertmanager.post(false).await;
    told(1, "page: PalabreDiskFull: The disk of the database is full").await;
    alertmanager.post(true).await;
    told(2, "over: PalabreDiskFull").await;
}
