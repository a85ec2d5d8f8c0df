//! Permits that all nodes share (I7), and this node's share of them while nobody keeps them for all.

use std::fmt;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::pacing::permits::PermitBook;
use palabre_actors::kit::LiveNodes;
use palabre_actors::outbox::LocalPacing;
use palabre_actors::ports::{Gate, GateKey, Pacing, Pass, Pending, PortError};

use super::Redis;
use super::gates::{self, Asked};

/// What a node knows of a gate is told to the server less this: one question takes longer than another, and a gate that
/// opened by the server's clock must not look closed by the node's.
const ALLOWANCE: Duration = Duration::from_millis(20);

/// Permits out of Redis.
pub struct SharedPacing {
    redis: Redis,
    /// While it is away. It is told of every permit that the server gives, and goes on from there.
    share: LocalPacing,
    /// The permits that this node got, at the whole quotas: what it tells a server that has forgotten them.
    own: PermitBook<GateKey>,
}

impl Redis {
    /// Permits that all nodes of the installation share.
    #[must_use]
    pub fn pacing(&self, nodes: LiveNodes) -> SharedPacing {
        SharedPacing { redis: self.clone(), share: LocalPacing::shared_among(nodes), own: PermitBook::default() }
    }
}

impl SharedPacing {
    /// The server's answer; `None` when it has none.
    async fn ask(&self, gates: &[Gate], now: Timestamp) -> Option<Pass> {
        let keys = self.redis.0.keys.get().filter(|_| self.redis.standing().up)?;
        let asked: Vec<Asked> = distinct(gates)
            .map(|gate| Asked {
                key: keys.gate(&gate.key),
                quota: gate.quota,
                known: self.own.ahead(&gate.key, now).saturating_sub(ALLOWANCE),
            })
            .collect();
        let begun = Instant::now();
        let answer = gates::take(&self.redis.0.commands, &asked).await;
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
fn distinct(gates: &[Gate]) -> impl Iterator<Item = &Gate> {
    let first = |n: usize| !gates[..n].iter().any(|earlier| earlier.key == gates[n].key);
    gates.iter().enumerate().filter(move |(n, _)| first(*n)).map(|(_, gate)| gate)
}

impl Pacing for SharedPacing {
    fn take<'a>(&'a self, gates: &'a [Gate], now: Timestamp) -> Pending<'a, Result<Pass, PortError>> {
        Box::pin(async move {
            let begun = Instant::now();
            let own = || gates.iter().map(|gate| (&gate.key, gate.quota));
            if let Some(pass) = self.ask(gates, now).await {
                if pass == Pass::Go {
                    self.own.note(own(), now);
                    self.share.note(gates, now + begun.elapsed());
                }
                return Ok(pass);
            }
            counter!("palabre_redis_fallbacks_total").increment(1);
            // A server that said nothing took its time.
            let now = now + begun.elapsed();
            let pass = self.share.take(gates, now).await?;
            if pass == Pass::Go {
                self.own.note(own(), now);
            }
            Ok(pass)
        })
    }
}

impl fmt::Debug for SharedPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPacing").field("redis", &self.redis).field("share", &self.share).finish_non_exhaustive()
    }
}
