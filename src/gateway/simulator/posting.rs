//! Posts webhooks of simulated providers, and the callbacks that follow a message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::{Answer, CallbackPlan, Daemon, Fate, SimulatorError, Webhook, lock};

/// Callbacks that wait for their repetition at once, a few kilobytes each. What fails beyond is not repeated.
const MOST_REPEATING: usize = 1_024;

/// A simulator's way to the daemon.
pub(in crate::gateway) struct Posting {
    client: reqwest::Client,
    /// The runtime that does the posting.
    runtime: tokio::runtime::Handle,
    daemon: Mutex<Option<Daemon>>,
    /// Each with its weight; one is drawn for each message.
    plans: Mutex<Vec<(u32, CallbackPlan)>>,
    /// Messages whose callbacks are not all posted.
    following: watch::Sender<u64>,
    /// Callbacks that were posted, answered or not.
    posted: watch::Sender<u64>,
    repeating: Semaphore,
}

/// A simulated provider that posts callbacks.
pub(in crate::gateway) trait PostsCallbacks: Send + Sync + 'static {
    type Sent: Send + Sync + 'static;

    fn posting(&self) -> &Posting;

    fn fate(&self) -> &Fate;

    /// The callback of a message that was taken.
    fn callback(&self, sent: &Self::Sent, status: &str, code: Option<u32>) -> Result<Webhook, SimulatorError>;
}

impl Posting {
    pub fn new(client: reqwest::Client, runtime: tokio::runtime::Handle, daemon: Option<Daemon>) -> Self {
        Self {
            client,
            runtime,
            daemon: Mutex::new(daemon),
            plans: Mutex::default(),
            following: watch::Sender::new(0),
            posted: watch::Sender::new(0),
            repeating: Semaphore::new(MOST_REPEATING),
        }
    }

    pub fn daemon(&self) -> Option<Daemon> {
        lock(&self.daemon).clone()
    }

    pub fn set_daemon(&self, daemon: Daemon) {
        *lock(&self.daemon) = Some(daemon);
    }

    pub fn set_plans(&self, plans: Vec<(u32, CallbackPlan)>) {
        *lock(&self.plans) = plans;
    }

    pub fn following(&self) -> u64 {
        *self.following.borrow()
    }

    pub fn posted(&self) -> watch::Receiver<u64> {
        self.posted.subscribe()
    }

    /// Posts on the simulator's own runtime, so that the caller may be anywhere.
    pub fn start(&self, webhook: Webhook) -> JoinHandle<Result<Answer, SimulatorError>> {
        self.runtime.spawn(post(self.client.clone(), webhook))
    }

    /// Posts, and waits for the answer.
    pub async fn post(&self, webhook: Webhook) -> Result<Answer, SimulatorError> {
        self.start(webhook).await.map_err(|_| SimulatorError::Stopped)?
    }

    /// Does something on the simulator's own runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.runtime.spawn(task)
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

    /// Posts a callback, and again after each of these waits while the daemon does not take it.
    async fn post_until_taken(&self, webhook: Webhook, again_after: &[Duration]) {
        if is_taken(&post(self.client.clone(), webhook.clone()).await) || again_after.is_empty() {
            return;
        }
        let Ok(_permit) = self.repeating.try_acquire() else { return };
        for wait in again_after {
            tokio::time::sleep(*wait).await;
            if is_taken(&post(self.client.clone(), webhook.clone()).await) {
                return;
            }
        }
    }
}

/// Has the callbacks of a message posted. Resolves when they are, where they come before the answer.
pub(in crate::gateway) async fn follow<P: PostsCallbacks>(provider: &Arc<P>, sent: P::Sent) {
    let posting = provider.posting();
    let Some(plan) = posting.plan(provider.fate()) else { return };
    let before_answer = plan.before_answer;
    posting.following.send_modify(|count| *count += 1);
    let own = Arc::clone(provider);
    let following = posting.spawn(async move {
        post_all(&*own, &sent, &plan).await;
        own.posting().following.send_modify(|count| *count = count.saturating_sub(1));
    });
    if before_answer {
        // It has its own deadlines; an answer that is late is what the plan asks for.
        let _ = following.await;
    }
}

async fn post_all<P: PostsCallbacks>(provider: &P, sent: &P::Sent, plan: &CallbackPlan) {
    let (posting, fate) = (provider.posting(), provider.fate());
    let copies = plan.statuses.iter().flat_map(|status| std::iter::repeat_n(*status, plan.copies));
    let mut statuses: Vec<&str> = copies.collect();
    if plan.shuffled {
        for at in (1..statuses.len()).rev() {
            statuses.swap(at, fate.below(at + 1));
        }
    }
    for status in statuses {
        if plan.late > Duration::ZERO {
            tokio::time::sleep(fate.moment(plan.late)).await;
        }
        let failed = matches!(status, "failed" | "undelivered");
        if let Ok(webhook) = provider.callback(sent, status, plan.error_code.filter(|_| failed)) {
            posting.post_until_taken(webhook, &plan.again_after).await;
        }
        posting.posted.send_modify(|count| *count += 1);
    }
}

/// Posts a webhook, once, and tells what the daemon answered.
async fn post(client: reqwest::Client, webhook: Webhook) -> Result<Answer, SimulatorError> {
    let gone = |error: reqwest::Error| SimulatorError::Post(error.without_url());
    let response = webhook.request(&client).send().await.map_err(gone)?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Ok(Answer { status, content_type, body: response.text().await.map_err(gone)? })
}

/// A refusal (4xx) is an answer: the same again would be refused again.
fn is_taken(answered: &Result<Answer, SimulatorError>) -> bool {
    answered.as_ref().is_ok_and(|answer| answer.status < 500)
}
