//! Failover: when a channel becomes unavailable and its fallback takes over, failed messages are retried at once.

use std::sync::Arc;

use actix::{AsyncContext, Context};
use tracing::warn;

use super::super::limits::{Availability, ChannelHealth};
use super::dispatcher::Dispatcher;
use super::messages::ChannelChanged;
use crate::domain::ids::TenantId;
use crate::ports::{ExpediteRetries, PortError};
use crate::runtime::ActorContext;

/// Rows made due by one statement; the next statement follows.
const BATCH_LIMIT: usize = 1_000;

impl Dispatcher {
    /// Expedites the retries of a tenant's channels that became unavailable and whose fallback is available. A channel whose
    /// fallback is not available either is looked at again as long as it is unavailable.
    pub(super) fn expedite_retries(&self, tenant: &TenantId, ctx: &mut Context<Self>) {
        let Some(senders) = self.pool.tenant(tenant) else { return };
        let now = self.context.now();
        for health in senders.channels().filter(|health| health.failover_is_due()) {
            if health.availability(now) == Availability::Ready || health.profile.fallback.is_none() {
                health.failover_done(true);
                continue;
            }
            let Some(fallback) = senders.active_fallback(&health.channel_key.channel, now) else { continue };
            health.failover_done(true);
            let expedite = ExpediteRetries {
                channel_key: health.channel_key.clone(),
                any_address: fallback.profile.scheme == health.profile.scheme,
                without_text: !fallback.profile.templates.is_empty(),
                now,
                limit: BATCH_LIMIT,
            };
            let (context, health, me) = (Arc::clone(&self.context), Arc::clone(health), ctx.address());
            self.context.io.spawn(async move {
                if let Err(error) = expedite_all(&context, expedite).await {
                    health.failover_done(false);
                    if context.outage.is_news(&error) {
                        warn!(error = %error, "retries not expedited to the fallback channel, trying again");
                    }
                }
                me.do_send(ChannelChanged { channel_key: health.channel_key.clone(), again_at: Some(now) });
            });
        }
    }

    /// Does so for all tenants of the shard, after a sweep: a pause was read, or the store was unavailable.
    pub(super) fn expedite_all_retries(&self, ctx: &mut Context<Self>) {
        let is_due = |health: &Arc<ChannelHealth>| health.failover_is_due();
        let tenants = self.pool.tenants();
        let own = tenants.values().filter(|senders| (self.owns)(&senders.id));
        for senders in own.filter(|senders| senders.channels().any(is_due)) {
            self.expedite_retries(&senders.id, ctx);
        }
    }
}

async fn expedite_all(context: &ActorContext, expedite: ExpediteRetries) -> Result<(), PortError> {
    let mut more = true;
    while more {
        let expedited = context.within_deadline(context.ports.outbox.expedite(expedite.clone())).await?;
        more = expedited >= BATCH_LIMIT as u64;
    }
    Ok(())
}
