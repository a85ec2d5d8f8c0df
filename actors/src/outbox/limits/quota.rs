//! Quota of a tenant on this node: messages a day (I7), and money a day and a month.
//!
//! A quota fails closed: until the store has said what went out before, nothing is sent. A used-up day keeps everything back
//! except quota-exempt messages ([`crate::domain::message::OutboundKind::QUOTA_EXEMPT`]).
//!
//! A node that has its store to itself asks the store once and counts in memory ([`local`]). Nodes that share a store take
//! quota leases from it ([`leased`]).

mod decision;
mod leased;
mod local;
mod usage;

use std::sync::Arc;

pub(crate) use self::decision::QuotaDecision;
use self::leased::{LeaseCharge, LeasedQuota};
use self::local::LocalQuota;
use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::domain::quota_lease::QuotaLimits;
use crate::ports::PortError;
use crate::runtime::{ActorContext, TenantProfile};

/// The quota of one tenant on this node.
pub(crate) enum Quota {
    /// No other node sends for the tenant.
    Local(Box<LocalQuota>),
    /// Other nodes send for the tenant too.
    Leased(Arc<LeasedQuota>),
}

/// What a message took of the quota. Report its outcome; when it is dropped, the message may have gone out.
#[derive(Debug)]
pub(crate) enum QuotaCharge {
    /// Of a quota of this process: its cost.
    Local(i64),
    /// Of the node's quota lease.
    Leased(LeaseCharge),
}

impl Quota {
    pub(super) fn new(tenant: &TenantId, profile: &TenantProfile, context: &ActorContext) -> Self {
        if context.ports.quota_leases.is_none() {
            return Self::Local(Box::new(LocalQuota::new(tenant.clone(), profile)));
        }
        let limits = QuotaLimits {
            per_day: u64::from(profile.per_day),
            budget: profile.budget.clone(),
            tz: profile.timezone,
            dearest_micros: dearest(profile),
        };
        Self::Leased(LeasedQuota::new(tenant.clone(), limits, context.now()))
    }

    /// Whether two profiles of a tenant allow the same: then what was counted for one goes on for the other.
    pub(super) fn has_same_limits(one: &TenantProfile, other: &TenantProfile) -> bool {
        (one.per_day, &one.budget, one.timezone, dearest(one))
            == (other.per_day, &other.budget, other.timezone, dearest(other))
    }

    /// Charges one message, whose row is leased until `lease_until`, to the day and the budget.
    pub(crate) async fn charge(
        &self,
        context: &Arc<ActorContext>,
        message: &Outbound,
        cost_micros: i64,
        lease_until: Timestamp,
    ) -> Result<QuotaDecision<QuotaCharge>, PortError> {
        Ok(match self {
            Self::Local(local) => local.charge(context, message, cost_micros).await?.map(QuotaCharge::Local),
            Self::Leased(leased) => {
                leased.charge(context, message, cost_micros, lease_until).await?.map(QuotaCharge::Leased)
            }
        })
    }

    /// Gives back the charge of a message that surely did not go out.
    pub(crate) fn give_back(&self, charge: QuotaCharge) {
        match (self, charge) {
            (Self::Local(local), QuotaCharge::Local(cost_micros)) => local.give_back(cost_micros),
            (_, QuotaCharge::Leased(charge)) => charge.give_back(),
            (Self::Leased(_), QuotaCharge::Local(_)) => {}
        }
    }

    /// Until when the day has nothing left, as far as this node knows.
    pub(crate) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Local(local) => local.used_up_until(now),
            Self::Leased(leased) => leased.used_up_until(now),
        }
    }

    /// Sets the gauges of the day and of the budget.
    pub(crate) fn publish(&self, now: Timestamp) {
        match self {
            Self::Local(local) => local.publish(now),
            Self::Leased(leased) => leased.publish(now),
        }
    }

    /// Gives what is left of the node's quota lease back to the store, for other nodes.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn return_lease(&self, context: &ActorContext) -> Result<(), PortError> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Leased(leased) => leased.give_back_lease(context).await,
        }
    }

    /// Reads what other nodes have sent, for the gauges.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn count_others(&self, context: &ActorContext) -> Result<(), PortError> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Leased(leased) => leased.count_others(context).await,
        }
    }
}

/// What the tenant's dearest message costs.
fn dearest(profile: &TenantProfile) -> i64 {
    profile.channels.values().map(|channel| channel.cost_micros).max().unwrap_or_default()
}

impl QuotaCharge {
    /// The message's outcome is written.
    pub(crate) fn settled(self) {
        if let Self::Leased(charge) = self {
            charge.settled();
        }
    }
}
