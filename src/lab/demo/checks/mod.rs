//! Checks of every invariant against the evidence. Pure functions; `tests.rs` shows that each can fail.

mod ingress;
mod isolation;
mod sends;
mod status;
#[cfg(test)]
mod tests;
mod turns;

use super::evidence::Evidence;
use crate::lab::verdict::Finding;
pub(super) use crate::lab::verdict::Verdict;

/// All verdicts, in the order of the invariants.
pub(super) fn all(evidence: &Evidence) -> Vec<Verdict> {
    [
        ingress::durable_ack,
        ingress::once_in,
        ingress::ordered,
        turns::atomic,
        sends::once_out,
        sends::silence,
        sends::paced,
        status::forward,
        isolation::apart,
        isolation::discreet,
        turns::explained,
        turns::answered,
    ]
    .iter()
    .map(|check| check(evidence))
    .collect()
}
