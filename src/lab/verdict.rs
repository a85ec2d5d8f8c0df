//! The verdict of a check, for the demo and the torture.

use serde::Serialize;

/// The most breaches of one invariant that are shown.
const SHOWN: usize = 5;

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    /// `I6`
    pub(super) id: &'static str,
    /// `silence`
    pub(super) name: &'static str,
    /// Whether it holds.
    pub(super) holds: bool,
    /// What was looked at, with numbers.
    pub(super) checked: String,
    /// What broke it: ids, never texts or addresses.
    pub(super) broken: Vec<String>,
}

/// Collects what breaks an invariant.
pub(super) struct Finding {
    id: &'static str,
    name: &'static str,
    broken: Vec<String>,
    more: usize,
}

impl Finding {
    pub(super) fn of(id: &'static str, name: &'static str) -> Self {
        Self { id, name, broken: Vec::new(), more: 0 }
    }

    /// Notes a breach unless all is well.
    pub(super) fn must(&mut self, well: bool, breach: impl FnOnce() -> String) {
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
    pub(super) fn exercised(&mut self, count: usize, what: &str) {
        self.must(count > 0, || format!("nothing to check: {what}"));
    }

    pub(super) fn verdict(mut self, checked: String) -> Verdict {
        if self.more > 0 {
            self.broken.push(format!("and {} more", self.more));
        }
        Verdict { id: self.id, name: self.name, holds: self.broken.is_empty(), checked, broken: self.broken }
    }
}
