//! Schedule of the dispatcher: when each channel has something due, and the alarm for the earliest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::dispatcher::Dispatcher;
use super::messages::ChannelChanged;
use crate::domain::Timestamp;
use crate::ports::ChannelKey;

/// Known due times of one channel; the sweep finds further ones.
const DUE_LIMIT: usize = 1_024;

impl Dispatcher {
    pub(super) fn note_due(&mut self, channel_key: ChannelKey, at: Timestamp) {
        // Rows of tenants that left the configuration stay in the store.
        if self.pool.tenant(&channel_key.tenant).is_none() {
            return;
        }
        let queue = self.queues.entry(channel_key.clone()).or_default();
        if queue.due_entries < DUE_LIMIT && self.due.insert((at, channel_key)) {
            queue.due_entries += 1;
        }
    }

    /// Claims for every channel that is due, and sets the alarm for the next one.
    pub(super) fn claim_due(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let now = self.context.now();
        let mut due = BTreeSet::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, channel_key)) = self.due.pop_first() else { break };
            if let Some(queue) = self.queues.get_mut(&channel_key) {
                queue.due_entries = queue.due_entries.saturating_sub(1);
            }
            due.insert(channel_key);
        }
        for channel_key in due {
            self.claim(channel_key, ctx);
        }
        let next = self.due.first().map(|(at, _)| *at);
        if next.is_some() && self.alarm.as_ref().is_none_or(|(at, _)| next < Some(*at)) {
            self.set_alarm(next, ctx);
        }
    }

    fn set_alarm(&mut self, at: Option<Timestamp>, ctx: &mut Context<Self>) {
        if let Some((_, handle)) = self.alarm.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = at {
            let wait = (at - self.context.now()).to_std().unwrap_or(Duration::ZERO);
            let handle = ctx.run_later(wait, |dispatcher, ctx| {
                dispatcher.alarm = None;
                dispatcher.claim_due(ctx);
            });
            self.alarm = Some((at, handle));
        }
    }

    /// Looks at channels that another process changed. Reads the pauses first: the rows of a channel that was resumed may
    /// go at once.
    pub(super) fn look(&mut self, channel_keys: Vec<ChannelKey>, ctx: &mut Context<Self>) {
        let context = Arc::clone(&self.context);
        let asked_at = context.now();
        let asking = async move { context.within_deadline(context.ports.outbox.pauses()).await };
        ctx.spawn(asking.into_actor(self).map(move |pauses, dispatcher, ctx| {
            match pauses {
                Ok(pauses) => dispatcher.pool.adopt_pauses(&pauses, asked_at),
                Err(error) => warn!(error = %error, "pauses not read after a notification, the next sweep reads them"),
            }
            let again_at = Some(dispatcher.context.now());
            for channel_key in channel_keys {
                ctx.notify(ChannelChanged { channel_key, again_at });
            }
        }));
    }
}
