//! Rate limiter over Redis (I7), with this node's share while Redis is away.

use std::fmt;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rate_limit::keyed::KeyedLimiter;
use palabre_actors::outbox::LocalRateLimiter;
use palabre_actors::ports::{Acquired, KeyedLimit, LimitKey, Pending, PortError, RateLimiter};
use palabre_actors::runtime::LiveNodes;

use super::RedisClient;
use super::limits_script::{self, PermitRequest};

/// Taken off what a node tells the server it knows of a limit: round trips differ, and a limit that opened by the
/// server's clock must not look closed by the node's.
const KNOWN_MARGIN: Duration = Duration::from_millis(20);

pub struct SharedRateLimiter {
    redis: RedisClient,
    /// The limiter used while Redis is away. It is told of every permit that Redis gives, and goes on from there.
    share: LocalRateLimiter,
    /// The permits that this node got, at the whole quotas: what it tells a server that has lost them.
    own: KeyedLimiter<LimitKey>,
}

impl RedisClient {
    /// A rate limiter that all nodes of the installation share.
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
        let keys = self.redis.0.keys.get().filter(|_| self.redis.status().up)?;
        let asked: Vec<PermitRequest> = distinct(limits)
            .map(|limit| PermitRequest {
                key: keys.limit(&limit.key),
                limit: limit.limit,
                known: self.own.ahead(&limit.key, now).saturating_sub(KNOWN_MARGIN),
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

/// A key that is named twice is one limit.
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
            // A silent server took its time.
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
        f.debug_struct("SharedRateLimiter")
            .field("redis", &self.redis)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}
