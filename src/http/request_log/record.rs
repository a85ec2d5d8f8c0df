//! What is known of one request while it is answered.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future as _, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use palabre_actors::domain::ids::CorrelationId;
use tokio::time::{Sleep, sleep_until};

use super::super::ChannelEndpoint;
use super::super::connection::Activity;
use super::super::problem::HttpProblem;
use super::metered::CLIENT_CLOSED;
use super::{Outcome, RouteLabel, RouteMetrics};

/// The facts that handlers add to a request's log line. The line is written when the last owner of the record goes: it
/// travels in the body of the answer, so that is when the answer is written, or when the client or a panic took the
/// request away.
pub(in crate::http) struct RequestRecord {
    metrics: Rc<RouteMetrics>,
    started: Instant,
    method: &'static str,
    pub(super) label: RouteLabel,
    /// Set for webhooks.
    pub(in crate::http) correlation: Option<CorrelationId>,
    /// The flow that a duplicate belongs to.
    pub(in crate::http) first: Cell<Option<CorrelationId>>,
    /// Set when the channel is known.
    pub(in crate::http) endpoint: OnceCell<Arc<ChannelEndpoint>>,
    /// Set when the channel and the outcome are known.
    pub(in crate::http) outcome: Cell<Option<Outcome>>,
    /// The name of the key that an API call came with.
    pub(in crate::http) caller: OnceCell<Arc<str>>,
    /// A webhook for no channel of ours.
    pub(in crate::http) stray: Cell<bool>,
    status: Cell<Option<StatusCode>>,
    pub(super) payload: RefCell<Payload>,
    /// What its connection does; `None` without one.
    activity: Option<Rc<Activity>>,
    /// Runs while the body is waited for.
    body_timer: RefCell<Option<Pin<Box<Sleep>>>>,
}

impl RequestRecord {
    pub(super) fn begin(
        metrics: &Rc<RouteMetrics>,
        label: RouteLabel,
        method: &Method,
        (payload, activity): (Payload, Option<Rc<Activity>>),
    ) -> Self {
        metrics.begin();
        if let Some(activity) = &activity {
            activity.begin();
        }
        Self {
            metrics: Rc::clone(metrics),
            started: Instant::now(),
            method: known_method(method),
            label,
            correlation: label.is_webhook.then(CorrelationId::fresh),
            first: Cell::new(None),
            endpoint: OnceCell::new(),
            outcome: Cell::new(None),
            caller: OnceCell::new(),
            stray: Cell::new(false),
            status: Cell::new(None),
            payload: RefCell::new(payload),
            activity,
            body_timer: RefCell::new(None),
        }
    }

    /// Whether the body has taken too long; the task is woken when it has.
    pub(super) fn poll_body_deadline(&self, context: &mut Context<'_>) -> Poll<()> {
        let Some(activity) = &self.activity else { return Poll::Pending };
        let deadline = self.started + activity.deadlines().body;
        let mut timer = self.body_timer.borrow_mut();
        timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into()))).as_mut().poll(context)
    }

    /// The answer is known.
    pub(super) fn answered(&self, status: StatusCode) {
        self.status.set(Some(status));
    }

    fn final_status(&self) -> u16 {
        match self.status.get() {
            Some(status) => status.as_u16(),
            None if std::thread::panicking() => 500,
            None => CLIENT_CLOSED,
        }
    }

    fn measure(&self, status: u16, seconds: f64) {
        self.metrics.end(status, seconds);
        if let (Some(endpoint), Some(outcome)) = (self.endpoint.get(), self.outcome.get()) {
            endpoint.count(outcome);
        }
        if self.stray.get() {
            self.metrics.stray();
        }
    }

    fn log(&self, status: u16, seconds: f64) {
        // Microseconds are fine enough, and shorter than what a double makes of them.
        let elapsed_ms = (seconds * 1_000_000.0).round() / 1000.0;
        let endpoint = self.endpoint.get();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    elapsed_ms,
                    http.status = status,
                    http.method = self.method,
                    http.route = self.label.pattern,
                    correlation.id = self.correlation.map(tracing::field::display),
                    correlation.first = self.first.get().map(tracing::field::display),
                    tenant.id = endpoint.map(|endpoint| endpoint.tenant.as_str()),
                    channel.id = endpoint.map(|endpoint| endpoint.channel.as_str()),
                    api.key = self.caller.get().map(|name| &**name),
                    webhook.outcome = self.outcome.get().map(Outcome::as_str),
                    "request"
                )
            };
        }
        if self.label.is_quiet {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let status = self.final_status();
        let seconds = self.started.elapsed().as_secs_f64();
        if let Some(activity) = &self.activity {
            activity.end(Instant::now());
        }
        self.measure(status, seconds);
        self.log(status, seconds);
    }
}

/// Extracts the record of a request: `RequestLog` puts one into each.
#[derive(Clone)]
pub(in crate::http) struct Record(pub(super) Rc<RequestRecord>);

impl std::ops::Deref for Record {
    type Target = RequestRecord;

    fn deref(&self) -> &RequestRecord {
        &self.0
    }
}

impl Record {
    pub(in crate::http) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }
}

impl FromRequest for Record {
    type Error = HttpProblem;
    type Future = Ready<Result<Self, HttpProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).ok_or_else(|| HttpProblem::of_status(StatusCode::INTERNAL_SERVER_ERROR)))
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
