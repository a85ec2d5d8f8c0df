//! One log line and a few numbers per request, written when its answer is: no personal data, no query strings, and
//! patterns instead of paths (I10).

use std::array;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram};
use palabre_actors::domain::ids::CorrelationId;

use super::Inlet;
use super::route::{PATTERNS, Route};
use crate::telemetry::metrics as names;

/// The client went away before its answer: nobody sees this status but the log.
const CLIENT_CLOSED: u16 = 499;

/// The statuses that are given, each with its own counter; the last one stands for any other.
const STATUSES: [u16; 18] =
    [200, 400, 401, 404, 405, 408, 413, 415, CLIENT_CLOSED, 500, 503, 201, 204, 202, 403, 409, 422, 0];

/// What became of a webhook whose channel is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new message is durable.
    Accepted,
    /// The message was there before.
    Duplicate,
    /// A status callback is durable.
    Status,
    /// Nothing in it for us.
    Ignored,
    /// 401
    BadSignature,
    /// 400, 408, 413 or 415
    Malformed,
    /// 404: to a number, or of an account, that is not the channel's.
    NotOurs,
    /// 503: too much waits already.
    Overloaded,
    /// 503: the commit failed.
    Unavailable,
    /// 503: going down.
    Stopping,
    /// 503: its source has failed too often.
    Throttled,
}

impl Outcome {
    const COUNT: usize = Self::Throttled as usize + 1;

    /// The word in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Status => "status",
            Self::Ignored => "ignored",
            Self::BadSignature => "bad_signature",
            Self::Malformed => "malformed",
            Self::NotOurs => "not_ours",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
            Self::Throttled => "throttled",
        }
    }
}

/// The counters of one channel, made when they are first needed.
#[derive(Default)]
pub(super) struct InletMeters([OnceLock<Counter>; Outcome::COUNT]);

impl Inlet {
    fn count(&self, outcome: Outcome) {
        self.meters.0[outcome as usize]
            .get_or_init(|| {
                metrics::counter!(
                    names::WEBHOOK_OUTCOMES,
                    "tenant" => self.tenant.as_str().to_owned(),
                    "channel" => self.channel.as_str().to_owned(),
                    "outcome" => outcome.as_str()
                )
            })
            .increment(1);
    }
}

/// The handles of a worker's metrics, so that no request looks one up.
pub(super) struct Meters {
    in_flight: Gauge,
    seconds: [OnceLock<Histogram>; PATTERNS],
    requests: [[OnceLock<Counter>; STATUSES.len()]; PATTERNS],
    strays: [OnceLock<Counter>; PATTERNS],
}

impl Meters {
    pub(super) fn new() -> Self {
        Self {
            in_flight: metrics::gauge!(names::HTTP_IN_FLIGHT),
            seconds: array::from_fn(|_| OnceLock::new()),
            requests: array::from_fn(|_| array::from_fn(|_| OnceLock::new())),
            strays: array::from_fn(|_| OnceLock::new()),
        }
    }
}

/// What is known of a request so far. Dropping it writes the line: it travels in the body of the answer, so the line
/// comes when the answer is written, or when the client or a panic took the request away.
pub(super) struct Entry {
    meters: Rc<Meters>,
    started: Instant,
    method: &'static str,
    pattern: &'static str,
    index: usize,
    quiet: bool,
    /// Set for webhooks.
    pub(super) correlation: Option<CorrelationId>,
    /// The flow that a duplicate belongs to.
    pub(super) first: Option<CorrelationId>,
    /// Set when the channel is known.
    pub(super) inlet: Option<Arc<Inlet>>,
    /// Set when the channel is known and its fate is too.
    pub(super) outcome: Option<Outcome>,
    /// The name of the key that an API call came with.
    pub(super) caller: Option<Arc<str>>,
    /// A webhook for no channel of ours.
    pub(super) stray: bool,
    /// Set with the answer.
    pub(super) status: Option<StatusCode>,
}

impl Entry {
    pub(super) fn begin(meters: &Rc<Meters>, method: &Method, route: Route<'_>) -> Self {
        meters.in_flight.increment(1.0);
        Self {
            meters: Rc::clone(meters),
            started: Instant::now(),
            method: known_method(method),
            pattern: route.pattern(),
            index: route.index(),
            quiet: route.is_quiet(),
            correlation: route.is_webhook().then(CorrelationId::fresh),
            first: None,
            inlet: None,
            outcome: None,
            caller: None,
            stray: false,
            status: None,
        }
    }

    fn final_status(&self) -> u16 {
        match self.status {
            Some(status) => status.as_u16(),
            None if std::thread::panicking() => 500,
            None => CLIENT_CLOSED,
        }
    }

    fn measure(&self, status: u16, seconds: f64) {
        self.meters.in_flight.decrement(1.0);
        self.meters.seconds[self.index]
            .get_or_init(|| metrics::histogram!(names::HTTP_REQUEST_SECONDS, "route" => self.pattern))
            .record(seconds);
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.meters.requests[self.index][place]
            .get_or_init(|| {
                let label = if STATUSES[place] == 0 { "other".to_owned() } else { status.to_string() };
                metrics::counter!(names::HTTP_REQUESTS, "route" => self.pattern, "status" => label)
            })
            .increment(1);
        if let (Some(inlet), Some(outcome)) = (&self.inlet, self.outcome) {
            inlet.count(outcome);
        }
        if self.stray {
            self.meters.strays[self.index]
                .get_or_init(|| metrics::counter!(names::WEBHOOK_STRAYS, "route" => self.pattern))
                .increment(1);
        }
    }

    fn log(&self, status: u16, seconds: f64) {
        // Microseconds are fine enough, and shorter than what a double makes of them.
        let elapsed_ms = (seconds * 1_000_000.0).round() / 1000.0;
        let inlet = self.inlet.as_deref();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    elapsed_ms,
                    http.status = status,
                    http.method = self.method,
                    http.route = self.pattern,
                    correlation.id = self.correlation.map(tracing::field::display),
                    correlation.first = self.first.map(tracing::field::display),
                    tenant.id = inlet.map(|inlet| inlet.tenant.as_str()),
                    channel.id = inlet.map(|inlet| inlet.channel.as_str()),
                    api.key = self.caller.as_deref(),
                    webhook.outcome = self.outcome.map(Outcome::as_str),
                    "request"
                )
            };
        }
        if self.quiet {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let status = self.final_status();
        let seconds = self.started.elapsed().as_secs_f64();
        self.measure(status, seconds);
        self.log(status, seconds);
    }
}

/// A method may be any word a client likes; only known ones are repeated.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}
