//! Latencies, rates and counts while a load runs.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::connection::Broken;

/// Three digits of every latency are kept.
const DIGITS: u8 = 3;

/// Longer latencies count as this one.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Latencies, kept as microseconds.
#[derive(Debug)]
pub(super) struct Latencies(Histogram<u64>);

/// How latencies are spread, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) count: u64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    #[serde(rename = "p99_9_ms")]
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Default for Latencies {
    #[expect(clippy::expect_used, reason = "it fails for more than five digits, or a bound below 2")]
    fn default() -> Self {
        Self(Histogram::new_with_max(LONGEST.as_micros() as u64, DIGITS).expect("three digits and an hour are allowed"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(latency.min(LONGEST).as_micros() as u64);
    }

    pub(super) fn spread(&self) -> Spread {
        Spread {
            count: self.0.len(),
            p50_ms: self.quantile_ms(0.5),
            p90_ms: self.quantile_ms(0.9),
            p99_ms: self.quantile_ms(0.99),
            p999_ms: self.quantile_ms(0.999),
            max_ms: self.0.max() as f64 / 1_000.0,
        }
    }

    /// 0 when there are none.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile).min(self.0.max()) as f64 / 1_000.0
    }
}

/// Things that happened one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stream {
    pub(super) count: u64,
    first: Option<Duration>,
    last: Duration,
}

impl Stream {
    pub(super) fn happened(&mut self, at: Duration) {
        self.count += 1;
        self.first.get_or_insert(at);
        self.last = at;
    }

    /// Over the time between the first and the last of them; 0 when that is no time.
    pub(super) fn per_second(&self) -> f64 {
        let seconds = self.first.map_or(0.0, |first| self.last.saturating_sub(first).as_secs_f64());
        if seconds > 0.0 { self.count.saturating_sub(1) as f64 / seconds } else { 0.0 }
    }
}

/// What happened so far. "Counted" is what was due after the warm-up.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    /// Webhooks posted, repetitions included.
    pub(super) posted: u64,
    /// Of those, not answered yet.
    pub(super) in_flight: u64,
    /// Statuses of first posts; 200 is taken.
    pub(super) answers: BTreeMap<u16, u64>,
    /// First posts and repetitions that brought no answer.
    pub(super) broken: BTreeMap<Broken, u64>,
    pub(super) repeats: u64,
    /// Statuses of repetitions.
    pub(super) repeat_answers: BTreeMap<u16, u64>,
    /// Counted first posts that were taken, from when they were due to their answer.
    pub(super) webhooks: Latencies,
    pub(super) repeated: Latencies,
    /// How late the driver noticed that counted webhooks were due: its own part of every latency.
    pub(super) lateness: Latencies,
    /// From when a counted webhook was due to its reply at the provider.
    pub(super) replies: Latencies,
    /// Counted first posts that were taken.
    pub(super) taken: Stream,
    /// First replies to counted messages.
    pub(super) replied: Stream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_latencies() {
        let mut latencies = Latencies::default();
        for ms in 1..=1_000 {
            latencies.record(Duration::from_millis(ms));
        }
        let spread = latencies.spread();
        for (got, expected) in [
            (spread.p50_ms, 500.0),
            (spread.p90_ms, 900.0),
            (spread.p99_ms, 990.0),
            (spread.p999_ms, 999.0),
            (spread.max_ms, 1_000.0),
        ] {
            assert!((got - expected).abs() <= expected / 1_000.0, "{got} is not about {expected}");
        }
        assert_eq!(spread.count, 1_000);
    }

    #[test]
    fn no_latencies_have_no_spread() {
        assert_eq!(Latencies::default().spread(), Spread::default());
    }

    #[test]
    fn a_rate_counts_the_gaps() {
        let mut stream = Stream::default();
        assert_eq!(stream.per_second(), 0.0);
        stream.happened(Duration::from_secs(5));
        assert_eq!(stream.per_second(), 0.0);
        for second in 6..=15 {
            stream.happened(Duration::from_secs(second));
        }
        assert_eq!(stream.per_second(), 1.0);
    }
}
