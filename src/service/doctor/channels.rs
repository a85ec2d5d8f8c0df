//! Check of the channels: each provider is asked about its own.

use futures_util::future::join_all;

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::gateway::{self, Wiring};

const CHECK: &str = "channel";

pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let wiring = Wiring::without_files(client, of.config().http.public_base_url.as_deref());
    let checks = of.tenants().flat_map(|tenant| &tenant.channels).map(async |channel| {
        let Some(provider) = gateway::provider(channel.provider.name()) else { return Vec::new() };
        let found = provider.checks(channel, wiring).await;
        found.into_iter().map(|found| DoctorFinding::of_channel(channel.id.as_str(), found)).collect()
    });
    let mut findings: Vec<DoctorFinding> = join_all(checks).await.into_iter().flatten().collect();
    if findings.is_empty() {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text("there is no channel: nobody can write", "il n'y a pas de canal : personne ne peut écrire"),
            text(
                "add one to the tenant's file (`palabre tenant new`)",
                "en ajouter un au fichier du commerce (`palabre tenant new`)",
            ),
        ));
    }
    findings
}
