//! Green-API: WhatsApp through the app on the business's own phone (`greenapi-whatsapp`).
//!
//! One webhook brings everything: messages, what the owner types on the phone, statuses, the state of the account. In:
//! [`receive`] believes it by a token and `decode` reads it. Out: `send`, `find`. `states` says what the account's states mean,
//! `codes` what errors mean.

mod checks;
mod codes;
mod config;
mod decode;
mod find;
mod media;
mod receive;
mod routes;
mod send;
mod setup;
pub mod simulator;
mod states;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice,
};
use palabre_actors::ports::{Gateway, Pending};

pub use self::config::GreenSettings;
pub use self::receive::GreenReceiver;
pub use self::send::GreenGateway;
use super::channel_setup::ChannelSetup;
use super::media::MediaSource;
use super::simulator::Simulation;
use super::{Bilingual, ChannelConnection, Code, ConnectError, Provider, Receiver, Route, SetupFinding, Wiring};
use crate::config::Channel;

/// Its name in configuration and paths.
pub(super) const NAME: &str = "greenapi-whatsapp";

/// How texts call it.
const LABEL: &str = "Green-API";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct GreenApi;

impl Provider for GreenApi {
    fn docs(&self) -> &'static str {
        "docs/providers/greenapi.md"
    }

    fn routes(&self) -> &'static [Route] {
        routes::ROUTES
    }

    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let settings = settings(channel)?;
        let gateway = GreenGateway::new(wiring.client.clone(), settings)
            .ok_or_else(|| ConnectError("api_base_url is not an http or https URL".to_owned()))?
            .with_files(wiring.files.clone());
        let receiver: Arc<dyn Receiver> = Arc::new(GreenReceiver::new(channel, settings));
        // A webhook names the instance, and an instance has one number: nothing else finds the channel.
        Ok(ChannelConnection {
            sender: settings.instance_id.clone(),
            receiver: Some(receiver),
            gateway: Arc::new(gateway),
        })
    }

    fn media(&self, channel: &Channel, _: Wiring<'_>) -> Option<Arc<dyn MediaSource>> {
        Some(Arc::new(media::GreenMedia { api_base_url: settings(channel).ok()?.api_base_url.clone() }))
    }

    fn codes(&self) -> &'static [Code] {
        codes::CODES
    }

    /// WhatsApp's own ids, which its apps make: 12 to 32 capital hexadecimal digits.
    fn is_message_id(&self, text: &str) -> bool {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        (12..=32).contains(&text.len()) && text.bytes().all(is_digit)
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of WhatsApp's ids: no webhook with it was accepted, and nothing was sent under it. Green-API's \
             console shows the instance's state, and `getChatHistory` the chat",
            "il a la forme des identifiants de WhatsApp : aucun webhook n'a été accepté avec lui, et rien n'est parti sous lui. \
             La console de Green-API montre l'état de l'instance, et `getChatHistory` la discussion",
        )
    }

    fn setup(&self) -> Option<&'static ChannelSetup> {
        Some(&setup::SETUP)
    }

    fn checks<'a>(&'a self, channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>> {
        Box::pin(checks::run(channel, wiring))
    }

    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str> {
        Ok(&simulator::SIMULATION)
    }
}

fn settings(channel: &Channel) -> Result<&GreenSettings, ConnectError> {
    channel.provider.settings().ok_or_else(|| ConnectError("the settings are another provider's".to_owned()))
}

impl Gateway for GreenGateway {
    fn send<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(self.hand_over(outbound))
    }

    fn find<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        Box::pin(find::find(self, outbound))
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        codes::find(code).map(|known| known.class)
    }

    fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }

    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        Some(Box::pin(self.show_typing(notice.to)))
    }
}

/// An address as Green-API names its chat: `33612345678@c.us`, `123456789012345@lid`, `120363000000000000@g.us`.
fn chat_of(address: &Address) -> String {
    match address.path().strip_prefix('+') {
        Some(digits) => format!("{digits}@c.us"),
        None => address.path().to_owned(),
    }
}
