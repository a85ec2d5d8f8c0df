//! Limits of sending: permits, rate limits, quotas, leases, and the health of each channel.
//!
//! Every limit here fails closed: without a permit, or without an answer about the day's quota, nothing is sent.

mod channel_counters;
mod channel_failure;
mod channel_health;
mod fair_semaphore;
mod leases;
mod quota;
mod rate_limiter;
mod sender_pool;

pub use self::channel_failure::FailingChannel;
pub(crate) use self::channel_health::{Availability, BreakerPermit, ChannelHealth};
pub(crate) use self::leases::RowInHand;
pub(crate) use self::quota::{QuotaCharge, QuotaDecision};
pub use self::rate_limiter::LocalRateLimiter;
pub(crate) use self::sender_pool::{MAX_RATE_LIMIT_WAIT, TenantSenders};
pub use self::sender_pool::{SendPermit, SenderPool};
