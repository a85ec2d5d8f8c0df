//! Telegram's Bot API: webhooks or long polling in, `sendMessage` and the calls of chat administrators out.
//!
//! In: [`TelegramReceiver`] believes a webhook by its secret token and decodes it (`update`, `decode`). Out:
//! [`TelegramGateway`] sends texts (`send`) and makes the calls that are not messages (`actions`), both through `call`, which
//! classifies what Telegram answers (`codes`). `config` reads a channel's keys, `checks` asks whether a set-up works, and
//! [`simulator`] is the other side of all that.

mod actions;
mod call;
mod chats;
mod checks;
pub mod codes;
mod config;
mod decode;
mod directory;
mod media;
mod poll;
mod send;
mod setup;
pub mod simulator;
mod split;
#[cfg(test)]
mod tests;
mod update;
pub mod webhook_setup;

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::ports::Pending;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

pub use self::checks::WebhookInfo;
pub use self::config::{TelegramBot, UpdateSource};
use self::decode::Reader;
pub use self::decode::{message_id, update_message_id};
pub use self::send::TelegramGateway;
pub use self::update::ALLOWED_UPDATES;
pub use self::webhook_setup::WebhookError;
use super::channel_setup::ChannelSetup;
use super::chat_directory::ChatDirectory;
use super::media::MediaSource;
use super::polling::Poller;
use super::simulator::Simulation;
use super::{
    Bilingual, ChannelConnection, Code, ConnectError, Provider, Received, Receiver, Rejection, SetupFinding,
    WebhookProtocol, WebhookRequest, Wiring,
};
use crate::config::Channel;
use crate::digest::one_fits;

/// The name in configuration, paths and metrics.
pub const NAME: &str = "telegram";

/// The header in which `secret_token` of `setWebhook` comes back.
pub const SECRET_HEADER: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");

/// A link that opens a bot with a payload: <https://core.telegram.org/bots/features#deep-linking>
fn start_link(username: &str, payload: &str) -> String {
    format!("https://t.me/{username}?start={payload}")
}

/// How the ids that we give to Telegram's messages begin.
const ID_PREFIX: &str = "TG";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct Telegram;

impl Provider for Telegram {
    fn docs(&self) -> &'static str {
        "docs/providers/telegram.md"
    }

    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let bot = settings(channel)?;
        let receiver = bot.webhook_secret.clone().filter(|_| bot.updates == UpdateSource::Webhook).map(|secret| {
            let previous = bot.previous_webhook_secret.clone();
            let receiver = TelegramReceiver { secret, previous, reader: Reader::new(channel, bot) };
            Arc::new(receiver) as Arc<dyn Receiver>
        });
        let gateway = TelegramGateway::new(wiring.client.clone(), bot)?.with_files(wiring.files.clone());
        Ok(ChannelConnection { sender: bot.id.clone(), receiver, gateway: Arc::new(gateway) })
    }

    fn poller(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn Poller>> {
        let bot = settings(channel).ok().filter(|bot| bot.updates == UpdateSource::Poll)?;
        Some(Arc::new(poll::BotPoller::new(wiring.client.clone(), channel, bot).ok()?))
    }

    fn chat_directory(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn ChatDirectory>> {
        let directory = directory::BotDirectory::new(wiring.client.clone(), settings(channel).ok()?).ok()?;
        Some(Arc::new(directory))
    }

    fn media(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn MediaSource>> {
        let api = call::Api::new(wiring.client.clone(), settings(channel).ok()?).ok()?;
        Some(Arc::new(media::TelegramMedia(api)))
    }

    fn start_link(&self, channel: &Channel, payload: &str) -> Option<String> {
        let username = settings(channel).ok()?.username.as_deref()?;
        Some(start_link(username, payload))
    }

    fn codes(&self) -> &'static [Code] {
        codes::CODES
    }

    fn is_message_id(&self, text: &str) -> bool {
        decode::is_message_id(text)
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of a Telegram message's id: no update with it was accepted, and nothing was sent under it. \
             `palabre telegram info` tells whether Telegram could deliver its updates",
            "il a la forme d'un identifiant de message Telegram : aucune mise à jour n'a été acceptée avec lui, et rien n'est \
             parti sous lui. `palabre telegram info` dit si Telegram a pu livrer ses mises à jour",
        )
    }

    fn setup(&self) -> Option<&'static ChannelSetup> {
        Some(&setup::SETUP)
    }

    fn checks<'a>(&'a self, channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>> {
        Box::pin(checks::run(channel, wiring))
    }

    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str> {
        Ok(&simulator::TelegramSimulation)
    }
}

fn settings(channel: &Channel) -> Result<&TelegramBot, ConnectError> {
    super::wiring::settings(channel)
}

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(SECRET_HEADER),
    acknowledgement: ("application/json", "{}"),
    on_bad_proof: "the secret token is not the channel's webhook_secret: run `palabre telegram set-webhook`, which tells it to \
                   Telegram anew",
    on_not_ours: "the update is for another bot",
};

/// A channel's way in.
#[derive(Debug)]
pub struct TelegramReceiver {
    secret: SecretString,
    /// The one before it, until Telegram was told the new one.
    previous: Option<SecretString>,
    reader: Reader,
}

impl TelegramReceiver {
    fn believe(&self, request: &WebhookRequest<'_>) -> Result<(), Rejection> {
        let claimed = request.header(&SECRET_HEADER).ok_or(Rejection::BadSignature)?;
        let secrets = std::iter::once(&self.secret).chain(&self.previous);
        let is_genuine = one_fits(secrets, |secret| secret.expose_secret().as_bytes().ct_eq(claimed.as_bytes()).into());
        if is_genuine { Ok(()) } else { Err(Rejection::BadSignature) }
    }
}

impl Receiver for TelegramReceiver {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        self.believe(&request)?;
        if !request.is("application/json") {
            return Err(Rejection::MediaType("send application/json"));
        }
        self.reader.webhook(request.body, correlation, now)
    }

    /// Telegram tells nothing of a message after it was sent.
    fn receive_status(&self, request: WebhookRequest<'_>, _now: Timestamp) -> Result<Received, Rejection> {
        self.believe(&request)?;
        Ok(Received::Nothing)
    }
}
