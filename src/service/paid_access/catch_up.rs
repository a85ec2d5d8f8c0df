//! Catching up: events that never came as webhooks are listed, and kept.

use palabre_actors::domain::Timestamp;
use tracing::warn;

use super::apply::{Intake, take_stripe_event};
use super::{AccessError, PaidAccess};
use crate::payments::stripe::Event;

/// What was made up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Events that were not known.
    pub new: usize,
    /// Accounts whose events could not be listed.
    pub failed: usize,
}

impl PaidAccess {
    /// Keeps the events of every connected account since a moment, for those that never came as webhooks. An account that
    /// cannot be listed keeps no other from it (I9).
    ///
    /// # Errors
    /// [`AccessError`]: the database refused; what was kept by then is kept.
    pub async fn catch_up(&self, since: Timestamp, now: Timestamp) -> Result<CaughtUp, AccessError> {
        let mut caught = CaughtUp::default();
        let Some(stripe) = &self.stripe else { return Ok(caught) };
        for (tenant, seller) in &*self.creators.now() {
            let Some(account) = &seller.access.stripe_account else { continue };
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
                    caught.new += usize::from(take_stripe_event(self, &event, now).await? == Intake::Kept);
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
