//! Failures of a channel in a row: told once, with their reason, and that they are over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

use crate::domain::Timestamp;
use crate::domain::send::{SendError, SendErrorClass};
use crate::ports::ChannelKey;

/// One failure may be chance; with the second for the same reason the channel is failing.
const FAILING_FROM: u32 = 2;

/// What a channel's provider refuses or fails to do for all its messages, since when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingChannel {
    /// A provider's code, an HTTP status or a word, as in `messages_out.last_error`.
    pub reason: String,
    /// When the first of these failures was.
    pub since: Timestamp,
}

/// The last failures of a channel that nothing succeeded after.
#[derive(Debug, Default)]
pub(super) struct ChannelFailure {
    /// A copy that is read without the lock: nearly every send succeeds.
    any: AtomicBool,
    last: Mutex<Option<(FailingChannel, u32)>>,
}

impl ChannelFailure {
    /// The provider answered as one that works does.
    pub(super) fn works(&self, channel_key: &ChannelKey) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Release);
        if last.take().is_some_and(|(_, times)| times >= FAILING_FROM) {
            info!(tenant.id = %channel_key.tenant, channel.id = %channel_key.channel, "the provider serves the channel again");
        }
    }

    /// An attempt failed for a reason that is the channel's or the provider's.
    pub(super) fn fails(&self, channel_key: &ChannelKey, error: &SendError, now: Timestamp) {
        let reason = error.code.clone().unwrap_or_else(|| error.class.as_str().to_owned());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Release);
        let (failing, times) = match last.take() {
            Some((failing, times)) if failing.reason == reason => (failing, times.saturating_add(1)),
            _ => (FailingChannel { reason, since: now }, 1),
        };
        if times == FAILING_FROM {
            warn!(
                tenant.id = %channel_key.tenant, channel.id = %channel_key.channel, reason = %failing.reason, error = %error.detail,
                "the provider does not serve the channel, its messages wait"
            );
        }
        *last = Some((failing, times));
    }

    /// What it is, when it is more than one failure.
    pub(super) fn failing(&self) -> Option<FailingChannel> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(_, times)| *times >= FAILING_FROM).map(|(failing, _)| failing.clone())
    }
}

/// Whether an error says nothing against channel and provider: it is about one message, or about our pace.
pub(super) const fn is_about_the_message(error: &SendError) -> bool {
    match error.class {
        SendErrorClass::Reject | SendErrorClass::OptedOut | SendErrorClass::WindowClosed => true,
        SendErrorClass::Retry { .. } => error.throttled,
        SendErrorClass::Unknown | SendErrorClass::Misconfigured | SendErrorClass::Suspended { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChannelId, TenantId};
    use crate::testing::harness::noon;

    #[test]
    fn the_second_failure_for_a_reason_is_told_until_something_succeeds() {
        let channel_key = ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") };
        let error = |code: &str| SendError {
            class: SendErrorClass::Retry { after: None },
            code: Some(code.to_owned()),
            throttled: false,
            detail: String::new(),
        };
        let failure = ChannelFailure::default();
        failure.fails(&channel_key, &error("503"), noon());
        assert_eq!(failure.failing(), None, "chance");
        failure.fails(&channel_key, &error("connection_refused"), noon());
        assert_eq!(failure.failing(), None);
        failure.fails(&channel_key, &error("connection_refused"), noon() + chrono::TimeDelta::seconds(2));
        let expected = FailingChannel { reason: "connection_refused".to_owned(), since: noon() };
        assert_eq!(failure.failing(), Some(expected));
        failure.works(&channel_key);
        assert_eq!(failure.failing(), None);
    }
}
