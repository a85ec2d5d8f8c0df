//! WhatsApp Cloud API, Meta's own (`whatsapp-cloud`).
//!
//! One webhook of an app brings the changes of all its numbers. In: [`receive`] believes it by its signature and `decode` reads
//! the channel's own changes; those of other numbers are left to their channels. Out: `send`; `codes` says what an error means.

mod checks;
mod codes;
mod config;
mod decode;
mod media;
mod receive;
mod routes;
mod send;
mod setup;
mod signature;
pub mod simulator;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use palabre_actors::domain::send::{
    Found, OnUnknown, OutboundRequest, Receipt, SendError, SendErrorClass, TypingNotice,
};
use palabre_actors::ports::{Gateway, Pending};

pub use self::config::CloudSettings;
pub use self::receive::CloudReceiver;
pub use self::send::CloudGateway;
use super::channel_setup::ChannelSetup;
use super::media::MediaSource;
use super::simulator::Simulation;
use super::{Bilingual, ChannelConnection, Code, ConnectError, Provider, Receiver, Route, SetupFinding, Wiring};
use crate::config::Channel;

/// Its name in configuration and paths.
pub(super) const NAME: &str = "whatsapp-cloud";

/// How texts call it.
const LABEL: &str = "Meta";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct WhatsappCloud;

impl Provider for WhatsappCloud {
    fn docs(&self) -> &'static str {
        "docs/providers/whatsapp-cloud.md"
    }

    fn routes(&self) -> &'static [Route] {
        routes::ROUTES
    }

    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let settings = settings(channel)?;
        let gateway = CloudGateway::new(wiring.client.clone(), settings)
            .ok_or_else(|| ConnectError("api_base_url or access_token cannot be used".to_owned()))?
            .with_files(wiring.files.clone());
        let receiver: Arc<dyn Receiver> = Arc::new(CloudReceiver::new(channel, settings));
        // A webhook names the number by its id, and an id has one number: nothing else finds the channel.
        Ok(ChannelConnection {
            sender: settings.phone_number_id.clone(),
            receiver: Some(receiver),
            gateway: Arc::new(gateway),
        })
    }

    fn media(&self, channel: &Channel, wiring: Wiring<'_>) -> Option<Arc<dyn MediaSource>> {
        let settings = settings(channel).ok()?.clone();
        Some(Arc::new(media::CloudMedia { client: wiring.client.clone(), settings }))
    }

    fn codes(&self) -> &'static [Code] {
        codes::CODES
    }

    fn is_message_id(&self, text: &str) -> bool {
        text.strip_prefix("wamid.").is_some_and(|rest| {
            rest.len() > 8 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
        })
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of Meta's ids: no webhook with it was accepted, and nothing was sent under it. The app's webhook \
             log in Meta's console tells whether one was refused",
            "il a la forme des identifiants de Meta : aucun webhook n'a été accepté avec lui, et rien n'est parti sous lui. Le \
             journal des webhooks de l'application, dans la console de Meta, dit si l'un a été refusé",
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

fn settings(channel: &Channel) -> Result<&CloudSettings, ConnectError> {
    super::wiring::settings(channel)
}

impl Gateway for CloudGateway {
    fn send<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(self.hand_over(outbound))
    }

    /// There is no list of what was sent. But every callback brings our id back, so it is awaited before giving up.
    fn find<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        Box::pin(async move { self.await_callback(outbound.message.id) })
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        codes::find(code).map(|known| known.class)
    }

    fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }

    fn show_typing<'a>(&'a self, notice: TypingNotice<'a>) -> Option<Pending<'a, ()>> {
        Some(Box::pin(self.show_typing(notice.in_reply_to?.as_str())))
    }
}
