//! Backpressure: a conversation waits for a send permit before it decides about a message.
//!
//! An answer that has a permit, and none of its conversation before it, is written as being sent; any other is written as
//! queued, and later changed twice more, which costs the store more than the turn did. Under load it is always worth waiting
//! for the permit.
//!
//! The wait is bounded: a provider that hangs must not hold up turns, one that is slow must not fill the memory with waiting
//! messages, and a process that stops has no time for it. It ends at once when a STOP is among what waits: the turns before it
//! are decided without a permit, so that their answers queue, and the STOP's turn suppresses what has not left. It also ends at
//! once when somebody waits for the answer to a request. So the mailbox stays open during the wait: either of them ends it.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::time::Instant;

use super::Conversation;
use super::phase::Phase;
use crate::domain::ids::InboundId;
use crate::domain::message::Inbound;
use crate::domain::turn::says_stop;
use crate::outbox::SendPermit;

/// A wait ends when the channel's conversations were granted no permit for this long.
const PERMIT_WAIT: Duration = Duration::from_secs(5);
/// After a wait that brought no permit, the conversation does not wait again for this long.
const SKIP_WAIT: Duration = Duration::from_secs(10);

/// The permit that the next message's answer needs, and how long it is waited for.
#[derive(Default)]
pub(super) struct Backpressure {
    /// The permit that the next message's answer will take.
    pub(super) permit: Option<SendPermit>,
    /// Until when the next message waits, once it does.
    pub(super) deadline: Option<Instant>,
    /// Until when no message waits, because the last wait brought no permit.
    skip_until: Option<Instant>,
    /// The newest message that says STOP.
    last_stop: Option<InboundId>,
}

impl Conversation {
    /// Waits, if that is worth it, for the answers under way to be settled and for a permit for the next one, and goes on
    /// then. Answers whether it waits.
    pub(super) fn waits(&mut self, ctx: &mut Context<Self>) -> bool {
        if matches!(self.phase, Phase::AwaitingPermit(_)) {
            if !self.is_awaited() {
                return true;
            }
            self.enter(Phase::Idle, ctx);
        }
        let skip_wait =
            self.backpressure.skip_until.is_some_and(|until| Instant::now() < until) || self.setup.pool.closes_soon();
        if self.queue.is_empty() || self.rows.queued || skip_wait || self.is_awaited() {
            return false;
        }
        if self.keeps_order() && !self.in_flight.is_zero() {
            let answers = self.in_flight.clone();
            self.wait_for(async move { answers.settled().await }, |_, ()| {}, ctx);
            return true;
        }
        let (channel_key, now) = (self.channel_key(), self.setup.context.now());
        if self.backpressure.permit.is_none() {
            self.backpressure.permit = self.setup.pool.reserve(&channel_key, now);
        }
        if self.backpressure.permit.is_some() || !self.setup.pool.is_open(&channel_key, now) {
            return false;
        }
        let pool = self.setup.pool.clone();
        let permits = async move { pool.reserve_in_turn(&channel_key, 1).await };
        self.wait_for(permits, |conversation, mut permits| conversation.backpressure.permit = permits.pop(), ctx);
        true
    }

    /// Takes note of a message that joins the queue.
    pub(super) fn note_stop(&mut self, message: &Inbound) {
        if says_stop(message, &self.setup.profile.rules) {
            self.backpressure.last_stop = self.backpressure.last_stop.max(Some(message.id));
        }
    }

    /// Whether a STOP or a request is queued, which ends the wait.
    pub(super) fn is_awaited(&self) -> bool {
        self.stop_is_queued() || !self.requests.is_empty()
    }

    fn stop_is_queued(&self) -> bool {
        self.queue.front().is_some_and(|next| self.backpressure.last_stop >= Some(next.message.id))
    }

    fn wait_for<T: 'static>(
        &mut self,
        what: impl Future<Output = T> + 'static,
        take: impl FnOnce(&mut Self, T) + 'static,
        ctx: &mut Context<Self>,
    ) {
        let (pool, channel_key, until) = (self.setup.pool.clone(), self.channel_key(), self.permit_deadline());
        let within_deadline = async move {
            let mut what = std::pin::pin!(what);
            loop {
                let granted_before = pool.granted(&channel_key);
                let soon = until.min(Instant::now() + PERMIT_WAIT);
                if let Ok(value) = tokio::time::timeout_at(soon, what.as_mut()).await {
                    return Some(value);
                }
                if soon == until || pool.granted(&channel_key) == granted_before || pool.closes_soon() {
                    return None;
                }
            }
        };
        let wait = within_deadline.into_actor(self).map(|value, conversation, ctx| {
            if !conversation.wait_ended(ctx) {
                return;
            }
            match value {
                Some(value) => take(conversation, value),
                None => conversation.backpressure.skip_until = Some(Instant::now() + SKIP_WAIT),
            }
            conversation.advance(ctx);
        });
        let wait = ctx.spawn(wait);
        self.enter(Phase::AwaitingPermit(wait), ctx);
    }

    /// When the next message stops waiting: before sweeps of other nodes take it for overdue. Within that time a machine that
    /// answers two thousand messages a second answers as many as memory holds. A shorter wait would queue more rows in the
    /// store, which slows every turn down.
    fn permit_deadline(&mut self) -> Instant {
        let longest = self.setup.context.settings.overdue_after * 9 / 10;
        *self.backpressure.deadline.get_or_insert_with(|| Instant::now() + longest)
    }

    fn keeps_order(&self) -> bool {
        self.setup.profile.channels.get(&self.setup.key.channel).is_none_or(|channel| channel.keep_order)
    }
}
