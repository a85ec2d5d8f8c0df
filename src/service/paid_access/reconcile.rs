//! Reconciliation: everything that payment systems know of these tenants is compared with the ledgers, and what differs is booked.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use tracing::warn;

use super::{AccessError, PaidAccess};
use crate::service::Caller;
use crate::service::permissions::Permission::AccessWrite;
use crate::store::operator::Tenants;
use crate::store::paid_access::{Payer, Subscription, SubscriptionFilter};

/// Subscriptions that are read in one go.
const PAGE: usize = 100;

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Subscriptions that were looked at where they are paid.
    pub looked_at: usize,
    /// Payments and refunds in Stars of which nothing was told, and which are booked now.
    pub booked: usize,
    /// Subscriptions and bots that could not be looked at.
    pub failed: usize,
}

/// Looks at every subscription by card of these tenants, and reads their bots' lists of payments in Stars from the beginning.
///
/// # Errors
/// [`AccessError`]
pub async fn reconcile(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    now: Timestamp,
) -> Result<Reconciled, AccessError> {
    caller.require(AccessWrite)?;
    let among = caller.among(tenants)?;
    let mut came_to = Reconciled::default();
    let mut filter = SubscriptionFilter::default();
    loop {
        let page = access.store.subscriptions(&among, &filter, PAGE).await?;
        for row in &page {
            access.look_again(row, &mut came_to, now).await?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.before = Some(last.id),
            _ => break,
        }
    }
    for (tenant, creator) in &*access.creators.now() {
        if !among.contains(tenant) {
            continue;
        }
        for bot in creator.bots_paid_in_stars() {
            let Some(directory) = creator.directories.get(bot) else { continue };
            let reading = access.read_stars(tenant, &**directory, 0, now).await?;
            came_to.booked += reading.booked;
            if let Some(error) = reading.failure {
                came_to.failed += 1;
                not_looked_at(tenant, &error);
            }
        }
    }
    Ok(came_to)
}

impl PaidAccess {
    async fn look_again(
        &self,
        row: &Subscription,
        came_to: &mut Reconciled,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let (Payer::Stripe, Some(account), Some(bought)) = (row.payer, &row.account, &row.provider_subscription) else {
            return Ok(());
        };
        if !bought.starts_with("sub_") {
            return Ok(());
        }
        match self.refresh(self.stripe()?, (&row.tenant, account), bought, now).await {
            Ok(_) => came_to.looked_at += 1,
            Err(error) => {
                came_to.failed += 1;
                not_looked_at(&row.tenant, &error);
            }
        }
        Ok(())
    }
}

fn not_looked_at(tenant: &TenantId, error: &(dyn std::error::Error + 'static)) {
    warn!(tenant.id = %tenant, error = error, "what was paid could not be compared");
}
