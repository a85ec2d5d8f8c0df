//! Limits of checkouts, per address and per plan.
//!
//! Each checkout is a row here and a page at the payment system, and anybody may ask for one. Many customers of a mobile
//! network share an address, so an address has room for a launch, and a plan for many addresses. Whom the bot sent counts for
//! their address alone: nobody can use a plan's limit up for its members. A source that is not known is counted with the plan
//! alone.

use std::net::IpAddr;
use std::time::Duration;

use palabre_actors::domain::ids::TenantId;

use crate::service::attempts::{AttemptLimit, Pace};

/// Of one plan from one address: 30 at once, 180 an hour.
const PAIR: Pace = Pace { burst: 30, every: Duration::from_secs(20) };
/// Of one plan, by those whom nobody knows: 300 at once, 1,800 an hour.
const PLAN: Pace = Pace { burst: 300, every: Duration::from_secs(2) };

type PlanKey = (TenantId, String);

/// The checkouts of all plans and addresses.
pub struct CheckoutLimits {
    pairs: AttemptLimit<(PlanKey, IpAddr)>,
    plans: AttemptLimit<PlanKey>,
}

impl Default for CheckoutLimits {
    fn default() -> Self {
        Self { pairs: AttemptLimit::new(&PAIR), plans: AttemptLimit::new(&PLAN) }
    }
}

impl CheckoutLimits {
    /// Counts a checkout of a plan that is there. `is_known`: whether it is by a member whom the bot sent.
    ///
    /// # Errors
    /// After how long the next one is free: this one must not be made.
    pub fn attempt(
        &self,
        (tenant, plan): (&TenantId, &str),
        source: Option<IpAddr>,
        is_known: bool,
    ) -> Result<(), Duration> {
        let plan = (tenant.clone(), plan.to_owned());
        if let Some(source) = source {
            self.pairs.attempt(&(plan.clone(), source))?;
        }
        if is_known && source.is_some() { Ok(()) } else { self.plans.attempt(&plan) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(limits: &CheckoutLimits, plan: &str, source: Option<IpAddr>, is_known: bool) -> usize {
        let belle = TenantId::new("belle");
        (0..1_000).filter(|_| limits.attempt((&belle, plan), source, is_known).is_ok()).count()
    }

    #[test]
    fn an_address_is_refused_at_one_plan_and_nobody_else_is() {
        let limits = CheckoutLimits::default();
        let (loud, quiet): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(taken(&limits, "premium", Some(loud), false), 30);
        let belle = TenantId::new("belle");
        let wait = limits.attempt((&belle, "premium"), Some(loud), true).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= PAIR.every, "{wait:?}");
        assert_eq!(limits.attempt((&belle, "premium"), Some(quiet), false), Ok(()));
        assert_eq!(limits.attempt((&belle, "gold"), Some(loud), false), Ok(()));
        assert_eq!(limits.attempt((&TenantId::new("taxi"), "premium"), Some(loud), false), Ok(()), "i9");
    }

    #[test]
    fn many_addresses_use_up_a_plan_and_its_members_still_come_in() {
        let limits = CheckoutLimits::default();
        let belle = TenantId::new("belle");
        let sources = (0..1_000_u32).map(|n| Some(IpAddr::from(n.to_be_bytes())));
        let is_taken = |source: &Option<IpAddr>| limits.attempt((&belle, "premium"), *source, false).is_ok();
        assert_eq!(sources.filter(is_taken).count(), 300);
        assert_eq!(taken(&limits, "premium", None, true), 0, "a source that is not known");
        let member = Some("198.51.100.7".parse().unwrap());
        assert_eq!(limits.attempt((&belle, "premium"), member, true), Ok(()));
    }
}
