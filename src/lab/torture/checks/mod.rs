//! Checks of every promise against the evidence. Pure functions; `tests.rs` shows that each can fail.

mod history;
mod ingress;
mod sends;
mod silence;
#[cfg(test)]
mod tests;

use super::evidence::Evidence;
use crate::lab::verdict::{Finding, Verdict};

pub(super) fn all(evidence: &Evidence) -> Vec<Verdict> {
    let index = evidence.index();
    vec![
        ingress::acknowledged(evidence),
        ingress::whole(evidence, &index),
        sends::none_lost(&index),
        sends::none_twice(evidence, &index),
        sends::ordered(evidence, &index),
        silence::silence(evidence, &index),
        history::settled(evidence),
        history::forward(evidence, &index),
        alive(evidence),
    ]
}

/// Nothing but a kill ended a daemon.
fn alive(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("", "alive");
    for ended in &evidence.ended {
        finding.must(false, || ended.clone());
    }
    finding.verdict("no daemon ended by itself".to_owned())
}
