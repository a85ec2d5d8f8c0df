//! Fair limit: how many requests may wait for a commit at once, shared by tenants (I9).
//!
//! The requests are webhooks, status callbacks and requested messages. A request enters only while fewer of its tenant's wait
//! than the tenant's weight times the free permits. So some permits stay free for other tenants however many requests one
//! tenant brings. A tenant alone may use them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use crate::domain::ids::TenantId;

/// Permits of a node to wait. Clones share them.
#[derive(Clone, Debug)]
pub struct FairLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    waiting: AtomicUsize,
    tenants: ArcSwap<HashMap<TenantId, Arc<TenantCount>>>,
}

#[derive(Debug, Default)]
struct TenantCount {
    weight: AtomicUsize,
    waiting: AtomicUsize,
}

/// The right of one request to wait; dropping it gives it back.
#[derive(Debug)]
pub struct FairPermit<'a> {
    limit: &'a Inner,
    tenant: Option<Arc<TenantCount>>,
}

impl FairLimit {
    /// A limit of so many requests, for tenants with these weights.
    #[must_use]
    pub fn new<'a>(limit: usize, weights: impl IntoIterator<Item = (&'a TenantId, u32)>) -> Self {
        let fair = Self(Arc::new(Inner { limit, waiting: AtomicUsize::new(0), tenants: ArcSwap::default() }));
        fair.serve(weights);
        fair
    }

    /// These tenants with these weights from now on. What waits for a tenant that stays goes on counting.
    pub fn serve<'a>(&self, weights: impl IntoIterator<Item = (&'a TenantId, u32)>) {
        let before = self.0.tenants.load();
        let count = |tenant: &TenantId, weight: u32| {
            let count = before.get(tenant).cloned().unwrap_or_default();
            count.weight.store(weight.max(1) as usize, Ordering::Relaxed);
            count
        };
        let tenants = weights.into_iter().map(|(tenant, weight)| (tenant.clone(), count(tenant, weight))).collect();
        self.0.tenants.store(Arc::new(tenants));
    }

    /// A permit for a tenant's request. `None`: the request is to be refused. It fails closed.
    #[must_use]
    pub fn enter(&self, tenant: &TenantId) -> Option<FairPermit<'_>> {
        let limit = &*self.0;
        let tenants = limit.tenants.load();
        let tenant = tenants.get(tenant);
        // Counted before it is compared, so that the limit holds among threads; a drop takes it back.
        let others = limit.waiting.fetch_add(1, Ordering::Relaxed);
        let permit = FairPermit { limit, tenant: tenant.cloned() };
        let own = tenant.map_or(0, |tenant| tenant.waiting.fetch_add(1, Ordering::Relaxed));
        let free = limit.limit.checked_sub(others).filter(|free| *free > 0)?;
        let within = tenant
            .is_none_or(|tenant| tenants.len() < 2 || own < tenant.weight.load(Ordering::Relaxed).saturating_mul(free));
        within.then_some(permit)
    }

    /// Number of requests that wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for FairPermit<'_> {
    fn drop(&mut self) {
        self.limit.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(tenant) = &self.tenant {
            tenant.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room(limit: usize, weights: &[(&str, u32)]) -> (FairLimit, Vec<TenantId>) {
        let tenants: Vec<_> = weights.iter().map(|(name, _)| TenantId::new(name)).collect();
        let weights = tenants.iter().zip(weights).map(|(tenant, (_, weight))| (tenant, *weight));
        (FairLimit::new(limit, weights), tenants)
    }

    #[test]
    fn i9_an_overload_of_one_tenant_leaves_permits_for_the_others() {
        let (room, tenants) = room(100, &[("greedy", 1), ("modest", 1), ("heavy", 3)]);
        let greedy: Vec<_> = std::iter::from_fn(|| room.enter(&tenants[0])).collect();
        assert_eq!(greedy.len(), 50);
        let heavy: Vec<_> = std::iter::from_fn(|| room.enter(&tenants[2])).collect();
        assert_eq!(heavy.len(), 38);
        let modest: Vec<_> = std::iter::from_fn(|| room.enter(&tenants[1])).collect();
        assert_eq!(modest.len(), 6);
        drop((greedy, heavy));
        assert_eq!(room.count(), 6);
        assert!(room.enter(&tenants[0]).is_some());
    }

    #[test]
    fn a_tenant_alone_may_use_every_permit() {
        let (room, tenants) = room(100, &[("only", 1)]);
        assert_eq!(std::iter::from_fn(|| room.enter(&tenants[0])).collect::<Vec<_>>().len(), 100);
        let none = FairLimit::new(0, []);
        assert!(none.enter(&tenants[0]).is_none());
        assert_eq!(none.count(), 0);
    }

    proptest! {
        #[test]
        fn i9_a_tenant_without_waiting_requests_gets_a_permit_unless_all_are_taken(
            limit in 1_usize..60,
            steps in proptest::collection::vec((0_usize..4, any::<bool>()), 1..300),
        ) {
            let (room, tenants) = room(limit, &[("a", 1), ("b", 1), ("c", 2), ("d", 1)]);
            let mut held: Vec<Vec<FairPermit<'_>>> = (0..4).map(|_| Vec::new()).collect();
            for (n, comes) in steps {
                if comes {
                    held[n].extend(room.enter(&tenants[n]));
                } else {
                    held[n].pop();
                }
                let count: usize = held.iter().map(Vec::len).sum();
                prop_assert!(count <= limit && room.count() == count);
                for (tenant, own) in tenants.iter().zip(&held) {
                    prop_assert_eq!(own.is_empty() && count == limit, own.is_empty() && room.enter(tenant).is_none());
                }
            }
        }
    }
}
