//! Permits of one process (I7): governor's gates, in memory, each with this node's share of its quota.

use std::fmt;
use std::future::ready;

use crate::domain::Timestamp;
use crate::domain::channel::RateLimit;
use crate::domain::rate_limit::keyed::KeyedLimiter;
use crate::domain::rate_limit::share_of;
use crate::ports::{Acquired, KeyedLimit, LimitKey, Pending, PortError, RateLimiter};
use crate::runtime::LiveNodes;

/// The gates of this process. After a restart they are all as new: a provider's own limits bound what that lets through.
#[derive(Default)]
pub struct LocalRateLimiter {
    limits: KeyedLimiter<LimitKey>,
    nodes: LiveNodes,
}

impl LocalRateLimiter {
    /// Gates that open as often as this node's share allows.
    #[must_use]
    pub fn shared_among(nodes: LiveNodes) -> Self {
        Self { limits: KeyedLimiter::default(), nodes }
    }

    /// Notes permits that this node got elsewhere, so that it does not begin anew when it has to go by its share.
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
