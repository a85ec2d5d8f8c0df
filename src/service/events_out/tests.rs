//! Events to a real receiver: what arrives, in which order, and what becomes of what does not.

use std::sync::atomic::{AtomicU16, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use palabre_actors::testing::fakes::FakeClock;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::config::Environment;
use crate::gateway::PROVIDERS;
use crate::service::{Caller, Tenants};
use crate::store::Store;
use crate::store::events_out::{DeliveryFilter, DeliveryState};
use crate::store::tests::{fresh, postgres, write_event};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Whose endpoint it is.
fn belle() -> Tenants {
    Tenants::Of(vec![TenantId::new("belle")])
}

/// What somebody posted.
#[derive(Clone, Debug)]
struct Posted {
    id: String,
    timestamp: i64,
    signature: String,
    body: Vec<u8>,
}

impl Posted {
    fn document(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Takes events, or answers as it is told.
#[derive(Clone)]
struct Receiver {
    taken: Arc<Mutex<Vec<Posted>>>,
    status: Arc<AtomicU16>,
    url: String,
    server: ServerHandle,
}

impl Receiver {
    async fn start() -> Self {
        let (taken, status) = (Arc::default(), Arc::new(AtomicU16::new(200)));
        let state = Data::new((Arc::clone(&taken), Arc::clone(&status)));
        let app = move || App::new().app_data(state.clone()).default_service(web::to(take));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { taken, status, url, server: handle }
    }

    fn taken(&self) -> Vec<Posted> {
        self.taken.lock().unwrap().clone()
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

type Taken = Data<(Arc<Mutex<Vec<Posted>>>, Arc<AtomicU16>)>;

async fn take(state: Taken, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let posted = Posted {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body: body.to_vec(),
    };
    let status = StatusCode::from_u16(state.1.load(Ordering::SeqCst)).unwrap();
    if status.is_success() {
        state.0.lock().unwrap().push(posted);
    }
    HttpResponse::build(status).insert_header(("Location", "http://127.0.0.1:9/")).finish()
}

struct Bench {
    receiver: Receiver,
    store: Store,
    out: EventsOut,
    clock: FakeClock,
    id: EndpointId,
    _folder: Option<TempDir>,
    _database: Option<palabre_testbed::postgres::Database>,
}

impl Bench {
    async fn on(store: Store, keys: &str) -> Self {
        let receiver = Receiver::start().await;
        let tenant = format!(
            "id = \"belle\"\n[[channels]]\nid = \"try\"\nprovider = \"sandbox\"\naddress = \"sandbox:belle\"\n\
            [replies]\nfallback = \"Merci\"\n[[webhooks]]\nid = \"crm\"\nurl = \"{}\"\nsecret = {{ env = \"HOOK\" }}\n{keys}",
            receiver.url
        );
        let environment = Environment::from_iter([("HOOK", SECRET)]);
        let daemon = "[webhooks]\nprivate_targets = true";
        let config = Config::from_toml_texts(daemon, &[("belle.toml", &tenant)], &environment, &PROVIDERS);
        let config = config.map_err(|errors| errors.to_string()).unwrap().config;
        let clock = FakeClock::at(chrono::Utc::now());
        let out = EventsOut::new(&config, store.operator(), Arc::new(clock.clone())).unwrap();
        out.keep().await.unwrap();
        let id = EndpointId { tenant: TenantId::new("belle"), id: "crm".to_owned() };
        Self { receiver, store, out, clock, id, _folder: None, _database: None }
    }

    async fn new(keys: &str) -> Self {
        let (store, folder) = fresh().await;
        Self { _folder: Some(folder), ..Self::on(store, keys).await }
    }

    /// An event of a conversation, whose number is a part of its id.
    async fn happens(&self, event: &str, conversation: u32) {
        let entity = format!("00000000-0000-7000-8000-{conversation:012}");
        write_event(&self.store, "belle", event, ("conversation", &entity)).await;
    }

    /// Time passes, and what is due is posted.
    async fn after(&self, seconds: i64) {
        // What the database's own clock dates is not later than this one's present.
        let now = self.clock.now().max(chrono::Utc::now());
        self.clock.set(now + TimeDelta::seconds(seconds));
        self.post_due().await;
    }

    async fn post_due(&self) {
        for id in self.out.due().await.unwrap() {
            self.out.serve(&id).await.unwrap();
        }
    }

    async fn states(&self) -> Vec<(String, DeliveryState, u32, Option<String>)> {
        let filter = DeliveryFilter { tenants: belle(), ..DeliveryFilter::default() };
        let rows = self.store.operator().deliveries(&filter, (None, 100)).await.unwrap();
        rows.into_iter().rev().map(|row| (row.event_type, row.state, row.attempts, row.last_error)).collect()
    }

    fn types(&self) -> Vec<String> {
        self.receiver.taken().iter().map(|posted| posted.document()["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[actix_web::test]
async fn an_event_is_posted_once_signed_and_without_personal_data() {
    let bench = Bench::new("events = [\"resolved\", \"assigned\"]").await;
    bench.happens("resolved", 1).await;
    bench.happens("escalated", 1).await;
    bench.after(0).await;
    bench.after(60).await;
    let taken = bench.receiver.taken();
    assert_eq!(taken.len(), 1, "the other one is not wanted: {taken:?}");
    let posted = &taken[0];
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &SECRET[6..]).unwrap();
    assert_eq!(posted.signature, signatures(&[key.into()], &posted.id, posted.timestamp, &posted.body));
    let document = posted.document();
    assert_eq!((&document["type"], &document["data"]["tenant_id"]), (&"resolved".into(), &"belle".into()));
    assert_eq!(document["data"]["id"], posted.id.as_str());
    assert_eq!(document["data"]["entity_id"], "00000000-0000-7000-8000-000000000001");
    assert_eq!(bench.states().await, [("resolved".to_owned(), DeliveryState::Delivered, 1, None)]);
    bench.receiver.server.stop(false).await;
}

#[actix_web::test]
async fn what_fails_is_tried_again_in_the_order_of_its_conversation_and_holds_up_no_other() {
    order_holds(Bench::new("").await).await;
}

#[actix_web::test]
async fn what_fails_is_tried_again_in_order_on_postgres_too() {
    let (store, database) = postgres::fresh().await;
    order_holds(Bench { _database: Some(database), ..Bench::on(store, "").await }).await;
}

async fn order_holds(bench: Bench) {
    bench.receiver.answers(422);
    bench.happens("assigned", 1).await;
    bench.happens("resolved", 1).await;
    bench.after(0).await;
    bench.receiver.answers(200);
    bench.happens("escalated", 2).await;
    // The second attempt of the first is not due.
    bench.post_due().await;
    let states = bench.states().await;
    assert_eq!((states[0].2, states[0].3.as_deref()), (1, Some("http_422")), "{states:?}");
    assert_eq!((states[1].1, states[1].2), (DeliveryState::Pending, 0), "it waits behind the first");
    bench.after(20).await;
    let types = bench.types();
    let at = |name: &str| types.iter().position(|own| own == name).unwrap();
    assert!(types.len() == 3 && at("assigned") < at("resolved"), "{types:?}");
    assert!(bench.states().await.iter().all(|(_, state, ..)| *state == DeliveryState::Delivered));
    bench.receiver.server.stop(false).await;
}

#[actix_web::test]
async fn an_event_that_nobody_takes_is_dead_after_three_days_and_may_be_replayed() {
    let bench = Bench::new("").await;
    bench.receiver.answers(500);
    bench.happens("resolved", 1).await;
    let mut days = 0;
    while bench.states().await[0].1 == DeliveryState::Pending {
        bench.after(6 * 3600).await;
        days += 1;
        assert!(days < 4 * 5, "{:?}", bench.states().await);
    }
    let (_, state, attempts, why) = bench.states().await.remove(0);
    assert_eq!((state, why.as_deref()), (DeliveryState::Dead, Some("http_500")));
    assert!((9..=16).contains(&attempts), "over a day and more: {attempts}");
    bench.receiver.answers(200);
    let (caller, operator) = (Caller::command_line(), bench.store.operator());
    let since = (Timestamp::UNIX_EPOCH, bench.clock.now());
    let replayed = replay(&caller, &operator, (&belle(), "crm"), None, since).await.unwrap();
    assert_eq!(replayed, 1);
    // Longer than the breaker is open.
    bench.after(60).await;
    assert_eq!(bench.types(), ["resolved"]);
    assert!(matches!(
        replay(&caller, &operator, (&belle(), "nobody"), None, since).await,
        Err(crate::service::ServiceError::NotFound(_))
    ));
    bench.receiver.server.stop(false).await;
}

#[actix_web::test]
async fn an_endpoint_that_answers_410_gets_nothing_more_until_somebody_says_so() {
    let bench = Bench::new("").await;
    bench.receiver.answers(410);
    bench.happens("assigned", 1).await;
    bench.happens("resolved", 1).await;
    bench.after(0).await;
    bench.happens("escalated", 1).await;
    bench.receiver.answers(200);
    bench.after(60).await;
    let states = bench.states().await;
    assert_eq!(states.len(), 2, "nothing is written for it any more: {states:?}");
    assert!(states.iter().all(|(_, state, ..)| *state == DeliveryState::Dead), "{states:?}");
    assert!(bench.receiver.taken().is_empty());
    // The same URL stays disabled over a restart.
    bench.out.keep().await.unwrap();
    let (caller, operator) = (Caller::command_line(), bench.store.operator());
    let shown = endpoints(&caller, &operator, &belle()).await.unwrap();
    assert_eq!((shown[0].state.as_str(), shown[0].reason.as_deref(), shown[0].dead), ("disabled", Some("gone"), 2));
    assert!(enable(&caller, &operator, (&belle(), "crm"), bench.clock.now()).await.unwrap());
    bench.happens("reopened", 1).await;
    bench.after(0).await;
    assert_eq!(bench.types(), ["reopened"]);
    bench.receiver.server.stop(false).await;
}

#[actix_web::test]
async fn a_dead_endpoint_is_not_asked_all_the_time_and_a_redirect_is_not_followed() {
    let bench = Bench::new("").await;
    bench.receiver.answers(302);
    for conversation in 0..40 {
        bench.happens("resolved", conversation).await;
    }
    bench.after(0).await;
    let states = bench.states().await;
    let tried: u32 = states.iter().map(|(_, _, attempts, _)| attempts).sum();
    assert!(tried <= 16, "the breaker opened: {tried}");
    assert!(states.iter().flat_map(|state| &state.3).all(|why| why == "http_302"), "{states:?}");
    assert_eq!(bench.out.failing().len(), 1);
    assert!(bench.out.due().await.unwrap().is_empty());
    bench.receiver.answers(200);
    bench.after(60).await;
    bench.after(60).await;
    assert_eq!(bench.receiver.taken().len(), 40);
    assert!(bench.out.failing().is_empty());
    bench.receiver.server.stop(false).await;
}

#[actix_web::test]
async fn what_was_claimed_by_a_process_that_died_goes_out_when_its_lease_ends() {
    let bench = Bench::new("").await;
    bench.happens("resolved", 1).await;
    bench.clock.set(chrono::Utc::now());
    let (operator, now) = (bench.store.operator(), bench.clock.now());
    operator.find_queues(&bench.id, now, 10).await.unwrap();
    let claimed = operator.claim_deliveries(&bench.id, (now, now + LEASE), 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert!(operator.claim_deliveries(&bench.id, (now, now + LEASE), 10).await.unwrap().is_empty(), "one at a time");
    bench.after(30).await;
    assert!(bench.receiver.taken().is_empty());
    bench.after(60).await;
    assert_eq!(bench.receiver.taken()[0].id, claimed[0].event.to_string());
    bench.receiver.server.stop(false).await;
}
