//! Posts webhooks as Twilio does: signed for the public URL, sent to where the daemon listens.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::World;
use super::accounts::lock;
use super::ledger::{Sent, without_fragment};
use super::message::{InboundMessage, status_parameters};
use crate::gateway::simulator::{Answer, CallbackPlan, Daemon, SimulatorError};
use crate::gateway::twilio::form::Form;
use crate::gateway::twilio::signature::{SIGNATURE_HEADER, Signer};

/// Callbacks that wait for their repetition at once, a few kilobytes each. What fails beyond is not repeated.
const MOST_REPEATING: usize = 1_024;

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

/// The simulator's way to the daemon.
pub(super) struct Post {
    client: reqwest::Client,
    /// The runtime that does the posting.
    runtime: tokio::runtime::Handle,
    pub daemon: Mutex<Option<Daemon>>,
    /// Each with its weight; one is drawn for each message.
    pub plans: Mutex<Vec<(u32, CallbackPlan)>>,
    pub callbacks: watch::Sender<u64>,
    /// Messages whose callbacks are not all posted.
    pub following: watch::Sender<u64>,
    /// A place for each callback that waits for its repetition.
    repeating: Semaphore,
}

impl Post {
    pub fn new(client: reqwest::Client, runtime: tokio::runtime::Handle, daemon: Option<Daemon>) -> Self {
        let (callbacks, following) = (watch::Sender::new(0), watch::Sender::new(0));
        let repeating = Semaphore::new(MOST_REPEATING);
        Self { client, runtime, daemon: Mutex::new(daemon), plans: Mutex::default(), callbacks, following, repeating }
    }

    /// Posts on the simulator's own runtime, so that the caller may be anywhere.
    pub fn start(&self, webhook: SignedWebhook) -> tokio::task::JoinHandle<Result<Answer, SimulatorError>> {
        self.runtime.spawn(post(self.client.clone(), webhook))
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        self.runtime.spawn(task)
    }
}

async fn post(client: reqwest::Client, webhook: SignedWebhook) -> Result<Answer, SimulatorError> {
    let response = client
        .post(&webhook.post_to)
        .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        .header(SIGNATURE_HEADER, webhook.signature)
        .header("I-Twilio-Idempotency-Token", webhook.idempotency_token)
        .header("User-Agent", "TwilioProxy/1.1")
        .header("Accept", "*/*")
        .body(webhook.body)
        .send()
        .await
        .map_err(|error| SimulatorError::Post(error.without_url()))?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = response.text().await.map_err(|error| SimulatorError::Post(error.without_url()))?;
    Ok(Answer { status, content_type, body })
}

impl World {
    /// Signs an inbound message for the daemon.
    pub(super) fn sign_message(&self, message: &InboundMessage) -> Result<SignedWebhook, SimulatorError> {
        let daemon = lock(&self.post.daemon).clone().ok_or(SimulatorError::NoDaemon)?;
        self.police.heard(message);
        let url = format!("{}{}", daemon.public_base_url, message.path);
        self.sign(&daemon, &message.account_sid, &url, message.form(), &message.sid)
    }

    /// Signs a status callback for the URL that the send named.
    pub(super) fn sign_status(
        &self,
        sent: &Sent,
        status: &str,
        error_code: Option<u32>,
    ) -> Result<SignedWebhook, SimulatorError> {
        let url = sent.status_callback.as_deref().map(without_fragment).ok_or(SimulatorError::NoCallback)?;
        let daemon = lock(&self.post.daemon).clone().unwrap_or_else(|| Daemon::at(""));
        let from = sent.from.as_deref().unwrap_or_default();
        let parameters = status_parameters(&sent.account_sid, &sent.sid, from, &sent.to, status, error_code);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.sign(&daemon, &sent.account_sid, url, body, &format!("{}-{status}", sent.sid))
    }

    /// Draws which callbacks follow a message.
    pub(super) fn plan(&self) -> Option<CallbackPlan> {
        let plans = lock(&self.post.plans);
        let all: usize = plans.iter().map(|(weight, _)| *weight as usize).sum();
        let mut drawn = if plans.len() > 1 && all > 0 { self.fate.below(all) } else { 0 };
        let plan = plans.iter().find(|(weight, _)| {
            let here = drawn < *weight as usize;
            drawn = drawn.saturating_sub(*weight as usize);
            here
        });
        plan.map(|(_, plan)| plan.clone())
    }

    /// Posts a message's planned callbacks, one after the other.
    pub(super) async fn follow(self: std::sync::Arc<Self>, sent: Sent, plan: CallbackPlan) {
        self.post.following.send_modify(|count| *count += 1);
        self.post_all(&sent, &plan).await;
        self.post.following.send_modify(|count| *count = count.saturating_sub(1));
    }

    async fn post_all(&self, sent: &Sent, plan: &CallbackPlan) {
        let copies = plan.statuses.iter().flat_map(|status| std::iter::repeat_n(*status, plan.copies));
        let mut statuses: Vec<&str> = copies.collect();
        if plan.shuffled {
            for at in (1..statuses.len()).rev() {
                statuses.swap(at, self.fate.below(at + 1));
            }
        }
        for status in statuses {
            if plan.late > Duration::ZERO {
                tokio::time::sleep(self.fate.moment(plan.late)).await;
            }
            let failed = matches!(status, "failed" | "undelivered");
            let signed = self.sign_status(sent, status, plan.error_code.filter(|_| failed));
            if let Ok(webhook) = signed {
                self.post_until_taken(webhook, &plan.again_after).await;
            }
            self.post.callbacks.send_modify(|count| *count += 1);
        }
    }

    /// Posts a callback, and again after each of these waits while the daemon does not take it.
    async fn post_until_taken(&self, webhook: SignedWebhook, again_after: &[Duration]) {
        if is_taken(&post(self.post.client.clone(), webhook.clone()).await) || again_after.is_empty() {
            return;
        }
        let Ok(_place) = self.post.repeating.try_acquire() else { return };
        for wait in again_after {
            tokio::time::sleep(*wait).await;
            if is_taken(&post(self.post.client.clone(), webhook.clone()).await) {
                return;
            }
        }
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

/// A refusal (4xx) is an answer: the same again would be refused again.
fn is_taken(answered: &Result<Answer, SimulatorError>) -> bool {
    answered.as_ref().is_ok_and(|answer| answer.status < 500)
}

/// The signature of a form as it will be posted.
fn sign_body(signer: &Signer, url: &str, body: &str) -> String {
    Form::parse(body.as_bytes()).map(|form| signer.sign_form(url, &form)).unwrap_or_default()
}
