//! What happens on a connection, as its stream and the request log tell it.

use std::cell::Cell;
use std::time::Instant;

use super::Deadlines;

/// Shared by a connection's stream and the requests on it.
#[derive(Debug)]
pub(in crate::http) struct Activity {
    phase: Cell<Phase>,
    deadlines: Deadlines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was asked yet. actix-web watches the first head, and answers 408.
    New,
    /// A request is read or answered; its body has a deadline of its own.
    Busy,
    /// Everything is answered, and nothing came since.
    Idle { until: Instant },
    /// The head of another request has begun.
    Head { until: Instant },
}

impl Activity {
    pub(super) fn new(deadlines: Deadlines) -> Self {
        Self { phase: Cell::new(Phase::New), deadlines }
    }

    pub(in crate::http) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// A request's head is complete.
    pub(in crate::http) fn begin(&self) {
        self.phase.set(Phase::Busy);
    }

    /// A request's answer is complete.
    pub(in crate::http) fn end(&self, now: Instant) {
        self.phase.set(Phase::Idle { until: now + self.deadlines.idle });
    }

    /// Something was read.
    pub(super) fn heard(&self, now: Instant) {
        if let Phase::Idle { .. } = self.phase.get() {
            self.phase.set(Phase::Head { until: now + self.deadlines.head });
        }
    }

    /// Until when something must come.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::New | Phase::Busy => None,
            Phase::Idle { until } | Phase::Head { until } => Some(until),
        }
    }

    /// Whether a head has begun and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.phase.get(), Phase::Head { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_but_answering_has_a_deadline() {
        let deadlines = Deadlines::default();
        let activity = Activity::new(deadlines);
        let now = Instant::now();
        activity.heard(now);
        assert_eq!(activity.deadline(), None, "the first head is actix-web's");
        activity.begin();
        activity.heard(now);
        assert_eq!(activity.deadline(), None, "a body is not a head");
        activity.end(now);
        assert_eq!((activity.deadline(), activity.is_in_head()), (Some(now + deadlines.idle), false));
        let later = now + deadlines.head;
        activity.heard(later);
        assert_eq!((activity.deadline(), activity.is_in_head()), (Some(later + deadlines.head), true));
        // Another byte gives no more time.
        activity.heard(later + deadlines.head);
        assert_eq!(activity.deadline(), Some(later + deadlines.head));
        activity.begin();
        assert_eq!(activity.deadline(), None);
    }
}
