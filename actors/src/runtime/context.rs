//! Actor context: the ports and settings that every actor is handed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{LiveNodes, ServedTenants};
use crate::domain::Timestamp;
use crate::domain::ids::NodeId;
use crate::domain::retry::RetryPolicy;
use crate::domain::rules::{RulesBook, SellerBook};
use crate::ports::{
    Assistant, Clock, Gateways, Inbox, Outbox, Pending, PortError, PortErrorKind, QuotaLeases, RateLimiter,
    RecipientStatuses, Turns,
};

/// Ports, tenants and settings of a node. All its actors share one.
pub struct ActorContext {
    /// The ports.
    pub ports: Ports,
    /// The tenants that this node serves.
    pub tenants: ServedTenants,
    /// Limits and durations.
    pub settings: Settings,
    /// The id of this running node.
    pub node: NodeId,
    /// The nodes that share the store.
    pub nodes: LiveNodes,
    /// The I/O runtime, where everything that needs sockets runs.
    pub io: tokio::runtime::Handle,
    /// Conversations in memory, over all tenants.
    pub residents: AtomicUsize,
    /// Whether the store is known to be unavailable.
    pub outage: Outage,
    /// Calls that show that somebody is typing.
    pub typing: TypingCalls,
}

/// Calls that may be under way to all providers at once, to show that somebody is typing. What would be one more is not shown.
const MOST_TYPING_CALLS: usize = 64;

/// Bounds the calls of a node that show that somebody is typing.
#[derive(Debug)]
pub struct TypingCalls(Semaphore);

impl Default for TypingCalls {
    fn default() -> Self {
        Self(Semaphore::new(MOST_TYPING_CALLS))
    }
}

impl TypingCalls {
    /// One more, until the permit is dropped. `None`: there are enough.
    pub(super) fn begin(&self) -> Option<SemaphorePermit<'_>> {
        self.0.try_acquire().ok()
    }
}

/// Whether the store is unavailable: logged when it becomes so, once a minute while it lasts, and once when it is over; not by
/// every caller.
#[derive(Debug, Default)]
pub struct Outage {
    /// A copy that is read without the lock: most answers come while there is none.
    lasts: AtomicBool,
    state: Mutex<Option<OutageState>>,
}

#[derive(Clone, Copy, Debug)]
struct OutageState {
    failed_at: Instant,
    logged_at: Instant,
}

/// While an outage lasts, a log line says so this often.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// An outage is over when nothing has failed for so long. A store whose disk is full answers questions between two failures.
const OVER_AFTER: Duration = Duration::from_secs(2);

impl Outage {
    /// Whether a failure of the store is to be logged: false during an outage that was logged within the last minute.
    #[must_use]
    pub fn is_news(&self, error: &PortError) -> bool {
        if !error.is_transient() {
            return true;
        }
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let logged_at = state.map(|state| state.logged_at).filter(|at| now - *at < LOG_EVERY);
        *state = Some(OutageState { failed_at: now, logged_at: logged_at.unwrap_or(now) });
        self.lasts.store(true, Ordering::Release);
        logged_at.is_none()
    }

    fn answered(&self) {
        if !self.lasts.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_some_and(|state| state.failed_at.elapsed() >= OVER_AFTER) {
            *state = None;
            self.lasts.store(false, Ordering::Release);
            tracing::info!("store available again");
        }
    }
}

/// The ports, as the adapters implement them.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after the port it holds")]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub inbox: Arc<dyn Inbox>,
    pub turns: Arc<dyn Turns>,
    pub outbox: Arc<dyn Outbox>,
    /// `None` when no other node works on the same store.
    pub quota_leases: Option<Arc<dyn QuotaLeases>>,
    pub recipients: Arc<dyn RecipientStatuses>,
    pub rate_limiter: Arc<dyn RateLimiter>,
    pub gateways: Arc<dyn Gateways>,
    pub sellers: Arc<dyn SellerBook>,
    pub rules: Arc<dyn RulesBook>,
    pub assistant: Arc<dyn Assistant>,
}

/// Limits and durations.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Accepted messages in memory at once; more wait in the store.
    pub max_in_flight: usize,
    /// Accepted messages of one tenant in memory at once (I9).
    pub max_in_flight_per_tenant: usize,
    /// Webhooks that wait for their commit at once; more are refused.
    pub max_waiting_webhooks: usize,
    /// Messages being sent at once.
    pub senders: usize,
    /// A conversation leaves memory after this long without a message.
    pub passivate_after: Duration,
    /// Conversations in memory at once, over all tenants; beyond it the least recently used leave earlier.
    pub max_resident_conversations: usize,
    /// How long an outbox row is leased to the node that sends it; longer than any gateway's own deadline.
    pub lease: Duration,
    /// How long the store may take to answer before the outcome counts as unknown.
    pub store_deadline: Duration,
    /// How often the store is swept for accepted messages without a turn, due timers and due outbox rows.
    pub sweep_every: Duration,
    /// How old an accepted message without a turn must be before a sweep delivers it again.
    pub overdue_after: Duration,
    /// How long to wait before asking a provider about a message with an unknown outcome.
    pub ask_after: Duration,
    /// A message that panics its conversation this often becomes a dead letter.
    pub poison_strikes: u32,
    /// When a failed send is tried again.
    pub retry: RetryPolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 20_000,
            max_in_flight_per_tenant: 5_000,
            max_waiting_webhooks: 8_192,
            senders: 1_024,
            passivate_after: Duration::from_secs(60),
            max_resident_conversations: 10_000,
            lease: Duration::from_secs(60),
            store_deadline: Duration::from_secs(15),
            sweep_every: Duration::from_secs(2),
            overdue_after: Duration::from_secs(10),
            ask_after: Duration::from_secs(2),
            poison_strikes: 3,
            retry: RetryPolicy::default(),
        }
    }
}

impl ActorContext {
    /// The clock's time, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Waits for a port no longer than [`Settings::store_deadline`]: past it, the outcome is unknown.
    ///
    /// # Errors
    /// The port's own, or `Timeout`.
    pub async fn within_deadline<T>(&self, call: Pending<'_, Result<T, PortError>>) -> Result<T, PortError> {
        let answer = tokio::time::timeout(self.settings.store_deadline, call)
            .await
            .unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()));
        if answer.is_ok() {
            self.outage.answered();
        }
        answer
    }

    /// The time `after` from `now`.
    #[must_use]
    pub fn later(now: Timestamp, after: Duration) -> Timestamp {
        chrono::TimeDelta::from_std(after).ok().and_then(|delta| now.checked_add_signed(delta)).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_news_once_a_minute() {
        let outage = Outage::default();
        let away = PortError::from(PortErrorKind::Unavailable);
        assert!(outage.is_news(&away));
        assert!(!outage.is_news(&PortErrorKind::Timeout.into()));
        assert!(outage.is_news(&PortErrorKind::Corrupt.into()), "that is something else");
        // A full disk: questions are answered, changes are not.
        for _ in 0..590 {
            tokio::time::advance(Duration::from_millis(100)).await;
            outage.answered();
            assert!(!outage.is_news(&away));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(outage.is_news(&away), "a minute later");
        tokio::time::advance(OVER_AFTER).await;
        outage.answered();
        assert!(outage.is_news(&away), "another one");
    }
}
