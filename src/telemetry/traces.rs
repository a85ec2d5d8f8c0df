//! Traces of messages, sent to an OpenTelemetry collector.
//!
//! A message's trace is its flow: the trace's id is its correlation id, and the ids of the webhook's and the turn's spans follow
//! from it. So spans join, whatever node made them and whenever it was started, without anything being handed along.

mod exporting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use metrics::counter;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};
use serde_json::Value;
use uuid::Uuid;

use self::exporting::{CountedExporter, SpanPosting};
use super::discreet::discreet;
use super::export_runtime::ExportRuntime;
use super::metrics::catalogue::OTLP_SPANS;
use super::span_record::{Fields, SpanRecord};
use crate::config::OtlpCollector;

/// Spans that wait for the collector, of some 500 bytes each; more are counted and gone.
const WAITING: usize = 4096;
/// Spans of one request.
const BATCH: usize = 512;
/// How long a span waits for others.
const EVERY: Duration = Duration::from_secs(1);
/// How long the end of the program waits for what waits.
const END: Duration = Duration::from_secs(2);

/// Spans whose ids follow from their flow, with the one that each is part of.
const WAY: [(&str, Option<&str>); 3] = [("webhook", None), ("turn", Some("webhook")), ("provider", Some("turn"))];

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to the collector")]
pub struct TracesError(#[from] ExporterBuildError);

/// Sends the spans of a share of all messages.
#[derive(Debug)]
pub(super) struct TraceExport {
    processor: BatchSpanProcessor,
    /// Spans that were handed to it, and are not posted.
    waiting: Arc<AtomicUsize>,
    sampled: Sampled,
    scope: InstrumentationScope,
}

/// Which messages are traced: those whose ids end in a number below a bound, so that all nodes choose the same.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    below: u64,
}

impl Sampled {
    fn share(share: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^32")]
        let below = (share.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        Self { below }
    }

    /// The last four bytes of a UUIDv7 are random.
    fn has(self, flow: Uuid) -> bool {
        let [.., a, b, c, d] = flow.into_bytes();
        u64::from(u32::from_be_bytes([a, b, c, d])) < self.below
    }
}

impl TraceExport {
    pub(super) fn new(collector: &OtlpCollector, export: ExportRuntime) -> Result<Self, TracesError> {
        let waiting = Arc::new(AtomicUsize::new(0));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(SpanPosting(export))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", collector.endpoint))
            .build()?;
        // What waits is bounded before it comes here, so that what is lost can be counted.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING * 2)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(EVERY)
            .build();
        let exporter = CountedExporter { exporter, waiting: Arc::clone(&waiting) };
        let mut processor = BatchSpanProcessor::new(exporter, config);
        let of_process = [
            KeyValue::new("service.name", "palabre"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
        ];
        processor.set_resource(&Resource::builder_empty().with_attributes(of_process).build());
        let scope = InstrumentationScope::builder("palabre").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Self { processor, waiting, sampled: Sampled::share(collector.sample), scope })
    }

    /// Whether a span with these fields is of a message that is traced.
    pub(super) fn takes(&self, fields: &Fields) -> bool {
        self.flow(fields).is_some()
    }

    fn flow(&self, fields: &Fields) -> Option<Uuid> {
        let flow = fields.text("correlation.id").and_then(|id| Uuid::parse_str(id).ok());
        flow.filter(|flow| self.sampled.has(*flow))
    }

    /// A span is over.
    pub(super) fn ended(&self, record: SpanRecord) {
        let Some(flow) = self.flow(&record.fields) else { return };
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            counter!(OTLP_SPANS, "result" => "dropped").increment(1);
            return;
        }
        self.processor.on_end(self.span(flow, record));
    }

    fn span(&self, flow: Uuid, SpanRecord { name, started, fields }: SpanRecord) -> SpanData {
        let part_of = WAY.iter().find(|(known, _)| *known == name).and_then(|(_, parent)| *parent);
        // A message that answers none came by the API: there was no turn.
        let part_of = part_of.filter(|_| name != "provider" || fields.text("message.in_reply_to").is_some());
        let context = SpanContext::new(
            TraceId::from_bytes(flow.into_bytes()),
            own_id(flow, name, &fields),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        SpanData {
            span_context: context,
            parent_span_id: part_of.map_or(SpanId::INVALID, |parent| id_in(flow, parent)),
            parent_span_is_remote: false,
            span_kind: match name {
                "webhook" => SpanKind::Server,
                "provider" => SpanKind::Client,
                _ => SpanKind::Internal,
            },
            name: name.into(),
            start_time: started,
            end_time: SystemTime::now(),
            status: status(name, &fields),
            attributes: fields.0.into_iter().filter_map(attribute).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            instrumentation_scope: self.scope.clone(),
        }
    }

    /// Gives what waits a moment to go out.
    pub(super) fn close(&self) {
        // What did not go out is counted.
        let _ = self.processor.shutdown_with_timeout(END);
    }
}

/// A webhook that was accepted and a turn that was committed happen once in a flow: their ids follow from it. Attempts that came
/// to nothing, and requests to providers, have ids of their own.
fn own_id(flow: Uuid, name: &str, fields: &Fields) -> SpanId {
    let once = match name {
        "webhook" => matches!(fields.text("webhook.outcome"), Some("accepted" | "spooled")),
        "turn" => fields.text("turn.outcome").is_some(),
        _ => false,
    };
    if once { id_in(flow, name) } else { SpanId::from_bytes(fastrand::u64(1..).to_be_bytes()) }
}

/// FNV-1a: the same in every version of the program.
fn id_in(flow: Uuid, name: &str) -> SpanId {
    let bytes = flow.as_bytes().iter().chain(name.as_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    SpanId::from_bytes(hash.max(1).to_be_bytes())
}

fn status(name: &str, fields: &Fields) -> Status {
    let failed = match name {
        "webhook" => {
            fields.text("webhook.outcome").filter(|outcome| !matches!(*outcome, "accepted" | "spooled" | "duplicate"))
        }
        "turn" => fields.text("turn.outcome").is_none().then_some("not_committed"),
        _ => fields.text("send.result").filter(|result| *result != "sent"),
    };
    failed.map_or(Status::Unset, |word| Status::error(word.to_owned()))
}

fn attribute((name, value): (&'static str, Value)) -> Option<KeyValue> {
    Some(match value {
        Value::String(text) => KeyValue::new(name, discreet(&text).into_owned()),
        Value::Bool(flag) => KeyValue::new(name, flag),
        Value::Number(number) => KeyValue::new(name, number.as_i64()?),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_traces_the_same_share() {
        let flows: Vec<Uuid> = (0..4_000).map(|_| Uuid::now_v7()).collect();
        let traced = |share| flows.iter().filter(|flow| Sampled::share(share).has(**flow)).count();
        assert_eq!(traced(1.0), flows.len());
        assert_eq!(traced(0.0), 0);
        let quarter = traced(0.25);
        assert!((800..1_200).contains(&quarter), "{quarter} of 4000");
    }

    #[test]
    fn ids_follow_from_the_flow() {
        let flow = Uuid::from_u128(0x019c_1a2b_3c4d_7e5f_8a9b_0c1d_2e3f_4a5b);
        assert_eq!(id_in(flow, "turn"), id_in(flow, "turn"));
        assert_ne!(id_in(flow, "turn"), id_in(flow, "webhook"));
        assert_ne!(id_in(flow, "turn"), id_in(Uuid::from_u128(1), "turn"));
        let committed = Fields(vec![("turn.outcome", Value::from("answered_faq"))]);
        assert_eq!(own_id(flow, "turn", &committed), id_in(flow, "turn"));
        assert_ne!(own_id(flow, "turn", &Fields::default()), id_in(flow, "turn"), "it was decided again");
    }
}
