//! How many connections each address holds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The connections of all addresses. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct ConnectionShares(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address, given back on drop.
#[derive(Debug)]
pub(super) struct ConnectionShare {
    address: IpAddr,
    of: Arc<Counts>,
}

impl ConnectionShares {
    /// Of at most `most` connections for each address.
    pub(super) fn of(most: usize) -> Self {
        Self(Arc::new(Counts { most, held: Mutex::default() }))
    }

    /// Counts a connection, unless its address holds as many as it may.
    pub(super) fn take(&self, address: IpAddr) -> Option<ConnectionShare> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_insert(0);
        if *count >= self.0.most {
            return None;
        }
        *count += 1;
        Some(ConnectionShare { address, of: Arc::clone(&self.0) })
    }
}

impl Drop for ConnectionShare {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_its_share_and_takes_no_other_s() {
        let shares = ConnectionShares::of(2);
        let [one, two]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let first = shares.take(one).unwrap();
        let _second = shares.take(one).unwrap();
        assert!(shares.take(one).is_none());
        let other = shares.take(two).unwrap();
        drop(first);
        assert!(shares.take(one).is_some(), "what is given back may be taken again");
        drop(other);
        assert!(!shares.0.held.lock().unwrap().contains_key(&two), "who holds none is forgotten");
    }
}
