//! Rule: silence for a contact whom the tenant's people blocked. Their STOP is heard all the same.

use super::Ruling;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "blocked";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, _: &Heard<'_>) -> Ruling {
    if turn.memory().blocked_at.is_some() { Ruling::Done(Outcome::SilentBlocked) } else { Ruling::Pass }
}
