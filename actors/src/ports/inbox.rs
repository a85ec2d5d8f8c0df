//! Inbox: accepted messages.

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::ids::{CorrelationId, InboundId, TenantId};
use crate::domain::message::{Inbound, NewInbound};

/// Accepted messages.
pub trait Inbox: Send + Sync {
    /// Makes a batch durable: row, dedupe key and `webhook_received` (or `idempotent_ignored`) event of each (I1, I2).
    /// Answers in the order of the batch, after the commit. Ids are given in that order and grow from call to call
    /// (I3). One entry that cannot be stored fails alone.
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>>;

    /// A tenant's accepted messages that had no turn yet and were accepted later than `after`, in order of acceptance.
    fn backlog(
        &self,
        tenant: &TenantId,
        after: Option<InboundId>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<Inbound>, PortError>>;

    /// The tenants that have accepted messages without a turn from before that time.
    fn tenants_behind(&self, accepted_before: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>>;

    /// Makes a message a dead letter, with a reason that is a word (`poisonous`) and a `message_dead` event. It gets no turn
    /// any more. No effect when it had its turn already.
    fn dead_letter(&self, message: &Inbound, reason: &'static str, at: Timestamp)
    -> Pending<'_, Result<(), PortError>>;
}

/// The result of accepting a webhook's message.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every answer is the large one")]
pub enum Acceptance {
    /// It is new, and will be processed.
    New(Inbound),
    /// It was accepted before.
    Duplicate {
        /// The correlation id of the message that was accepted first.
        first: CorrelationId,
    },
    /// It is durable in the spool, because the store is unavailable. Its id, its event, and whether it is a duplicate are
    /// known once it is in the store; the spool tells the engine then.
    Spooled,
}
