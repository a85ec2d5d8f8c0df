//! Set-up checks of a Telegram channel: the token, the webhook, and whether what Telegram posts arrives.

use std::time::Duration;

use serde::Deserialize;

use super::call::{Api, CallError};
use super::{ALLOWED_UPDATES, NAME, UpdateSource, settings};
use crate::config::Channel;
use crate::gateway::{Bilingual, CHECK_TIME, SetupFinding, SetupLevel, Wiring};

/// `getMe`
#[derive(Deserialize)]
struct Me {
    id: i64,
    #[serde(default)]
    can_read_all_group_messages: bool,
}

/// `getWebhookInfo`: <https://core.telegram.org/bots/api#webhookinfo>
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
pub struct WebhookInfo {
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub pending_update_count: u64,
    #[serde(default)]
    pub last_error_date: Option<i64>,
    #[serde(default)]
    pub last_error_message: Option<String>,
    #[serde(default)]
    pub max_connections: Option<u32>,
    #[serde(default)]
    pub allowed_updates: Option<Vec<String>>,
}

/// Updates that wait; a moment's are a few.
const MANY_PENDING: u64 = 100;

const SET_WEBHOOK: Bilingual = ("run `palabre telegram set-webhook`", "lancer `palabre telegram set-webhook`");

pub(super) async fn run(channel: &Channel, wiring: Wiring<'_>) -> Vec<SetupFinding> {
    let Ok(bot) = settings(channel) else { return vec![SetupFinding::OF_ANOTHER_PROVIDER] };
    let Ok(api) = Api::new(wiring.client.clone(), bot) else { return vec![SetupFinding::OF_ANOTHER_PROVIDER] };
    let time = CHECK_TIME.min(bot.timeout);
    let mut findings = Vec::new();
    match me(&api, time).await {
        Err(finding) => return vec![finding],
        Ok(me) if me.id.to_string() != bot.id => findings.push(wrong(
            (
                "the token is another bot's than `address` names",
                "le jeton est celui d'un autre bot que celui d'`address`",
            ),
            (
                "`address` is `telegram:` and the number before the colon of the token",
                "`address` est `telegram:` et le nombre avant les deux-points du jeton",
            ),
        )),
        Ok(me) => {
            findings.push(good(("Telegram knows the bot", "Telegram connaît le bot")));
            if !bot.groups.is_empty() && !me.can_read_all_group_messages {
                findings.push(SetupFinding {
                    level: SetupLevel::Doubtful,
                    what: (
                        "the bot sees only commands and replies in groups: privacy mode is on",
                        "dans les groupes, le bot ne voit que les commandes et les réponses : le mode privé est actif",
                    ),
                    todo: Some((
                        "turn it off with /setprivacy at @BotFather",
                        "l'éteindre par /setprivacy chez @BotFather",
                    )),
                });
            }
        }
    }
    if let Ok(info) = webhook_info(&api, time).await {
        let expected = wiring.public_base_url.map(|base| webhook_url(base, channel));
        findings.extend(webhook(&info, bot.updates, expected.as_deref()));
    }
    findings
}

/// Where Telegram is to post a channel's updates.
pub(super) fn webhook_url(public_base_url: &str, channel: &Channel) -> String {
    format!("{public_base_url}/webhooks/{NAME}/{}", channel.id)
}

pub(super) async fn webhook_info(api: &Api, time: Duration) -> Result<WebhookInfo, CallError> {
    let read = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).ok();
    api.call_within(time, "getWebhookInfo", &serde_json::json!({}), read).await
}

async fn me(api: &Api, time: Duration) -> Result<Me, SetupFinding> {
    let read = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).ok();
    let me = api.call_within(time, "getMe", &serde_json::json!({}), read).await;
    me.map_err(|error| match error {
        CallError::Refused(refusal) if matches!(refusal.status, 401 | 403 | 404) => wrong(
            ("Telegram does not accept the bot's token", "Telegram n'accepte pas le jeton du bot"),
            (
                "compare bot_token with what /token of @BotFather says",
                "comparer bot_token avec ce que dit /token de @BotFather",
            ),
        ),
        CallError::Refused(_) => SetupFinding {
            level: SetupLevel::Doubtful,
            what: ("the Bot API does not work for the moment", "la Bot API ne marche pas pour l'instant"),
            todo: Some(("ask again later", "redemander plus tard")),
        },
        _ => wrong(
            ("the Bot API cannot be reached", "la Bot API est injoignable"),
            (
                "check the network, a firewall, and the channel's api_base_url",
                "vérifier le réseau, le pare-feu et l'api_base_url du canal",
            ),
        ),
    })
}

/// What is to be said of the webhook that Telegram has.
fn webhook(info: &WebhookInfo, updates: UpdateSource, expected: Option<&str>) -> Vec<SetupFinding> {
    if updates == UpdateSource::Poll {
        return if info.url.is_empty() {
            Vec::new()
        } else {
            let todo = ("run `palabre telegram delete-webhook`", "lancer `palabre telegram delete-webhook`");
            vec![wrong(
                ("the bot has a webhook, so it cannot be polled", "le bot a un webhook : on ne peut pas l'interroger"),
                todo,
            )]
        };
    }
    let Some(expected) = expected else {
        let todo = ("set it to the URL that Telegram can call", "y mettre l'URL que Telegram peut appeler");
        return vec![wrong(("http.public_base_url is not set", "http.public_base_url manque"), todo)];
    };
    let mut findings = Vec::new();
    if info.url.is_empty() {
        findings.push(wrong(("the bot has no webhook", "le bot n'a pas de webhook"), SET_WEBHOOK));
        return findings;
    }
    if info.url != expected {
        findings.push(wrong(("the bot's webhook is another URL", "le webhook du bot est une autre URL"), SET_WEBHOOK));
        return findings;
    }
    let asked: &[String] = info.allowed_updates.as_deref().unwrap_or_default();
    if ALLOWED_UPDATES.iter().any(|kind| !asked.iter().any(|known| known == kind)) {
        findings.push(wrong(
            (
                "Telegram was not asked for all kinds of updates: joins, leaves or payments would not be seen",
                "Telegram n'envoie pas toutes les mises à jour : des entrées, départs ou paiements ne se verraient pas",
            ),
            SET_WEBHOOK,
        ));
    }
    if info.pending_update_count > MANY_PENDING {
        findings.push(SetupFinding {
            level: SetupLevel::Doubtful,
            what: (
                "many updates wait at Telegram: they do not arrive, or more slowly than they come",
                "beaucoup de mises à jour attendent chez Telegram : elles n'arrivent pas, ou trop lentement",
            ),
            todo: Some(("`palabre telegram info` says why", "`palabre telegram info` dit pourquoi")),
        });
    }
    if info.last_error_message.is_some() {
        findings.push(SetupFinding {
            level: SetupLevel::Doubtful,
            what: (
                "Telegram could not deliver an update lately",
                "Telegram n'a pas pu livrer une mise à jour récemment",
            ),
            todo: Some(("`palabre telegram info` says why", "`palabre telegram info` dit pourquoi")),
        });
    }
    if findings.is_empty() {
        findings.push(good(("the webhook is set, and it arrives", "le webhook est réglé, et il arrive")));
    }
    findings
}

fn good(what: Bilingual) -> SetupFinding {
    SetupFinding { level: SetupLevel::Good, what, todo: None }
}

fn wrong(what: Bilingual, todo: Bilingual) -> SetupFinding {
    SetupFinding { level: SetupLevel::Wrong, what, todo: Some(todo) }
}
