//! Rate limiter port.

use std::time::Duration;

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::channel::RateLimit;
use crate::domain::ids::{ChannelId, TenantId};

/// Grants permits to send (I7). A node alone keeps them in memory; a cluster shares them.
pub trait RateLimiter: Send + Sync {
    /// Takes a permit of every limit, or of none. Fails closed: after an error nothing is sent.
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>>;
}

/// A rate limit that a message is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedLimit {
    /// What it limits.
    pub key: LimitKey,
    /// The limit.
    pub limit: RateLimit,
}

/// What a rate limit applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// A tenant, over all its channels.
    Tenant(TenantId),
    /// A channel's sender account.
    Account(ChannelId),
    /// One contact on one sender account.
    Pair(ChannelId, Address),
}

/// The rate limiter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// Every permit was taken.
    Granted,
    /// No permit was taken; the limit with the longest wait has one after this time.
    RetryAfter(Duration),
}
