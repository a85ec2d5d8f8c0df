//! Rate limiter of one process: in memory, with this node's share of each limit (I7).

use std::fmt;
use std::future::ready;

use crate::domain::Timestamp;
use crate::domain::channel::RateLimit;
use crate::domain::rate_limit::keyed::KeyedLimiter;
use crate::domain::rate_limit::share_of;
use crate::ports::{Acquired, KeyedLimit, LimitKey, Pending, PortError, RateLimiter};
use crate::runtime::LiveNodes;

/// A rate limiter in memory. It starts full after a restart; the provider's own limits bound what that lets through.
#[derive(Default)]
pub struct LocalRateLimiter {
    limits: KeyedLimiter<LimitKey>,
    nodes: LiveNodes,
}

impl LocalRateLimiter {
    /// A limiter that grants this node's share of each limit.
    #[must_use]
    pub fn shared_among(nodes: LiveNodes) -> Self {
        Self { limits: KeyedLimiter::default(), nodes }
    }

    /// Counts permits that this node got from another limiter, so that a switch to this one does not start with full limits.
    pub fn note(&self, limits: &[KeyedLimit], now: Timestamp) {
        self.limits.note(self.shares(limits), now);
    }

    fn shares<'a>(
        &self,
        limits: &'a [KeyedLimit],
    ) -> impl Iterator<Item = (&'a LimitKey, RateLimit)> + Clone + use<'a> {
        let nodes = self.nodes.count();
        limits.iter().map(move |limit| (&limit.key, share_of(limit.limit, nodes)))
    }
}

impl RateLimiter for LocalRateLimiter {
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>> {
        let taken = self.limits.take(self.shares(limits), now);
        Box::pin(ready(Ok(taken.map_or_else(Acquired::RetryAfter, |()| Acquired::Granted))))
    }
}

impl fmt::Debug for LocalRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRateLimiter")
            .field("limits", &self.limits.len())
            .field("nodes", &self.nodes.count())
            .finish()
    }
}
