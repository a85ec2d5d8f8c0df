//! Which writer shard does a job.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use palabre_actors::domain::message::NewInbound;
use palabre_actors::domain::turn::Turn;

use super::{DeadLetter, OutboxChange, Sweep};

pub(in crate::store) trait Sharded {
    fn shard(&self) -> WriterShard;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum WriterShard {
    /// The writer that accepts messages.
    Intake,
    /// One of the shards, by a hash. Everything about one conversation has one key.
    Of(u64),
}

fn key(of: impl Hash) -> WriterShard {
    WriterShard::Of(BuildHasherDefault::<DefaultHasher>::default().hash_one(of))
}

impl Sharded for Vec<NewInbound> {
    fn shard(&self) -> WriterShard {
        WriterShard::Intake
    }
}

impl Sharded for Box<DeadLetter> {
    fn shard(&self) -> WriterShard {
        key((&self.message.channel, &self.message.from))
    }
}

impl Sharded for Box<Turn> {
    fn shard(&self) -> WriterShard {
        key(self.conversation.id)
    }
}

impl Sharded for OutboxChange {
    fn shard(&self) -> WriterShard {
        match self {
            Self::Settle(settlement) => key(settlement.message.conversation),
            // The conversation is not known yet; the row is locked when it is read.
            Self::Advance(update) => key(update.id),
        }
    }
}

impl Sharded for Sweep {
    fn shard(&self) -> WriterShard {
        match self {
            Self::Claim(claim) => key(&claim.channel_key),
            Self::ExpediteRetries(expedite) => key(&expedite.channel_key),
            Self::Pause(told, _) | Self::PostChannelNotice(told, _) => key(&told.channel_key),
            Self::CloseIdleLive { tenant, .. } => key(tenant),
            Self::Unite(found) => key(&found.tenant),
            Self::ClaimUnknown(_) | Self::ExpireLeases(_) | Self::Maintain { .. } | Self::DeleteOld(_) => {
                WriterShard::Of(0)
            }
        }
    }
}
