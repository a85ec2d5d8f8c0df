//! Rule: silence after what is nothing to answer: a reaction, an edit, a call, a placeholder of the provider.

use super::Ruling;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "notice";

pub(super) fn apply(_: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    match heard.message.content.details.notice {
        Some(_) => Ruling::Done(Outcome::SilentNotice),
        None => Ruling::Pass,
    }
}
