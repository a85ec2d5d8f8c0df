//! The promises, held against the evidence. Pure: doctored evidence must make each of them fail, and does so in
//! `tests.rs`.

mod history;
mod intake;
mod sends;
mod silence;
#[cfg(test)]
mod tests;

use super::evidence::Evidence;
use crate::cli::verdict::{Finding, Verdict};

/// All verdicts.
pub(super) fn all(evidence: &Evidence) -> Vec<Verdict> {
    let files = evidence.files();
    vec![
        intake::acknowledged(evidence),
        intake::whole(evidence, &files),
        sends::none_lost(&files),
        sends::none_twice(evidence, &files),
        sends::ordered(&files),
        silence::silence(evidence, &files),
        history::settled(evidence),
        history::forward(evidence),
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
