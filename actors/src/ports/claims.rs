//! Claims of outbox rows, and the leases that are over.

use super::ChannelKey;
use crate::domain::Timestamp;
use crate::domain::ids::{NodeId, OutboundId};

/// Which rows of a channel may be leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimable {
    /// The heads of its conversation queues.
    Heads,
    /// Quota-exempt rows, of a channel whose day is used up ([`crate::domain::message::OutboundKind::QUOTA_EXEMPT`]). Such a row
    /// passes the rows that wait before it in its queue, though not one that is being sent or another quota-exempt one.
    QuotaExempt,
}

/// A claim of pending rows.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The tenant and the channel.
    pub channel_key: ChannelKey,
    /// Which of its rows.
    pub which: Claimable,
    /// Whether rows of one conversation wait for each other ([`crate::domain::channel::ChannelProfile::keep_order`]).
    pub keep_order: bool,
    /// The node that leases them.
    pub node: NodeId,
    /// Rows due by then.
    pub now: Timestamp,
    /// When the lease ends.
    pub lease_until: Timestamp,
    /// The greatest number of rows.
    pub limit: usize,
}

/// Rows to retry now, because the fallback of their channel has taken over.
#[derive(Clone, Debug)]
pub struct ExpediteRetries {
    /// Their tenant and channel.
    pub channel_key: ChannelKey,
    /// Whether the fallback can address all of them; otherwise it can address phone numbers only.
    pub any_address: bool,
    /// Whether the fallback can send rows without text, by a template.
    pub without_text: bool,
    /// The caller's now.
    pub now: Timestamp,
    /// The greatest number of rows.
    pub limit: usize,
}

/// Leases that are over: those that ran out, and those of the node whose answer was lost. A row that one of the node's
/// senders has in hand is excepted, however late it is: that sender will settle it.
#[derive(Clone, Debug)]
pub struct EndedLeases {
    /// The node that asks.
    pub node: NodeId,
    /// Leases that end by then ran out.
    pub now: Timestamp,
    /// The ends of leases of this node whose answer was lost: no send begins on them.
    pub lost: Vec<Timestamp>,
    /// Rows that senders of this node have in hand.
    pub held: Vec<OutboundId>,
}

/// A claim of unknown rows.
#[derive(Clone, Debug)]
pub struct ClaimUnknown {
    /// The node that leases them.
    pub node: NodeId,
    /// Rows due by then (`next_attempt_at`).
    pub now: Timestamp,
    /// When the claim ends (becomes `next_attempt_at`): no other node reconciles them before.
    pub lease_until: Timestamp,
    /// The greatest number of rows.
    pub limit: usize,
}
