//! Reconciliation service: expires leases and has unknown rows claimed, once per node.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::dispatch::messages::ChannelChanged;
use super::super::reconcile::OnSettled;
use super::scheduler::Maintenance;

impl Maintenance {
    /// Turns rows whose lease ran out to unknown, and has unknown rows claimed. Does not wait for the providers' answers.
    pub(super) fn reconcile(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let (context, reconciler, pool) =
            (Arc::clone(&self.context), Arc::clone(&self.reconciler), Arc::clone(&self.pool));
        let dispatcher = self.dispatcher.clone();
        let on_settled: OnSettled =
            Arc::new(move |channel_key, at| dispatcher.do_send(ChannelChanged { channel_key, again_at: Some(at) }));
        let reconciling = async move {
            let over = pool.leases().over(context.node.clone(), context.now());
            let expired = context.within_deadline(context.ports.outbox.expire_leases(over)).await?;
            if expired > 0 {
                warn!(messages = expired, "leases expired, asking the providers about these messages");
            }
            reconciler.claim_due(&on_settled).await
        };
        ctx.spawn(reconciling.into_actor(self).map(|reconciled, maintenance, ctx| {
            if let Err(error) = reconciled
                && maintenance.context.outage.is_news(&error)
            {
                warn!(error = %error, "unknown messages not reconciled, trying again");
            }
            ctx.run_later(maintenance.context.settings.sweep_every, Self::reconcile);
        }));
    }
}
