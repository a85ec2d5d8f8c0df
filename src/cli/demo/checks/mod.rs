//! Every invariant, held against the evidence. Pure: doctored evidence must make each of them fail, and does so in
//! `tests.rs`.

mod intake;
mod sends;
mod status;
#[cfg(test)]
mod tests;
mod turns;
mod walls;

use serde::Serialize;

use super::evidence::Evidence;

/// The most breaches of one invariant that are shown.
const SHOWN: usize = 5;

/// What came of a check.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    /// `I6`
    pub id: &'static str,
    /// `silence`
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What was looked at, with numbers.
    pub checked: String,
    /// What broke it: ids, never texts or addresses.
    pub broken: Vec<String>,
}

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

/// Collects what breaks an invariant.
struct Finding {
    id: &'static str,
    name: &'static str,
    broken: Vec<String>,
    more: usize,
}

impl Finding {
    fn of(id: &'static str, name: &'static str) -> Self {
        Self { id, name, broken: Vec::new(), more: 0 }
    }

    /// Notes a breach unless all is well.
    fn must(&mut self, well: bool, breach: impl FnOnce() -> String) {
        if well {
            return;
        }
        if self.broken.len() < SHOWN {
            self.broken.push(breach());
        } else {
            self.more += 1;
        }
    }

    /// A check that met nothing to check proves nothing.
    fn exercised(&mut self, count: usize, what: &str) {
        self.must(count > 0, || format!("nothing to check: {what}"));
    }

    fn verdict(mut self, checked: String) -> Verdict {
        if self.more > 0 {
            self.broken.push(format!("and {} more", self.more));
        }
        Verdict { id: self.id, name: self.name, holds: self.broken.is_empty(), checked, broken: self.broken }
    }
}
