//! Posting of envelopes to Sentry, by a task of its own.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use sentry::types::Dsn;
use sentry::{Envelope, Transport};
use tokio::sync::mpsc;

use super::super::export_runtime::ExportRuntime;
use super::super::metrics::catalogue::SENTRY_EVENTS;

/// Envelopes that wait, of some 2 kB each.
const WAITING: usize = 64;

/// How long nothing is posted after Sentry asked for a pause of no stated length.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that Sentry may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The way to Sentry.
pub(super) struct EnvelopeQueue {
    queue: mpsc::Sender<Envelope>,
    open: Arc<Open>,
    /// The posting task runs on it, and would end with it.
    _export: ExportRuntime,
}

/// Envelopes that are not posted yet.
#[derive(Default)]
struct Open {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Open {
    fn change(&self, change: impl FnOnce(usize) -> usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = change(*count);
        self.changed.notify_all();
    }
}

impl EnvelopeQueue {
    pub(super) fn start(dsn: &Dsn, agent: &str, export: &ExportRuntime) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let open = Arc::new(Open::default());
        let project = Project {
            client: export.client.clone(),
            url: dsn.envelope_api_url().to_string(),
            auth: dsn.to_auth(Some(agent)).to_string(),
        };
        export.runtime.spawn(project.follow(waiting, Arc::clone(&open)));
        Self { queue, open, _export: export.clone() }
    }
}

impl Transport for EnvelopeQueue {
    fn send_envelope(&self, envelope: Envelope) {
        self.open.change(|count| count + 1);
        if self.queue.try_send(envelope).is_err() {
            self.open.change(|count| count.saturating_sub(1));
            counted("dropped");
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        let count = self.open.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.open.changed.wait_timeout_while(count, timeout, |count| *count > 0);
        waited.is_ok_and(|(_, result)| !result.timed_out())
    }
}

/// Where envelopes go.
struct Project {
    client: reqwest::Client,
    url: String,
    auth: String,
}

impl Project {
    async fn follow(self, mut waiting: mpsc::Receiver<Envelope>, open: Arc<Open>) {
        let mut paused_until: Option<Instant> = None;
        while let Some(envelope) = waiting.recv().await {
            if paused_until.is_some_and(|until| Instant::now() < until) {
                counted("dropped");
            } else {
                paused_until = self.post(&envelope).await.map(|pause| Instant::now() + pause);
            }
            open.change(|count| count.saturating_sub(1));
        }
    }

    /// Answers how long Sentry wants to be left alone.
    async fn post(&self, envelope: &Envelope) -> Option<Duration> {
        let mut body = Vec::new();
        if envelope.to_writer(&mut body).is_err() {
            counted("failed");
            return None;
        }
        let request = self.client.post(&self.url).header("X-Sentry-Auth", &self.auth);
        let request = request.header("Content-Type", "application/x-sentry-envelope").body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => {
                counted("sent");
                None
            }
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                counted("dropped");
                let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let asked = asked.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                Some(asked.unwrap_or(PAUSE).min(LONGEST_PAUSE))
            }
            Ok(_) | Err(_) => {
                counted("failed");
                None
            }
        }
    }
}

fn counted(result: &'static str) {
    counter!(SENTRY_EVENTS, "result" => result).increment(1);
}
