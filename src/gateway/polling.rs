//! Polling: how a provider that posts no webhooks is asked for what came in.

use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Pending;

use super::Received;

/// Asks for what came in on one channel. One node at a time does.
pub trait Poller: Send + Sync {
    /// What came in at `position` and after it, in order; waits for it for a while. `None`: from wherever the provider
    /// begins. Asking from a position tells the provider that everything before it is durable.
    fn poll(&self, position: Option<i64>, now: Timestamp) -> Pending<'_, Result<Polled, PollError>>;
}

/// What a poll brought.
#[derive(Debug)]
pub struct Polled {
    pub received: Vec<Received>,
    /// Where to go on once all of it is durable; `None`: where it was.
    pub next: Option<i64>,
}

/// Why a poll brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// No answer, or one that makes no sense: it may work soon.
    #[error("the provider does not answer")]
    Away,
    /// The provider says no, with what to do about it.
    #[error("the provider refuses: {0}")]
    Refused(&'static str),
}
