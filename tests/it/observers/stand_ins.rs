//! Stand-ins: a Sentry that takes envelopes, a collector that takes spans.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value;

use crate::daemon::Waiting;
use crate::http_stand_in::serve;

/// The public key of the project.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Its number.
pub const PROJECT: &str = "42";

/// Takes what is posted, or holds it without an answer.
#[derive(Default)]
pub struct StandIn {
    /// Whether requests are never answered.
    pub is_stuck: AtomicBool,
    /// Whether they get 429.
    pub is_tired: AtomicBool,
    requests: Mutex<Vec<Posted>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Posted {
    pub path: String,
    /// `X-Sentry-Auth`
    pub auth: String,
    pub content_type: String,
    pub body: Bytes,
}

impl StandIn {
    /// Starts one, and says where it is.
    pub fn start() -> (Arc<Self>, String) {
        let stand_in = Arc::new(Self::default());
        let at = serve(&stand_in, take).to_string();
        (stand_in, at)
    }

    pub fn requests(&self) -> Vec<Posted> {
        self.requests.lock().expect("nobody panicked").clone()
    }

    /// Everything that came, as it was written.
    pub fn bytes(&self) -> String {
        self.requests().iter().map(|posted| String::from_utf8_lossy(&posted.body).into_owned()).collect()
    }

    /// The events of all envelopes.
    pub fn events(&self) -> Vec<Value> {
        self.requests().iter().flat_map(|posted| events_of(&posted.body)).collect()
    }

    /// The spans of all requests.
    pub fn spans(&self) -> Vec<Span> {
        let read = |posted: &Posted| ExportTraceServiceRequest::decode(posted.body.clone()).expect("spans in protobuf");
        let of_scopes = self.requests().iter().map(read).flat_map(|request| request.resource_spans).collect::<Vec<_>>();
        of_scopes.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
    }

    /// Waits for what has come to be as wanted.
    pub async fn until<T>(&self, read: impl Fn(&Self) -> Vec<T>, wanted: usize) -> Vec<T> {
        let mut waiting = Waiting::begin();
        loop {
            let found = read(self);
            if found.len() >= wanted {
                return found;
            }
            waiting.again(|| format!("{} instead of {wanted}", found.len())).await;
        }
    }
}

async fn take(stand_in: Data<StandIn>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (path, auth, content_type) = (request.path().to_owned(), header("X-Sentry-Auth"), header("Content-Type"));
    stand_in.requests.lock().expect("nobody panicked").push(Posted { path, auth, content_type, body });
    if stand_in.is_stuck.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if stand_in.is_tired.load(Ordering::SeqCst) {
        return HttpResponse::TooManyRequests().insert_header(("Retry-After", "60")).finish();
    }
    HttpResponse::Ok().finish()
}

/// An envelope is a line of headers, then for each item a line of headers with its length, and the item.
fn events_of(envelope: &[u8]) -> Vec<Value> {
    let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("a line of JSON");
    let end = line(envelope);
    assert!(json(&envelope[..end])["event_id"].is_string(), "the envelope is of an event");
    let (mut rest, mut events) = (&envelope[(end + 1).min(envelope.len())..], Vec::new());
    while !rest.is_empty() {
        let end = line(rest);
        let header = json(&rest[..end]);
        let length = usize::try_from(header["length"].as_u64().expect("its length")).expect("a length");
        let item = &rest[end + 1..end + 1 + length];
        if header["type"] == "event" {
            events.push(json(item));
        }
        rest = &rest[(end + 2 + length).min(rest.len())..];
    }
    events
}
