//! Webhooks of the simulated Stripe, with what goes wrong on their way.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::WEBHOOK_SECRET;
use super::books::Books;
use crate::payments::stripe::{SIGNATURE_HEADER, sign};

/// What goes wrong with webhooks. The seed decides how; the same seed does the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookFaults {
    pub seed: u64,
    /// They come in another order.
    pub shuffled: bool,
    /// Some come twice.
    pub repeated: bool,
    /// Some never come.
    pub lost: bool,
    /// One of the other mode comes as well, and one of the platform itself.
    pub strange: bool,
}

/// A body and its signature.
pub(super) type Post = (String, String);

impl Books {
    /// What happened and was not posted yet, as it is posted under these faults.
    pub fn posts(&mut self, faults: WebhookFaults) -> Vec<Post> {
        let mut random = fastrand::Rng::with_seed(faults.seed);
        let mut events: Vec<Value> = self.events[self.posted..].to_vec();
        self.posted = self.events.len();
        if faults.lost {
            events.retain(|_| random.u8(0..4) > 0);
        }
        if faults.repeated {
            let again: Vec<Value> = events.iter().filter(|_| random.u8(0..3) == 0).cloned().collect();
            events.extend(again);
        }
        if let Some(strange) = events.first().cloned().filter(|_| faults.strange) {
            let mut live = strange.clone();
            live["id"] = json!(self.id("evt"));
            live["livemode"] = json!(true);
            let mut own = strange;
            own["id"] = json!(self.id("evt"));
            if let Some(fields) = own.as_object_mut() {
                fields.remove("account");
            }
            events.extend([live, own]);
        }
        if faults.shuffled {
            random.shuffle(&mut events);
        }
        let secret = SecretString::from(WEBHOOK_SECRET);
        // The receiver compares the signature's time with its own clock, which is the real one unless it was moved as well.
        let now = if self.signs_in_own_time { self.now } else { chrono::Utc::now().timestamp() };
        let post = |event: Value| {
            let body = event.to_string();
            let signature = sign(body.as_bytes(), &secret, now);
            (body, signature)
        };
        events.into_iter().map(post).collect()
    }
}

/// Posts each. Returns how many were not taken.
pub(super) async fn post(client: &reqwest::Client, url: &str, posts: Vec<Post>) -> usize {
    let mut refused = 0;
    for (body, signature) in posts {
        let request = client.post(url).header(SIGNATURE_HEADER, signature).header("content-type", "application/json");
        let is_taken = request.body(body).send().await.is_ok_and(|response| response.status().is_success());
        refused += usize::from(!is_taken);
    }
    refused
}
