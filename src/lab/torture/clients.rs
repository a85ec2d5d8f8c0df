//! Clients that post webhooks as a provider does: again until a 2xx, and some again after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fixtures::{Contact, Said, TortureSender};
use super::ledger::{PostId, PostLedger};
use crate::gateway::simulator::CustomerMessage;
use crate::lab::host::Host;

/// The longest wait for an answer to a webhook: the usual one of providers.
const ANSWER: Duration = Duration::from_secs(15);
/// The share of messages that are posted at once with the one before, without waiting for its 2xx.
const OVERLAPPING: f64 = 0.15;
/// The share of messages that are posted again.
const REPEATED: f64 = 0.15;
/// When a copy comes, at the latest: beyond a few kills.
const COPY_WITHIN_MS: u64 = 4_000;

/// What all clients share.
pub(super) struct Clients {
    pub(super) host: Arc<Host>,
    pub(super) ledger: Arc<PostLedger>,
    pub(super) client: reqwest::Client,
    /// Whom contacts write to.
    pub(super) senders: Vec<TortureSender>,
    /// Marks of this run are unlike those of any other.
    pub(super) seed: u64,
    /// The mean time between two messages of a contact.
    pub(super) gap: Duration,
    /// `true`: nobody begins anything new.
    pub(super) stop: watch::Receiver<bool>,
    /// Counts contacts.
    pub(super) contacts: AtomicU32,
    /// Counts messages.
    pub(super) messages: AtomicU32,
}

impl Clients {
    /// One client: contacts write one after the other until `stop`. Resolves when everything that was begun has its 2xx;
    /// whoever cannot wait that long drops it.
    pub(super) async fn talk(self: Arc<Self>, place: u64) {
        let mut random = fastrand::Rng::with_seed(self.seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut posting = JoinSet::new();
        while !*self.stop.borrow() {
            let contact = Contact::draw(self.contacts.fetch_add(1, Ordering::Relaxed), &self.senders, &mut random);
            for said in contact.script.clone() {
                if *self.stop.borrow() {
                    break;
                }
                self.write(&contact, said, &mut random, &mut posting).await;
                self.breathe(&mut random).await;
            }
            // Nobody of this contact's is under way any more when the next one begins.
            while posting.join_next().await.is_some() {}
        }
    }

    async fn write(
        self: &Arc<Self>,
        contact: &Contact,
        said: Said,
        random: &mut fastrand::Rng,
        posting: &mut JoinSet<()>,
    ) {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        let mark = format!("m-{:x}-{number}", self.seed);
        let body = match said {
            Said::Text => mark.as_str(),
            Said::Stop => "STOP",
            Said::Start => "START",
        };
        let Ok(id) = self.host.fresh_id(&contact.sender.channel()) else { return };
        let message = contact.message(id, body);
        let entry = self.ledger.begin(contact, said, &mark, &message.id);
        if random.f64() < REPEATED {
            let (clients, copy) = (Arc::clone(self), message.clone());
            // Half of them race the original.
            let wait = if random.bool() { 0 } else { random.u64(..COPY_WITHIN_MS) };
            posting.spawn(async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                clients.post(&copy, entry).await;
            });
        }
        if random.f64() < OVERLAPPING {
            let clients = Arc::clone(self);
            posting.spawn(async move { clients.post(&message, entry).await });
        } else {
            self.post(&message, entry).await;
        }
    }

    /// Posts until there is a 2xx.
    async fn post(&self, message: &CustomerMessage, entry: PostId) {
        let mut wait = Duration::from_millis(20);
        loop {
            self.ledger.posting(entry);
            match self.post_once(message).await {
                Some(status) if (200..300).contains(&status) => {
                    self.ledger.acknowledged(entry);
                    return;
                }
                status => self.ledger.refused(entry, status),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(250));
        }
    }

    /// The status; `None`: no answer.
    async fn post_once(&self, message: &CustomerMessage) -> Option<u16> {
        // Signed anew each time: the daemon listens elsewhere after each start. The signature is the same.
        let webhook = self.host.webhook(message).ok()?;
        let answer = webhook.request(&self.client).timeout(ANSWER);
        Some(answer.send().await.ok()?.status().as_u16())
    }

    async fn breathe(&self, random: &mut fastrand::Rng) {
        let mut stop = self.stop.clone();
        let wait = self.gap.mul_f64(2.0 * random.f64());
        // Whichever comes first.
        let _ = tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await;
    }
}
