//! Validation of `[loops]`: when a contact counts as a robot.

use std::time::Duration;

use palabre_actors::domain::loop_watch::LoopPolicy;

use super::document::Scope;
use super::fields::{duration, duration_up_to, number, or_default};
use super::raw::RawLoops;

/// When a contact counts as a robot; `None` within: never.
pub(super) fn loops(scope: &Scope<'_>, raw: &RawLoops) -> Option<Option<LoopPolicy>> {
    const LONGEST: Duration = Duration::from_secs(10 * 60);
    let usual = LoopPolicy::default();
    let within = or_default(raw.within.as_ref(), usual.within, |raw| duration_up_to(scope, "within", raw, LONGEST));
    let same_words = or_default(raw.same_words, usual.same_words, |raw| number(scope, "same_words", raw, 1..=1_000));
    let turns = or_default(raw.turns, usual.turns, |raw| number(scope, "turns", raw, 1..=10_000));
    let forget_after =
        or_default(raw.forget_after.as_ref(), usual.forget_after, |raw| duration(scope, "forget_after", raw));
    let policy = LoopPolicy { within: within?, same_words: same_words?, turns: turns?, forget_after: forget_after? };
    Some(raw.enabled.unwrap_or(true).then_some(policy))
}
