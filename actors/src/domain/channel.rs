//! Profile of a channel: its rate limits, order, retries, circuit breaker and fallback.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Scheme;
use super::ids::ChannelId;
use super::retry::RetryPolicy;

/// One sender account, as the outbox sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelProfile {
    /// How it addresses people: what takes over from another channel writes to the same path with this scheme.
    pub scheme: Scheme,
    /// What the account may send (I7).
    pub account: Option<RateLimit>,
    /// What one contact may get from it (I7).
    pub pair: Option<RateLimit>,
    /// How long after the contact's last message free text may be sent; `None`: always.
    pub window: Option<Duration>,
    /// Whether later messages of a conversation wait while an earlier one is tried again.
    pub keep_order: bool,
    /// When a failed send is tried again.
    pub retry: RetryPolicy,
    /// When it counts as broken.
    pub breaker: BreakerPolicy,
    /// Another channel of the same tenant that takes over while this one is broken or paused.
    pub fallback: Option<ChannelId>,
    /// How long the provider shows that somebody is typing; `None`: it has nothing like it.
    pub typing: Option<Duration>,
    /// What one message costs, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// The tenant's templates as this channel's provider knows them, by name.
    pub templates: BTreeMap<String, ChannelTemplate>,
}

impl Default for ChannelProfile {
    fn default() -> Self {
        Self {
            scheme: Scheme::Whatsapp,
            account: None,
            pair: None,
            window: None,
            keep_order: true,
            retry: RetryPolicy::default(),
            breaker: BreakerPolicy::default(),
            fallback: None,
            typing: None,
            cost_micros: 0,
            templates: BTreeMap::new(),
        }
    }
}

/// One permit every so often, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The time between two permits, in the long run.
    pub every: Duration,
    /// Permits that may be taken at once.
    pub burst: u32,
}

/// When a channel counts as broken, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// So many failures in a row open it.
    pub consecutive_failures: u32,
    /// So large a share of failures opens it, 0 to 1, once `sample` attempts stand in the `period`.
    pub error_rate: f64,
    /// Attempts that an error rate needs to mean something.
    pub sample: u32,
    /// How far the error rate looks back.
    pub period: Duration,
    /// How long it stays open before one message tries the way.
    pub open_for: Duration,
}

impl Default for BreakerPolicy {
    /// 10 in a row, or half of at least 20 within 30 s; one message tries again after 15 s.
    fn default() -> Self {
        Self {
            consecutive_failures: 10,
            error_rate: 0.5,
            sample: 20,
            period: Duration::from_secs(30),
            open_for: Duration::from_secs(15),
        }
    }
}

/// A template as a channel's provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelTemplate {
    /// The provider's id for it.
    pub content_id: String,
    /// Names of its places, in the order in which the provider numbers them from 1.
    pub variable_names: Vec<String>,
}
