//! When an account shuts and another takes over, what had failed before need not wait for its own time any longer.

use std::sync::Arc;

use actix::{AsyncContext, Context};
use tracing::warn;

use super::Dispatcher;
use super::account::{Account, Readiness};
use super::messages::Settled;
use crate::domain::ids::TenantId;
use crate::kit::Outside;
use crate::ports::{Hasten, PortError};

/// Rows made due at once; the next ones follow.
const PAGE: usize = 1_000;

impl Dispatcher {
    /// Looks which of a tenant's accounts have shut, and lets what failed on them go by the ones that take over. One that
    /// none takes over for is looked at again as long as it is shut.
    pub(super) fn hasten(&self, tenant: &TenantId, ctx: &mut Context<Self>) {
        let Some(page) = self.desk.page(tenant) else { return };
        let now = self.outside.now();
        for account in page.accounts().filter(|account| account.has_shut_anew()) {
            if account.readiness(now) == Readiness::Ready || account.profile.fallback.is_none() {
                account.has_been_seen_to(true);
                continue;
            }
            let Some(other) = page.standing_in(&account.lane.channel, now) else { continue };
            account.has_been_seen_to(true);
            let hasten = Hasten {
                lane: account.lane.clone(),
                any_address: other.profile.scheme == account.profile.scheme,
                without_text: !other.profile.templates.is_empty(),
                now,
                limit: PAGE,
            };
            let (outside, account, me) = (Arc::clone(&self.outside), Arc::clone(account), ctx.address());
            self.outside.io.spawn(async move {
                if let Err(error) = all_of(&outside, hasten).await {
                    account.has_been_seen_to(false);
                    if outside.outage.is_news(&error) {
                        warn!(error = %error, "what waits for a broken channel does not go by the other one yet, trying again");
                    }
                }
                me.do_send(Settled { lane: account.lane.clone(), again_at: Some(now) });
            });
        }
    }

    /// The same for all tenants of the shard: a pause was read, or the store was away.
    pub(super) fn hasten_all(&self, ctx: &mut Context<Self>) {
        let shut = |account: &Arc<Account>| account.has_shut_anew();
        let ours = self.desk.pages().filter(|page| (self.owns)(&page.id));
        for page in ours.filter(|page| page.accounts().any(shut)) {
            self.hasten(&page.id, ctx);
        }
    }
}

async fn all_of(outside: &Outside, hasten: Hasten) -> Result<(), PortError> {
    let mut more = true;
    while more {
        let hastened = outside.within_deadline(outside.ports.outbox.hasten(hasten.clone())).await?;
        more = hastened >= PAGE as u64;
    }
    Ok(())
}
