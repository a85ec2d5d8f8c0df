//! Answer of a quota to one message.

use crate::domain::Timestamp;

/// Whether one more message may go.
#[derive(Debug)]
pub(crate) enum QuotaDecision<Charge> {
    /// Yes; it is charged.
    Granted(Charge),
    /// Not before then, because the budget is spent. Urgent messages may go.
    Held(Timestamp),
    /// Not before then, and the reason.
    NotBefore(Timestamp, &'static str),
}

impl<Charge> QuotaDecision<Charge> {
    pub(super) fn map<Other>(self, change: impl FnOnce(Charge) -> Other) -> QuotaDecision<Other> {
        match self {
            Self::Granted(charge) => QuotaDecision::Granted(change(charge)),
            Self::Held(until) => QuotaDecision::Held(until),
            Self::NotBefore(until, reason) => QuotaDecision::NotBefore(until, reason),
        }
    }
}
