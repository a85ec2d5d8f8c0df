//! Check of the public URL: its name, its certificate, and whether this daemon answers behind it.

use palabre_actors::domain::Timestamp;
use reqwest::StatusCode;
use reqwest::tls::TlsInfo;
use serde_json::Value;
use url::Url;

use super::certificate::valid_until;
use super::finding::{DoctorFinding, DoctorText, text};
use super::{ASK_TIME, Installation};
use crate::config::Channel;
use crate::gateway::unreached;

const CHECK: &str = "public_url";

/// A certificate that ends sooner is not renewed by whoever should: Let's Encrypt's are renewed 30 days before their end.
const RENEWED_DAYS: i64 = 14;

pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let Some(base) = of.config().http.public_base_url.as_deref() else {
        return vec![DoctorFinding::doubtful(
            CHECK,
            text("http.public_base_url is not set", "http.public_base_url manque"),
            text("set it to the URL that providers call", "y mettre l'URL que les fournisseurs appellent"),
        )];
    };
    let mut findings = health(base, client, of.now).await;
    if findings.iter().all(|found| found.level != crate::gateway::SetupLevel::Wrong) {
        findings.extend(path(of, base, client).await);
        findings.push(DoctorFinding::good(
            CHECK,
            text(
                format!("to be sure, from another network: `curl -sSi {base}/healthz` says 200 and \"alive\""),
                format!("pour en être sûr, depuis un autre réseau : `curl -sSi {base}/healthz` dit 200 et « alive »"),
            ),
        ));
    }
    findings
}

/// What is seen of the certificate of a public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSeen {
    /// It is believed, until then if that can be read.
    Believed(Option<Timestamp>),
    NotBelieved,
}

/// Looks at the certificate of a public URL. `None`: none is used, or nobody answers.
pub async fn certificate_of(base: &str, client: &reqwest::Client) -> Option<CertificateSeen> {
    if !base.starts_with("https://") {
        return None;
    }
    match client.get(format!("{base}/healthz")).timeout(ASK_TIME).send().await {
        Ok(answer) => Some(CertificateSeen::Believed(ends(&answer))),
        Err(error) => (unreached::why(&error) == unreached::NO_TLS).then_some(CertificateSeen::NotBelieved),
    }
}

/// When the certificate of who answered ends.
fn ends(answer: &reqwest::Response) -> Option<Timestamp> {
    answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).and_then(valid_until)
}

/// `/healthz` through the public URL.
async fn health(base: &str, client: &reqwest::Client, now: Timestamp) -> Vec<DoctorFinding> {
    let answer = match client.get(format!("{base}/healthz")).timeout(ASK_TIME).send().await {
        Ok(answer) => answer,
        Err(error) => return vec![unreachable(base, &error)],
    };
    let ends = ends(&answer);
    let status = answer.status();
    let body: Option<Value> = answer.json().await.ok();
    let is_ours = status == StatusCode::OK && body.is_some_and(|body| body["status"] == "alive");
    if !is_ours {
        let status = status.as_u16();
        return vec![DoctorFinding::wrong(
            CHECK,
            text(
                format!("{base}/healthz answers {status}, and not as this daemon does"),
                format!("{base}/healthz répond {status}, et non comme ce serveur"),
            ),
            text(
                "look whether the daemon runs, and where the proxy passes /healthz on to",
                "regarder si le serveur tourne, et vers où le proxy transmet /healthz",
            ),
        )];
    }
    let mut findings = vec![DoctorFinding::good(
        CHECK,
        text(format!("the daemon answers at {base}"), format!("le serveur répond à {base}")),
    )];
    findings.extend(ends.map(|ends| certificate(ends, now)));
    findings
}

fn certificate(ends: Timestamp, now: Timestamp) -> DoctorFinding {
    let days = (ends - now).num_days();
    let what = text(
        format!("its certificate is believed, for {days} days to come"),
        format!("son certificat est accepté, pour {days} jours encore"),
    );
    if days >= RENEWED_DAYS {
        return DoctorFinding::good(CHECK, what);
    }
    let todo = text(
        "look why it is not renewed by itself (`certbot renew --dry-run`, the log of Caddy)",
        "regarder pourquoi il n'est pas renouvelé tout seul (`certbot renew --dry-run`, le journal de Caddy)",
    );
    DoctorFinding::doubtful(CHECK, what, todo)
}

fn unreachable(base: &str, error: &reqwest::Error) -> DoctorFinding {
    let host = Url::parse(base).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let (what, todo): (DoctorText, DoctorText) = match unreached::why(error) {
        unreached::NO_NAME => (
            text(format!("the name {host} has no address"), format!("le nom {host} n'a pas d'adresse")),
            text(
                "create its A or AAAA record, or mend http.public_base_url",
                "créer son enregistrement A ou AAAA, ou corriger http.public_base_url",
            ),
        ),
        unreached::NO_TLS => (
            text(
                format!("the certificate of {host} is not believed: {}", why_not_believed(error)),
                format!("le certificat de {host} n'est pas accepté : {}", why_not_believed(error)),
            ),
            text(
                "renew it, and let the proxy send the whole chain (`fullchain.pem`)",
                "le renouveler, et faire envoyer toute la chaîne par le proxy (`fullchain.pem`)",
            ),
        ),
        word => (
            text(
                format!("{base} cannot be reached from this machine ({word})"),
                format!("{base} est injoignable depuis cette machine ({word})"),
            ),
            text(
                format!(
                    "try `curl -sSi {base}/healthz` here and from another network: where only the other one works, this network \
                     does not lead back to itself, and providers are not concerned"
                ),
                format!(
                    "essayer `curl -sSi {base}/healthz` ici et depuis un autre réseau : si seul l'autre marche, ce réseau ne \
                     revient pas à lui-même, et les fournisseurs ne sont pas touchés"
                ),
            ),
        ),
    };
    DoctorFinding::wrong(CHECK, what, todo)
}

/// rustls' own words, which name no more than the host.
fn why_not_believed(error: &reqwest::Error) -> String {
    unreached::cause::<rustls::Error>(error).map_or_else(|| "no TLS is spoken there".to_owned(), ToString::to_string)
}

/// Whether the paths of webhooks arrive as they are.
async fn path(of: &Installation<'_>, base: &str, client: &reqwest::Client) -> Option<DoctorFinding> {
    let channel: &Channel = of.tenants().flat_map(|tenant| &tenant.channels).next()?;
    let path = format!("/webhooks/{}/{}/status-check", channel.provider.name(), channel.id);
    let answer = client.get(format!("{base}{path}")).timeout(ASK_TIME).send().await;
    let is_there = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
    Some(if is_there {
        DoctorFinding::good(
            CHECK,
            text("the paths of webhooks arrive as they are", "les chemins des webhooks arrivent tels quels"),
        )
    } else {
        DoctorFinding::wrong(
            CHECK,
            text(format!("{base}{path} is not passed on"), format!("{base}{path} n'est pas transmis")),
            text(
                "let the proxy pass /webhooks/ on with path and query unchanged (config/nginx/palabre.conf)",
                "faire transmettre /webhooks/ par le proxy, chemin et paramètres inchangés (config/nginx/palabre.conf)",
            ),
        )
    })
}
