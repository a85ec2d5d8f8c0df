//! Catching up: events that never came as webhooks are listed, and kept.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use tracing::warn;

use super::intake::{Intake, take_stripe_event};
use super::{AccessError, PaidAccess};
use crate::payments::stripe::Event;
use crate::store::StoreError;
use crate::store::operator::Tenants;
use crate::store::paid_access::Payer;

/// How far back events are listed when none were missed for long: for so long Stripe posts again what was not taken.
const USUALLY: TimeDelta = TimeDelta::days(3);
/// The longest: Stripe keeps events for thirty days (<https://docs.stripe.com/api/events>).
pub(super) const AT_MOST: TimeDelta = TimeDelta::days(30);
/// What has come in since a node started tells nothing of how long it was away.
const SINCE_THE_START: TimeDelta = TimeDelta::minutes(10);

/// How long a purchase waits for its payment. Checkouts are open for a day; for the rest of the time a reconciliation may find
/// that one was paid of which nothing was told.
const UNPAID: TimeDelta = TimeDelta::days(90);

/// Webhooks are refused when Stripe's clock differs by more.
const CLOCK_OF_STRIPE: TimeDelta = TimeDelta::minutes(5);

/// What was made up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Events that were not known.
    pub new: usize,
    /// Accounts whose events could not be listed.
    pub failed: usize,
}

impl PaidAccess {
    /// Forgets purchases that were begun and never paid. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn drop_abandoned(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.drop_abandoned_subscriptions(now - UNPAID).await
    }

    /// Since when events may be missing: since the last one that came, some days at least and as far back as Stripe keeps them
    /// at most.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn missing_since(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let last = self.store.last_payment_event(Payer::Stripe.as_str(), now - SINCE_THE_START).await?;
        Ok(last.unwrap_or(now).clamp(now - AT_MOST, now - USUALLY))
    }

    /// Keeps the events of these tenants' connected accounts since a moment, for those that never came as webhooks. An account
    /// that cannot be listed keeps no other from it (I9).
    ///
    /// # Errors
    /// [`AccessError`]: the database refused; what was kept by then is kept.
    pub async fn catch_up(&self, tenants: &Tenants, since: Timestamp, now: Timestamp) -> Result<CaughtUp, AccessError> {
        let mut caught = CaughtUp::default();
        let Some(stripe) = &self.stripe else { return Ok(caught) };
        for (tenant, seller) in &*self.creators.now() {
            let Some(account) = seller.access.stripe_account.as_ref().filter(|_| tenants.contains(tenant)) else {
                continue;
            };
            let mut after = None;
            loop {
                let page = match stripe.events(account, since.timestamp(), after.as_deref()).await {
                    Ok(page) => page,
                    Err(error) => {
                        warn!(
                            tenant.id = %tenant,
                            error = &error as &dyn std::error::Error,
                            "payment events could not be listed"
                        );
                        caught.failed += 1;
                        break;
                    }
                };
                for body in &page.bodies {
                    let Ok(mut event) = Event::read(body.to_string().as_bytes()) else { continue };
                    // An account's own list does not name the account.
                    event.account.get_or_insert_with(|| account.clone());
                    let came_at = should_have_come(&event, now);
                    caught.new += usize::from(take_stripe_event(self, &event, came_at).await? == Intake::Kept);
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(caught)
    }
}

/// When an event that was missed should have come: figures count it then. By Stripe's clock, so a look at what it is about has
/// seen it when it is later by as much as that clock may differ from ours.
fn should_have_come(event: &Event, now: Timestamp) -> Timestamp {
    let happened = event.created.and_then(|created| Timestamp::from_timestamp(created, 0));
    happened.map_or(now, |happened| (happened + CLOCK_OF_STRIPE).min(now))
}
