//! Set-up checks of an e-mail channel: whether the server can be reached, has TLS, and takes the login.

use super::connection::{Failure, FailureKind, MailServer, Stage};
use super::{mailbox, settings};
use crate::config::Channel;
use crate::gateway::{Bilingual, SetupFinding, SetupLevel, Wiring};

pub(super) async fn run(channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let Ok(account) = settings(channel) else {
        return vec![SetupFinding::OF_ANOTHER_PROVIDER];
    };
    let domain = mailbox::wire(&channel.address).map(|address| address.domain().to_owned()).unwrap_or_default();
    let server = match MailServer::new(account, &domain) {
        Ok(server) => server,
        Err(_) => {
            return vec![wrong(
                ("the certificates of ca cannot be read", "les certificats de ca sont illisibles"),
                ("write the path of a PEM file", "écrire le chemin d'un fichier PEM"),
            )];
        }
    };
    let mut findings = vec![match server.probe().await {
        Ok(()) => SetupFinding {
            level: SetupLevel::Good,
            what: ("the mail server takes the login", "le serveur de courrier accepte la connexion"),
            todo: None,
        },
        Err(failure) => told(&failure),
    }];
    if wiring.public_base_url.is_none() {
        findings.push(SetupFinding {
            level: SetupLevel::Doubtful,
            what: (
                "http.public_base_url is not set: mails carry no link to unsubscribe",
                "http.public_base_url manque : les messages n'ont pas de lien de désinscription",
            ),
            todo: Some(("set it to the URL that people can open", "y mettre l'URL que chacun peut ouvrir")),
        });
    }
    findings
}

fn told(failure: &Failure) -> SetupFinding {
    match (failure.stage, &failure.kind) {
        (_, FailureKind::Tls) => wrong(
            (
                "the server offers no TLS, or its certificate is not believed",
                "le serveur n'offre pas TLS, ou son certificat n'est pas accepté",
            ),
            ("check host, port and security", "vérifier host, port et security"),
        ),
        (Stage::LoggingIn, FailureKind::TimedOut) => wrong(
            (
                "the mail server is there, but does not answer to the login",
                "le serveur de courrier est là, mais ne répond pas à l'identification",
            ),
            (
                "check username and password; some servers keep silent when they are wrong",
                "vérifier username et password ; certains serveurs se taisent quand ils sont faux",
            ),
        ),
        (Stage::LoggingIn, FailureKind::Broken) => wrong(
            ("the mail server hangs up at the login", "le serveur de courrier raccroche à l'identification"),
            ("check username and password", "vérifier username et password"),
        ),
        (Stage::LoggingIn, FailureKind::Unsupported) => wrong(
            (
                "the mail server offers no login that we know (PLAIN, LOGIN)",
                "le serveur de courrier n'offre aucune identification connue (PLAIN, LOGIN)",
            ),
            (
                "check security, or leave username and password out if it needs none",
                "vérifier security, ou retirer username et password s'il n'en faut pas",
            ),
        ),
        (Stage::LoggingIn, _) => wrong(
            ("the server refuses the login", "le serveur refuse la connexion"),
            ("check username and password", "vérifier username et password"),
        ),
        (_, FailureKind::TimedOut) => wrong(
            ("the mail server does not answer in time", "le serveur de courrier ne répond pas à temps"),
            (
                "check host, port and a firewall; a slow one needs a longer timeout",
                "vérifier host, port et le pare-feu ; un serveur lent demande un timeout plus long",
            ),
        ),
        (_, FailureKind::Said(_)) => wrong(
            ("the mail server is there, but turns us away", "le serveur de courrier est là, mais nous renvoie"),
            (
                "look whether this machine's address is blocked, or has too many connections",
                "voir si l'adresse de cette machine est bloquée, ou a trop de connexions",
            ),
        ),
        _ => wrong(
            ("the mail server cannot be reached", "le serveur de courrier est injoignable"),
            ("check host, port, the network and a firewall", "vérifier host, port, le réseau et le pare-feu"),
        ),
    }
}

fn wrong(what: Bilingual, todo: Bilingual) -> SetupFinding {
    SetupFinding { level: SetupLevel::Wrong, what, todo: Some(todo) }
}
