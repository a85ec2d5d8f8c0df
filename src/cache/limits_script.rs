//! Rate limits script (`limits_script.lua`), and its call.
//!
//! The server's own clock decides, so nodes' clocks do not matter. A question is sent once: one whose answer is lost
//! may have taken its permits, which lets less through, never more. Questions of many messages go to the server
//! together: fred writes what waits in one piece, and none waits for another's answer.

use std::sync::LazyLock;
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::LuaInterface;
use palabre_actors::domain::channel::RateLimit;
use palabre_actors::ports::Acquired;
use sha1::{Digest, Sha1};

use super::keys::Keys;

/// Reads the server's clock, in microseconds since 1970.
const CLOCK: &str = "local time = redis.call('TIME')\nlocal now = time[1] * 1000000 + time[2]\n";
pub(super) const LIMITS: &str = include_str!("limits_script.lua");

/// The longest time between two permits, as in one process.
const LONGEST_MICROS: u64 = 366 * 24 * 60 * 60 * 1_000_000;
/// No limit is further ahead than this: the script counts in numbers that are exact up to 2^53.
const FURTHEST_MICROS: u64 = 1 << 52;

/// A script and its SHA-1.
pub(super) struct LimitsScript {
    text: String,
    hash: String,
}

impl LimitsScript {
    pub(super) fn new(clock: &str) -> Self {
        let text = format!("{clock}{LIMITS}");
        let hash = Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { text, hash }
    }
}

static SCRIPT: LazyLock<LimitsScript> = LazyLock::new(|| LimitsScript::new(CLOCK));

/// A rate limit, as the script is asked for it.
#[derive(Debug)]
pub(super) struct PermitRequest {
    pub(super) key: String,
    pub(super) limit: RateLimit,
    /// How far ahead this node knows it to be.
    pub(super) known: Duration,
}

impl PermitRequest {
    fn numbers(&self) -> [i64; 3] {
        // Rounded up: a spacing a microsecond too short would let one too many into a window.
        let every = u64::try_from(self.limit.every.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        let every = every.clamp(1, LONGEST_MICROS);
        let burst = u64::from(self.limit.burst.max(1)).min(FURTHEST_MICROS / every);
        let known = u64::try_from(self.known.as_micros()).unwrap_or(u64::MAX).min(FURTHEST_MICROS);
        [every, burst, known].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Takes a permit of every rate limit, or of none.
pub(super) async fn take(commands: &WithOptions<Client>, asked: &[PermitRequest]) -> Result<Acquired, Error> {
    run(commands, &SCRIPT, asked, None).await
}

/// Probes the server with a rate limit that no message uses.
pub(super) async fn probe(commands: &WithOptions<Client>, keys: &Keys) -> Result<(), Error> {
    let limit = RateLimit { every: Duration::from_millis(1), burst: 1 };
    take(commands, &[PermitRequest { key: keys.probe(), limit, known: Duration::ZERO }]).await.map(drop)
}

pub(super) async fn run(
    commands: &WithOptions<Client>,
    script: &LimitsScript,
    asked: &[PermitRequest],
    more: Option<i64>,
) -> Result<Acquired, Error> {
    let keys: Vec<&str> = asked.iter().map(|limit| limit.key.as_str()).collect();
    let numbers: Vec<i64> = asked.iter().flat_map(PermitRequest::numbers).chain(more).collect();
    let mut answer: Result<i64, Error> = commands.evalsha(script.hash.as_str(), keys.clone(), numbers.clone()).await;
    if answer.as_ref().is_err_and(|error| error.details().starts_with("NOSCRIPT")) {
        // A restarted server does not have the script, and did nothing.
        answer = commands.eval(script.text.as_str(), keys, numbers).await;
    }
    let wait = u64::try_from(answer?).unwrap_or(0);
    Ok(if wait == 0 { Acquired::Granted } else { Acquired::RetryAfter(Duration::from_micros(wait)) })
}
