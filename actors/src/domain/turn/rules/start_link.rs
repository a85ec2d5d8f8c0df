//! Rule: whoever comes by a link to a plan, or by one that says who they are, is answered by what made it, not by the FAQ.

use super::Ruling;
use crate::domain::entitlement::is_plan_link;
use crate::domain::person_link::is_person_link;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "start_link";

pub(super) fn apply(_: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    match heard.message.content.details.start.as_deref() {
        Some(start) if is_plan_link(start) || is_person_link(start) => Ruling::Done(Outcome::OpenedLink),
        _ => Ruling::Pass,
    }
}
