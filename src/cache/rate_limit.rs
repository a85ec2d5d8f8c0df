//! Permits that all nodes share (I7), and this node's share of them while nobody keeps them for all.

use std::fmt;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rate_limit::keyed::KeyedLimiter;
use palabre_actors::outbox::LocalRateLimiter;
use palabre_actors::ports::{Acquired, KeyedLimit, LimitKey, Pending, PortError, RateLimiter};
use palabre_actors::runtime::LiveNodes;

use super::Redis;
use super::limits_script::{self, Asked};

/// What a node knows of a gate is told to the server less this: one question takes longer than another, and a gate that
/// opened by the server's clock must not look closed by the node's.
const ALLOWANCE: Duration = Duration::from_millis(20);

/// Permits out of Redis.
pub struct SharedRateLimiter {
    redis: Redis,
    /// While it is away. It is told of every permit that the server gives, and goes on from there.
    share: LocalRateLimiter,
    /// The permits that this node got, at the whole quotas: what it tells a server that has forgotten them.
    own: KeyedLimiter<LimitKey>,
}

impl Redis {
    /// Permits that all nodes of the installation share.
    #[must_use]
    pub fn rate_limiter(&self, nodes: LiveNodes) -> SharedRateLimiter {
        SharedRateLimiter {
            redis: self.clone(),
            share: LocalRateLimiter::shared_among(nodes),
            own: KeyedLimiter::default(),
        }
    }
}

impl SharedRateLimiter {
    /// The server's answer; `None` when it has none.
    async fn ask(&self, limits: &[KeyedLimit], now: Timestamp) -> Option<Acquired> {
        let keys = self.redis.0.keys.get().filter(|_| self.redis.recipient_status().up)?;
        let asked: Vec<Asked> = distinct(limits)
            .map(|limit| Asked {
                key: keys.limit(&limit.key),
                limit: limit.limit,
                known: self.own.ahead(&limit.key, now).saturating_sub(ALLOWANCE),
            })
            .collect();
        let begun = Instant::now();
        let answer = limits_script::take(&self.redis.0.commands, &asked).await;
        histogram!("palabre_redis_script_seconds").record(begun.elapsed().as_secs_f64());
        match answer {
            Ok(pass) => Some(pass),
            Err(error) => {
                self.redis.failed(&error, begun);
                None
            }
        }
    }
}

/// A key that is named twice is one gate.
fn distinct(limits: &[KeyedLimit]) -> impl Iterator<Item = &KeyedLimit> {
    let first = |n: usize| !limits[..n].iter().any(|earlier| earlier.key == limits[n].key);
    limits.iter().enumerate().filter(move |(n, _)| first(*n)).map(|(_, limit)| limit)
}

impl RateLimiter for SharedRateLimiter {
    fn acquire<'a>(&'a self, limits: &'a [KeyedLimit], now: Timestamp) -> Pending<'a, Result<Acquired, PortError>> {
        Box::pin(async move {
            let begun = Instant::now();
            let own = || limits.iter().map(|limit| (&limit.key, limit.limit));
            if let Some(pass) = self.ask(limits, now).await {
                if pass == Acquired::Granted {
                    self.own.note(own(), now);
                    self.share.note(limits, now + begun.elapsed());
                }
                return Ok(pass);
            }
            counter!("palabre_redis_fallbacks_total").increment(1);
            // A server that said nothing took its time.
            let now = now + begun.elapsed();
            let pass = self.share.acquire(limits, now).await?;
            if pass == Acquired::Granted {
                self.own.note(own(), now);
            }
            Ok(pass)
        })
    }
}

impl fmt::Debug for SharedRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPacing").field("redis", &self.redis).field("share", &self.share).finish_non_exhaustive()
    }
}
