//! Which rows of the outbox a node asks for, and which leases are over.

use super::ChannelKey;
use crate::domain::Timestamp;
use crate::domain::ids::{NodeId, OutboundId};

/// Which rows of a lane may be leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimable {
    /// The heads of its conversations' lines.
    Heads,
    /// Of a lane whose day is used up: what goes all the same ([`crate::domain::message::OutboundKind::QUOTA_EXEMPT`]). It passes
    /// what waits before it in its line, though not what is on its way or another of its kind.
    QuotaExempt,
}

/// Which rows to lease.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose, and through which channel.
    pub channel_key: ChannelKey,
    /// Which of it.
    pub which: Claimable,
    /// Whether rows of one conversation wait for each other ([`crate::domain::channel::ChannelProfile::keep_order`]).
    pub keep_order: bool,
    /// For whom.
    pub node: NodeId,
    /// Rows due by then.
    pub now: Timestamp,
    /// Until when.
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: usize,
}

/// Which waiting rows need not wait any longer: another channel takes over for theirs.
#[derive(Clone, Debug)]
pub struct ExpediteRetries {
    /// Of which lane.
    pub channel_key: ChannelKey,
    /// The channel that takes over knows all their addresses; else only phone numbers.
    pub any_address: bool,
    /// It may say what has no text of its own, by a template.
    pub without_text: bool,
    /// When.
    pub now: Timestamp,
    /// How many at most.
    pub limit: usize,
}

/// Which leases are over: those that ran out, and of the node's own those that nobody has. What its senders have in hand
/// is not, however late it is: they are alive and will say what came of it.
#[derive(Clone, Debug)]
pub struct EndedLeases {
    /// Who asks.
    pub node: NodeId,
    /// Leases that end by then ran out.
    pub now: Timestamp,
    /// The ends of leases of this node whose answer was lost: nobody sends on them.
    pub lost: Vec<Timestamp>,
    /// Rows that senders of this node have in hand.
    pub held: Vec<OutboundId>,
}

/// Which unknown rows to look into.
#[derive(Clone, Debug)]
pub struct ClaimUnknown {
    /// For whom.
    pub node: NodeId,
    /// Rows due by then (`next_attempt_at`).
    pub now: Timestamp,
    /// Nobody else looks into them until then (becomes `next_attempt_at`).
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: usize,
}
