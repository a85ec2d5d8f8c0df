//! Set-up checks of a Twilio channel: whether its credentials open the account, the account works, and its messages come here.

use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Kind, REPEAT_OVERRIDE, TwilioAccount, routes, settings};
use crate::config::Channel;
use crate::gateway::{Bilingual, CHECK_TIME, RouteKind, SetupFinding, SetupLevel, Wiring};

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
    if findings.iter().all(|found| found.level == SetupLevel::Good) {
        findings.extend(webhook(channel, wiring).await);
    }
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
        return SetupFinding::OF_ANOTHER_PROVIDER;
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

/// Where Twilio posts a sender's messages.
enum WebhookUrl {
    /// Twilio does not say.
    Unreadable,
    /// The account has no such sender.
    NoSender,
    Set(Option<String>),
}

#[derive(Deserialize)]
struct NumberList {
    incoming_phone_numbers: Vec<NumberResource>,
}

#[derive(Deserialize)]
struct NumberResource {
    sms_url: Option<String>,
}

#[derive(Deserialize)]
struct SenderList {
    senders: Vec<SenderResource>,
}

#[derive(Deserialize)]
struct SenderResource {
    sender_id: String,
    webhook: Option<SenderWebhook>,
}

#[derive(Deserialize)]
struct SenderWebhook {
    callback_url: Option<String>,
}

#[derive(Deserialize)]
struct ServiceResource {
    inbound_request_url: Option<String>,
    #[serde(default)]
    use_inbound_webhook_on_number: bool,
}

/// Whether the sender's messages come here. `None`: without a public URL nobody knows where that is.
async fn webhook(channel: &Channel, wiring: Wiring<'_>) -> Option<SetupFinding> {
    let (kind, account) = Kind::of(&channel.provider)?;
    let base = wiring.public_base_url?;
    Some(match sender_webhook(kind, channel, account, wiring).await {
        WebhookUrl::Unreadable => finding(
            SetupLevel::Doubtful,
            (
                "Twilio does not say where the sender's messages go",
                "Twilio ne dit pas où vont les messages de l'expéditeur",
            ),
            Some((
                "compare the webhook in Twilio's console with the URL that `palabre check` prints",
                "comparer le webhook dans la console de Twilio avec l'URL que `palabre check` affiche",
            )),
        ),
        WebhookUrl::NoSender => finding(
            SetupLevel::Doubtful,
            (
                "the account's list does not have this sender (a number that Twilio lends for trying is on none)",
                "la liste du compte n'a pas cet expéditeur (un numéro que Twilio prête pour essayer n'est sur aucune)",
            ),
            Some((
                "compare address, and the webhook in Twilio's console with the URL that `palabre check` prints",
                "comparer address, et le webhook dans la console de Twilio avec l'URL que `palabre check` affiche",
            )),
        ),
        WebhookUrl::Set(url) => judged(kind, channel, base, url.as_deref().unwrap_or_default()),
    })
}

fn judged(kind: Kind, channel: &Channel, base: &str, url: &str) -> SetupFinding {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let own = format!("/webhooks/{}/{}", kind.provider(), channel.id);
    let shared = routes::OF_ALL.iter().chain(routes::OF_SMS);
    let shared = shared.filter(|route| matches!(route.kind, RouteKind::Messages(_))).map(|route| route.path);
    let is_here = url.strip_prefix(base).is_some_and(|path| shared.chain([own.as_str()]).any(|known| path == known));
    if !is_here {
        return finding(
            SetupLevel::Wrong,
            ("the sender's messages do not come here", "les messages de l'expéditeur n'arrivent pas ici"),
            Some((
                "paste the URL that `palabre check` prints into \"a message comes in\" in Twilio's console",
                "coller l'URL que `palabre check` affiche dans « a message comes in », dans la console de Twilio",
            )),
        );
    }
    if fragment != REPEAT_OVERRIDE.trim_start_matches('#') {
        return finding(
            SetupLevel::Doubtful,
            (
                "the webhook URL does not ask Twilio to try again: messages are lost while this machine is away",
                "l'URL du webhook ne demande pas à Twilio de réessayer : des messages se perdent si cette machine s'arrête",
            ),
            Some(("put `#rc=5&rp=all` behind the URL", "mettre `#rc=5&rp=all` derrière l'URL")),
        );
    }
    let what = ("the sender's messages come here", "les messages de l'expéditeur arrivent ici");
    finding(SetupLevel::Good, what, None)
}

fn finding(level: SetupLevel, what: Bilingual, todo: Option<Bilingual>) -> SetupFinding {
    SetupFinding { level, what, todo }
}

async fn sender_webhook(kind: Kind, channel: &Channel, account: &TwilioAccount, wiring: Wiring<'_>) -> WebhookUrl {
    let base = &account.api_base_url;
    // <https://www.twilio.com/docs/messaging/api>: services and senders have a host of their own.
    let messaging = base.replacen("//api.", "//messaging.", 1);
    if let Some(service) = &account.messaging_service_sid {
        match fetch::<ServiceResource>(&format!("{messaging}/v1/Services/{service}"), account, wiring).await {
            None => return WebhookUrl::Unreadable,
            Some(service) if !service.use_inbound_webhook_on_number => {
                return WebhookUrl::Set(service.inbound_request_url);
            }
            Some(_) => {}
        }
    }
    let wire = kind.wire(&channel.address);
    match kind {
        Kind::Sms => {
            let number = form_urlencoded::byte_serialize(wire.as_bytes()).collect::<String>();
            let sid = &account.account_sid;
            let url = format!("{base}/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json?PhoneNumber={number}");
            match fetch::<NumberList>(&url, account, wiring).await {
                None => WebhookUrl::Unreadable,
                Some(list) => list
                    .incoming_phone_numbers
                    .into_iter()
                    .next()
                    .map_or(WebhookUrl::NoSender, |number| WebhookUrl::Set(number.sms_url)),
            }
        }
        Kind::Whatsapp => {
            let url = format!("{messaging}/v2/Channels/Senders?Channel=whatsapp&PageSize=100");
            match fetch::<SenderList>(&url, account, wiring).await {
                None => WebhookUrl::Unreadable,
                Some(list) => {
                    let sender = list.senders.into_iter().find(|sender| sender.sender_id == wire);
                    sender.map_or(WebhookUrl::NoSender, |sender| {
                        WebhookUrl::Set(sender.webhook.and_then(|webhook| webhook.callback_url))
                    })
                }
            }
        }
    }
}

async fn fetch<T: DeserializeOwned>(url: &str, account: &TwilioAccount, wiring: Wiring<'_>) -> Option<T> {
    let request = wiring.client.get(url).basic_auth(&account.account_sid, Some(account.auth_token.expose_secret()));
    let response = request.timeout(CHECK_TIME.min(account.timeout)).send().await.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    response.json().await.ok()
}
