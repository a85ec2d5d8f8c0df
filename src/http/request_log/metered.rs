//! Metrics of routes and of channel endpoints, with handles that are looked up once.

use std::array;
use std::cell::OnceCell;

use metrics::{Counter, Gauge, Histogram};
use palabre_actors::domain::ids::{ChannelId, TenantId};

use super::super::ChannelEndpoint;
use super::RouteLabel;
use crate::telemetry::metrics as names;

/// The client went away before its answer: nobody sees this status but the log.
pub(super) const CLIENT_CLOSED: u16 = 499;

/// The statuses that are given, each with its own counter; the last one stands for any other.
const STATUSES: [u16; 18] =
    [200, 400, 401, 404, 405, 408, 413, 415, CLIENT_CLOSED, 500, 503, 201, 204, 202, 403, 409, 422, 0];

/// The outcome of a webhook whose channel is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new message is durable.
    Accepted,
    /// The message was there before.
    Duplicate,
    /// A status callback is durable.
    Status,
    /// An event that is no message is taken.
    Event,
    /// Nothing in it for us.
    Ignored,
    /// 401
    BadSignature,
    /// 401: not signed with the channel's key, and of an account that is not the channel's.
    ForeignAccount,
    /// 401: the signature came before, with another id.
    Replayed,
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
    /// In the order of their declaration: a counter is found by its place.
    const ALL: [Self; 14] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Status,
        Self::Event,
        Self::Ignored,
        Self::BadSignature,
        Self::ForeignAccount,
        Self::Replayed,
        Self::Malformed,
        Self::NotOurs,
        Self::Overloaded,
        Self::Unavailable,
        Self::Stopping,
        Self::Throttled,
    ];

    /// The word in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Status => "status",
            Self::Event => "event",
            Self::Ignored => "ignored",
            Self::BadSignature => "bad_signature",
            Self::ForeignAccount => "foreign_account",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            Self::NotOurs => "not_ours",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
            Self::Throttled => "throttled",
        }
    }
}

/// The counters of one channel. They exist with 0 from the start, so that an alert sees the first of each.
pub(in crate::http) struct EndpointMetrics([Counter; Outcome::ALL.len()]);

impl EndpointMetrics {
    pub fn of(tenant: &TenantId, channel: &ChannelId) -> Self {
        Self(Outcome::ALL.map(|outcome| {
            let counter = metrics::counter!(
                names::WEBHOOK_OUTCOMES,
                "tenant" => tenant.as_str().to_owned(),
                "channel" => channel.as_str().to_owned(),
                "outcome" => outcome.as_str()
            );
            counter.increment(0);
            counter
        }))
    }
}

impl ChannelEndpoint {
    pub(super) fn count(&self, outcome: Outcome) {
        self.metrics.0[outcome as usize].increment(1);
    }
}

/// The handles of one route's metrics in one worker, so that no request looks one up.
pub(in crate::http) struct RouteMetrics {
    pattern: &'static str,
    in_flight: Gauge,
    seconds: OnceCell<Histogram>,
    requests: [OnceCell<Counter>; STATUSES.len()],
    strays: OnceCell<Counter>,
}

impl RouteMetrics {
    pub(super) fn new(label: RouteLabel) -> Self {
        let metrics = Self {
            pattern: label.pattern,
            in_flight: metrics::gauge!(names::HTTP_IN_FLIGHT),
            seconds: OnceCell::new(),
            requests: array::from_fn(|_| OnceCell::new()),
            strays: OnceCell::new(),
        };
        if label.is_webhook {
            // It exists from the start, so that an alert sees the first one.
            metrics.strays().increment(0);
        }
        metrics
    }

    pub(super) fn begin(&self) {
        self.in_flight.increment(1.0);
    }

    pub(super) fn end(&self, status: u16, seconds: f64) {
        self.in_flight.decrement(1.0);
        self.seconds
            .get_or_init(|| metrics::histogram!(names::HTTP_REQUEST_SECONDS, "route" => self.pattern))
            .record(seconds);
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.requests[place]
            .get_or_init(|| {
                let label = if STATUSES[place] == 0 { "other".to_owned() } else { status.to_string() };
                metrics::counter!(names::HTTP_REQUESTS, "route" => self.pattern, "status" => label)
            })
            .increment(1);
    }

    /// A webhook for no channel of ours.
    pub(super) fn stray(&self) {
        self.strays().increment(1);
    }

    fn strays(&self) -> &Counter {
        self.strays.get_or_init(|| metrics::counter!(names::WEBHOOK_STRAYS, "route" => self.pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn a_counter_is_found_by_the_place_of_its_outcome() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{}", outcome.as_str());
        }
        assert_eq!(Outcome::Throttled as usize + 1, Outcome::ALL.len());
    }
}
