//! A conversation's patience. An answer that has a sender's place, and none of its conversation before it, is written as
//! being sent; any other is written as queued, and later changed twice more, which costs the store more than the turn did.
//! Under load it is always worth to wait for the place.
//!
//! Not for ever: a provider that hangs must hold up no turn, one that is slow must not fill the memory with what waits, and a
//! stop is in a hurry. And not at all while a STOP is among what waits: the turns before it are decided at once, so that their
//! answers queue, and the STOP's turn holds back what has not left. Nor while a program waits to hear that its message is
//! written. So the mailbox stays open meanwhile: either of them ends the wait.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::time::Instant;

use super::Conversation;
use crate::domain::message::Inbound;
use crate::domain::turn::says_stop;

/// How long a turn waits while nobody of its channel gets on.
const PERMIT_WAIT: Duration = Duration::from_secs(5);
/// For how long none waits after one that did in vain.
const SKIP_WAIT: Duration = Duration::from_secs(10);

impl Conversation {
    /// Waits, if that is worth it, for the answers under way to be settled and for a place for the next one, and goes on
    /// then.
    pub(super) fn waits(&mut self, ctx: &mut Context<Self>) -> bool {
        if let Some(wait) = self.waits_for.take() {
            if !self.is_awaited() {
                self.waits_for = Some(wait);
                return true;
            }
            ctx.cancel_future(wait);
        }
        let skip_wait =
            self.skip_wait_until.is_some_and(|until| Instant::now() < until) || self.setup.pool.closes_soon();
        if self.queue.is_empty() || self.queued_in_store || skip_wait || self.is_awaited() {
            return false;
        }
        if self.keeps_order() && !self.in_flight.is_zero() {
            let answers = self.in_flight.clone();
            self.wait_for(async move { answers.settled().await }, |_, ()| {}, ctx);
            return true;
        }
        let (channel_key, now) = (self.channel_key(), self.setup.context.now());
        if self.send_permit.is_none() {
            self.send_permit = self.setup.pool.reserve(&channel_key, now);
        }
        if self.send_permit.is_some() || !self.setup.pool.is_open(&channel_key, now) {
            return false;
        }
        let pool = self.setup.pool.clone();
        let places = async move { pool.reserve_in_turn(&channel_key, 1).await };
        self.wait_for(places, |conversation, mut places| conversation.send_permit = places.pop(), ctx);
        true
    }

    /// Takes note of a message that joins the queue.
    pub(super) fn note_stop(&mut self, message: &Inbound) {
        if says_stop(message, &self.setup.profile.rules) {
            self.last_stop = self.last_stop.max(Some(message.id));
        }
    }

    /// Somebody waits for what comes after the next turn.
    fn is_awaited(&self) -> bool {
        self.stop_is_queued() || !self.asked.is_empty()
    }

    fn stop_is_queued(&self) -> bool {
        self.queue.front().is_some_and(|next| self.last_stop >= Some(next.message.id))
    }

    fn wait_for<T: 'static>(
        &mut self,
        what: impl Future<Output = T> + 'static,
        take: impl FnOnce(&mut Self, T) + 'static,
        ctx: &mut Context<Self>,
    ) {
        let (pool, channel_key, until) = (self.setup.pool.clone(), self.channel_key(), self.permit_deadline());
        let patient = async move {
            let mut what = std::pin::pin!(what);
            loop {
                let served = pool.granted(&channel_key);
                let soon = until.min(Instant::now() + PERMIT_WAIT);
                if let Ok(value) = tokio::time::timeout_at(soon, what.as_mut()).await {
                    return Some(value);
                }
                if soon == until || pool.granted(&channel_key) == served || pool.closes_soon() {
                    return None;
                }
            }
        };
        let wait = patient.into_actor(self).map(|value, conversation, ctx| {
            conversation.waits_for = None;
            match value {
                Some(value) => take(conversation, value),
                None => conversation.skip_wait_until = Some(Instant::now() + SKIP_WAIT),
            }
            conversation.advance(ctx);
        });
        self.waits_for = Some(ctx.spawn(wait));
    }

    /// How long the next message waits at most, for whatever: not as long as sweeps leave it to its own node. As many as there is
    /// memory for are served within that by a machine that answers two thousand a second; whoever gave up sooner would queue,
    /// and make it slower for all.
    fn permit_deadline(&mut self) -> Instant {
        let longest = self.setup.context.settings.overdue_after * 9 / 10;
        *self.permit_deadline.get_or_insert_with(|| Instant::now() + longest)
    }

    fn keeps_order(&self) -> bool {
        self.setup.profile.channels.get(&self.setup.key.channel).is_none_or(|channel| channel.keep_order)
    }
}
