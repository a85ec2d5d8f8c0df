//! Which of several writers does what.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use palabre_actors::domain::message::NewInbound;
use palabre_actors::domain::turn::Turn;

use super::{Burial, Change, Sweep};

/// Something that one of the writers does.
pub(in crate::store) trait Laned {
    fn lane(&self) -> Lane;
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Lane {
    /// The one that accepts.
    Intake,
    /// One of the others. What concerns one conversation has one key.
    Of(u64),
}

fn key(of: impl Hash) -> Lane {
    Lane::Of(BuildHasherDefault::<DefaultHasher>::default().hash_one(of))
}

impl Laned for Vec<NewInbound> {
    fn lane(&self) -> Lane {
        Lane::Intake
    }
}

impl Laned for Box<Burial> {
    fn lane(&self) -> Lane {
        key((&self.message.channel, &self.message.from))
    }
}

impl Laned for Box<Turn> {
    fn lane(&self) -> Lane {
        key(self.conversation.id)
    }
}

impl Laned for Change {
    fn lane(&self) -> Lane {
        match self {
            Self::Settle(settlement) => key(settlement.message.conversation),
            // The conversation is not known yet; the row is locked when it is read.
            Self::Advance(update) => key(update.id),
        }
    }
}

impl Laned for Sweep {
    fn lane(&self) -> Lane {
        match self {
            Self::Claim(claim) => key(&claim.lane),
            Self::Hasten(hasten) => key(&hasten.lane),
            Self::Pause(told, _) | Self::Rest(told, _) => key(&told.lane),
            Self::CloseIdleLive { tenant, .. } => key(tenant),
            Self::ClaimUnknown(_) | Self::ExpireLeases(_) | Self::Tend { .. } | Self::Forget(_) => Lane::Of(0),
        }
    }
}
