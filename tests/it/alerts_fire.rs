//! A real Prometheus beside a daemon to which faults happen: alerts fire, and are over again. Minutes of the rules last a tenth
//! of a second here; what they count stays as it is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use chrono::Utc;
use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, Sent, When};
use palabre::payments::stripe::simulator::{SECRET_KEY, WEBHOOK_SECRET};
use palabre::payments::stripe::{SIGNATURE_HEADER, sign};
use palabre_testbed::{lasting_port, prometheus, redis};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::console::{add_user, palabre};
use crate::daemon::{BELLE, BREATH, Setup, TAXI, Waiting, World};
use crate::deploy::Caddy;
use crate::doctor::certify;
use crate::watched::SELLS;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Those that the test below makes fire.
const LIVE: [&str; 27] = [
    "PalabreAssistantBudget",
    "PalabreAuditBroken",
    "PalabreBadSignatures",
    "PalabreBotLostRights",
    "PalabreCertificateEnds",
    "PalabreCertificateNotBelieved",
    "PalabreChannelOpen",
    "PalabreChannelPaused",
    "PalabreConfigRefused",
    "PalabreDeadLetters",
    "PalabreDown",
    "PalabreEventsOutDisabled",
    "PalabreEventsOutLate",
    "PalabreManyDeadLetters",
    "PalabreManyFailures",
    "PalabreMisconfiguredSender",
    "PalabreNotDelivered",
    "PalabreOptedOutElsewhere",
    "PalabrePaymentsNotTaken",
    "PalabreRedisAway",
    "PalabreSendErrors",
    "PalabreSendsFail",
    "PalabreSilentLoop",
    "PalabreStrayWebhooks",
    "PalabreTenantBudget",
    "PalabreTenantDayNearlyUsedUp",
    "PalabreTenantDayUsedUp",
];

/// Those that a chaos day makes fire, beside some of the others, at a Prometheus as well (docs/torture.md): they need PostgreSQL,
/// disks that can be filled, or a clock that can be moved.
const ON_A_CHAOS_DAY: [&str; 4] =
    ["PalabreClockWrong", "PalabreDatabaseAway", "PalabreDiskFull", "PalabreSpoolRefuses"];

/// Those that need a fault of minutes (they count real seconds) or a bug: tests/prometheus/alerts.yml has their series, and tests
/// of their parts make the faults.
const NOT_LIVE: [&str; 19] = [
    "PalabreBehind",
    "PalabreChecksUnanswered",
    "PalabreJournalBehind",
    "PalabreLogsDropped",
    "PalabreMessagesWait",
    "PalabreNotStoring",
    "PalabreOverloaded",
    "PalabrePanics",
    "PalabrePoisonousMessage",
    "PalabreProcessPanics",
    "PalabreRestarting",
    "PalabreRetentionFails",
    "PalabreSendsWait",
    "PalabreSlowAnswers",
    "PalabreSlowTurns",
    "PalabreSlowWebhooks",
    "PalabreSpoolSetAside",
    "PalabreStoreFails",
    "PalabreTenantResting",
];

fn rules() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("config/prometheus/alerts.yml")).expect("a file")
}

#[test]
fn every_alert_is_made_to_fire_or_it_is_said_why_not() {
    let rules = rules();
    let names: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names, LIVE.into_iter().chain(ON_A_CHAOS_DAY).chain(NOT_LIVE).collect());
}

/// A minute of the rules.
const MINUTE: Duration = Duration::from_millis(100);

/// A Prometheus that scrapes one daemon, and who asks it.
struct Prometheus {
    server: prometheus::Server,
    client: reqwest::Client,
}

impl Prometheus {
    fn start(daemon: u16) -> Self {
        Self { server: prometheus::Server::start(&rules(), MINUTE, &[daemon]), client: reqwest::Client::new() }
    }

    /// The alerts that fire now. `None`: it does not answer yet.
    async fn firing(&self) -> Option<BTreeSet<String>> {
        let url = format!("{}/api/v1/alerts", self.server.url());
        let told: Value = self.client.get(url).send().await.ok()?.json().await.ok()?;
        let alerts = told["data"]["alerts"].as_array()?.iter().filter(|alert| alert["state"] == "firing");
        Some(alerts.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect())
    }

    /// Waits until each of these has fired.
    async fn until_fired(&self, names: &[&str]) {
        let mut missing: BTreeSet<&str> = names.iter().copied().collect();
        let mut waiting = Waiting::begin();
        loop {
            let firing = self.firing().await.unwrap_or_default();
            missing.retain(|name| !firing.contains(*name));
            if missing.is_empty() {
                return;
            }
            assert!(waiting.goes_on(), "these do not fire: {missing:?}; these do: {firing:?}\n{}", self.server.log());
            tokio::time::sleep(BREATH * 10).await;
        }
    }

    /// Waits until none of these fires.
    async fn until_over(&self, names: &[&str]) {
        let mut waiting = Waiting::begin();
        loop {
            let firing = self.firing().await;
            let still: Vec<_> = names.iter().filter(|name| firing.iter().any(|all| all.contains(**name))).collect();
            if firing.is_some() && still.is_empty() {
                return;
            }
            assert!(waiting.goes_on(), "these are not over: {still:?}\n{}", self.server.log());
            tokio::time::sleep(BREATH * 10).await;
        }
    }
}

/// One that may spend less than a question costs.
const ASSISTANT: &str =
    "[assistant]\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"none\"\nbudget_per_day = 0.000001\n";

/// An endpoint of events that is gone, or takes them: its port.
async fn endpoint(is_gone: &Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    let is_gone = Arc::clone(is_gone);
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut heard = [0; 4_096];
            let _ = caller.read(&mut heard).await;
            let status = if is_gone.load(Ordering::Relaxed) { "410 Gone" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = caller.write_all(answer.as_bytes()).await;
        }
    });
    port
}

/// Customers whose messages the provider refuses, one after the other, until they are told to stop.
fn refused_customers(world: &Arc<World>, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (world, stop, count) = (Arc::clone(world), Arc::clone(stop), AtomicU32::new(0));
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            let number = count.fetch_add(1, Ordering::Relaxed);
            world.write(BELLE, &format!("+3361200{:04}", number % 10_000), &format!("refused {number}")).await;
            tokio::time::sleep(BREATH * 4).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_seen_by_a_real_prometheus_and_so_is_their_end() {
    // Three certificates: of a stranger, one that ends soon, one that lasts.
    let certificates = [1, 2, 3].map(|_| tempfile::tempdir().expect("a folder"));
    for (folder, days) in certificates.iter().zip(["90", "5", "90"]) {
        certify(folder.path(), days);
    }
    let text = |number: usize| std::fs::read(certificates[number].path().join("certificate")).expect("a file");
    let believed = certificates[0].path().join("believed");
    std::fs::write(&believed, [text(1), text(2)].concat()).expect("a file");
    let (port, public) = (lasting_port(), lasting_port());
    let front = |number: usize| {
        let folder = certificates[number].path();
        Caddy::with_tls_at(public, port, &folder.join("certificate"), &folder.join("key"))
    };

    let mut redis = redis::Server::start();
    let daemon = format!(
        "[runtime]\nsweep_every = \"50ms\"\nask_after = \"50ms\"\nwatch_every = \"50ms\"\n[redis]\nurl = \"{}\"\n\
         [webhooks]\nprivate_targets = true\n[stripe]\nsecret_key = {{ file = \"stripe-key\" }}\n\
         webhook_secrets = [{{ file = \"stripe-hook\" }}]\napi_base_url = \"http://127.0.0.1:1\"",
        redis.url()
    );
    let is_gone = Arc::new(AtomicBool::new(true));
    let gone = endpoint(&is_gone).await;
    let hooks = [("gone", gone), ("late", lasting_port())].map(|(id, port)| {
        format!(
            "[[webhooks]]\nid = \"{id}\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret = {{ file = \"hook\" }}\n\
             events = [\"message_sent\"]\n"
        )
    });
    let channel = "per_second = 10000\npair = \"off\"\nretry.initial = \"20ms\"\nretry.cap = \"50ms\"\ncost = 0.01\n\
        breaker.consecutive_failures = 3\nbreaker.sample = 10000\nbreaker.open_for = \"1s\"";
    let setup = Setup {
        daemon,
        whatsapp: channel.to_owned(),
        sms: "per_second = 10000".to_owned(),
        tenant: format!("{SELLS}{}", hooks.concat()),
        ..Setup::default()
    };
    let mut world = World::asleep(&setup);
    world.write_secret("bot.token", "7000000001-un-secret-du-fournisseur");
    world.write_secret("bot.secret", "un-secret-du-webhook-de-belle");
    world.write_secret("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    world.write_secret("stripe-key", SECRET_KEY);
    world.write_secret("stripe-hook", WEBHOOK_SECRET);
    world.set_variables(&[
        ("PALABRE__HTTP__PUBLIC_BASE_URL", format!("https://localhost:{public}")),
        ("SSL_CERT_FILE", believed.display().to_string()),
    ]);
    // A row of the audit log, and somebody changes it.
    let node = world.node(1, port);
    add_user(&world, "awa@belle.example", "Awa", ("belle", "owner"));
    assert!(node.terminate().success());
    let first = "WHERE tenant_id = 'belle' AND position = 1";
    let actor: String = world.value(&format!("SELECT actor FROM audit_log {first}")).await;
    world.execute(&format!("UPDATE audit_log SET actor = 'user:nobody' {first}")).await;

    let prometheus = Prometheus::start(port);
    let stranger = front(0);
    let node = world.node(1, port);
    let url = format!("https://localhost:{public}");
    world.twilio.set_daemon(palabre::gateway::twilio::simulator::Daemon {
        public_base_url: url.clone(),
        reached_at: format!("http://127.0.0.1:{port}"),
    });
    let (client, base) = (reqwest::Client::new(), format!("http://127.0.0.1:{port}"));
    let stray = async |number: u32| {
        let path = format!("{base}/webhooks/twilio-whatsapp/nobody");
        let stray = client.post(path).form(&[("MessageSid", number)]).send().await;
        assert_eq!(stray.expect("an answer").status(), 404);
    };
    // A counter that is there with its first stray: what comes afterwards is an increase.
    stray(0).await;
    prometheus.until_fired(&["PalabreCertificateNotBelieved", "PalabreAuditBroken"]).await;
    drop(stranger);

    // Everything else at once.
    let short = front(1);
    let tenants = world.config().with_file_name("tenants");
    let paused = palabre(&world, &["outbox", "pause", "belle-sms", "--note", "number is ported"], "");
    assert_eq!(paused.code, 0, "{}", paused.err);
    // Commands refuse it too.
    std::fs::write(tenants.join("broken.toml"), "id = \"broken\nname").expect("a file");
    world.until("SELECT count(*) FROM access_chats", 2).await;
    world
        .execute("UPDATE access_chats SET stuck_since = '2026-11-30T03:55:00.000000Z' WHERE tenant_id = 'belle'")
        .await;
    for number in 1..30 {
        stray(number).await;
        let forged = client.post(format!("{base}/webhooks/twilio-sms/belle-sms")).form(&[("MessageSid", number)]);
        assert_eq!(forged.header("X-Twilio-Signature", "forged").send().await.expect("an answer").status(), 401);
    }
    let whom = |number: u32| format!("+3361199{number:04}");
    let to = |number: u32, fault: Fault| Rule::always(fault).when(When::To(format!("whatsapp:{}", whom(number))));
    let mut faults: Vec<Rule> = (0..8).map(|n| to(n, Fault::Refuse { status: 400, code: 21_610 })).collect();
    faults.extend((20..24).map(|n| to(n, Fault::Refuse { status: 401, code: 20_003 })));
    let answer = When::BodyContains(": refused ".to_owned());
    faults.push(Rule::always(Fault::Refuse { status: 400, code: 21_211 }).when(answer));
    world.twilio.set_faults(Faults::of(faults));
    let world = Arc::new(world);
    let stop = Arc::new(AtomicBool::new(false));
    let customers = refused_customers(&world, &stop);
    for number in 0..8 {
        world.write(BELLE, &whom(number), "Bonjour").await;
    }
    for number in 20..24 {
        world.write(TAXI, &whom(number), "Bonjour").await;
    }
    // A robot says the same again and again.
    for _ in 0..32 {
        world.write(BELLE, &whom(100), "Je suis absent").await;
    }
    // Somebody else's account at Stripe.
    let event = r#"{"id":"evt_1","type":"invoice.paid","account":"acct_Nobody","livemode":false,"data":{"object":{"id":"in_1","object":"invoice"}}}"#;
    let signature = sign(event.as_bytes(), &SecretString::from(WEBHOOK_SECRET), Utc::now().timestamp());
    let posted = client.post(format!("{base}/webhooks/stripe")).header(SIGNATURE_HEADER, signature).body(event).send();
    assert_eq!(posted.await.expect("an answer").status(), 200);
    // Events that nobody takes, since an hour.
    let late = "endpoint_id = 'late' AND state = 'pending'";
    world.until(&format!("SELECT min(count(*), 1) FROM webhook_deliveries WHERE {late}"), 1).await;
    let an_hour_ago = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-1 hour')";
    world.execute(&format!("UPDATE webhook_deliveries SET created_at = {an_hour_ago} WHERE {late}")).await;
    const AT_ONCE: [&str; 18] = [
        "PalabreBadSignatures",
        "PalabreBotLostRights",
        "PalabreCertificateEnds",
        "PalabreChannelOpen",
        "PalabreChannelPaused",
        "PalabreConfigRefused",
        "PalabreDeadLetters",
        "PalabreEventsOutDisabled",
        "PalabreEventsOutLate",
        "PalabreManyDeadLetters",
        "PalabreManyFailures",
        "PalabreMisconfiguredSender",
        "PalabreOptedOutElsewhere",
        "PalabrePaymentsNotTaken",
        "PalabreSendErrors",
        "PalabreSendsFail",
        "PalabreSilentLoop",
        "PalabreStrayWebhooks",
    ];
    prometheus.until_fired(&AT_ONCE).await;
    stop.store(true, Ordering::Relaxed);
    customers.await.expect("nobody panicked");

    // And it is mended.
    drop(short);
    let _long = front(2);
    std::fs::remove_file(tenants.join("broken.toml")).expect("it was there");
    assert_eq!(palabre(&world, &["outbox", "resume", "belle-sms"], "").code, 0);
    world.execute("UPDATE access_chats SET stuck_since = NULL").await;
    world.execute("DELETE FROM webhook_deliveries WHERE endpoint_id = 'late'").await;
    is_gone.store(false, Ordering::Relaxed);
    assert_eq!(palabre(&world, &["webhooks", "enable", "gone", "--tenant", "belle"], "").code, 0);
    world.twilio.set_faults(Faults::none());
    // What the limits see changes with a send: the day and the budget of a tenant, raised again afterwards.
    let file = tenants.join("taxi.toml");
    let before = std::fs::read_to_string(&file).expect("a file");
    let tight = before.replace("per_day = 1000000", "per_day = 12");
    assert_ne!(tight, before);
    std::fs::write(&file, format!("{tight}\n[budget]\nper_day = 0.02\nalert_at = 0.5\n{ASSISTANT}")).expect("a file");
    redis.kill();
    let limits = [
        "PalabreAssistantBudget",
        "PalabreTenantDayUsedUp",
        "PalabreTenantDayNearlyUsedUp",
        "PalabreTenantBudget",
        "PalabreRedisAway",
    ];
    let (stop, count) = (Arc::new(AtomicBool::new(false)), AtomicU32::new(0));
    let (writing, told) = (Arc::clone(&world), Arc::clone(&stop));
    let passengers = tokio::spawn(async move {
        while !told.load(Ordering::Relaxed) {
            let number = count.fetch_add(1, Ordering::Relaxed);
            writing.write(TAXI, &format!("+3361300{:04}", number % 10_000), "Un taxi ?").await;
            tokio::time::sleep(BREATH * 20).await;
        }
    });
    prometheus.until_fired(&limits).await;
    std::fs::write(&file, format!("{before}\n[budget]\nper_day = 100000.0\nalert_at = 0.5\n")).expect("a file");
    redis.up();
    prometheus.until_over(&limits).await;
    // One of many passengers has the answer, as far as anybody says; then all have it.
    let to_passengers = || world.twilio.sends().into_iter().filter(|sent| sent.to.starts_with("whatsapp:+3361300"));
    let mut waiting = Waiting::begin();
    while to_passengers().count() < 40 {
        waiting.again(|| world.logs()).await;
    }
    stop.store(true, Ordering::Relaxed);
    passengers.await.expect("nobody panicked");
    let delivered = async |sent: Sent| {
        let reported = world.twilio.report(&sent.sid, "delivered", None).await;
        assert_eq!(reported.expect("an answer").status, 200);
    };
    delivered(to_passengers().next().expect("one")).await;
    prometheus.until_fired(&["PalabreNotDelivered"]).await;
    let taxi = format!("whatsapp:{}", TAXI.sender);
    let all = world.twilio.sends().into_iter().filter(|sent| sent.from.as_deref() == Some(taxi.as_str()));
    for sent in all {
        delivered(sent).await;
    }
    prometheus.until_over(&["PalabreNotDelivered"]).await;
    prometheus.until_over(&AT_ONCE).await;
    prometheus.until_over(&["PalabreCertificateNotBelieved"]).await;

    // The daemon goes, and comes back with the row as it was written.
    assert!(node.terminate().success());
    prometheus.until_fired(&["PalabreDown"]).await;
    world.execute(&format!("UPDATE audit_log SET actor = '{actor}' {first}")).await;
    let _node = world.node(1, port);
    prometheus.until_over(&["PalabreDown", "PalabreAuditBroken"]).await;
}
