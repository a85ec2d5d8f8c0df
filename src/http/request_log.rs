//! Middleware of every route: one log line and a few numbers per request.
//!
//! They are written when the answer is: no personal data, no query strings, and patterns instead of paths (I10).

mod metered;
mod record;

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _, web};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::Stream;

pub use self::metered::Outcome;
pub(super) use self::metered::{EndpointMetrics, RouteMetrics};
pub(super) use self::record::{Record, RequestRecord};
use super::connection::Activity;
use super::health::{Health, Phase};
use super::problem::HttpProblem;
use super::problem_page;

const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// How a route stands in logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteLabel {
    /// What logs and metrics show instead of the path, which anybody may write anything into.
    pub(super) pattern: &'static str,
    /// Whether its requests have correlation ids.
    pub(super) is_webhook: bool,
    /// Whether its requests are logged at `debug` only: probes and scrapes come every few seconds.
    pub(super) is_quiet: bool,
    pub(super) errors: ErrorShape,
}

/// As what a route's errors are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// JSON, for programs.
    Json,
    /// A page, for whoever follows a link.
    Page,
    /// As its handlers made them.
    AsMade,
}

impl RouteLabel {
    pub(super) const fn of(pattern: &'static str) -> Self {
        Self { pattern, is_webhook: false, is_quiet: false, errors: ErrorShape::Json }
    }
}

/// The middleware of one route. It also closes connections while the daemon stops, keeps what is left of a body until the
/// answer is written, and gives every error the same shape.
#[derive(Clone)]
pub(super) struct RequestLog {
    pub(super) label: RouteLabel,
    pub(super) health: Arc<Health>,
}

impl<S> Transform<S, ServiceRequest> for RequestLog
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type InitError = ();
    type Transform = LoggedService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let metrics = Rc::new(RouteMetrics::new(self.label));
        ready(Ok(LoggedService { service, label: self.label, metrics, health: Arc::clone(&self.health) }))
    }
}

/// A route with its request log.
pub(super) struct LoggedService<S> {
    service: S,
    label: RouteLabel,
    metrics: Rc<RouteMetrics>,
    health: Arc<Health>,
}

impl<S> Service<ServiceRequest> for LoggedService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse, Error>>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let payload = request.take_payload();
        let has_body = !matches!(payload, Payload::None);
        let activity = request.conn_data::<Rc<Activity>>().cloned();
        let record = Rc::new(RequestRecord::begin(&self.metrics, self.label, request.method(), (payload, activity)));
        if has_body {
            request.set_payload(Payload::Stream { payload: Box::pin(SharedPayload(Rc::clone(&record))) });
        }
        request.extensions_mut().insert(Record(Rc::clone(&record)));
        let answering = self.service.call(request);
        let health = Arc::clone(&self.health);
        Box::pin(async move {
            let response =
                answering.await.inspect_err(|error| record.answered(error.as_response_error().status_code()))?;
            Ok(finish(response, record, health.phase() == Phase::Draining))
        })
    }
}

/// Gives an answer what all of them have.
fn finish(mut response: ServiceResponse, record: Rc<RequestRecord>, draining: bool) -> ServiceResponse {
    if let Some(answer) = reshaped(&response, record.label.errors) {
        response = response.into_response(answer);
    }
    record.answered(response.status());
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(id) = record.correlation {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        if let Ok(value) = HeaderValue::from_str(id.0.hyphenated().encode_lower(&mut text)) {
            headers.insert(X_CORRELATION_ID, value);
        }
    }
    if draining {
        // A client that kept its connection would lose its next request.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response.map_body(|_, body| BoxBody::new(LoggedBody { body, _record: record }))
}

/// An error in the shape of the route's errors, where it has another one. The text of a foreign error may quote the request.
fn reshaped(response: &ServiceResponse, errors: ErrorShape) -> Option<HttpResponse> {
    let error = response.response().error()?;
    let known = error.as_error::<HttpProblem>();
    let foreign = || HttpProblem::of_status(error.as_response_error().status_code());
    match errors {
        ErrorShape::AsMade => None,
        ErrorShape::Json => known.is_none().then(|| foreign().error_response()),
        ErrorShape::Page => Some(problem_page::of(response.request(), &known.cloned().unwrap_or_else(foreign))),
    }
}

/// The request's body, read through the record, so that what a handler leaves unread outlives the handler. Were it dropped
/// before the answer is written, actix-web would read an endless chunked body to its end. As it is, actix-web answers, reads
/// on until the disconnect deadline (or a reset might overtake the answer), and closes. A body that does not come within its
/// deadline ends with an error, whatever the handler waits for.
struct SharedPayload(Rc<RequestRecord>);

impl Stream for SharedPayload {
    type Item = Result<web::Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut *self.0.payload.borrow_mut()).poll_next(context) {
            Poll::Pending => self.0.poll_body_deadline(context).map(|()| {
                let slow = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Some(Err(PayloadError::Io(slow)))
            }),
            ready => ready,
        }
    }
}

/// An answer's body that keeps the record until it is written, or dropped because the client went away.
struct LoggedBody {
    body: BoxBody,
    _record: Rc<RequestRecord>,
}

impl MessageBody for LoggedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
