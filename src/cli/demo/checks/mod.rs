//! Every invariant, held against the evidence. Pure: doctored evidence must make each of them fail, and does so in
//! `tests.rs`.

mod intake;
mod sends;
mod status;
#[cfg(test)]
mod tests;
mod turns;
mod walls;

use super::evidence::Evidence;
use crate::cli::verdict::Finding;
pub(super) use crate::cli::verdict::Verdict;

/// All verdicts, in the order of the invariants.
pub(super) fn all(evidence: &Evidence) -> Vec<Verdict> {
    [
        intake::durable_ack,
        intake::once_in,
        intake::ordered,
        turns::atomic,
        sends::once_out,
        sends::silence,
        sends::paced,
        status::forward,
        walls::apart,
        walls::discreet,
        turns::explained,
        turns::answered,
    ]
    .iter()
    .map(|check| check(evidence))
    .collect()
}
