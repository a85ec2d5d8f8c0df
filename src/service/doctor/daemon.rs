//! Check of the running daemon: whether it answers, and what it says of its parts.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::finding::{DoctorFinding, text};
use super::{ASK_TIME, Installation};
use crate::config::Http;

const CHECK: &str = "daemon";

/// How often a daemon of which a part is not up is asked again, and after how long.
const ASKED_AGAIN: usize = 3;
const AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let http = &of.config().http;
    let address = Http::reached_at(http.admin_listen.unwrap_or(http.listen));
    let mut report = ask(client, address).await;
    // Each part has 300 ms to answer: one that was slow once is asked again.
    for _ in 0..ASKED_AGAIN {
        if report.as_ref().is_none_or(|report| report["status"] == "up") {
            break;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        report = ask(client, address).await.or(report);
    }
    let Some(report) = report.filter(|report| report["components"].is_object()) else {
        return vec![DoctorFinding::wrong(
            CHECK,
            text(format!("no daemon answers at {address}"), format!("aucun serveur ne répond à {address}")),
            text(
                "start it (`systemctl start palabre`); its log says why it does not run",
                "le démarrer (`systemctl start palabre`) ; son journal dit pourquoi il ne tourne pas",
            ),
        )];
    };
    let version = report["version"].as_str().unwrap_or_default();
    let own = env!("CARGO_PKG_VERSION");
    let mut findings = vec![DoctorFinding::good(
        CHECK,
        text(format!("version {version} runs"), format!("la version {version} tourne")),
    )];
    if version != own {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("this program is version {own}, the daemon {version}"),
                format!("ce programme est en version {own}, le serveur en {version}"),
            ),
            text("restart the daemon", "redémarrer le serveur"),
        ));
    }
    for (name, part) in report["components"].as_object().into_iter().flatten() {
        let reason = part["reason"].as_str().unwrap_or_default();
        let (what, todo) = (
            text(format!("not up: {reason}"), format!("ne va pas : {reason}")),
            text(
                "GET /api/health and the log say more; the handbook has a section for it",
                "GET /api/health et le journal en disent plus ; le manuel a une section pour cela",
            ),
        );
        let finding = match part["status"].as_str() {
            Some("up") => continue,
            Some("down") if part["critical"] == true => DoctorFinding::wrong(CHECK, what, todo),
            _ => DoctorFinding::doubtful(CHECK, what, todo),
        };
        findings.push(finding.about(name.as_str()));
    }
    findings
}

async fn ask(client: &reqwest::Client, address: SocketAddr) -> Option<Value> {
    let answer = client.get(format!("http://{address}/api/health")).timeout(ASK_TIME).send().await.ok()?;
    answer.json().await.ok()
}
