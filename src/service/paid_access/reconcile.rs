//! Reconciliation: everything that payment systems know of these tenants is compared with the ledgers, and what differs is
//! booked.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use tracing::warn;
use uuid::Uuid;

use super::apply::METADATA;
use super::catch_up::AT_MOST;
use super::{AccessError, PaidAccess};
use crate::service::Caller;
use crate::service::permissions::Permission::AccessWrite;
use crate::store::operator::Tenants;
use crate::store::paid_access::{Payer, Subscription, SubscriptionFilter};

/// Subscriptions that are read in one go.
const PAGE: usize = 100;

/// How much earlier than a purchase was begun here its checkout may have been made by Stripe's clock.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Purchases by card that were looked at where they are paid.
    pub looked_at: usize,
    /// Purchases by card of whose payment nothing was told, and which are booked now.
    pub found: usize,
    /// Payments and refunds in Stars of which nothing was told, and which are booked now.
    pub booked: usize,
    /// Purchases, accounts and bots that could not be looked at.
    pub failed: usize,
}

/// Purchases by card of which no payment is known: those of a tenant on an account, and when the oldest of them was begun.
type Unpaid = HashMap<(TenantId, String), (HashSet<Uuid>, Timestamp)>;

/// Looks at every purchase by card of these tenants, at the checkouts that were completed of those of which no payment is known,
/// and reads their bots' lists of payments in Stars from the beginning. Events that never came are kept, which the figures are
/// made of.
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
    let mut unpaid = Unpaid::new();
    came_to.failed += access.catch_up(&among, now - AT_MOST, now).await?.failed;
    loop {
        let page = access.store.subscriptions(&among, &filter, PAGE).await?;
        for row in &page {
            access.look_again(row, &mut came_to, now).await?;
            if let (Payer::Stripe, Some(account), None) = (row.payer, &row.account, &row.provider_subscription) {
                let (ids, since) =
                    unpaid.entry((row.tenant.clone(), account.clone())).or_insert_with(|| (HashSet::new(), now));
                ids.insert(row.id);
                *since = row.created_at.min(*since);
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.before = Some(last.id),
            _ => break,
        }
    }
    for ((tenant, account), (ids, since)) in &unpaid {
        access.find_paid((tenant, account), (ids, *since), &mut came_to, now).await?;
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
        let stripe = self.stripe()?;
        let looked = if bought.starts_with("sub_") {
            self.refresh(stripe, (&row.tenant, account), bought, now).await
        } else {
            let customer = row.provider_customer.as_deref();
            self.refresh_payment(stripe, (row, account), (bought, customer), (row.created_at, now)).await
        };
        match looked {
            Ok(_) => came_to.looked_at += 1,
            Err(error) => {
                came_to.failed += 1;
                not_looked_at(&row.tenant, &error);
            }
        }
        Ok(())
    }

    /// Books what was paid of these purchases on the pages of an account, of which nothing was told.
    async fn find_paid(
        &self,
        (tenant, account): (&TenantId, &str),
        (unpaid, since): (&HashSet<Uuid>, Timestamp),
        came_to: &mut Reconciled,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let stripe = self.stripe()?;
        let completed = match stripe.completed_checkouts(account, (since - CLOCKS_DIFFER).timestamp()).await {
            Ok(completed) => completed,
            Err(error) => {
                came_to.failed += 1;
                not_looked_at(tenant, &error);
                return Ok(());
            }
        };
        let is_unpaid = |row: &str| row.parse::<Uuid>().is_ok_and(|row| unpaid.contains(&row));
        for session in completed.iter().filter(|one| one.metadata.get(METADATA).is_some_and(|row| is_unpaid(row))) {
            match self.apply_session(stripe, (tenant, account), session, now).await {
                Ok(booked) => came_to.found += usize::from(booked.is_some()),
                Err(error) => {
                    came_to.failed += 1;
                    not_looked_at(tenant, &error);
                }
            }
        }
        Ok(())
    }
}

fn not_looked_at(tenant: &TenantId, error: &(dyn std::error::Error + 'static)) {
    warn!(tenant.id = %tenant, error = error, "what was paid could not be compared");
}
