//! Reconciler: claims unknown rows and works through them channel by channel.
//!
//! Each channel has its own queue and asks a few questions at a time, so a provider that hangs holds up its own channels
//! alone (I9).

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use metrics::counter;

use super::super::limits::SenderPool;
use super::super::send;
use super::question::Question;
use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::ports::{ChannelKey, ClaimUnknown, PortError, Settled};
use crate::runtime::{ActorContext, metric};

/// Unknown rows claimed at once.
const CLAIM_LIMIT: usize = 64;
/// Questions of one channel under way at once.
const ASKING_LIMIT: usize = 8;
/// Claimed rows of one channel that wait for their question. Further rows are claimed again when their lease has run out.
const WAITING_LIMIT: usize = 256;

/// Claims unknown rows and has their providers asked.
pub(crate) struct Reconciler {
    context: Arc<ActorContext>,
    pool: Arc<SenderPool>,
    queues: Mutex<HashMap<ChannelKey, Queue>>,
}

#[derive(Default)]
struct Queue {
    under_way: usize,
    /// Rows with the end of their lease.
    waiting: VecDeque<(Outbound, Timestamp)>,
}

/// Called with the channel of each settled row, and when the channel is to be looked at again.
pub(crate) type OnSettled = Arc<dyn Fn(ChannelKey, Timestamp) + Send + Sync>;

impl Reconciler {
    pub(crate) fn new(context: Arc<ActorContext>, pool: Arc<SenderPool>) -> Arc<Self> {
        Arc::new(Self { context, pool, queues: Mutex::default() })
    }

    /// Claims every unknown row that is due. Does not wait for the providers' answers.
    pub(crate) async fn claim_due(self: &Arc<Self>, on_settled: &OnSettled) -> Result<(), PortError> {
        loop {
            let now = self.context.now();
            let lease_until = ActorContext::later(now, self.context.settings.lease);
            let node = self.context.node.clone();
            let claim = ClaimUnknown { node, now, lease_until, limit: CLAIM_LIMIT };
            let rows = self.context.within_deadline(self.context.ports.outbox.claim_unknown(claim)).await?;
            let full = rows.len() == CLAIM_LIMIT;
            for message in rows {
                self.enqueue(message, lease_until, on_settled);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn enqueue(self: &Arc<Self>, message: Outbound, lease_until: Timestamp, on_settled: &OnSettled) {
        let channel_key = ChannelKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        let begin = {
            let mut queues = self.lock();
            let queue = queues.entry(channel_key.clone()).or_default();
            if queue.waiting.len() < WAITING_LIMIT {
                queue.waiting.push_back((message, lease_until));
            }
            let begin = queue.under_way < ASKING_LIMIT;
            queue.under_way += usize::from(begin);
            begin
        };
        if begin {
            let (reconciler, on_settled) = (Arc::clone(self), Arc::clone(on_settled));
            self.context.io.spawn(async move { reconciler.work_off(channel_key, on_settled).await });
        }
    }

    /// Asks about one row of the channel after another, until none waits.
    async fn work_off(self: Arc<Self>, channel_key: ChannelKey, on_settled: OnSettled) {
        while let Some((message, lease_until)) = self.next(&channel_key) {
            // When its lease ran out while it waited here, another claim has it, or will.
            if self.context.now() >= lease_until {
                continue;
            }
            let asked = async {
                let question = Question { context: &self.context, pool: &self.pool };
                let outcome = question.ask(&message).await;
                let again_at = match &outcome.result {
                    Settled::Retry { at, .. } | Settled::Snooze { at, .. } | Settled::Unknown { ask_at: at, .. } => *at,
                    // It left its conversation queue: what is queued behind it may go now.
                    _ => self.context.now(),
                };
                send::settle(&self.context, message, outcome).await;
                again_at
            };
            // After a panic the row's lease runs out, and it is claimed again.
            match AssertUnwindSafe(asked).catch_unwind().await {
                Ok(again_at) => on_settled(channel_key.clone(), again_at),
                Err(_) => counter!(metric::PANICS, "actor" => "inquiry").increment(1),
            }
        }
    }

    fn next(&self, channel_key: &ChannelKey) -> Option<(Outbound, Timestamp)> {
        let mut queues = self.lock();
        let queue = queues.get_mut(channel_key)?;
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.under_way = queue.under_way.saturating_sub(1);
            if queue.under_way == 0 {
                queues.remove(channel_key);
            }
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelKey, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
