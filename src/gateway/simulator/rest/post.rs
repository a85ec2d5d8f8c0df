//! Posts webhooks of a simulated REST provider, and the callbacks that follow a message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::{RestApi, RestSent, World, lock};
use crate::gateway::simulator::{Answer, CallbackPlan, Daemon, Fate, SimulatorError, Webhook};

/// Callbacks that wait for their repetition at once. What fails beyond is not repeated.
const MOST_REPEATING: usize = 1_024;

/// The simulator's way to the daemon.
pub(super) struct Post {
    client: reqwest::Client,
    /// The runtime that does the posting.
    runtime: tokio::runtime::Handle,
    daemon: Mutex<Option<Daemon>>,
    /// Each with its weight; one is drawn for each message.
    plans: Mutex<Vec<(u32, CallbackPlan)>>,
    /// Messages whose callbacks are not all posted.
    following: watch::Sender<u64>,
    repeating: Semaphore,
}

impl Post {
    pub(super) fn new(client: reqwest::Client, runtime: tokio::runtime::Handle) -> Self {
        Self {
            client,
            runtime,
            daemon: Mutex::default(),
            plans: Mutex::default(),
            following: watch::Sender::new(0),
            repeating: Semaphore::new(MOST_REPEATING),
        }
    }

    pub(super) fn daemon(&self) -> Option<Daemon> {
        lock(&self.daemon).clone()
    }

    pub(super) fn set_daemon(&self, daemon: Daemon) {
        *lock(&self.daemon) = Some(daemon);
    }

    pub(super) fn set_plans(&self, plans: Vec<(u32, CallbackPlan)>) {
        *lock(&self.plans) = plans;
    }

    pub(super) fn following(&self) -> u64 {
        *self.following.borrow()
    }

    /// Posts on the simulator's own runtime, so that the caller may be anywhere.
    pub(super) fn start(&self, webhook: Webhook) -> tokio::task::JoinHandle<Result<Answer, SimulatorError>> {
        self.runtime.spawn(post(self.client.clone(), webhook))
    }

    fn plan(&self, fate: &Fate) -> Option<CallbackPlan> {
        let plans = lock(&self.plans);
        let all: usize = plans.iter().map(|(weight, _)| *weight as usize).sum();
        let mut drawn = if plans.len() > 1 && all > 0 { fate.below(all) } else { 0 };
        let plan = plans.iter().find(|(weight, _)| {
            let here = drawn < *weight as usize;
            drawn = drawn.saturating_sub(*weight as usize);
            here
        });
        plan.map(|(_, plan)| plan.clone())
    }
}

async fn post(client: reqwest::Client, webhook: Webhook) -> Result<Answer, SimulatorError> {
    let sent = webhook.request(&client).send().await;
    let response = sent.map_err(|error| SimulatorError::Post(error.without_url()))?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = response.text().await.map_err(|error| SimulatorError::Post(error.without_url()))?;
    Ok(Answer { status, content_type, body })
}

impl<P: RestApi> World<P> {
    /// Has the callbacks of a message posted. Resolves when they are, where they come before the answer.
    pub(super) async fn follow(self: Arc<Self>, sent: RestSent) {
        let Some(plan) = self.post.plan(&self.fate) else { return };
        let before_answer = plan.before_answer;
        self.post.following.send_modify(|count| *count += 1);
        let world = Arc::clone(&self);
        let following = self.post.runtime.spawn(async move {
            world.post_all(&sent, &plan).await;
            world.post.following.send_modify(|count| *count = count.saturating_sub(1));
        });
        if before_answer {
            let _ = following.await;
        }
    }

    async fn post_all(&self, sent: &RestSent, plan: &CallbackPlan) {
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
            let code = plan.error_code.filter(|_| failed);
            let webhook = self.channel(&sent.channel).and_then(|channel| {
                let body = self.api.status(&channel, sent, status, code).ok_or(SimulatorError::NoCallback)?;
                self.signed(&channel, &body, &channel)
            });
            if let Ok(webhook) = webhook {
                self.post_until_taken(webhook, &plan.again_after).await;
            }
        }
    }

    /// Posts a callback, and again after each of these waits while the daemon does not take it.
    async fn post_until_taken(&self, webhook: Webhook, again_after: &[Duration]) {
        let is_taken = |answered: &Result<Answer, SimulatorError>| answered.as_ref().is_ok_and(|a| a.status < 500);
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
}
