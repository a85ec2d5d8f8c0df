//! Messages that a [`Dispatcher`](super::Dispatcher) takes.

use actix::{Message, WeakRecipient};

use super::super::limits::SendPermit;
use super::in_flight::InFlightGuard;
use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::ports::ChannelKey;

/// A committed turn wrote a message.
#[derive(Message)]
#[rtype(result = "()")]
#[expect(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum Dispatch {
    /// Its row is leased to this node and has a send permit: send it.
    Now {
        /// The message, with its first attempt counted.
        message: Outbound,
        /// When its lease ends.
        lease_until: Timestamp,
        /// Its send permit.
        permit: SendPermit,
        /// Dropped when the row is settled.
        in_flight: InFlightGuard,
    },
    /// Its row is pending: claim it when it is due.
    Queued {
        /// The tenant and the channel of the row.
        channel_key: ChannelKey,
        /// When the row is due.
        not_before: Timestamp,
    },
}

/// A row of the channel was settled or changed otherwise: what is queued behind it may go now.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct ChannelChanged {
    /// The tenant and the channel of the row.
    pub channel_key: ChannelKey,
    /// When the channel is to be looked at again, if the row needs that.
    pub again_at: Option<Timestamp>,
}

/// Channels whose rows are due, as a sweep of the store found them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Swept(pub Vec<(ChannelKey, Timestamp)>);

/// Another process changed rows of these channels, or paused or resumed them: look now instead of at the next sweep. Sent to
/// the first shard's dispatcher, which tells the others.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Look(pub Vec<ChannelKey>);

/// The other shards' dispatchers. Sent once, when every shard runs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MeetPeers(pub Vec<WeakRecipient<ChannelChanged>>);
