//! What the test phones on pages need of the daemon.

use palabre_actors::domain::address::Address;
use palabre_actors::domain::message::NewInbound;
use palabre_actors::ports::Pending;

use crate::config::Channel;

/// Takes what is typed into a test phone, as a provider's webhook would bring it.
pub trait TestPhones: Send + Sync {
    /// Makes the message durable.
    fn post(&self, message: NewInbound) -> Pending<'_, Result<(), TestMessageRefused>>;

    /// Whether the phone with this address shows that somebody is typing.
    fn shows_typing(&self, channel: &Channel, to: &Address) -> bool {
        let _ = (channel, to);
        false
    }
}

/// Nothing was made durable: too much waits, or the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestMessageRefused;
