//! When an account shuts and another takes over, what had failed before need not wait for its own time any longer.

use std::sync::Arc;

use actix::{AsyncContext, Context};
use tracing::warn;

use super::Dispatcher;
use super::channel_health::{Availability, ChannelHealth};
use super::messages::Settled;
use crate::domain::ids::TenantId;
use crate::ports::{ExpediteRetries, PortError};
use crate::runtime::ActorContext;

/// Rows made due at once; the next ones follow.
const PAGE: usize = 1_000;

impl Dispatcher {
    /// Looks which of a tenant's accounts have shut, and lets what failed on them go by the ones that take over. One that
    /// none takes over for is looked at again as long as it is shut.
    pub(super) fn expedite(&self, tenant: &TenantId, ctx: &mut Context<Self>) {
        let Some(senders) = self.pool.tenant(tenant) else { return };
        let now = self.context.now();
        for account in senders.accounts().filter(|account| account.has_shut_anew()) {
            if account.availability(now) == Availability::Ready || account.profile.fallback.is_none() {
                account.has_been_seen_to(true);
                continue;
            }
            let Some(other) = senders.standing_in(&account.channel_key.channel, now) else { continue };
            account.has_been_seen_to(true);
            let expedite = ExpediteRetries {
                channel_key: account.channel_key.clone(),
                any_address: other.profile.scheme == account.profile.scheme,
                without_text: !other.profile.templates.is_empty(),
                now,
                limit: PAGE,
            };
            let (context, account, me) = (Arc::clone(&self.context), Arc::clone(account), ctx.address());
            self.context.io.spawn(async move {
                if let Err(error) = all_of(&context, expedite).await {
                    account.has_been_seen_to(false);
                    if context.outage.is_news(&error) {
                        warn!(error = %error, "what waits for a broken channel does not go by the other one yet, trying again");
                    }
                }
                me.do_send(Settled { channel_key: account.channel_key.clone(), again_at: Some(now) });
            });
        }
    }

    /// The same for all tenants of the shard: a pause was read, or the store was away.
    pub(super) fn expedite_all(&self, ctx: &mut Context<Self>) {
        let shut = |account: &Arc<ChannelHealth>| account.has_shut_anew();
        let ours = self.pool.tenants().filter(|senders| (self.owns)(&senders.id));
        for senders in ours.filter(|senders| senders.accounts().any(shut)) {
            self.expedite(&senders.id, ctx);
        }
    }
}

async fn all_of(context: &ActorContext, expedite: ExpediteRetries) -> Result<(), PortError> {
    let mut more = true;
    while more {
        let hastened = context.within_deadline(context.ports.outbox.expedite(expedite.clone())).await?;
        more = hastened >= PAGE as u64;
    }
    Ok(())
}
