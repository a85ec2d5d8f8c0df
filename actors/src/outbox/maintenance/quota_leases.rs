//! Quota lease service: gives back what other nodes want, and counts what they sent, once per node.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::limits::SenderPool;
use super::scheduler::Maintenance;
use crate::ports::PortError;
use crate::runtime::ActorContext;

impl Maintenance {
    /// Does nothing where no other node sends for the same tenants.
    pub(super) fn maintain_quota_leases(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.context.ports.quota_leases.is_none() {
            return;
        }
        let (context, pool) = (Arc::clone(&self.context), Arc::clone(&self.pool));
        let maintaining = async move { maintain(&context, &pool).await };
        ctx.spawn(maintaining.into_actor(self).map(|maintained, maintenance, ctx| {
            if let Err(error) = maintained
                && maintenance.context.outage.is_news(&error)
            {
                warn!(error = %error, "quota leases not given back, trying again");
            }
            ctx.run_later(maintenance.context.settings.sweep_every, Self::maintain_quota_leases);
        }));
    }
}

async fn maintain(context: &ActorContext, pool: &SenderPool) -> Result<(), PortError> {
    let Some(leases) = &context.ports.quota_leases else { return Ok(()) };
    let wanted = context.within_deadline(leases.wanted(&context.node)).await?;
    for senders in wanted.iter().filter_map(|tenant| pool.tenant(tenant)) {
        senders.quota.return_lease(context).await?;
    }
    for senders in pool.tenants().values() {
        senders.quota.count_others(context).await?;
    }
    Ok(())
}
