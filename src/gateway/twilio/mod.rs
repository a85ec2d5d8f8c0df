//! Twilio: WhatsApp (`twilio-whatsapp`) and SMS (`twilio-sms`).
//!
//! In: [`TwilioReceiver`] believes a webhook ([`signature`]) and reads it (`decode`), parsing it once ([`form`]). Out:
//! [`TwilioGateway`] sends and asks (`send`, `find`), and [`codes`] says what an error means. [`simulator`] is the
//! other side of all that.

pub mod codes;
mod decode;
mod find;
pub mod form;
mod send;
pub mod signature;
pub mod simulator;
mod spelling;
#[cfg(test)]
mod tests;
mod ways;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};

use self::decode::Reader;
pub use self::decode::{GENERATION_PARAMETER, MAX_BODY_BYTES, MESSAGE_ID_PARAMETER};
use self::form::Form;
pub use self::send::{BadAccount, TwilioGateway};
use self::signature::Signer;
use super::{Received, Receiver, Rejection, WebhookRequest};
use crate::config::{Channel, Provider, TwilioAccount};

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
    pub fn of(provider: &Provider) -> Option<(Self, &TwilioAccount)> {
        match provider {
            Provider::TwilioWhatsapp(account) => Some((Self::Whatsapp, account)),
            Provider::TwilioSms(account) => Some((Self::Sms, account)),
        }
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

    /// The same, form-encoded.
    fn encoded_prefix(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp%3A",
            Self::Sms => "",
        }
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
            signer: Signer::new(&account.auth_token),
        }
    }

    /// Reads the parameters and believes them, or does neither. A missing signature is refused before anything is read.
    fn believe(&self, request: &WebhookRequest<'_>) -> Result<Form, Rejection> {
        let signature = request.signature.ok_or(Rejection::BadSignature)?;
        let (form, genuine) = if signature::carries_body_hash(request.url) {
            let form = parse(request)?;
            (form, self.signer.verifies_body(request.url, request.body, signature))
        } else if is_json(request.content_type) {
            // Nothing would cover the body.
            return Err(Rejection::BadSignature);
        } else {
            let form = parse(request)?;
            let genuine = self.signer.verifies_form(request.url, &form, signature);
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
        Ok(Received::Message(Box::new(message)))
    }

    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        let form = self.believe(&request)?;
        status(self.reader(), &form, request.query, now)
    }

    fn acknowledgement(&self) -> (&'static str, &'static str) {
        ("text/xml", r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#)
    }
}

fn status(reader: Reader<'_>, form: &Form, query: &str, now: Timestamp) -> Result<Received, Rejection> {
    Ok(reader.status(form, query, now)?.map_or(Received::Nothing, Received::Status))
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse(request: &WebhookRequest<'_>) -> Result<Form, Rejection> {
    let form = if is_json(request.content_type) { Form::parse_json(request.body) } else { Form::parse(request.body) };
    form.map_err(|error| match error {
        form::NotAForm::NotUtf8 => Rejection::Malformed("the form is not UTF-8"),
        form::NotAForm::TooLarge => Rejection::Malformed("the form has more than 1000 parameters"),
        form::NotAForm::NotJson => Rejection::Malformed("the body is not a JSON object, as its Content-Type says"),
    })
}
