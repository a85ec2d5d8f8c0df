//! E-mail: out over SMTP, in what a relay tells of it, and the link that ends it.
//!
//! `mail` writes a message, `connection` keeps connections to the server and knows how far a message got, `send` classifies
//! what came of it (`codes`). `relay` reads the webhooks of relays (bounces, complaints), `unsubscribe` makes and checks the
//! links of List-Unsubscribe.

mod checks;
pub mod codes;
mod config;
mod connection;
mod mail;
mod mailbox;
mod relay;
mod send;
mod setup;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod tests;
mod unsubscribe;

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderName};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use palabre_actors::ports::Pending;

pub use self::config::{MailAccount, Security};
pub use self::send::SmtpGateway;
use self::unsubscribe::Links;
use super::channel_setup::ChannelSetup;
use super::simulator::Simulation;
use super::{
    Bilingual, ChannelConnection, Code, ConnectError, LinkAnswer, Provider, Received, Receiver, Rejection, Route,
    RouteKind, SetupFinding, WebhookProtocol, WebhookRequest, Wiring,
};
use crate::config::Channel;

/// The name in configuration, paths and metrics.
pub const NAME: &str = "smtp";

/// How our ids of messages begin, here and in front of the `@` of a Message-ID.
const ID_PREFIX: &str = "ML";

/// The page that ends a contact's mails.
const UNSUBSCRIBE: &str = "unsubscribe";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub struct Smtp;

impl Provider for Smtp {
    fn docs(&self) -> &'static str {
        "docs/providers/smtp.md"
    }

    fn routes(&self) -> &'static [Route] {
        &[Route { path: "/webhooks/smtp/{channel_id}/unsubscribe", provider: NAME, kind: RouteKind::Link(UNSUBSCRIBE) }]
    }

    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let account = settings(channel)?;
        let links = Links::of(channel, account, wiring.public_base_url);
        let receiver = MailReceiver {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            address: channel.address.clone(),
            proofs: [&account.webhook_token, &account.previous_webhook_token].into_iter().flatten().cloned().collect(),
            links: links.clone(),
        };
        Ok(ChannelConnection {
            sender: channel.address.path().to_owned(),
            receiver: Some(Arc::new(receiver)),
            gateway: Arc::new(SmtpGateway::new(channel, account, links)?.with_files(wiring.files.clone())),
        })
    }

    fn codes(&self) -> &'static [Code] {
        codes::CODES
    }

    fn is_message_id(&self, text: &str) -> bool {
        mail::our_id(text).is_some()
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of the ids of our e-mails: was it sent by a daemon with another database?",
            "il a la forme des identifiants de nos e-mails : a-t-il été envoyé par un démon qui a une autre base ?",
        )
    }

    fn setup(&self) -> Option<&'static ChannelSetup> {
        Some(&setup::SETUP)
    }

    fn checks<'a>(&'a self, channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>> {
        Box::pin(checks::run(channel, wiring))
    }

    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str> {
        Err(
            "nobody writes to a channel of e-mail, so there is no conversation to play; the tests send to a real server",
        )
    }

    /// A relay tells of opt-outs alone, a server that answers an error has not taken the mail (RFC 5321, 4.2.5), and mails have
    /// as many files as one likes.
    #[cfg(test)]
    fn conformance(&self) -> Option<super::tests::Conformance> {
        let simulated = super::tests::Conformance::of(&simulator::MailSimulation);
        Some(super::tests::Conformance {
            hears_texts: false,
            errors_leave_open: false,
            takes_several_files: true,
            ..simulated
        })
    }
}

fn settings(channel: &Channel) -> Result<&MailAccount, ConnectError> {
    super::wiring::settings(channel)
}

/// Where a relay carries its token.
const PROOF: HeaderName = AUTHORIZATION;

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(PROOF),
    acknowledgement: ("application/json", "{}"),
    on_bad_proof: "check the channel's webhook_token, and the authentication of the webhook in the relay's console: a bearer \
                   token, or the password of basic authentication",
    on_not_ours: "the event is another sender's",
};

/// What a relay tells of a channel's mails, and the pages of their links.
pub struct MailReceiver {
    tenant: TenantId,
    channel: ChannelId,
    address: Address,
    /// The token of its relay, and the one before it. None: no relay is believed.
    proofs: Vec<secrecy::SecretString>,
    links: Option<Links>,
}

impl Receiver for MailReceiver {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    /// A relay has one URL for everything that it tells.
    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        relay::believe(&self.proofs, &request)?;
        relay::read(self, &request, correlation, now)
    }

    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        self.receive(request, CorrelationId::fresh(), now)
    }

    fn link(
        &self,
        name: &str,
        posted: bool,
        query: &str,
        (correlation, now): (CorrelationId, Timestamp),
    ) -> Option<LinkAnswer> {
        let links = self.links.as_ref().filter(|_| name == UNSUBSCRIBE)?;
        let link = links.read(query)?;
        if !posted {
            return Some(LinkAnswer { page: unsubscribe::question(), received: Received::Nothing });
        }
        let said = unsubscribe::opt_out(self, &link, correlation, now);
        Some(LinkAnswer { page: unsubscribe::done(), received: Received::Message(Box::new(said)) })
    }
}

/// Shows no address.
impl std::fmt::Debug for MailReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailReceiver").field("channel", &self.channel).finish_non_exhaustive()
    }
}
