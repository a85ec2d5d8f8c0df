//! Posts webhooks as Twilio does: signed for the public URL, sent to where the daemon listens.

use super::World;
use super::ledger::{Sent, without_fragment};
use super::message::{InboundMessage, status_parameters};
use crate::gateway::simulator::posting::{Posting, PostsCallbacks};
use crate::gateway::simulator::{Daemon, Fate, SimulatorError, Webhook, lock};
use crate::gateway::twilio::form::Form;
use crate::gateway::twilio::signature::{SIGNATURE_HEADER, Signer};

/// A signed webhook, ready to be posted as `application/x-www-form-urlencoded`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedWebhook {
    /// Where to post it.
    pub post_to: String,
    /// The [`SIGNATURE_HEADER`].
    pub signature: String,
    /// The form.
    pub body: String,
    /// The `I-Twilio-Idempotency-Token` header: the same for a retry.
    pub idempotency_token: String,
}

/// Shows neither addresses nor text.
impl std::fmt::Debug for SignedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedWebhook(to {})", self.post_to)
    }
}

impl From<SignedWebhook> for Webhook {
    fn from(signed: SignedWebhook) -> Self {
        let headers = vec![
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            (SIGNATURE_HEADER, signed.signature),
            ("I-Twilio-Idempotency-Token", signed.idempotency_token),
            ("User-Agent", "TwilioProxy/1.1".to_owned()),
            ("Accept", "*/*".to_owned()),
        ];
        Self { url: signed.post_to, headers, body: signed.body }
    }
}

impl PostsCallbacks for World {
    type Sent = Sent;

    fn posting(&self) -> &Posting {
        &self.post
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn callback(&self, sent: &Sent, status: &str, code: Option<u32>) -> Result<Webhook, SimulatorError> {
        Ok(self.sign_status(sent, status, code)?.into())
    }
}

impl World {
    /// Signs an inbound message for the daemon.
    pub(super) fn sign_message(&self, message: &InboundMessage) -> Result<SignedWebhook, SimulatorError> {
        let daemon = self.post.daemon().ok_or(SimulatorError::NoDaemon)?;
        self.police.heard(message);
        let url = format!("{}{}", daemon.public_base_url, message.path);
        self.sign(&daemon, &message.account_sid, &url, message.form(), &message.sid)
    }

    /// Signs a status callback for the URL that the send named.
    fn sign_status(&self, sent: &Sent, status: &str, error_code: Option<u32>) -> Result<SignedWebhook, SimulatorError> {
        let url = sent.status_callback.as_deref().map(without_fragment).ok_or(SimulatorError::NoCallback)?;
        let daemon = self.post.daemon().unwrap_or_else(|| Daemon::at(""));
        let from = sent.from.as_deref().unwrap_or_default();
        let parameters = status_parameters(&sent.account_sid, &sent.sid, from, &sent.to, status, error_code);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.sign(&daemon, &sent.account_sid, url, body, &format!("{}-{status}", sent.sid))
    }

    fn sign(
        &self,
        daemon: &Daemon,
        account_sid: &str,
        url: &str,
        body: String,
        token: &str,
    ) -> Result<SignedWebhook, SimulatorError> {
        let accounts = lock(&self.accounts);
        let account = accounts.get(account_sid).ok_or(SimulatorError::NoAccount)?;
        let signature = sign_body(&account.signer, url, &body);
        Ok(SignedWebhook { post_to: daemon.reach(url), signature, body, idempotency_token: token.to_owned() })
    }
}

/// The signature of a form as it will be posted.
fn sign_body(signer: &Signer, url: &str, body: &str) -> String {
    Form::parse(body.as_bytes()).map(|form| signer.sign_form(url, &form)).unwrap_or_default()
}
