//! Who waits for a commit: webhooks, status callbacks, messages that somebody asks for. More than so many at once are
//! refused, and a tenant is refused before others are (I9).
//!
//! A tenant may wait only while fewer of its own do than its weight times the places that are free: however much one of
//! them brings, some places stay free for the others. With one tenant alone there is nobody to keep them for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::domain::ids::TenantId;

/// The places of a node. Clones share them.
#[derive(Clone, Debug)]
pub struct FairLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    waiting: AtomicUsize,
    tenants: HashMap<TenantId, TenantCount>,
}

#[derive(Debug)]
struct TenantCount {
    weight: usize,
    waiting: AtomicUsize,
}

/// One that waits; gives its place back when it is dropped.
#[derive(Debug)]
pub struct FairPermit<'a> {
    room: &'a Inner,
    bench: Option<&'a AtomicUsize>,
}

impl FairLimit {
    /// Of so many places, for tenants with these weights.
    #[must_use]
    pub fn new<'a>(limit: usize, weights: impl IntoIterator<Item = (&'a TenantId, u32)>) -> Self {
        let bench = |weight: u32| TenantCount { weight: weight.max(1) as usize, waiting: AtomicUsize::new(0) };
        let tenants = weights.into_iter().map(|(tenant, weight)| (tenant.clone(), bench(weight)));
        Self(Arc::new(Inner { limit, waiting: AtomicUsize::new(0), tenants: tenants.collect() }))
    }

    /// A place for one of a tenant's, if there is one for it. It fails closed.
    #[must_use]
    pub fn enter(&self, tenant: &TenantId) -> Option<FairPermit<'_>> {
        let room = &*self.0;
        let bench = room.tenants.get(tenant);
        // Counted before it is compared, so that the limit holds among threads; a drop takes it back.
        let others = room.waiting.fetch_add(1, Ordering::Relaxed);
        let waiter = FairPermit { room, bench: bench.map(|bench| &bench.waiting) };
        let own = bench.map_or(0, |bench| bench.waiting.fetch_add(1, Ordering::Relaxed));
        let free = room.limit.checked_sub(others).filter(|free| *free > 0)?;
        let within = bench.is_none_or(|bench| room.tenants.len() < 2 || own < bench.weight.saturating_mul(free));
        within.then_some(waiter)
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for FairPermit<'_> {
    fn drop(&mut self) {
        self.room.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(bench) = self.bench {
            bench.fetch_sub(1, Ordering::Relaxed);
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
    fn i9_a_flood_of_one_tenant_leaves_places_for_the_others() {
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
    fn one_tenant_alone_has_them_all() {
        let (room, tenants) = room(100, &[("only", 1)]);
        assert_eq!(std::iter::from_fn(|| room.enter(&tenants[0])).collect::<Vec<_>>().len(), 100);
        let none = FairLimit::new(0, []);
        assert!(none.enter(&tenants[0]).is_none());
        assert_eq!(none.count(), 0);
    }

    proptest! {
        #[test]
        fn i9_who_has_nobody_waiting_finds_a_place_unless_all_are_taken(
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
