//! What a dispatcher does from time to time: asks the store what nobody told it, has unknown messages looked into, lets
//! the store tend its lines.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use metrics::{counter, gauge};
use tracing::warn;

use super::Dispatcher;
use super::messages::{Look, Settled};
use super::quota_lease;
use super::reconcile::Tell;
use crate::domain::status::OutboxState;
use crate::ports::{ChannelKey, MaintenanceReport, PortError};
use crate::runtime::metric;

/// The store tends its lines once in so many sweeps, as long as it finds nothing to do there. That is in no hurry: somebody
/// failed to tell, days ago or just now, or may spend again since midnight.
const SWEEPS_PER_TENDING: u32 = 5;

/// One dead letter more.
pub(super) fn count_dead(channel_key: &ChannelKey) {
    count_lost(channel_key, OutboxState::Dead);
}

/// A message that did not get through, and is not tried again by itself.
pub(crate) fn count_lost(channel_key: &ChannelKey, state: OutboxState) {
    count(channel_key, state, 1);
}

fn count(channel_key: &ChannelKey, state: OutboxState, more: u64) {
    let (tenant, channel) = (channel_key.tenant.as_str().to_owned(), channel_key.channel.as_str().to_owned());
    counter!(metric::DEAD, "tenant" => tenant, "channel" => channel, "state" => state.as_str()).increment(more);
}

impl Dispatcher {
    /// Asks the store what nobody told us about: rows that were due while we were away, or that another process wrote;
    /// channels that are paused.
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let (context, first) = (Arc::clone(&self.context), self.first);
        let asked_at = context.now();
        let sweeping = async move {
            let pauses = match first {
                true => Some(context.within_deadline(context.ports.outbox.pauses()).await?),
                false => None,
            };
            let due = context.within_deadline(context.ports.outbox.due()).await?;
            Ok::<_, PortError>((pauses, due))
        };
        ctx.spawn(sweeping.into_actor(self).map(move |swept, dispatcher, ctx| {
            match swept {
                Ok((pauses, due)) => {
                    pauses.iter().for_each(|pauses| dispatcher.pool.adopt_pauses(pauses, asked_at));
                    for (channel_key, at) in due {
                        if (dispatcher.owns)(&channel_key.tenant) {
                            dispatcher.note_due(channel_key, at);
                        }
                    }
                    dispatcher.expedite_all(ctx);
                    dispatcher.work_off(ctx);
                }
                Err(error) if dispatcher.context.outage.is_news(&error) => {
                    warn!(error = %error, "outbox sweep failed, trying again");
                }
                Err(_) => {}
            }
            dispatcher.publish();
            let every = dispatcher.context.settings.sweep_every;
            ctx.run_later(every, Self::sweep);
        }));
    }

    /// Shows that none was lost so far: an alert sees how much a number grows, and not that one appears.
    pub(super) fn count_none_lost(&self) {
        for account in
            self.pool.tenants().filter(|senders| (self.owns)(&senders.id)).flat_map(|senders| senders.accounts())
        {
            [OutboxState::Dead, OutboxState::Failed]
                .into_iter()
                .for_each(|state| count(&account.channel_key, state, 0));
        }
    }

    /// Shows how accounts, days and budgets stand.
    fn publish(&self) {
        let now = self.context.now();
        if self.first {
            #[expect(clippy::cast_precision_loss, reason = "a gauge; far fewer than 2^52 senders")]
            gauge!(metric::SENDING).set(self.pool.sending() as f64);
        }
        for senders in self.pool.tenants().filter(|senders| (self.owns)(&senders.id)) {
            senders.accounts().for_each(|account| account.publish(now));
            senders.quota.publish(now);
        }
    }

    /// What a node does once: rows whose lease ran out become unknown, and unknown rows are looked into. The providers'
    /// answers are not waited for here.
    pub(super) fn inspect(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let (context, reconciler, pool) =
            (Arc::clone(&self.context), Arc::clone(&self.reconciler), Arc::clone(&self.pool));
        let me = ctx.address();
        let tell: Tell = Arc::new(move |channel_key, at| me.do_send(Settled { channel_key, again_at: Some(at) }));
        let inspecting = async move {
            let over = pool.leases().over(context.node.clone(), context.now());
            let expired = context.within_deadline(context.ports.outbox.expire_leases(over)).await?;
            if expired > 0 {
                warn!(
                    messages = expired,
                    "leases ran out or were lost, asking the providers what became of these messages"
                );
            }
            reconciler.look_into(&tell).await
        };
        ctx.spawn(inspecting.into_actor(self).map(|inspected, dispatcher, ctx| {
            if let Err(error) = inspected
                && dispatcher.context.outage.is_news(&error)
            {
                warn!(error = %error, "unknown messages could not be looked into, trying again");
            }
            ctx.run_later(dispatcher.context.settings.sweep_every, Self::inspect);
        }));
    }

    /// Where other nodes send for the same tenants: gives back what they want of days and budgets.
    pub(super) fn keep_reserves(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.context.ports.quota_leases.is_none() {
            return;
        }
        let (context, pool) = (Arc::clone(&self.context), Arc::clone(&self.pool));
        let tending = async move { quota_lease::maintain(&context, &pool).await };
        ctx.spawn(tending.into_actor(self).map(|tended, dispatcher, ctx| {
            if let Err(error) = tended
                && dispatcher.context.outage.is_news(&error)
            {
                warn!(error = %error, "what other nodes want of days and budgets is not given back, trying again");
            }
            ctx.run_later(dispatcher.context.settings.sweep_every, Self::keep_reserves);
        }));
    }

    pub(super) fn tend_after(&mut self, sweeps: u32, ctx: &mut Context<Self>) {
        ctx.run_later(self.context.settings.sweep_every * sweeps, Self::maintain);
    }

    fn maintain(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let context = Arc::clone(&self.context);
        let tending = async move { context.within_deadline(context.ports.outbox.maintain(context.now())).await };
        ctx.spawn(tending.into_actor(self).map(|tended, dispatcher, ctx| {
            // What went back into its line is found by the next sweep. It was a page: perhaps there is more.
            let mut sweeps = SWEEPS_PER_TENDING;
            match tended {
                Ok(MaintenanceReport { changed, died }) => {
                    died.iter().for_each(count_dead);
                    sweeps = if changed > 0 { 1 } else { sweeps };
                }
                Err(error) if dispatcher.context.outage.is_news(&error) => {
                    warn!(error = %error, "lines could not be tended, trying again");
                }
                Err(_) => {}
            }
            dispatcher.tend_after(sweeps, ctx);
        }));
    }
}

impl Handler<Look> for Dispatcher {
    type Result = ();

    /// The pauses first: what a channel that was resumed has waiting may go at once.
    fn handle(&mut self, Look(channel_keys): Look, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let context = Arc::clone(&self.context);
        let asked_at = context.now();
        let asking = async move { context.within_deadline(context.ports.outbox.pauses()).await };
        ctx.spawn(asking.into_actor(self).map(move |pauses, dispatcher, ctx| {
            match pauses {
                Ok(pauses) => dispatcher.pool.adopt_pauses(&pauses, asked_at),
                // The next sweep asks again.
                Err(error) => warn!(error = %error, "a wake-up came to nothing, the next sweep looks"),
            }
            let again_at = Some(dispatcher.context.now());
            for channel_key in channel_keys {
                ctx.notify(Settled { channel_key, again_at });
            }
        }));
    }
}
