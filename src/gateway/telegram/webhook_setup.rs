//! The webhook that Telegram has of a bot: told, looked at, taken back.

use palabre_actors::ports::Pending;
use serde::Serialize;

use super::call::{Api, CallError};
use super::checks::{WebhookInfo, webhook_info, webhook_url};
use super::{ALLOWED_UPDATES, TelegramBot, UpdateSource, settings};
use crate::config::Channel;
use crate::gateway::Wiring;

/// Connections that Telegram opens at once; it allows 1 to 100.
const CONNECTIONS: u32 = 100;

/// Why a webhook was not told, looked at or taken back. Shows neither token nor URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the channel is not a Telegram bot's")]
    OtherProvider,
    #[error("updates = \"poll\": the bot has no webhook, Palabre asks for its updates")]
    Polled,
    #[error("http.public_base_url is not set: Telegram would not know where to post")]
    NoPublicUrl,
    #[error("http.public_base_url must begin with https://: Telegram posts nowhere else")]
    NotHttps,
    #[error("{0}")]
    Refused(String),
}

/// `setWebhook`: <https://core.telegram.org/bots/api#setwebhook>
#[derive(Serialize)]
struct SetWebhook<'a> {
    url: &'a str,
    secret_token: &'a str,
    max_connections: u32,
    allowed_updates: &'static [&'static str],
    drop_pending_updates: bool,
}

/// Tells Telegram where to post a channel's updates, and the secret that proves them. Answers the URL.
///
/// # Errors
/// [`WebhookError`]
pub fn set<'a>(
    channel: &'a Channel,
    wiring: Wiring<'a>,
    drop_pending: bool,
) -> Pending<'a, Result<String, WebhookError>> {
    Box::pin(async move {
        let (api, bot) = open(channel, wiring)?;
        let secret = bot.secret().filter(|_| bot.updates == UpdateSource::Webhook).ok_or(WebhookError::Polled)?;
        let base = wiring.public_base_url.ok_or(WebhookError::NoPublicUrl)?;
        // Something that stands in for Telegram may post where it likes.
        if !base.starts_with("https://") && bot.api_base_url.ends_with("telegram.org") {
            return Err(WebhookError::NotHttps);
        }
        let url = webhook_url(base, channel);
        let asked = SetWebhook {
            url: &url,
            secret_token: &secret,
            max_connections: CONNECTIONS,
            allowed_updates: ALLOWED_UPDATES,
            drop_pending_updates: drop_pending,
        };
        api.call("setWebhook", &asked, |_| Some(())).await.map_err(refused)?;
        Ok(url)
    })
}

/// What Telegram has.
///
/// # Errors
/// [`WebhookError`]
pub fn info<'a>(channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Result<WebhookInfo, WebhookError>> {
    Box::pin(async move {
        let (api, bot) = open(channel, wiring)?;
        webhook_info(&api, bot.timeout).await.map_err(refused)
    })
}

/// Takes the webhook back. Updates wait at Telegram for a day, unless they are dropped.
///
/// # Errors
/// [`WebhookError`]
pub fn delete<'a>(
    channel: &'a Channel,
    wiring: Wiring<'a>,
    drop_pending: bool,
) -> Pending<'a, Result<(), WebhookError>> {
    Box::pin(async move {
        let (api, _) = open(channel, wiring)?;
        let asked = serde_json::json!({ "drop_pending_updates": drop_pending });
        api.call("deleteWebhook", &asked, |_| Some(())).await.map_err(refused)
    })
}

fn open<'a>(channel: &'a Channel, wiring: Wiring<'a>) -> Result<(Api, &'a TelegramBot), WebhookError> {
    let bot = settings(channel).map_err(|_| WebhookError::OtherProvider)?;
    let api = Api::new(wiring.client.clone(), bot).map_err(|error| WebhookError::Refused(error.to_string()))?;
    Ok((api, bot))
}

fn refused(error: CallError) -> WebhookError {
    WebhookError::Refused(error.classified(true).detail)
}
