//! Receiver of Green-API's webhooks: believes them by their token.

use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::config::GreenSettings;
use super::decode::{self, Reader};
use crate::config::Channel;
use crate::digest::one_fits;
use crate::gateway::{Received, Receiver, Rejection, WebhookProtocol, WebhookRequest};

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(header::AUTHORIZATION),
    acknowledgement: ("application/json", "{\"ok\":true}"),
    on_bad_proof: "compare the channel's webhook_token with the authorization header in the instance's settings \
                   (webhookUrlToken)",
    on_not_ours: "the webhook is another instance's: compare instance_id with the instance whose webhook URL this is",
};

/// A channel's way in.
#[derive(Debug)]
pub struct GreenReceiver {
    tenant: TenantId,
    channel: ChannelId,
    address: Address,
    instance_id: String,
    /// The token, and the one before it; without `Bearer` or `Basic`.
    tokens: Vec<SecretString>,
    groups: bool,
}

impl GreenReceiver {
    /// The receiver of a channel.
    #[must_use]
    pub fn new(channel: &Channel, settings: &GreenSettings) -> Self {
        let tokens = std::iter::once(&settings.webhook_token).chain(&settings.previous_webhook_token);
        Self {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            address: channel.address.clone(),
            instance_id: settings.instance_id.clone(),
            tokens: tokens.map(|token| SecretString::from(bare(token.expose_secret()))).collect(),
            groups: settings.groups,
        }
    }

    /// Whether the header carries a token: as `Bearer`, as `Basic` (as it stands, or encoded, with or without a user's name),
    /// or bare.
    fn is_genuine(&self, header: &str) -> bool {
        let sent = bare(header);
        let decoded = STANDARD.decode(sent).unwrap_or_default();
        let after_name = decoded.iter().position(|byte| *byte == b':').map_or(&decoded[..], |at| &decoded[at + 1..]);
        one_fits(&self.tokens, |token| {
            let token = token.expose_secret().as_bytes();
            let same = sent.as_bytes().ct_eq(token) | decoded.as_slice().ct_eq(token) | after_name.ct_eq(token);
            bool::from(same) && !token.is_empty()
        })
    }
}

/// A header's value without the name of its scheme.
fn bare(header: &str) -> &str {
    let header = header.trim();
    match header.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("basic") => {
            rest.trim()
        }
        _ => header,
    }
}

impl Receiver for GreenReceiver {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let header = request.header(&header::AUTHORIZATION).ok_or(Rejection::BadSignature)?;
        if !self.is_genuine(header) {
            return Err(Rejection::BadSignature);
        }
        let reader = Reader {
            tenant: &self.tenant,
            channel: &self.channel,
            own: &self.address,
            instance_id: &self.instance_id,
            groups: self.groups,
        };
        decode::read(&reader, request.body, correlation, now)
    }

    /// There is one webhook URL for everything; this path takes the same.
    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        self.receive(request, CorrelationId::fresh(), now)
    }
}
