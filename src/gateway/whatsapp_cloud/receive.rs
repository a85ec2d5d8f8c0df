//! Receiver of the Cloud API's webhooks: believes them by their signature, and answers the handshake.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::config::CloudSettings;
use super::decode::{self, Reader};
use super::signature::{self, Signer};
use crate::config::Channel;
use crate::digest::one_fits;
use crate::gateway::{Handshake, Received, Receiver, Rejection, WebhookProtocol, WebhookRequest};

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(signature::HEADER),
    acknowledgement: ("application/json", "{\"ok\":true}"),
    on_bad_proof: "compare the channel's app_secret with the app's settings in Meta's console (Basic, App secret)",
    on_not_ours: "the webhook is another number's: compare phone_number_id with Meta's console",
};

/// The longest challenge that is echoed.
const MAX_CHALLENGE_BYTES: usize = 256;

/// A channel's way in.
#[derive(Debug)]
pub struct CloudReceiver {
    tenant: TenantId,
    channel: ChannelId,
    address: Address,
    phone_number_id: String,
    business_account_id: String,
    api_base_url: String,
    signer: Signer,
    /// Of the app's secret before this one.
    previous: Option<Signer>,
    verify_token: SecretString,
}

impl CloudReceiver {
    /// The receiver of a channel.
    #[must_use]
    pub fn new(channel: &Channel, settings: &CloudSettings) -> Self {
        Self {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            address: channel.address.clone(),
            phone_number_id: settings.phone_number_id.clone(),
            business_account_id: settings.business_account_id.clone(),
            api_base_url: settings.api_base_url.clone(),
            signer: Signer::new(&settings.app_secret),
            previous: settings.previous_app_secret.as_ref().map(Signer::new),
            verify_token: settings.verify_token.clone(),
        }
    }
}

impl Receiver for CloudReceiver {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let header = request.header(&signature::HEADER).ok_or(Rejection::BadSignature)?;
        let signers = std::iter::once(&self.signer).chain(&self.previous);
        if !one_fits(signers, |signer| signer.verifies(header, request.body)) {
            return Err(Rejection::BadSignature);
        }
        let reader = Reader {
            tenant: &self.tenant,
            channel: &self.channel,
            own: &self.address,
            phone_number_id: &self.phone_number_id,
            business_account_id: &self.business_account_id,
            api_base_url: &self.api_base_url,
        };
        decode::read(&reader, request.body, correlation, now)
    }

    /// There is one webhook URL for everything; this path takes the same.
    fn receive_status(&self, request: WebhookRequest<'_>, now: Timestamp) -> Result<Received, Rejection> {
        self.receive(request, CorrelationId::fresh(), now)
    }

    fn handshake(&self, query: &str) -> Handshake {
        let (mut mode, mut token, mut challenge) = (None, None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "hub.mode" => mode = Some(value),
                "hub.verify_token" => token = Some(value),
                "hub.challenge" => challenge = Some(value),
                _ => {}
            }
        }
        let expected = self.verify_token.expose_secret().as_bytes();
        let fits = token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(expected)) && !expected.is_empty());
        let is_plain = |text: &str| {
            (1..=MAX_CHALLENGE_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match (mode.as_deref(), challenge) {
            (Some("subscribe"), Some(challenge)) if fits && is_plain(&challenge) => {
                Handshake::Echo(challenge.into_owned())
            }
            _ => Handshake::Refused,
        }
    }
}
