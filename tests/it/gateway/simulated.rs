//! The simulator's webhooks, as a receiver sees them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use palabre::gateway::twilio::simulator::{
    CallbackPlan, Daemon, Fault, Faults, InboundMessage, Rule, SimulatedNumber, Simulator, SimulatorConfig,
};
use palabre::gateway::twilio::{Kind, TwilioAccount, TwilioReceiver};
use palabre::gateway::{Provider as _, Received, Receiver, Rejection, SetupLevel, WebhookRequest, Wiring};
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::Gateway;

use super::{ACCOUNT, PUBLIC, account, channel, gateway, message, simulated_account, text};

const FROM: &str = "whatsapp:+33612345678";
const TO: &str = "whatsapp:+14155238886";

/// A daemon that only believes, reads and remembers.
struct Stub {
    receiver: TwilioReceiver,
    received: Mutex<Vec<Received>>,
    /// So many webhooks get 503.
    busy_for: AtomicU32,
}

async fn answer(stub: Data<Stub>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let one_less = |left: u32| left.checked_sub(1);
    if stub.busy_for.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let query = request.uri().to_string();
    let url = format!("{PUBLIC}{query}");
    let webhook = WebhookRequest {
        url: &url,
        query: &query,
        content_type: header("Content-Type").unwrap_or_default(),
        headers: request.headers(),
        is_local: true,
        body: &body,
    };
    let now = chrono::Utc::now();
    let result = if request.path().ends_with("/status") {
        stub.receiver.receive_status(webhook, now)
    } else {
        stub.receiver.receive(webhook, CorrelationId::fresh(), now)
    };
    match result {
        Ok(received) => {
            stub.received.lock().unwrap().push(received);
            let (content_type, body) = stub.receiver.protocol().acknowledgement;
            HttpResponse::Ok().content_type(content_type).body(body)
        }
        Err(Rejection::BadSignature | Rejection::Replayed) => HttpResponse::Unauthorized().finish(),
        Err(Rejection::MediaType(_)) => HttpResponse::UnsupportedMediaType().finish(),
        Err(Rejection::Malformed(_)) => HttpResponse::BadRequest().finish(),
        Err(Rejection::NotOurs) => HttpResponse::NotFound().finish(),
    }
}

/// A simulator and a stub that know each other.
struct Pair {
    simulator: Simulator,
    stub: Arc<Stub>,
    server: actix_web::dev::ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Pair {
    fn start() -> Self {
        let simulator = Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap();
        let account = account(&simulator.base_url());
        let receiver = TwilioReceiver::new(Kind::Whatsapp, &channel(Kind::Whatsapp, account.clone()), &account);
        let stub = Arc::new(Stub { receiver, received: Mutex::default(), busy_for: AtomicU32::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reached_at = format!("http://{}", listener.local_addr().unwrap());
        simulator.set_daemon(Daemon { public_base_url: PUBLIC.to_owned(), reached_at });
        let data = Data::from(Arc::clone(&stub));
        let (handle, server) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                handle.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { simulator, stub, server: server.recv().unwrap(), thread: Some(thread) }
    }

    fn received(&self) -> Vec<Received> {
        self.stub.received.lock().unwrap().clone()
    }

    fn statuses(&self) -> Vec<DeliveryStatus> {
        let status = |received| match received {
            Received::Status(update) => Some(update.status),
            _ => None,
        };
        self.received().into_iter().filter_map(status).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // The order is given at once; the future only waits for it.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[tokio::test]
async fn a_message_is_believed_and_read() {
    let pair = Pair::start();
    let message = InboundMessage::text(Kind::Whatsapp, "belle", ACCOUNT, FROM, TO, "Bonjour & à+demain 😀");
    assert_eq!(message.parameters().len(), 19);
    let answer = pair.simulator.deliver(&message).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.content_type.starts_with("text/xml"));
    assert_eq!(answer.body, r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#);
    let received = pair.received();
    let [Received::Message(inbound)] = received.as_slice() else { panic!("{}", received.len()) };
    assert_eq!(inbound.content.body, message.body);
    assert_eq!(inbound.provider_message_id.as_str(), message.sid);
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), (FROM, TO));
    assert_eq!(inbound.content.profile_name.as_deref(), Some("Camille"));
}

#[test]
fn plain_threads_may_deliver_too() {
    let pair = Pair::start();
    let message = InboundMessage::text(Kind::Whatsapp, "belle", ACCOUNT, FROM, TO, "Bonjour");
    assert_eq!(pair.simulator.deliver_blocking(&message).unwrap().status, 200);
    let stranger = InboundMessage { account_sid: "AC00000000000000000000000000000099".to_owned(), ..message };
    assert!(pair.simulator.deliver_blocking(&stranger).is_err());
}

#[tokio::test]
async fn callbacks_follow_a_send() {
    let pair = Pair::start();
    pair.simulator.set_callbacks(Some(CallbackPlan::usual()));
    let gateway = gateway(Kind::Whatsapp, account(&pair.simulator.base_url()));
    let message = message(FROM, "x");
    let receipt = gateway.send(text(&message)).await.unwrap();
    pair.simulator.callbacks_at_least(3).await;
    assert_eq!(pair.statuses(), [DeliveryStatus::Sent, DeliveryStatus::Delivered, DeliveryStatus::Read]);
    for received in pair.received() {
        let Received::Status(update) = received else { panic!("a status was expected") };
        assert_eq!(update.id, Some(message.id));
        assert_eq!(update.provider_message_id, receipt.provider_message_id);
    }
}

#[tokio::test]
async fn callbacks_may_beat_the_answer_repeat_and_come_in_any_order() {
    let pair = Pair::start();
    let plan = CallbackPlan { copies: 3, shuffled: true, before_answer: true, ..CallbackPlan::usual() };
    pair.simulator.set_callbacks(Some(plan));
    let gateway = gateway(Kind::Whatsapp, account(&pair.simulator.base_url()));
    gateway.send(text(&message(FROM, "x"))).await.unwrap();
    let statuses = pair.statuses();
    assert_eq!(statuses.len(), 9, "all of them were here before the answer");
    let in_order = [DeliveryStatus::Sent, DeliveryStatus::Delivered, DeliveryStatus::Read].map(|s| [s; 3]).concat();
    assert_ne!(statuses, in_order);
}

#[tokio::test]
async fn a_callback_that_was_not_taken_is_repeated_as_often_as_was_said() {
    let pair = Pair::start();
    let gateway = gateway(Kind::Whatsapp, account(&pair.simulator.base_url()));
    let again_after = vec![Duration::from_millis(1); 2];
    for (plan, busy_for, taken) in [
        (CallbackPlan { again_after: again_after.clone(), ..CallbackPlan::of(["delivered"]) }, 2, 1),
        (CallbackPlan { again_after, ..CallbackPlan::of(["delivered"]) }, 3, 1),
        (CallbackPlan::of(["delivered"]), 1, 1),
        (CallbackPlan::of(["delivered"]), 0, 2),
    ] {
        let before = pair.simulator.taken();
        pair.stub.busy_for.store(busy_for, Ordering::SeqCst);
        pair.simulator.set_callbacks(Some(plan));
        gateway.send(text(&message(FROM, "x"))).await.unwrap();
        pair.simulator.callbacks_at_least(before + 1).await;
        assert_eq!(pair.statuses().len(), taken, "{busy_for}");
        assert_eq!(pair.stub.busy_for.load(Ordering::SeqCst), 0, "as often as that it was posted");
    }
}

#[tokio::test]
async fn a_failure_names_its_code() {
    let pair = Pair::start();
    let gateway = gateway(Kind::Whatsapp, account(&pair.simulator.base_url()));
    let receipt = gateway.send(text(&message(FROM, "x"))).await.unwrap();
    let sid = receipt.provider_message_id.as_str();
    assert_eq!(pair.simulator.report(sid, "undelivered", Some(63016)).await.unwrap().status, 200);
    let Some(Received::Status(update)) = pair.received().pop() else { panic!("a status was expected") };
    assert_eq!((update.status, update.code.as_deref()), (DeliveryStatus::Failed, Some("63016")));
    assert!(pair.simulator.report("SM0", "read", None).await.is_err());
}

#[tokio::test]
async fn the_same_seed_draws_the_same_faults() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let simulator = Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap();
        simulator.set_faults(Faults::of([Rule::sometimes(0.5, Fault::ServerError(500))]));
        let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
        let mut run = Vec::new();
        for _ in 0..32 {
            run.push(gateway.send(text(&message(FROM, "x"))).await.is_ok());
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&true) && runs[0].contains(&false));
}

#[tokio::test]
async fn for_load_nothing_is_remembered() {
    let (seen, mut seen_out) = tokio::sync::mpsc::unbounded_channel();
    let on_send = Arc::new(move |sent: &palabre::gateway::twilio::simulator::Sent| {
        let _ = seen.send((sent.mid.clone(), sent.body.clone(), sent.at));
    });
    let simulator = Simulator::start(SimulatorConfig::fast([simulated_account()], on_send)).unwrap();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let message = message(FROM, "x");
    gateway.send(text(&message)).await.unwrap();
    let (mid, body, _) = seen_out.recv().await.unwrap();
    assert_eq!((mid, body.as_str()), (Some(message.id.to_string()), "x"));
    assert_eq!(simulator.taken(), 1);
    assert!(simulator.sends().is_empty());
    assert_eq!(gateway.find(text(&message)).await.unwrap(), palabre_actors::domain::send::Found::CannotTell);
}

/// What the set-up checks say of an account at the simulator.
#[tokio::test]
async fn a_set_up_is_checked_against_the_provider() {
    let simulator = Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap();
    let client = palabre::gateway::client::new().unwrap();
    let levels = async |account, base| {
        let channel = channel(Kind::Whatsapp, account);
        let findings = Kind::Whatsapp.checks(&channel, Wiring::without_files(&client, base)).await;
        findings.into_iter().map(|finding| finding.level).collect::<Vec<_>>()
    };
    let good = account(&simulator.base_url());
    // Its webhook is looked at, too; the simulator has no such number yet.
    assert_eq!(levels(good.clone(), Some(PUBLIC)).await, [SetupLevel::Good, SetupLevel::Doubtful]);
    simulator.set_daemon(Daemon::at(PUBLIC));
    let number = |path: &str| SimulatedNumber {
        account_sid: good.account_sid.clone(),
        wire: channel(Kind::Whatsapp, good.clone()).address.as_str().to_owned(),
        path: path.to_owned(),
    };
    let own = format!("/webhooks/twilio-whatsapp/{}", channel(Kind::Whatsapp, good.clone()).id);
    for (path, expected) in [
        (own.as_str(), SetupLevel::Good),
        ("/api/webhooks/twilio", SetupLevel::Good),
        ("/webhooks/twilio-whatsapp/another", SetupLevel::Wrong),
        ("/api/webhooks/twilio/status", SetupLevel::Wrong),
    ] {
        simulator.set_numbers(vec![number(path)]);
        assert_eq!(levels(good.clone(), Some(PUBLIC)).await, [SetupLevel::Good, expected], "{path}");
    }
    assert_eq!(levels(good.clone(), None).await, [SetupLevel::Good, SetupLevel::Doubtful]);
    let stranger = TwilioAccount { auth_token: "another".into(), ..good.clone() };
    assert_eq!(levels(stranger, Some(PUBLIC)).await, [SetupLevel::Wrong]);
    let away = TwilioAccount { api_base_url: "http://127.0.0.1:1".to_owned(), ..good };
    assert_eq!(levels(away, Some(PUBLIC)).await, [SetupLevel::Wrong]);
}
