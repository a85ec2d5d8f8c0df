//! Which of several writers does what.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use palabre_actors::domain::message::NewInbound;
use palabre_actors::domain::turn::Turn;

use super::{Burial, Change, Sweep};

/// Something that one of the writers does. What concerns one conversation has one key.
pub(in crate::store) trait Laned {
    fn lane(&self) -> u64;
}

fn key(of: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(of)
}

impl Laned for Vec<NewInbound> {
    fn lane(&self) -> u64 {
        // A list of several conversations goes with its first: their keys and ids are given by the database.
        self.first().map_or(0, |new| key((&new.channel, &new.from)))
    }
}

impl Laned for Box<Burial> {
    fn lane(&self) -> u64 {
        key((&self.message.channel, &self.message.from))
    }
}

impl Laned for Box<Turn> {
    fn lane(&self) -> u64 {
        key(self.conversation.id)
    }
}

impl Laned for Change {
    fn lane(&self) -> u64 {
        match self {
            Self::Settle(settlement) => key(settlement.message.conversation),
            // The conversation is not known yet; the row is locked when it is read.
            Self::Advance(update) => key(update.id),
        }
    }
}

impl Laned for Sweep {
    fn lane(&self) -> u64 {
        match self {
            Self::Claim(claim) => key(&claim.lane),
            Self::Hasten(hasten) => key(&hasten.lane),
            Self::Pause(told, _) | Self::Rest(told, _) => key(&told.lane),
            Self::CloseIdleLive { tenant, .. } => key(tenant),
            Self::ClaimUnknown(_) | Self::ExpireLeases(_) | Self::Tend { .. } | Self::Forget(_) => 0,
        }
    }
}
