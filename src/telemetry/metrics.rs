//! Metrics recorder behind `/metrics`; the names are in [`catalogue`].

pub mod catalogue;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use palabre_actors::runtime::metric as core_metric;

use super::{logs, process};

pub use self::catalogue::*;

/// Upper bounds for everything measured in seconds: fine around the targets (15 ms for a webhook, 60 ms for a reply),
/// from 0.1 ms to a minute, which answers wait under overload.
const SECONDS_BUCKETS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0,
];

/// For histograms of how many: messages or rows in a batch.
const COUNT_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Observations wait in memory until they are summed up; without a scrape this does it.
const MAINTENANCE_EVERY: Duration = Duration::from_secs(5);

/// The recorder could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("the metrics recorder cannot be installed")]
pub struct MetricsError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Renders the text that Prometheus scrapes.
#[derive(Clone, Debug)]
pub struct Exporter {
    handle: PrometheusHandle,
    started: Instant,
}

impl Exporter {
    /// All metrics in Prometheus' text format, the process's own read just now.
    #[must_use]
    pub fn render(&self) -> String {
        process::refresh(self.started);
        ::metrics::counter!(LOGS_DROPPED).absolute(logs::dropped_lines());
        self.handle.render()
    }
}

/// Installs the recorder for the whole process. Further calls give the same one, so that several daemons may live in
/// one process of tests; their numbers add up.
///
/// # Errors
/// [`MetricsError`] when another recorder is installed, or the maintenance thread cannot start.
pub fn install() -> Result<Exporter, MetricsError> {
    static INSTALLED: Mutex<Option<Exporter>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(exporter) = &*installed {
        return Ok(exporter.clone());
    }
    let exporter = build().map_err(MetricsError)?;
    Ok(installed.insert(exporter).clone())
}

fn build() -> Result<Exporter, Box<dyn std::error::Error + Send + Sync>> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(core_metric::ACCEPT_BATCH.to_owned()), COUNT_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(STORE_BATCH_ROWS.to_owned()), COUNT_BUCKETS)?
        .install_recorder()?;
    CATALOGUE.iter().copied().for_each(Metric::describe);
    ::metrics::gauge!(PROCESS_BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    ::metrics::counter!(PROCESS_PANICS).absolute(0);
    create_counters();
    let maintenance = handle.clone();
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::park_timeout(MAINTENANCE_EVERY);
            maintenance.run_upkeep();
        }
    })?;
    Ok(Exporter { handle, started: Instant::now() })
}

/// Makes counters whose labels are known exist with 0: an alert sees how much a counter grows, and not that it appears. Those of
/// channels come with their channels, those of routes with their first request.
fn create_counters() {
    let by = |name: &'static str, label: &'static str, words: &[&'static str]| {
        for word in words {
            ::metrics::counter!(name, label => *word).increment(0);
        }
    };
    for name in CATALOGUE.iter().filter(|metric| metric.is_plain_counter()).map(|metric| metric.name) {
        ::metrics::counter!(name).increment(0);
    }
    for outcome in PAYMENTS_NOT_TAKEN {
        ::metrics::counter!(PAYMENT_EVENTS, "provider" => "stripe", "outcome" => *outcome).increment(0);
    }
    by(HTTP_CONNECTIONS_ENDED, "reason", CONNECTION_REASONS);
    by(core_metric::ACCEPTED, "kind", core_metric::ACCEPTED_KINDS);
    by(CONFIG_RELOADS, "result", CONFIG_RELOAD_RESULTS);
    by(core_metric::CHECKS_UNANSWERED, "check", core_metric::CHECKS);
    by(core_metric::PANICS, "actor", core_metric::PANICKING);
    by(SENTRY_EVENTS, "result", SENTRY_RESULTS);
    by(OTLP_SPANS, "result", OTLP_RESULTS);
}

#[cfg(test)]
mod tests;
