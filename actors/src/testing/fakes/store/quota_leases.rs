//! Quota leases of the fake store.

use super::{Data, FakeStore, Op};
use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, Usage};
use crate::domain::ids::{NodeId, TenantId};
use crate::domain::quota_lease::QuotaUsage;
use crate::domain::status::OutboxState;
use crate::ports::{LeaseGrant, LeaseRequest, Pending, PortError, QuotaLeases};

/// What a node holds, and whether others want it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NodeLease {
    held: Usage,
    wanted: bool,
}

impl FakeStore {
    /// Another node holds so much of a tenant's day and budget, or gives it back.
    pub fn hold(&self, tenant: &TenantId, node: &NodeId, held: Usage) {
        self.lock().holds.insert((tenant.clone(), node.clone()), NodeLease { held, wanted: false });
    }

    /// What all nodes hold together, and whether any of it is wanted.
    #[must_use]
    pub fn held(&self, tenant: &TenantId) -> (Usage, bool) {
        let data = self.lock();
        let holds = data.holds.iter().filter(|((of, _), _)| of == tenant).map(|(_, hold)| hold);
        holds.fold((Usage::default(), false), |(sum, wanted), hold| (sum.and(hold.held), wanted || hold.wanted))
    }

    /// Another node wants what the others hold.
    pub fn want(&self, tenant: &TenantId) {
        self.lock().want(tenant, &NodeId::new("another"));
    }
}

impl Data {
    fn want(&mut self, tenant: &TenantId, by: &NodeId) {
        for ((of, node), hold) in &mut self.holds {
            hold.wanted |= of == tenant && node != by && hold.held != Usage::default();
        }
    }

    fn count(&self, ask: &LeaseRequest) -> QuotaUsage {
        let since = |period: BudgetPeriod| self.usage_since(&ask.tenant, period.start(ask.now, ask.limits.tz));
        let mine = (ask.tenant.clone(), ask.node.clone());
        let others = || self.holds.iter().filter(|(key, _)| key.0 == ask.tenant && **key != mine);
        QuotaUsage {
            day: since(BudgetPeriod::Day),
            month: since(BudgetPeriod::Month),
            unsure: self.unsure(&ask.tenant, ask.now),
            others: others().fold(Usage::default(), |sum, (_, hold)| sum.and(hold.held)),
            holders: others().count() as u64 + 1,
        }
    }

    fn unsure(&self, tenant: &TenantId, now: Timestamp) -> u64 {
        let unsure = self.outbound.values().filter(|row| {
            row.message.tenant == *tenant
                && match row.state {
                    OutboxState::Unknown => true,
                    OutboxState::Sending => row.lease_until.is_some_and(|until| until <= now),
                    _ => false,
                }
        });
        unsure.count() as u64
    }
}

impl QuotaLeases for FakeStore {
    fn lease(&self, ask: LeaseRequest) -> Pending<'_, Result<LeaseGrant, PortError>> {
        self.run(Op::LeaseQuota, move |data| {
            let counted = data.count(&ask);
            let given = ask.limits.grant(&counted, &ask.demand);
            let held = ask.demand.held.and(given);
            data.holds.insert((ask.tenant.clone(), ask.node.clone()), NodeLease { held, wanted: false });
            if ask.demand.lacks(given) {
                data.want(&ask.tenant, &ask.node);
            }
            Ok(LeaseGrant { counted, given })
        })
    }

    fn wanted<'a>(&'a self, node: &'a NodeId) -> Pending<'a, Result<Vec<TenantId>, PortError>> {
        let node = node.clone();
        self.run(Op::Wanted, move |data| {
            let wanted = data.holds.iter().filter(|((_, of), hold)| *of == node && hold.wanted);
            Ok(wanted.map(|((tenant, _), _)| tenant.clone()).collect())
        })
    }
}
