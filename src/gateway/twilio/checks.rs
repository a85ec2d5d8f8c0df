//! Set-up checks of a Twilio channel: whether its credentials open the account, and the account works.

use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::settings;
use crate::config::Channel;
use crate::gateway::{Bilingual, CHECK_TIME, SetupFinding, SetupLevel, Wiring};

const NO_CALLBACKS: Bilingual = (
    "http.public_base_url is not set: no message can say where its status goes, and what is sent stays `sent`",
    "http.public_base_url manque : aucun message ne peut dire où va son statut, et ce qui est envoyé reste « sent »",
);

#[derive(Deserialize)]
struct AccountResource {
    status: String,
}

pub(super) async fn run(channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let mut findings = vec![account(channel, wiring).await];
    if wiring.public_base_url.is_none() {
        let todo = ("set it to the URL that Twilio calls", "y mettre l'URL que Twilio appelle");
        findings.push(SetupFinding { level: SetupLevel::Doubtful, what: NO_CALLBACKS, todo: Some(todo) });
    }
    findings
}

/// Asks for the account itself: `GET {base}/2010-04-01/Accounts/{sid}.json`.
async fn account(channel: &Channel, wiring: Wiring<'_>) -> SetupFinding {
    let wrong = |what: Bilingual, todo: Bilingual| SetupFinding { level: SetupLevel::Wrong, what, todo: Some(todo) };
    let Ok(account) = settings(channel) else {
        return wrong(
            ("the settings are another provider's", "les réglages sont d'un autre fournisseur"),
            ("please report this", "merci de le signaler"),
        );
    };
    let url = format!("{}/2010-04-01/Accounts/{}.json", account.api_base_url, account.account_sid);
    let request = wiring.client.get(url).basic_auth(&account.account_sid, Some(account.auth_token.expose_secret()));
    let Ok(response) = request.timeout(CHECK_TIME.min(account.timeout)).send().await else {
        return wrong(
            ("Twilio's API cannot be reached", "l'API de Twilio est injoignable"),
            (
                "check the network, a firewall, and the channel's api_base_url",
                "vérifier le réseau, le pare-feu et l'api_base_url du canal",
            ),
        );
    };
    match response.status() {
        StatusCode::OK => match response.json::<AccountResource>().await {
            Ok(account) if account.status == "active" => SetupFinding {
                level: SetupLevel::Good,
                what: ("Twilio knows the account, and it is active", "Twilio connaît le compte, et il est actif"),
                todo: None,
            },
            Ok(_) => wrong(
                ("the account is suspended or closed", "le compte est suspendu ou fermé"),
                ("settle it in Twilio's console", "régler cela dans la console de Twilio"),
            ),
            Err(_) => wrong(
                ("what answers is not Twilio's API", "ce qui répond n'est pas l'API de Twilio"),
                ("check the channel's api_base_url", "vérifier l'api_base_url du canal"),
            ),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => wrong(
            ("Twilio refuses the credentials", "Twilio refuse les identifiants"),
            (
                "compare account_sid and auth_token (the primary one) with the first page of Twilio's console",
                "comparer account_sid et auth_token (le principal) avec la première page de la console de Twilio",
            ),
        ),
        _ => SetupFinding {
            level: SetupLevel::Doubtful,
            what: ("Twilio's API does not work for the moment", "l'API de Twilio ne marche pas pour l'instant"),
            todo: Some(("see Twilio's status page, and ask again", "voir la page d'état de Twilio, et redemander")),
        },
    }
}
