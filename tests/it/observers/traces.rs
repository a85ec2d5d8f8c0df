//! Traces of messages: webhook, turn and provider are one trace, whatever process made them, and name nobody.

use opentelemetry_proto::tonic::trace::v1::Span;
use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};

use super::stand_ins::StandIn;
use crate::daemon::{BELLE, Setup, World};

const ANNE: &str = "+33612345678";

fn traced_by(at: &str, sample: &str) -> Setup {
    let base = Setup::default();
    Setup { daemon: format!("{}\n[otlp]\nendpoint = \"http://{at}\"\nsample = {sample}", base.daemon), ..base }
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// An attribute as text.
fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let value = found.unwrap_or_else(|| panic!("{key} of {span:?}")).value.clone().expect("a value").value;
    match value.expect("a value") {
        opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text) => text,
        opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn i10_one_message_is_one_trace_of_three_spans_that_name_nobody() {
    let (collector, at) = StandIn::start();
    let mut world = World::start_on(&traced_by(&at, "1.0"));
    world.write(BELLE, ANNE, "Quels sont vos horaires ?").await;
    let spans = collector.until(StandIn::spans, 3).await;
    let (webhook, turn, provider) = (named(&spans, "webhook"), named(&spans, "turn"), named(&spans, "provider"));
    assert_eq!((webhook.len(), turn.len(), provider.len()), (1, 1, 1), "{spans:?}");
    let (webhook, turn, provider) = (webhook[0], turn[0], provider[0]);
    let flow: String = world.value("SELECT correlation_id FROM messages_in").await;
    for span in [webhook, turn, provider] {
        assert_eq!(hex(&span.trace_id), flow.replace('-', ""), "the trace is the flow");
        assert_eq!(attribute(span, "correlation.id"), flow);
        assert_eq!((attribute(span, "tenant.id"), attribute(span, "channel.id")), ("belle".into(), "belle".into()));
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
    }
    assert!(webhook.parent_span_id.is_empty());
    assert_eq!(turn.parent_span_id, webhook.span_id);
    assert_eq!(provider.parent_span_id, turn.span_id);
    assert_eq!(attribute(webhook, "webhook.outcome"), "accepted");
    assert_eq!(attribute(turn, "turn.outcome"), "answered_faq");
    assert_eq!((attribute(provider, "send.result"), attribute(provider, "send.attempt")), ("sent".into(), "1".into()));
    let conversation: String = world.value("SELECT id FROM conversations").await;
    assert_eq!(attribute(provider, "conversation.id"), conversation);
    world.terminate();
    let posted = &collector.requests()[0];
    assert_eq!((posted.path.as_str(), posted.content_type.as_str()), ("/v1/traces", "application/x-protobuf"));
    for secret in [ANNE, "33612345678", "horaires", "mardi", BELLE.auth_token, BELLE.sender] {
        assert!(!collector.bytes().contains(secret), "{secret} is in the spans");
    }
}

#[tokio::test]
async fn a_trace_goes_on_in_the_next_process() {
    let (collector, at) = StandIn::start();
    let mut world = World::start_on(&traced_by(&at, "1.0"));
    world.twilio.set_faults(Faults::of([Rule::always(Fault::ServerError(503))]));
    world.write(BELLE, ANNE, "Quels sont vos horaires ?").await;
    collector.until(|collector| failed(&collector.spans()), 1).await;
    // Its end hands over what waits.
    world.terminate();
    world.twilio.set_faults(Faults::none());
    world.start_daemon();
    let sent = |collector: &StandIn| {
        let spans = collector.spans();
        spans.into_iter().filter(|span| span.name == "provider" && attribute(span, "send.result") == "sent").collect()
    };
    let sent: Vec<Span> = collector.until(sent, 1).await;
    let spans = collector.spans();
    let (turn, refused) = (named(&spans, "turn")[0], failed(&spans));
    assert_eq!(sent[0].trace_id, turn.trace_id);
    assert_eq!(sent[0].parent_span_id, turn.span_id, "though another process made it");
    assert_eq!(refused[0].parent_span_id, turn.span_id);
    assert_ne!(refused[0].span_id, sent[0].span_id);
    let status = refused[0].status.clone().expect("a status");
    assert_eq!(status.code(), opentelemetry_proto::tonic::trace::v1::status::StatusCode::Error);
}

fn failed(spans: &[Span]) -> Vec<Span> {
    let providers = named(spans, "provider").into_iter();
    providers.filter(|span| attribute(span, "send.result") != "sent").cloned().collect()
}

#[tokio::test]
async fn messages_that_are_not_sampled_leave_no_span_and_a_stuck_collector_delays_nobody() {
    let (collector, at) = StandIn::start();
    let mut world = World::start_on(&traced_by(&at, "0.0"));
    world.write(BELLE, ANNE, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    world.terminate();
    assert!(collector.requests().is_empty());

    collector.is_stuck.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut world = World::start_on(&traced_by(&at, "1.0"));
    for text in ["Quels sont vos horaires ?", "Bonjour", "horaires"] {
        assert_eq!(world.write(BELLE, ANNE, text).await.status, 200);
    }
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 3).await;
    collector.until(StandIn::requests, 1).await;
    assert!(world.terminate().success());
}
