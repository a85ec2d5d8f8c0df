//! Rule: silence for a contact whom the tenant's people blocked. Their STOP is heard all the same.

use super::Ruling;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "blocked";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    let memory = turn.turn.conversation.memory.as_ref();
    let is_blocked = memory.is_some_and(|memory| memory.blocked_at.is_some());
    if is_blocked { Ruling::Done(Outcome::SilentBlocked) } else { Ruling::Pass }
}
