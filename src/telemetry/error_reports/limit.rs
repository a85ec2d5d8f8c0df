//! Limit of reports: so many of a kind in a minute.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

/// Kinds that are told apart at once. Our sources have some hundred error lines.
const KINDS: usize = 512;

/// Whether an event may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and so many of its kind did not since the one before.
    Granted {
        withheld: u64,
    },
    Refused,
}

/// Counts events of each kind.
#[derive(Debug)]
pub(super) struct ReportLimit {
    per_minute: u32,
    kinds: HashMap<String, Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    reported: u32,
    withheld: u64,
}

impl ReportLimit {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, kinds: HashMap::new() }
    }

    pub(super) fn admit(&mut self, kind: &str, now: Instant) -> Admission {
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(kind) {
            self.kinds.retain(|_, window| now.duration_since(window.since) < WINDOW);
            if self.kinds.len() >= KINDS {
                return Admission::Refused;
            }
        }
        let fresh = Window { since: now, reported: 0, withheld: 0 };
        let window = self.kinds.entry(kind.to_owned()).or_insert(fresh);
        if now.duration_since(window.since) >= WINDOW {
            (window.since, window.reported) = (now, 0);
        }
        if window.reported >= self.per_minute {
            window.withheld += 1;
            return Admission::Refused;
        }
        window.reported += 1;
        Admission::Granted { withheld: std::mem::take(&mut window.withheld) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_reported_so_often_in_a_minute_and_the_rest_is_counted() {
        let (mut limit, begun) = (ReportLimit::new(2), Instant::now());
        let granted = |withheld| Admission::Granted { withheld };
        assert_eq!(limit.admit("a", begun), granted(0));
        assert_eq!(limit.admit("a", begun), granted(0));
        for _ in 0..7 {
            assert_eq!(limit.admit("a", begun + WINDOW / 2), Admission::Refused);
        }
        assert_eq!(limit.admit("b", begun + WINDOW / 2), granted(0), "another kind has its own");
        assert_eq!(limit.admit("a", begun + WINDOW), granted(7));
        assert_eq!(limit.admit("a", begun + WINDOW), granted(0));
    }

    #[test]
    fn kinds_are_bounded() {
        let (mut limit, begun) = (ReportLimit::new(1), Instant::now());
        for kind in 0..KINDS {
            assert_eq!(limit.admit(&kind.to_string(), begun), Admission::Granted { withheld: 0 });
        }
        assert_eq!(limit.admit("one more", begun), Admission::Refused);
        assert_eq!(limit.admit("one more", begun + WINDOW), Admission::Granted { withheld: 0 });
        assert!(limit.kinds.len() < KINDS);
    }
}
