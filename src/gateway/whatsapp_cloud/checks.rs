//! Set-up checks of a Cloud API channel: whether its token opens the number, and the app is subscribed to its account.

use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{CloudSettings, settings};
use crate::config::Channel;
use crate::gateway::lenient::{List, Text};
use crate::gateway::{Bilingual, CHECK_TIME, SetupFinding, SetupLevel, Wiring};

/// The most of an answer that is read.
const MAX_REPLY_BYTES: usize = 256 * 1024;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Number<'a> {
    #[serde(borrow)]
    display_phone_number: Text<'a>,
    #[serde(borrow)]
    quality_rating: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Apps<'a> {
    #[serde(borrow)]
    data: List<Text<'a>>,
}

fn finding(level: SetupLevel, what: Bilingual, todo: Option<Bilingual>) -> SetupFinding {
    SetupFinding { level, what, todo }
}

pub(super) async fn run(channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let Ok(settings) = settings(channel) else {
        return vec![SetupFinding::OF_ANOTHER_PROVIDER];
    };
    let mut findings = number(channel, settings, wiring).await;
    if findings.iter().all(|found| found.level != SetupLevel::Wrong) {
        findings.push(subscription(settings, wiring).await);
    }
    findings
}

/// The body of an answer, or its status.
async fn asked(settings: &CloudSettings, wiring: Wiring<'_>, path: &str) -> Result<Vec<u8>, Option<StatusCode>> {
    let url = format!("{}/{path}", settings.api_base_url);
    let request = wiring.client.get(url).bearer_auth(settings.access_token.expose_secret());
    let response = request.timeout(CHECK_TIME.min(settings.timeout)).send().await.map_err(|_| None)?;
    if response.status() != StatusCode::OK {
        return Err(Some(response.status()));
    }
    let body = response.bytes().await.map_err(|_| None)?;
    Ok(body.slice(..body.len().min(MAX_REPLY_BYTES)).to_vec())
}

async fn number(channel: &Channel, settings: &CloudSettings, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let wrong = |what, todo| vec![finding(SetupLevel::Wrong, what, Some(todo))];
    let path = format!("{}?fields=display_phone_number,quality_rating", settings.phone_number_id);
    let answer = match asked(settings, wiring, &path).await {
        Ok(answer) => answer,
        Err(None) => {
            return wrong(
                ("Meta's API cannot be reached", "l'API de Meta est injoignable"),
                (
                    "check the network, a firewall, and the channel's api_base_url",
                    "vérifier le réseau, le pare-feu et l'api_base_url du canal",
                ),
            );
        }
        Err(Some(status)) if status.is_client_error() => {
            return wrong(
                (
                    "Meta refuses the token, or does not know the number's id",
                    "Meta refuse le jeton, ou ne connaît pas l'identifiant du numéro",
                ),
                (
                    "compare phone_number_id with API set-up in Meta's console, and make a lasting token of a system user",
                    "comparer phone_number_id avec la configuration de l'API chez Meta, et créer un jeton durable d'utilisateur système",
                ),
            );
        }
        Err(Some(_)) => {
            let what = ("Meta's API does not work for the moment", "l'API de Meta ne marche pas pour l'instant");
            return vec![finding(SetupLevel::Doubtful, what, Some(("ask again later", "redemander plus tard")))];
        }
    };
    let number: Number<'_> = serde_json::from_slice(&answer).unwrap_or_default();
    let digits: String = number.display_phone_number.or_empty().chars().filter(char::is_ascii_digit).collect();
    let mut findings = Vec::new();
    if digits.is_empty() || format!("+{digits}") == channel.address.path() {
        let what = ("Meta knows the number, and the token opens it", "Meta connaît le numéro, et le jeton l'ouvre");
        findings.push(finding(SetupLevel::Good, what, None));
    } else {
        findings.extend(wrong(
            ("phone_number_id is another number's than address", "phone_number_id est d'un autre numéro que address"),
            (
                "compare both with API set-up in Meta's console",
                "comparer les deux avec la configuration de l'API chez Meta",
            ),
        ));
    }
    if number.quality_rating.or_empty() == "RED" {
        findings.push(finding(
            SetupLevel::Doubtful,
            (
                "people block or report the number: its quality is low",
                "des gens bloquent ou signalent le numéro : sa qualité est basse",
            ),
            Some(("write less, and to people who asked for it", "écrire moins, et à ceux qui l'ont demandé")),
        ));
    }
    findings
}

async fn subscription(settings: &CloudSettings, wiring: Wiring<'_>) -> SetupFinding {
    let path = format!("{}/subscribed_apps", settings.business_account_id);
    let listed = asked(settings, wiring, &path).await;
    let apps = listed.as_deref().map(|body| serde_json::from_slice::<Apps<'_>>(body).unwrap_or_default());
    match apps {
        Ok(apps) if !apps.data.as_slice().is_empty() => finding(
            SetupLevel::Good,
            ("an app is subscribed to the account's webhooks", "une application est abonnée aux webhooks du compte"),
            None,
        ),
        Ok(_) => finding(
            SetupLevel::Wrong,
            (
                "no app is subscribed to the account: no webhook will come",
                "aucune application n'est abonnée au compte : aucun webhook ne viendra",
            ),
            Some((
                "POST {business_account_id}/subscribed_apps with the token, as the provider's page in docs shows",
                "faire POST {business_account_id}/subscribed_apps avec le jeton, comme le montre la page du fournisseur dans docs",
            )),
        ),
        Err(_) => finding(
            SetupLevel::Doubtful,
            ("the account's subscriptions cannot be read", "les abonnements du compte sont illisibles"),
            Some(("give the token whatsapp_business_management", "donner whatsapp_business_management au jeton")),
        ),
    }
}
