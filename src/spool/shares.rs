//! Whose the kept messages are: one tenant's flood during an outage may not take all of the disk (I9).
//!
//! A tenant may add to what is kept only while it has less than [`SHARE`] times what is free. So however long an outage
//! lasts, some room stays free for the others. With one tenant alone there is nobody to keep it for.

use std::collections::{HashMap, HashSet};

use palabre_actors::domain::ids::TenantId;

/// A flood of one tenant has three quarters of the room at most.
const SHARE: u64 = 3;

/// How many bytes of what is kept are whose. What an earlier process left is nobody's here: it only takes room.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// There is only one.
    pub alone: bool,
    bytes: HashMap<TenantId, u64>,
    told: HashSet<TenantId>,
}

impl Shares {
    /// Whether so many bytes more of a tenant may be kept, when so many of so many are taken on the disk.
    pub fn admits(&self, tenant: &TenantId, more: u64, taken: u64, room: u64) -> bool {
        // What is on its way to the disk is counted here already.
        let taken = taken.max(self.bytes.values().sum());
        let free = room.saturating_sub(taken);
        let own = self.bytes.get(tenant).copied().unwrap_or_default();
        self.alone || own.saturating_add(more) <= free.saturating_mul(SHARE)
    }

    /// Whether nobody has said yet that a tenant is over its share.
    pub fn is_news(&mut self, tenant: &TenantId) -> bool {
        self.told.insert(tenant.clone())
    }

    /// So many bytes are on their way to the disk.
    pub fn add(&mut self, tenant: &TenantId, bytes: u64) {
        *self.bytes.entry(tenant.clone()).or_default() += bytes;
    }

    /// They could not be kept, or are in the database.
    pub fn release(&mut self, tenant: &TenantId, bytes: u64) {
        if let Some(own) = self.bytes.get_mut(tenant) {
            *own = own.saturating_sub(bytes);
        }
    }

    /// Nothing is kept any more.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.told.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_a_flood_of_one_tenant_leaves_room_for_the_others() {
        let (mut shares, greedy, modest) = (Shares::default(), TenantId::new("greedy"), TenantId::new("modest"));
        let room = 1_000;
        let flood = |shares: &mut Shares, tenant: &TenantId| {
            let mut kept = 0;
            while shares.admits(tenant, 10, 0, room) && kept <= room {
                shares.add(tenant, 10);
                kept += 10;
            }
            kept
        };
        assert_eq!(flood(&mut shares, &greedy), 750);
        assert_eq!(flood(&mut shares, &modest), 190);
        assert!(!shares.admits(&greedy, 10, 0, room));
        shares.release(&greedy, 700);
        assert!(shares.admits(&greedy, 10, 0, room));
        // What an earlier process left takes room, too.
        assert!(!shares.admits(&modest, 10, 950, room));
        shares.clear();
        shares.alone = true;
        assert_eq!(flood(&mut shares, &greedy), room + 10, "alone, the spool's own bound is the only one");
    }

    #[test]
    fn it_is_said_once() {
        let (mut shares, tenant) = (Shares::default(), TenantId::new("a"));
        assert!(shares.is_news(&tenant) && !shares.is_news(&tenant));
        shares.clear();
        assert!(shares.is_news(&tenant));
    }
}
