//! Progress of a run, shown once a second.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub(super) at: Duration,
    pub(super) posted: u64,
    pub(super) in_flight: u64,
    pub(super) queued: usize,
    pub(super) replied: u64,
    pub(super) waiting: u64,
    pub(super) webhook_p99_ms: f64,
    pub(super) reply_p99_ms: f64,
    pub(super) rss_bytes: Option<u64>,
}

/// A line on standard error that is written over on a terminal, and one line after the other elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    rewrites: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { rewrites: io::stderr().is_terminal() }
    }

    pub(super) fn tell(&self, snapshot: &Snapshot) {
        // Progress that nobody can read is not worth failing for.
        let _ = if self.rewrites {
            write!(io::stderr(), "\r\x1b[K{snapshot}")
        } else {
            writeln!(io::stderr(), "{snapshot}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.rewrites {
            let _ = writeln!(io::stderr());
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(f, "{seconds:>5.0} s  posted {:>8}  in flight {:>4}", self.posted, self.in_flight)?;
        if self.queued > 0 {
            write!(f, "  due {:>6}", self.queued)?;
        }
        write!(f, "  replies {:>8}  waiting {:>6}", self.replied, self.waiting)?;
        write!(f, "  p99 webhook {:>7.1} ms  reply {:>8.1} ms", self.webhook_p99_ms, self.reply_p99_ms)?;
        match self.rss_bytes {
            Some(bytes) => write!(f, "  rss {} MiB", bytes / (1024 * 1024)),
            None => Ok(()),
        }
    }
}
