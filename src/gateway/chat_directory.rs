//! Chat directory: tells who is in a provider's chats, and what was paid in the provider's own money.
//!
//! Events tell of both as it happens; this is what they are compared with, because some events never come. It also answers those
//! who wait for seconds and not longer, past every queue.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::ports::Pending;

use super::channel_event::{Membership, OwnRights, Price};

/// Asks a provider. Each call is one request.
pub trait ChatDirectory: Send + Sync {
    /// What somebody is in a chat; who was never there is outside.
    fn place<'a>(&'a self, chat: &'a Address, who: &'a Address) -> Pending<'a, Result<ChatPlace, DirectoryError>>;

    /// What we may do in a chat.
    fn own_rights<'a>(&'a self, chat: &'a Address) -> Pending<'a, Result<OwnRights, DirectoryError>>;

    /// What was paid and given back, the oldest first, from this place of the list on.
    fn payments(&self, from: u64) -> Pending<'_, Result<PaymentPage, DirectoryError>>;

    /// The link that opens the conversation with us, with `start` for what it is to carry; `None`: there is no such link.
    fn start_link<'a>(&'a self, start: &'a str) -> Pending<'a, Result<Option<String>, DirectoryError>>;

    /// Answers somebody who waits, at once.
    fn answer<'a>(&'a self, answer: WaitedFor<'a>) -> Pending<'a, Result<(), DirectoryError>>;
}

/// What somebody waits for, for ten seconds at most.
#[derive(Clone, Copy, Debug)]
pub enum WaitedFor<'a> {
    /// Whether a payment may go through; `refusal` says why not.
    Checkout { query: &'a str, refusal: Option<&'a str> },
    /// Whether they may join a chat.
    Join { query: &'a str, may: bool },
}

/// What somebody is in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatPlace {
    pub membership: Membership,
    pub is_bot: bool,
}

#[derive(Debug, Default)]
pub struct PaymentPage {
    pub payments: Vec<LoggedPayment>,
    /// Where the next page begins.
    pub next: u64,
    /// Whether this was the last.
    pub is_last: bool,
}

/// A payment, or that one was given back. `Debug` does not show whose.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedPayment {
    /// What the invoice was given to carry.
    pub payload: Option<String>,
    /// The provider's id of the charge.
    pub charge: String,
    pub at: Timestamp,
    pub price: Price,
    /// How long a subscription is paid with it.
    pub period: Option<TimeDelta>,
    pub is_refund: bool,
}

impl std::fmt::Debug for LoggedPayment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedPayment")
            .field("at", &self.at)
            .field("is_refund", &self.is_refund)
            .finish_non_exhaustive()
    }
}

/// Why a question was not answered. No text shows a chat or a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No answer, or asked too often: the same question may be asked again later.
    #[error("the provider does not answer for the moment ({0})")]
    Away(String),
    /// The provider says no, by its code.
    #[error("the provider refuses ({0})")]
    Refused(String),
}
