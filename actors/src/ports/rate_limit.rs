//! Permits.

use std::time::Duration;

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::channel::RateLimit;
use crate::domain::ids::{ChannelId, TenantId};

/// Permits for what is about to be sent (I7). In one process governor keeps them; a cluster shares them.
pub trait RateLimiter: Send + Sync {
    /// Takes a permit of every gate, or of none. Fails closed: an error lets nothing pass.
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>>;
}

/// One quota that a message is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedLimit {
    /// Whose.
    pub key: LimitKey,
    /// How much.
    pub limit: RateLimit,
}

/// Whose quota.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// A tenant's, over all its channels.
    Tenant(TenantId),
    /// A sender account's.
    Account(ChannelId),
    /// One contact's with one sender account.
    Pair(ChannelId, Address),
}

/// The gates' answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// Every permit was taken.
    Granted,
    /// None was; the gate that is closed longest opens after this time.
    RetryAfter(Duration),
}
