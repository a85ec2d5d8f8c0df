//! The report of a load test, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::ledger::{Count, Matching};
use super::measurements::{Measurements, Spread};
use super::process::Usage;

const MIB: f64 = 1024.0 * 1024.0;

/// A run's result. Latencies count from the moment at which a webhook was due, and leave the warm-up out; counts do not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadReport {
    /// Whether nothing was lost, answered twice or out of order, and something was answered at all.
    pub(crate) held: bool,
    pub(super) load: Shape,
    pub(super) webhooks: Webhooks,
    pub(super) duplicates: Duplicates,
    pub(super) replies: Replies,
    /// What the daemon used, when its process was found.
    pub(super) daemon: Option<Daemon>,
    pub(super) driver: Driver,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shape {
    /// `None`: each connection posted as fast as it got answers.
    pub(super) rate_per_second: Option<f64>,
    pub(super) connections: usize,
    pub(super) warmup_seconds: f64,
    /// From the first webhook to the end of posting.
    pub(super) posting_seconds: f64,
    pub(super) tenants: usize,
    pub(super) channels: usize,
    pub(super) conversations: u32,
}

/// First posts.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Webhooks {
    pub(super) posted: u64,
    /// Answered with 200.
    pub(super) taken: u64,
    /// Other statuses.
    pub(super) refused: BTreeMap<u16, u64>,
    /// No answer, by reason; repetitions included.
    pub(super) broken: BTreeMap<String, u64>,
    /// Were due, and never left: the run ended first.
    pub(super) not_posted: u64,
    pub(super) taken_per_second: f64,
    pub(super) latency: Spread,
    /// How late the driver noticed that they were due: its own part of the latency. Empty in a closed loop.
    pub(super) lateness: Spread,
}

/// Repetitions of a message.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Duplicates {
    pub(super) posted: u64,
    pub(super) answers: BTreeMap<u16, u64>,
    pub(super) latency: Spread,
}

/// Sends at the provider's side.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Replies {
    /// Messages that were accepted, in whichever copy.
    pub(super) expected: u64,
    pub(super) received: u64,
    pub(super) per_second: f64,
    pub(super) latency: Spread,
    /// Accepted messages without a reply when posting ended.
    pub(super) waiting_after_posting: u64,
    /// Accepted messages without a reply at the end; `None` when nobody waited for them.
    pub(super) lost: Option<u64>,
    pub(super) repeated: u64,
    pub(super) out_of_order: u64,
    /// Sends that belong to no message of this run: an earlier one's, say.
    pub(super) foreign: u64,
    /// `token`, or `order` where replies do not repeat their message; then nothing is known of their order.
    pub(super) matched_by: &'static str,
}

/// The daemon's process.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Daemon {
    pub(super) pid: u32,
    pub(super) cpu_seconds: f64,
    pub(super) cpu_ms_per_message: f64,
    pub(super) rss_before_mib: f64,
    /// The most of one sample a second.
    pub(super) rss_highest_mib: f64,
    pub(super) rss_after_mib: f64,
    /// Over the life of the process.
    pub(super) rss_ever_mib: f64,
    /// One a second.
    pub(super) rss_samples_mib: Vec<f64>,
}

/// Ourselves: what the measuring costs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Driver {
    pub(super) cpu_seconds: f64,
    /// The provider's side included.
    pub(super) cpu_us_per_webhook: f64,
}

/// What a process used over a run.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) pid: u32,
    pub(super) before: Usage,
    pub(super) after: Usage,
    pub(super) samples: Vec<u64>,
}

impl Webhooks {
    pub(super) fn of(measurements: &Measurements, not_posted: u64) -> Self {
        let mut refused = measurements.answers.clone();
        let taken = refused.remove(&200).unwrap_or_default();
        Self {
            posted: measurements.posted - measurements.repeats,
            taken,
            refused,
            broken: measurements.broken.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
            not_posted,
            taken_per_second: tenths(measurements.taken.per_second()),
            latency: measurements.webhooks.spread(),
            lateness: measurements.lateness.spread(),
        }
    }
}

impl Duplicates {
    pub(super) fn of(measurements: &Measurements) -> Self {
        Self {
            posted: measurements.repeats,
            answers: measurements.repeat_answers.clone(),
            latency: measurements.repeated.spread(),
        }
    }
}

impl Replies {
    pub(super) fn of(
        measurements: &Measurements,
        count: Count,
        matching: Matching,
        waiting_after_posting: u64,
        waited: bool,
    ) -> Self {
        Self {
            expected: count.accepted,
            received: count.replied,
            per_second: tenths(measurements.replied.per_second()),
            latency: measurements.replies.spread(),
            waiting_after_posting,
            lost: waited.then_some(count.waiting),
            repeated: count.repeated,
            out_of_order: count.out_of_order,
            foreign: count.foreign,
            matched_by: match matching {
                Matching::ByToken => "token",
                Matching::InOrder => "order",
            },
        }
    }

    /// Whether every promise was kept.
    pub(super) fn hold(&self) -> bool {
        let replied = self.received > 0 || self.lost.is_none();
        self.expected > 0
            && replied
            && self.lost.unwrap_or_default() == 0
            && self.repeated == 0
            && self.out_of_order == 0
    }
}

impl Daemon {
    pub(super) fn of(used: &Used, messages: u64) -> Self {
        let mib = |bytes: u64| tenths(bytes as f64 / MIB);
        let cpu = used.after.cpu.saturating_sub(used.before.cpu);
        let highest = used.samples.iter().copied().chain([used.before.rss_bytes, used.after.rss_bytes]).max();
        Self {
            pid: used.pid,
            cpu_seconds: cpu.as_secs_f64(),
            cpu_ms_per_message: (per(cpu, messages) * 1_000_000.0).round() / 1_000.0,
            rss_before_mib: mib(used.before.rss_bytes),
            rss_highest_mib: mib(highest.unwrap_or_default()),
            rss_after_mib: mib(used.after.rss_bytes),
            rss_ever_mib: mib(used.after.peak_bytes),
            rss_samples_mib: used.samples.iter().copied().map(mib).collect(),
        }
    }
}

impl Driver {
    pub(super) fn of(cpu: Duration, webhooks: u64) -> Self {
        Self { cpu_seconds: cpu.as_secs_f64(), cpu_us_per_webhook: tenths(per(cpu, webhooks) * 1_000_000.0) }
    }
}

/// Seconds for each; 0 when there are none.
fn per(time: Duration, count: u64) -> f64 {
    if count == 0 { 0.0 } else { time.as_secs_f64() / count as f64 }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "load        {}", self.load)?;
        writeln!(f, "webhooks    {}", self.webhooks)?;
        writeln!(f, "duplicates  {} posted, answered {}", self.duplicates.posted, listed(&self.duplicates.answers))?;
        writeln!(f, "replies     {}", self.replies)?;
        if let Some(daemon) = &self.daemon {
            writeln!(f, "daemon      {daemon}")?;
        }
        let driver = &self.driver;
        writeln!(f, "driver      {:.2} s CPU, {} µs a webhook", driver.cpu_seconds, driver.cpu_us_per_webhook)?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms, from when it was due", "p50", "p90", "p99", "p99.9", "max"
        )?;
        row(f, "webhook → 200", &self.webhooks.latency)?;
        row(f, "webhook → reply sent", &self.replies.latency)?;
        row(f, "duplicate → answer", &self.duplicates.latency)?;
        row(f, "  of it, the driver's delay", &self.webhooks.lateness)?;
        writeln!(f)?;
        f.write_str(self.verdict())
    }
}

impl LoadReport {
    fn verdict(&self) -> &'static str {
        match (self.held, self.replies.lost, self.replies.matched_by) {
            (false, ..) if self.replies.expected == 0 => "BROKEN: no webhook was accepted",
            (false, ..) => "BROKEN: see lost, repeated and out of order above",
            (true, None, _) => "held: nothing repeated, nothing out of order (nobody waited for the rest)",
            (true, Some(_), "token") => "held: nothing lost, nothing repeated, nothing out of order",
            (true, Some(_), _) => "held: nothing lost, nothing repeated (replies carry nothing to tell their order)",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate_per_second {
            Some(rate) => write!(f, "{rate} webhooks/s due, at most {} connections", self.connections)?,
            None => write!(f, "{} connections, each as fast as it is answered", self.connections)?,
        }
        write!(f, ", {:.1} s ({:.1} s warm-up)", self.posting_seconds, self.warmup_seconds)?;
        write!(f, ", {} tenants, {} channels", self.tenants, self.channels)?;
        write!(f, ", {} conversations", self.conversations)
    }
}

impl fmt::Display for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} posted, {} taken (200), {:.0}/s", self.posted, self.taken, self.taken_per_second)?;
        write!(f, ", refused {}, no answer {}", listed(&self.refused), listed(&self.broken))?;
        if self.not_posted > 0 {
            write!(f, ", {} were due and never left", self.not_posted)?;
        }
        Ok(())
    }
}

impl fmt::Display for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, {:.0}/s", self.received, self.expected, self.per_second)?;
        match self.lost {
            Some(lost) => write!(f, ", lost {lost}")?,
            None => write!(f, ", not waited for")?,
        }
        write!(f, ", repeated {}, out of order {}", self.repeated, self.out_of_order)?;
        write!(f, ", {} were waiting when posting ended", self.waiting_after_posting)?;
        if self.foreign > 0 {
            write!(f, ", {} sends of other runs or texts", self.foreign)?;
        }
        Ok(())
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s CPU, {:.3} ms a message", self.cpu_seconds, self.cpu_ms_per_message)?;
        write!(f, ", RSS {} → {} MiB", self.rss_before_mib, self.rss_after_mib)?;
        write!(f, ", highest {} MiB (pid {})", self.rss_highest_mib, self.pid)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, spread: &Spread) -> fmt::Result {
    let Spread { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = spread;
    if spread.count == 0 {
        return Ok(());
    }
    writeln!(f, "{name:<28}{p50_ms:>10.2}{p90_ms:>10.2}{p99_ms:>10.2}{p999_ms:>10.2}{max_ms:>10.2}")
}

/// `503: 12, 429: 1`, or `none`.
fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
