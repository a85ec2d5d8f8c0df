//! Tenants' shares of the spool: one tenant may not fill the disk (I9).
//!
//! A tenant may add records only while it has less than [`SHARE`] times the free space. So however long an outage
//! lasts, some space stays free for the others. A single tenant may use all of it.

use std::collections::{HashMap, HashSet};

use palabre_actors::domain::ids::TenantId;

/// One tenant has three quarters of the space at most.
const SHARE: u64 = 3;

/// Bytes by tenant. What an earlier process left has no tenant here: it only takes space.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// There is one tenant.
    pub alone: bool,
    bytes: HashMap<TenantId, u64>,
    warned: HashSet<TenantId>,
}

impl Shares {
    /// Whether a tenant may add `more` bytes, when `taken` of `capacity` are used on the disk.
    pub fn admits(&self, tenant: &TenantId, more: u64, taken: u64, capacity: u64) -> bool {
        // Bytes on their way to the disk are counted here already.
        let taken = taken.max(self.bytes.values().sum());
        let free = capacity.saturating_sub(taken);
        let own = self.bytes.get(tenant).copied().unwrap_or_default();
        self.alone || own.saturating_add(more) <= free.saturating_mul(SHARE)
    }

    /// Whether the tenant is over its share for the first time, to be logged once.
    pub fn is_first_refusal(&mut self, tenant: &TenantId) -> bool {
        self.warned.insert(tenant.clone())
    }

    pub fn add(&mut self, tenant: &TenantId, bytes: u64) {
        *self.bytes.entry(tenant.clone()).or_default() += bytes;
    }

    /// Takes bytes off: they were not appended, or are in the database.
    pub fn release(&mut self, tenant: &TenantId, bytes: u64) {
        if let Some(own) = self.bytes.get_mut(tenant) {
            *own = own.saturating_sub(bytes);
        }
    }

    /// The spool is empty.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.warned.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_one_tenant_leaves_space_for_the_others() {
        let (mut shares, greedy, modest) = (Shares::default(), TenantId::new("greedy"), TenantId::new("modest"));
        let capacity = 1_000;
        let flood = |shares: &mut Shares, tenant: &TenantId| {
            let mut kept = 0;
            while shares.admits(tenant, 10, 0, capacity) && kept <= capacity {
                shares.add(tenant, 10);
                kept += 10;
            }
            kept
        };
        assert_eq!(flood(&mut shares, &greedy), 750);
        assert_eq!(flood(&mut shares, &modest), 190);
        assert!(!shares.admits(&greedy, 10, 0, capacity));
        shares.release(&greedy, 700);
        assert!(shares.admits(&greedy, 10, 0, capacity));
        // What an earlier process left takes room, too.
        assert!(!shares.admits(&modest, 10, 950, capacity));
        shares.clear();
        shares.alone = true;
        assert_eq!(flood(&mut shares, &greedy), capacity + 10, "alone, the spool's own bound is the only one");
    }

    #[test]
    fn the_first_refusal_is_noticed_once() {
        let (mut shares, tenant) = (Shares::default(), TenantId::new("a"));
        assert!(shares.is_first_refusal(&tenant) && !shares.is_first_refusal(&tenant));
        shares.clear();
        assert!(shares.is_first_refusal(&tenant));
    }
}
