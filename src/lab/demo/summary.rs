//! The demo's summary: numbers and verdicts, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::checks::{self, Verdict};
use super::evidence::Evidence;
use super::fixtures::{BUSINESSES, CUSTOMERS, CUT_OFF, SENDERS, TOLD_TO_WAIT};
use super::journal::Meant;
use super::journey;
use super::transcript::{Style, milliseconds};

/// A tenant that is paced so that its messages wait on purpose.
const PACED_ON_PURPOSE: &str = "chez-fatou";

#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Whether every invariant holds.
    pub holds: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many took part.
    pub tenants: usize,
    pub channels: usize,
    /// People who wrote.
    pub customers: usize,
    /// From a webhook's first byte to its answer.
    pub webhook: Spread,
    /// From the webhook to the answer's arrival at the provider, without those that had to wait on purpose.
    pub reply: Spread,
    pub counts: BTreeMap<&'static str, usize>,
    pub invariants: Vec<Verdict>,
}

/// Latencies in milliseconds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Spread {
    pub count: usize,
    pub p50_ms: f64,
    /// One of a hundred is slower.
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Spread {
    fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let count = latencies.len();
        let ms = |rank: usize| latencies.get(rank).map_or(0.0, |latency| (latency.as_secs_f64() * 1e6).round() / 1e3);
        // The nearest rank: the smallest value that so many of a hundred do not exceed.
        let percentile = |percent: usize| ms((count * percent).div_ceil(100).saturating_sub(1));
        Self { count, p50_ms: percentile(50), p99_ms: percentile(99), max_ms: ms(count.saturating_sub(1)) }
    }

    fn shown(&self) -> String {
        let ms = |ms: f64| milliseconds(Duration::from_secs_f64(ms / 1_000.0));
        format!("p50 {:>8}   p99 {:>8}   of {}", ms(self.p50_ms), ms(self.p99_ms), self.count)
    }
}

impl Summary {
    /// Measures and judges.
    pub fn of(evidence: &Evidence, took: Duration) -> Self {
        let mut invariants = checks::all(evidence);
        invariants.extend(evidence.story.clone());
        Self {
            holds: invariants.iter().all(|verdict| verdict.holds),
            seconds: (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
            tenants: BUSINESSES.len() + 1,
            channels: SENDERS.len() + journey::CHANNELS.len(),
            customers: CUSTOMERS.len() + 1,
            webhook: Spread::of(webhooks(evidence)),
            reply: Spread::of(replies(evidence)),
            counts: counts(evidence),
            invariants,
        }
    }

    pub fn text(&self, style: Style) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format!(
            "{} customers of {} tenants on {} channels, {:.1} s, one process, real HTTP",
            self.customers, self.tenants, self.channels, self.seconds
        ));
        line(format!("  webhook → 200           {}", self.webhook.shown()));
        line(format!("  webhook → reply         {} (the others wait on purpose)", self.reply.shown()));
        for counts in self.counts.iter().collect::<Vec<_>>().chunks(4) {
            let counts: Vec<String> =
                counts.iter().map(|(name, count)| format!("{:<20}{count:>5}", name.replace('_', " "))).collect();
            line(format!("  {}", counts.join("   ")));
        }
        line(String::new());
        for verdict in &self.invariants {
            let mark = if verdict.holds { style.good("✓") } else { style.bad("✗") };
            line(format!("  {mark} {:<4}{:<13} {}", verdict.id, verdict.name, verdict.checked));
            for breach in &verdict.broken {
                line(style.bad(&format!("                      {breach}")));
            }
        }
        line(String::new());
        line(match self.invariants.iter().filter(|verdict| !verdict.holds).count() {
            0 => style.good("every invariant holds"),
            broken => style.bad(&format!("{broken} of {} checks failed", self.invariants.len())),
        });
        text.trim_end().to_owned()
    }
}

fn webhooks(evidence: &Evidence) -> Vec<Duration> {
    evidence.observed.posts.iter().filter(|post| post.status == Some(200)).map(|post| post.took).collect()
}

fn replies(evidence: &Evidence) -> Vec<Duration> {
    let undisturbed = evidence
        .dump
        .outbound
        .iter()
        .filter(|row| row.tenant_id != PACED_ON_PURPOSE && row.to != TOLD_TO_WAIT && row.to != CUT_OFF);
    let latencies = undisturbed.filter_map(|row| {
        let sent = evidence.sends_of(&row.id).next()?;
        let cause = evidence.dump.inbound.iter().find(|cause| row.in_reply_to.as_ref() == Some(&cause.id))?;
        let begun = evidence.observed.begun.get(&cause.provider_message_id)?;
        Some(sent.at.saturating_duration_since(*begun))
    });
    latencies.collect()
}

fn counts(evidence: &Evidence) -> BTreeMap<&'static str, usize> {
    let (observed, dump) = (&evidence.observed, &evidence.dump);
    let meant = |meant: fn(&Meant) -> bool| observed.posts.iter().filter(|post| meant(&post.meant)).count();
    let ended = |word: &str| dump.inbound.iter().filter(|row| row.reason.as_deref() == Some(word)).count();
    let state = |word: &str| dump.outbound.iter().filter(|row| row.state == word).count();
    let events = |word: &str| dump.events.iter().filter(|event| event.event_type == word).count();
    BTreeMap::from([
        ("webhooks", observed.posts.len()),
        ("duplicates", meant(|meant| *meant == Meant::Copy)),
        ("refused", meant(|meant| matches!(meant, Meant::Forgery(_)))),
        ("turns", dump.inbound.iter().filter(|row| row.state == "processed").count()),
        ("conversations", dump.versions.len()),
        ("replies", observed.sends.len()),
        ("callbacks", observed.callbacks.len()),
        ("suppressed", state("suppressed")),
        ("failed", state("failed")),
        ("read", state("read")),
        ("rate_limited", ended("rate_limited")),
        ("silent_after_stop", ended("silent_opted_out")),
        ("from_sellers", ended("seller")),
        ("live_sessions", events("live_session_opened")),
        ("events", dump.events.len()),
        ("tried_again", dump.outbound.iter().filter(|row| row.attempts > 1).count()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((spread.count, spread.p50_ms, spread.p99_ms, spread.max_ms), (200, 100.0, 198.0, 200.0));
        let one = Spread::of(vec![Duration::from_millis(7)]);
        assert_eq!((one.p50_ms, one.p99_ms), (7.0, 7.0));
        assert_eq!(Spread::of(Vec::new()).p99_ms, 0.0);
    }
}
