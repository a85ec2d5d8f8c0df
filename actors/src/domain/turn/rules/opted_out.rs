//! Rule: silence for a contact who said STOP (I6).

use super::Ruling;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "opted_out";

pub(super) fn apply(_: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if heard.state.opted_out { Ruling::Done(Outcome::SilentOptedOut) } else { Ruling::Pass }
}
