//! Set-up checks of a Green-API channel: whether its phone is linked, and its webhooks are switched on.

use palabre_actors::ports::Pending;
use reqwest::StatusCode;
use serde::Deserialize;

use super::{GreenGateway, NAME, settings};
use crate::config::Channel;
use crate::gateway::lenient::Text;
use crate::gateway::{Bilingual, CHECK_TIME, SetupFinding, SetupLevel, Wiring};

#[derive(Deserialize, Default)]
#[serde(default)]
struct InstanceState<'a> {
    #[serde(borrow, rename = "stateInstance")]
    state: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct InstanceSettings<'a> {
    #[serde(borrow, rename = "webhookUrl")]
    webhook_url: Text<'a>,
    #[serde(borrow, rename = "incomingWebhook")]
    incoming: Text<'a>,
    #[serde(borrow, rename = "outgoingWebhook")]
    statuses: Text<'a>,
    #[serde(borrow, rename = "outgoingMessageWebhook")]
    from_phone: Text<'a>,
    #[serde(borrow, rename = "stateWebhook")]
    states: Text<'a>,
}

fn finding(level: SetupLevel, what: Bilingual, todo: Option<Bilingual>) -> SetupFinding {
    SetupFinding { level, what, todo }
}

const SWITCH_ON: Bilingual = (
    "switch it on in the instance's settings in Green-API's console",
    "l'activer dans les réglages de l'instance, dans la console de Green-API",
);

pub(super) async fn run(channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let gateway = settings(channel).ok().and_then(|settings| GreenGateway::new(wiring.client.clone(), settings));
    let Some(gateway) = gateway else {
        let what = ("the settings are another provider's", "les réglages sont d'un autre fournisseur");
        return vec![finding(SetupLevel::Wrong, what, Some(("please report this", "merci de le signaler")))];
    };
    let mut findings = vec![state(&gateway).await];
    if findings.iter().all(|found| found.level != SetupLevel::Wrong) {
        findings.extend(webhooks(&gateway, channel, wiring).await);
    }
    findings
}

async fn asked(gateway: &GreenGateway, method: &str) -> Result<Vec<u8>, Option<StatusCode>> {
    let asking: Pending<'_, _> = Box::pin(gateway.get(method, 64 * 1024));
    match tokio::time::timeout(CHECK_TIME, asking).await {
        Ok(Ok(reply)) if reply.status == StatusCode::OK => Ok(reply.body.to_vec()),
        Ok(Ok(reply)) => Err(Some(reply.status)),
        _ => Err(None),
    }
}

async fn state(gateway: &GreenGateway) -> SetupFinding {
    let wrong = |what, todo| finding(SetupLevel::Wrong, what, Some(todo));
    let answer = match asked(gateway, "getStateInstance").await {
        Ok(answer) => answer,
        Err(None) => {
            return wrong(
                ("Green-API cannot be reached", "Green-API est injoignable"),
                (
                    "check the network, a firewall, and the channel's api_base_url",
                    "vérifier le réseau, le pare-feu et l'api_base_url du canal",
                ),
            );
        }
        Err(Some(status)) if status.is_client_error() => {
            return wrong(
                ("Green-API refuses the instance or its token", "Green-API refuse l'instance ou son jeton"),
                (
                    "compare instance_id and api_token with the instance in Green-API's console",
                    "comparer instance_id et api_token avec l'instance dans la console de Green-API",
                ),
            );
        }
        Err(Some(_)) => {
            return finding(
                SetupLevel::Doubtful,
                ("Green-API does not work for the moment", "Green-API ne marche pas pour l'instant"),
                Some(("ask again later", "redemander plus tard")),
            );
        }
    };
    match serde_json::from_slice::<InstanceState<'_>>(&answer).unwrap_or_default().state.or_empty() {
        "authorized" => finding(
            SetupLevel::Good,
            ("the phone is linked to the instance", "le téléphone est lié à l'instance"),
            None,
        ),
        "notAuthorized" => wrong(
            ("no phone is linked to the instance", "aucun téléphone n'est lié à l'instance"),
            (
                "scan the QR code of the instance in Green-API's console with the phone",
                "scanner avec le téléphone le code QR de l'instance dans la console de Green-API",
            ),
        ),
        "blocked" => wrong(
            ("WhatsApp banned the number", "WhatsApp a banni le numéro"),
            (
                "ask WhatsApp for a review, or use another number",
                "demander un réexamen à WhatsApp, ou changer de numéro",
            ),
        ),
        _ => finding(
            SetupLevel::Doubtful,
            ("the instance does not work for the moment", "l'instance ne marche pas pour l'instant"),
            Some(("look at its state in Green-API's console", "regarder son état dans la console de Green-API")),
        ),
    }
}

/// Where webhooks go, and which there are.
async fn webhooks(gateway: &GreenGateway, channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let Ok(answer) = asked(gateway, "getSettings").await else {
        let what = ("the instance's settings cannot be read", "les réglages de l'instance sont illisibles");
        return vec![finding(SetupLevel::Doubtful, what, Some(("ask again later", "redemander plus tard")))];
    };
    let set: InstanceSettings<'_> = serde_json::from_slice(&answer).unwrap_or_default();
    let mut findings = Vec::new();
    let url = set.webhook_url.or_empty();
    let own = format!("/webhooks/{NAME}/{}", channel.id);
    let here = wiring.public_base_url.is_none_or(|base| url.starts_with(base));
    if !here || !(url.ends_with(&own) || url.ends_with("/webhooks/greenapi")) {
        findings.push(finding(
            SetupLevel::Wrong,
            ("the instance's webhooks do not come here", "les webhooks de l'instance n'arrivent pas ici"),
            Some((
                "put the channel's URL, which `palabre check` prints, into webhookUrl, and webhook_token into webhookUrlToken",
                "mettre l'URL du canal, que `palabre check` affiche, dans webhookUrl, et webhook_token dans webhookUrlToken",
            )),
        ));
    }
    let off = |text: &Text<'_>| text.or_empty() != "yes";
    let table: [(bool, SetupLevel, Bilingual); 4] = [
        (
            off(&set.incoming),
            SetupLevel::Wrong,
            (
                "webhooks of incoming messages are off (incomingWebhook)",
                "les webhooks des messages reçus sont coupés (incomingWebhook)",
            ),
        ),
        (
            off(&set.from_phone),
            SetupLevel::Doubtful,
            (
                "the bot does not hear when somebody answers on the phone (outgoingMessageWebhook)",
                "le robot ne sait pas quand quelqu'un répond sur le téléphone (outgoingMessageWebhook)",
            ),
        ),
        (
            off(&set.statuses),
            SetupLevel::Doubtful,
            (
                "statuses are off: what is sent stays `sent` (outgoingWebhook)",
                "les statuts sont coupés : ce qui part reste « sent » (outgoingWebhook)",
            ),
        ),
        (
            off(&set.states),
            SetupLevel::Doubtful,
            (
                "nobody is told when the phone is unlinked (stateWebhook)",
                "personne n'apprend que le téléphone n'est plus lié (stateWebhook)",
            ),
        ),
    ];
    findings
        .extend(table.into_iter().filter(|row| row.0).map(|(_, level, what)| finding(level, what, Some(SWITCH_ON))));
    findings
}
