//! What may be said to a [`super::Dispatcher`].

use actix::Message;

use super::sender_pool::{InFlightGuard, SendPermit};
use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::ports::ChannelKey;

/// A turn was committed, and it wrote a message.
#[derive(Message)]
#[rtype(result = "()")]
#[expect(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum Dispatch {
    /// Its row is leased to this node and a sender's place is reserved: send it.
    Now {
        /// The message, first attempt counted.
        message: Outbound,
        /// When its lease ends.
        lease_until: Timestamp,
        /// The reserved place.
        permit: SendPermit,
        /// Dropped when the row is settled.
        in_flight: InFlightGuard,
    },
    /// Its row is pending: claim it when it is due.
    Queued {
        /// Whose, and through which channel.
        channel_key: ChannelKey,
        /// When it is due.
        not_before: Timestamp,
    },
}

/// A row of the lane was settled, or may have moved otherwise: what queued behind it may go now.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct Settled {
    /// Whose.
    pub channel_key: ChannelKey,
    /// When the row itself wants another look, if it does.
    pub again_at: Option<Timestamp>,
}

/// Somebody else changed rows of these lanes, or paused or resumed their channels: look now instead of at the next sweep.
/// Said to the first shard's, which tells the others.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Look(pub Vec<ChannelKey>);

/// The other shards' dispatchers. Said once, when every shard runs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MeetPeers(pub Vec<actix::WeakAddr<super::Dispatcher>>);

/// Begin no more claims; what is being sent may finish.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain;
