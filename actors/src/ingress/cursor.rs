//! Delivery cursor of a tenant: up to date, or behind and reading its backlog from the store.

use std::sync::Arc;

use crate::domain::ids::InboundId;
use crate::runtime::admission::TenantGauge;

/// Where delivery stands in a tenant's messages.
pub(super) struct DeliveryCursor {
    gauge: Arc<TenantGauge>,
    /// The newest message that was delivered; the next read begins after it.
    through: Option<InboundId>,
    behind: bool,
    reading: bool,
    /// Something was accepted that the read under way may not have seen.
    missed: bool,
    /// The next read must begin from the start.
    from_start: bool,
}

impl DeliveryCursor {
    pub(super) fn new(limit: usize, on_room: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            gauge: TenantGauge::new(limit, on_room),
            through: None,
            behind: false,
            reading: false,
            missed: false,
            from_start: false,
        }
    }

    pub(super) fn gauge(&self) -> &Arc<TenantGauge> {
        &self.gauge
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    pub(super) fn delivered(&mut self, id: InboundId) {
        self.through = self.through.max(Some(id));
    }

    /// An accepted message was left in the store.
    pub(super) fn skipped(&mut self) {
        self.missed = true;
        self.fall_behind();
    }

    /// Delivered messages were lost: read everything that has no turn.
    pub(super) fn start_over(&mut self) {
        self.from_start = true;
        self.fall_behind();
    }

    pub(super) fn start_over_unless_behind(&mut self) {
        if !self.behind {
            self.start_over();
        }
    }

    fn fall_behind(&mut self) {
        self.behind = true;
        self.gauge.want_room(true);
    }

    /// Where to read from, when there is something to read and no read is under way.
    pub(super) fn begin_read(&mut self) -> Option<Option<InboundId>> {
        if !self.behind || self.reading {
            return None;
        }
        if std::mem::take(&mut self.from_start) {
            self.through = None;
        }
        self.reading = true;
        self.missed = false;
        Some(self.through)
    }

    pub(super) fn read_failed(&mut self) {
        self.reading = false;
    }

    /// After a read whose rows were delivered, until one got no permit (`refused`). Answers whether to read on now.
    pub(super) fn end_read(&mut self, full: bool, refused: bool) -> bool {
        self.reading = false;
        if refused {
            // Room will be announced, unless all of it was given back meanwhile.
            return self.gauge.used() == 0;
        }
        if full || self.missed || self.from_start {
            return true;
        }
        self.behind = false;
        self.gauge.want_room(false);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> DeliveryCursor {
        DeliveryCursor::new(8, Box::new(|| {}))
    }

    #[test]
    fn a_cursor_that_is_up_to_date_reads_nothing() {
        assert_eq!(cursor().begin_read(), None);
    }

    #[test]
    fn a_cursor_catches_up_only_when_a_read_saw_everything() {
        let mut cursor = cursor();
        let first = InboundId::fresh();
        cursor.delivered(first);
        cursor.skipped();
        assert_eq!(cursor.begin_read(), Some(Some(first)), "reads on after what was delivered");
        assert_eq!(cursor.begin_read(), None, "one read at a time");
        cursor.skipped();
        assert!(cursor.end_read(false, false), "something was accepted during the read");
        assert_eq!(cursor.begin_read(), Some(Some(first)));
        assert!(!cursor.end_read(false, false));
        assert!(!cursor.is_behind());
    }

    #[test]
    fn starting_over_during_a_read_reads_from_the_start_next() {
        let mut cursor = cursor();
        cursor.start_over();
        assert_eq!(cursor.begin_read(), Some(None));
        cursor.delivered(InboundId::fresh());
        cursor.start_over();
        assert!(cursor.end_read(false, false));
        assert_eq!(cursor.begin_read(), Some(None));
    }
}
