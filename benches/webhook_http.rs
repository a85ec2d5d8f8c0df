//! What the HTTP layer costs per webhook: routing, limits, request log and answer, around a gateway and a reception that
//! do nearly nothing. One in-process call of the actix service, without a socket.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::test::TestRequest;
use actix_web::{App, test};
use criterion::{Criterion, criterion_group, criterion_main};
use palabre::config::{self, LogFormat, Logs, OtlpCollector};
use palabre::gateway::{Received, Receiver, Rejection, WebhookProtocol, WebhookRequest};
use palabre::http::api::ApiDeps;
use palabre::http::health::{Health, Phase};
use palabre::http::{Accepted, ChannelEndpoint, HttpDeps, Receivers, Reception, Refusal};
use palabre::service::channels::ConfiguredChannels;
use palabre::service::messages::{NotSent, Outgoing, OutgoingMessage};
use palabre::telemetry::observer::Observer;
use palabre::telemetry::{logs, metrics};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, NewInbound};
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::{AccountNews, Clock, Pending, StatusUpdate};
use palabre_actors::runtime::spans;

const PATH: &str = "/webhooks/twilio-whatsapp/belle-wa";
const SIGNATURE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const FORM: &str = "MessageSid=SM1&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&Body=Bonjour";

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_780_000_000, 0).unwrap()
    }
}

struct FakeGateway;

static PROTOCOL: WebhookProtocol = WebhookProtocol {
    proof: Some(HeaderName::from_static("x-twilio-signature")),
    acknowledgement: ("text/xml", "<Response/>"),
    on_bad_proof: "",
    on_not_ours: "",
};

impl Receiver for FakeGateway {
    fn protocol(&self) -> &'static WebhookProtocol {
        &PROTOCOL
    }

    fn receive(
        &self,
        request: WebhookRequest<'_>,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        if PROTOCOL.proof.as_ref().and_then(|proof| request.header(proof)) != Some(SIGNATURE) {
            return Err(Rejection::BadSignature);
        }
        Ok(Received::Message(Box::new(NewInbound {
            tenant: TenantId::new("institut-belle"),
            channel: ChannelId::new("belle-wa"),
            provider_message_id: ProviderMessageId::new("SM1"),
            id_per_chat: false,
            from: Address::from_normalised("whatsapp:+33612345678"),
            to: Address::from_normalised("whatsapp:+14155238886"),
            content: Content::default(),
            correlation,
            received_at: now,
            spooled: false,
        })))
    }

    fn receive_status(&self, _: WebhookRequest<'_>, _: Timestamp) -> Result<Received, Rejection> {
        Ok(Received::Nothing)
    }
}

struct OneChannel(Arc<ChannelEndpoint>);

impl Receivers for OneChannel {
    fn by_channel(&self, provider: &str, channel: &str) -> Option<Arc<ChannelEndpoint>> {
        (provider == "twilio-whatsapp" && channel == "belle-wa").then(|| Arc::clone(&self.0))
    }

    fn by_account(&self, _: &str, _: &str, _: &str) -> Option<Arc<ChannelEndpoint>> {
        None
    }

    fn of_provider(&self, _: &str) -> Vec<Arc<ChannelEndpoint>> {
        Vec::new()
    }
}

struct AcceptAll;

impl Reception for AcceptAll {
    fn account(&self, _: AccountNews) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn accept(&self, message: NewInbound) -> Pending<'_, Result<Accepted, Refusal>> {
        Box::pin(async move {
            let span = spans::webhook(&message);
            span.record("webhook.outcome", "accepted");
            Ok(Accepted::New)
        })
    }

    fn status(&self, _: StatusUpdate) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
}

impl Outgoing for AcceptAll {
    fn send(&self, _: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::KeyTaken) })
    }

    fn act(&self, _: TenantId, _: ChannelId, _: Address, _: Action) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }

    fn request(&self, _: TenantId, _: ConversationId, _: Request) -> Pending<'_, Result<Performed, NotSent>> {
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }
}

fn deps() -> HttpDeps {
    let (tenant, channel) = (TenantId::new("institut-belle"), ChannelId::new("belle-wa"));
    let health = Arc::new(Health::new());
    health.enter(Phase::Ready);
    HttpDeps {
        config: config::Http {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_listen: None,
            public_base_url: Some("https://hooks.example.com".to_owned()),
            trusted_proxies: Vec::new(),
            max_body_bytes: 64 * 1024,
            workers: 1,
            max_connections: 1_000,
            large_bodies_bytes: 1024 * 1024,
            failures_per_minute: 60,
        },
        deadlines: palabre::http::Deadlines::default(),
        drain: Duration::from_secs(1),
        notice: Duration::ZERO,
        clock: Arc::new(FixedClock),
        receivers: Arc::new(OneChannel(Arc::new(ChannelEndpoint::new(tenant, channel, Arc::new(FakeGateway))))),
        reception: Arc::new(AcceptAll),
        health,
        metrics: metrics::install().unwrap(),
        api: ApiDeps {
            tenants: None,
            privacy: None,
            person_links: None,
            keys: Arc::new([]),
            channels: ConfiguredChannels::default(),
            reload: None,
            operator: None,
            faq: palabre::store::StoredFaq::beside(std::collections::HashMap::new()),
            outgoing: Arc::new(AcceptAll),
            access: None,
            media: palabre::service::media::MediaAccess::nowhere(Arc::new(FixedClock)),
            clock: Arc::new(FixedClock),
        },
        console: None,
    }
}

fn request(path: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .peer_addr(SocketAddr::from(([192, 0, 2, 1], 443)))
        .insert_header(("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"))
        .insert_header(("X-Twilio-Signature", SIGNATURE))
        .set_payload(FORM)
}

fn webhook(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let app = local
        .block_on(&runtime, async { test::init_service(App::new().configure(palabre::http::routes(deps()))).await });
    let call = |path: &'static str, expected: u16| {
        let app = &app;
        async move {
            let response: ServiceResponse<BoxBody> = app.call(request(path).to_request()).await.unwrap();
            assert_eq!(response.status().as_u16(), expected);
            response.into_body().try_into_bytes().ok()
        }
    };
    let mut group = criterion.benchmark_group("webhook_http");
    let _guard = runtime.enter();
    group.bench_function("accepted", |bencher| bencher.iter(|| local.block_on(&runtime, call(PATH, 200))));
    group.bench_function("unknown path", |bencher| bencher.iter(|| local.block_on(&runtime, call("/nowhere", 404))));
    // What the bench itself costs: the request is built each time.
    group.bench_function("building the request", |bencher| bencher.iter(|| request(PATH).to_request()));
    // The same with a log, and with a collector of traces beside it. Nobody listens there: what posting costs is another
    // thread's.
    let logs = Logs { format: LogFormat::Json, level: "info".to_owned() };
    let logged = tracing::Dispatch::new(logs::json_subscriber(&logs, std::io::sink).unwrap());
    let collector = OtlpCollector { endpoint: "http://127.0.0.1:9".to_owned(), sample: 1.0 };
    let (observer, _guard) = Observer::of(None, Some(&collector)).unwrap().unwrap();
    let traced = tracing::Dispatch::new(logs::observed_json_subscriber(&logs, std::io::sink, observer).unwrap());
    for (name, subscriber) in [("accepted, logged", logged), ("accepted, logged and traced", traced)] {
        group.bench_function(name, |bencher| {
            tracing::dispatcher::with_default(&subscriber, || {
                bencher.iter(|| local.block_on(&runtime, call(PATH, 200)))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, webhook);
criterion_main!(benches);
