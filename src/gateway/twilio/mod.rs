//! Twilio: WhatsApp (`twilio-whatsapp`) and SMS (`twilio-sms`).
//!
//! In: [`TwilioReceiver`] believes a webhook ([`signature`]) and reads it (`decode`), parsing it once ([`form`]). Out:
//! [`TwilioGateway`] sends and asks (`send`, `find`), and [`codes`] says what an error means. `config` reads a channel's
//! keys, `routes` lists the paths of Twilio's own, `checks` asks whether a set-up works. [`simulator`] is the
//! other side of all that.

mod checks;
pub mod codes;
mod config;
mod decode;
mod endpoint_failover;
mod find;
pub mod form;
mod media;
mod routes;
mod send;
mod setup;
mod sids;
pub mod signature;
pub mod simulator;
#[cfg(test)]
mod tests;
mod unnamed;
mod url_variants;

use std::sync::Arc;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use palabre_actors::domain::send::{Found, OnUnknown, OutboundRequest, Receipt, SendError, SendErrorClass};
use palabre_actors::ports::{Gateway, Pending};

pub use self::config::TwilioAccount;
use self::decode::Reader;
pub use self::decode::{GENERATION_PARAMETER, MAX_BODY_BYTES, MESSAGE_ID_PARAMETER};
use self::form::Form;
pub use self::send::{BadAccount, TwilioGateway};
use self::sids::Signatures;
use self::signature::{Proof, Signer};
use super::channel_setup::ChannelSetup;
use super::media::MediaSource;
use super::simulator::Simulation;
use super::{
    Bilingual, ChannelConnection, Code, ConnectError, Provider, Received, Receiver, Rejection, Route, SetupFinding,
    WebhookProtocol, WebhookRequest, Wiring,
};
use crate::config::{Channel, ProviderAccount};

/// How texts call it.
const LABEL: &str = "Twilio";

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The two products, which differ in how addresses are written and in little else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `twilio-whatsapp`
    Whatsapp,
    /// `twilio-sms`
    Sms,
}

impl Kind {
    /// The product and the account of a channel; `None` when it is another provider's.
    #[must_use]
    pub fn of(account: &ProviderAccount) -> Option<(Self, &TwilioAccount)> {
        let kind = [Self::Whatsapp, Self::Sms].into_iter().find(|kind| kind.provider() == account.name())?;
        Some((kind, account.settings()?))
    }

    /// The name in configuration and paths.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Whatsapp => "twilio-whatsapp",
            Self::Sms => "twilio-sms",
        }
    }

    /// An address as Twilio writes it: `whatsapp:+33…` or bare `+33…`.
    #[must_use]
    pub fn wire(self, address: &Address) -> String {
        send::wire(self, address)
    }

    fn scheme(self) -> Scheme {
        match self {
            Self::Whatsapp => Scheme::Whatsapp,
            Self::Sms => Scheme::Sms,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp:",
            Self::Sms => "",
        }
    }

    /// The prefix of addresses as forms encode it.
    fn encoded_prefix(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp%3A",
            Self::Sms => "",
        }
    }
}

/// What stands behind a URL that Twilio calls, so that it repeats a call that fails: five times, whatever the failure
/// (Twilio's "Webhooks: connection overrides"). By default, a call that fails is a lost message. Twilio keeps the fragment to
/// itself: it is neither sent nor signed.
pub(super) const REPEAT_OVERRIDE: &str = "#rc=5&rp=all";

impl Provider for Kind {
    fn docs(&self) -> &'static str {
        "docs/providers/twilio.md"
    }

    fn routes(&self) -> &'static [Route] {
        match self {
            Self::Whatsapp => routes::OF_ALL,
            Self::Sms => routes::OF_SMS,
        }
    }

    fn connect(&self, channel: &Channel, wiring: Wiring<'_>) -> Result<ChannelConnection, ConnectError> {
        let account = settings(channel)?;
        let gateway = TwilioGateway::new(wiring.client.clone(), *self, channel, account, wiring.public_base_url)
            .map(|gateway| gateway.with_files(wiring.files.clone()))
            .map_err(|reason| ConnectError(reason.to_string()))?;
        Ok(ChannelConnection {
            sender: self.wire(&channel.address),
            receiver: Some(Arc::new(TwilioReceiver::new(*self, channel, account))),
            gateway: Arc::new(gateway),
        })
    }

    fn media(&self, channel: &Channel, _: Wiring<'_>) -> Option<Arc<dyn MediaSource>> {
        Some(Arc::new(media::TwilioMedia(settings(channel).ok()?.clone())))
    }

    fn codes(&self) -> &'static [Code] {
        &codes::CODES
    }

    fn is_message_id(&self, text: &str) -> bool {
        // A text, one with media.
        let named = ["SM", "MM"].iter().any(|kind| text.starts_with(kind));
        named && text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    fn on_unknown_id(&self) -> Bilingual {
        (
            "it has the form of Twilio's ids: no webhook with it was accepted, and nothing was sent under it. \
             Twilio's debugger tells whether a webhook was refused (401, 404, 503)",
            "il a la forme des identifiants de Twilio : aucun webhook n'a été accepté avec lui, et rien n'est parti sous lui. \
             Le débogueur de Twilio dit si un webhook a été refusé (401, 404, 503)",
        )
    }

    fn webhook_suffix(&self) -> Option<(&'static str, &'static str)> {
        Some((REPEAT_OVERRIDE, "it makes Twilio try again when this machine is away."))
    }

    fn setup(&self) -> Option<&'static ChannelSetup> {
        Some(setup::of(*self))
    }

    fn checks<'a>(&'a self, channel: &'a Channel, wiring: Wiring<'a>) -> Pending<'a, Vec<SetupFinding>> {
        Box::pin(checks::run(channel, wiring))
    }

    fn simulation(&self) -> Result<&'static dyn Simulation, &'static str> {
        Ok(&simulator::TwilioSimulation)
    }
}

fn settings(channel: &Channel) -> Result<&TwilioAccount, ConnectError> {
    super::wiring::settings(channel)
}

/// The protocol of webhooks, of both products.
static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(signature::HEADER),
    acknowledgement: ("text/xml", r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#),
    on_bad_proof: "check the channel's auth_token (the account's primary one) and http.public_base_url: it must be \
                   the URL as the provider calls it",
    on_not_ours: "To or AccountSid is not that of the channel that the URL names: compare the provider's webhook URL of that \
                  number with `palabre check`",
};

impl Gateway for TwilioGateway {
    fn send<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Receipt, SendError>> {
        Box::pin(self.hand_over(outbound))
    }

    fn find<'a>(&'a self, outbound: OutboundRequest<'a>) -> Pending<'a, Result<Found, SendError>> {
        Box::pin(find::find(self, outbound))
    }

    fn class_of(&self, code: &str) -> Option<SendErrorClass> {
        codes::find(code).map(|known| known.class)
    }

    fn may_have_arrived(&self, code: &str) -> bool {
        codes::is_worth_one_more_try(code)
    }

    fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }
}

/// A channel's way in.
#[derive(Debug)]
pub struct TwilioReceiver {
    tenant: TenantId,
    channel: ChannelId,
    kind: Kind,
    address: Address,
    /// The address as Twilio writes it.
    wire: String,
    account_sid: String,
    signer: Signer,
    signatures: Signatures,
}

impl TwilioReceiver {
    /// The receiver of a channel.
    #[must_use]
    pub fn new(kind: Kind, channel: &Channel, account: &TwilioAccount) -> Self {
        Self {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            kind,
            address: channel.address.clone(),
            wire: kind.wire(&channel.address),
            account_sid: account.account_sid.clone(),
            signer: Signer::new(&account.auth_token)
                .with_previous(account.previous_auth_token.as_ref())
                .with_shared_key(account.shared_key.as_ref()),
            signatures: Signatures::default(),
        }
    }

    /// Reads the parameters and believes them, or does neither. A missing signature is refused before anything is read.
    fn believe(&self, request: &WebhookRequest<'_>) -> Result<Form, Rejection> {
        let signature = request.header(&signature::HEADER).ok_or(Rejection::BadSignature)?;
        let proof = Proof { signature, settings: request.header(&signature::SETTINGS) };
        if !request.is(FORM) && !request.is(JSON) {
            return Err(Rejection::MediaType("send application/x-www-form-urlencoded or application/json"));
        }
        let (form, genuine) = if signature::carries_body_hash(request.url) {
            let form = parse(request)?;
            (form, self.signer.verifies_body(request.url, request.body, proof))
        } else if request.is(JSON) {
            // Nothing would cover the body.
            return Err(Rejection::BadSignature);
        } else {
            let form = parse(request)?;
            let genuine = self.signer.verifies_form(request.url, &form, proof);
            (form, genuine)
        };
        if genuine { Ok(form) } else { Err(Rejection::BadSignature) }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            tenant: &self.tenant,
            channel: &self.channel,
            scheme: self.kind.scheme(),
            own: (&self.address, &self.wire),
            account_sid: &self.account_sid,
        }
    }
}

impl Receiver for TwilioReceiver {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let form = self.believe(&request)?;
        // A sender whose status callback was set to the inbound URL by hand.
        if decode::is_status(&form) {
            return status(self.reader(), &form, request.query, now);
        }
        let message = self.reader().message(&form, correlation, now)?;
        // Twilio signs each message anew, and a repetition carries the same id.
        let signature = request.header(&signature::HEADER).unwrap_or_default();
        if !self.signatures.belongs_to(signature, &message.provider_message_id) {
            return Err(Rejection::Replayed);
        }
        Ok(Received::Message(Box::new(message)))
    }

    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        let form = self.believe(&request)?;
        status(self.reader(), &form, request.query, now)
    }
}

fn status(reader: Reader<'_>, form: &Form, query: &str, now: Timestamp) -> Result<Received, Rejection> {
    Ok(reader.status(form, query, now)?.map_or(Received::Nothing, Received::Status))
}

fn parse(request: &WebhookRequest<'_>) -> Result<Form, Rejection> {
    let form = if request.is(JSON) { Form::parse_json(request.body) } else { Form::parse(request.body) };
    form.map_err(|error| match error {
        form::NotAForm::NotUtf8 => Rejection::Malformed("the form is not UTF-8"),
        form::NotAForm::TooLarge => Rejection::Malformed("the form has more than 1000 parameters"),
        form::NotAForm::NotJson => Rejection::Malformed("the body is not a JSON object, as its Content-Type says"),
    })
}
