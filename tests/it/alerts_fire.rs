//! A real Prometheus beside a daemon to which faults happen: alerts fire, and are over again. Minutes of the rules last a tenth of a
//! second here; what they count stays as it is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, When};
use palabre_testbed::{lasting_port, prometheus, redis};
use serde_json::Value;

use crate::console::{add_user, palabre};
use crate::daemon::{BELLE, BREATH, Setup, TAXI, Waiting, World};
use crate::deploy::Caddy;
use crate::doctor::certify;
use crate::watched::SELLS;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Those that the test below makes fire.
const LIVE: [&str; 22] = [
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
    "PalabreManyDeadLetters",
    "PalabreManyFailures",
    "PalabreMisconfiguredSender",
    "PalabreOptedOutElsewhere",
    "PalabreRedisAway",
    "PalabreSendErrors",
    "PalabreSendsFail",
    "PalabreSilentLoop",
    "PalabreStrayWebhooks",
    "PalabreTenantBudget",
    "PalabreTenantDayNearlyUsedUp",
    "PalabreTenantDayUsedUp",
];

/// Those that need a fault of minutes (they count real seconds), of the disk or PostgreSQL, or a bug: tests/prometheus/alerts.yml has
/// their series, and tests of their parts make the faults.
const NOT_LIVE: [&str; 28] = [
    "PalabreAssistantBudget",
    "PalabreBehind",
    "PalabreChecksUnanswered",
    "PalabreClockWrong",
    "PalabreDatabaseAway",
    "PalabreDiskFull",
    "PalabreEventsOutDisabled",
    "PalabreEventsOutLate",
    "PalabreJournalBehind",
    "PalabreLogsDropped",
    "PalabreMessagesWait",
    "PalabreNotDelivered",
    "PalabreNotStoring",
    "PalabreOverloaded",
    "PalabrePanics",
    "PalabrePaymentsNotTaken",
    "PalabrePoisonousMessage",
    "PalabreProcessPanics",
    "PalabreRestarting",
    "PalabreRetentionFails",
    "PalabreSendsWait",
    "PalabreSlowAnswers",
    "PalabreSlowTurns",
    "PalabreSlowWebhooks",
    "PalabreSpoolRefuses",
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
    assert_eq!(names, LIVE.into_iter().chain(NOT_LIVE).collect());
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
        "[runtime]\nsweep_every = \"50ms\"\nask_after = \"50ms\"\nwatch_every = \"50ms\"\n[redis]\nurl = \"{}\"",
        redis.url()
    );
    let channel = "per_second = 10000\npair = \"off\"\nretry.initial = \"20ms\"\nretry.cap = \"50ms\"\ncost = 0.01\n\
        breaker.consecutive_failures = 3\nbreaker.sample = 10000\nbreaker.open_for = \"1s\"";
    let setup = Setup {
        daemon,
        whatsapp: channel.to_owned(),
        sms: "per_second = 10000".to_owned(),
        tenant: SELLS.to_owned(),
        ..Setup::default()
    };
    let mut world = World::asleep(&setup);
    world.write_secret("bot.token", "7000000001-un-secret-du-fournisseur");
    world.write_secret("bot.secret", "un-secret-du-webhook-de-belle");
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
    const AT_ONCE: [&str; 15] = [
        "PalabreBadSignatures",
        "PalabreBotLostRights",
        "PalabreCertificateEnds",
        "PalabreChannelOpen",
        "PalabreChannelPaused",
        "PalabreConfigRefused",
        "PalabreDeadLetters",
        "PalabreManyDeadLetters",
        "PalabreManyFailures",
        "PalabreMisconfiguredSender",
        "PalabreOptedOutElsewhere",
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
    world.twilio.set_faults(Faults::none());
    // What the limits see changes with a send: the day and the budget of a tenant, raised again afterwards.
    let file = tenants.join("taxi.toml");
    let before = std::fs::read_to_string(&file).expect("a file");
    let tight = before.replace("per_day = 1000000", "per_day = 12");
    assert_ne!(tight, before);
    std::fs::write(&file, format!("{tight}\n[budget]\nper_day = 0.02\nalert_at = 0.5\n")).expect("a file");
    redis.kill();
    let limits = ["PalabreTenantDayUsedUp", "PalabreTenantDayNearlyUsedUp", "PalabreTenantBudget", "PalabreRedisAway"];
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
    stop.store(true, Ordering::Relaxed);
    passengers.await.expect("nobody panicked");
    prometheus.until_over(&AT_ONCE).await;
    prometheus.until_over(&["PalabreCertificateNotBelieved"]).await;

    // The daemon goes, and comes back with the row as it was written.
    assert!(node.terminate().success());
    prometheus.until_fired(&["PalabreDown"]).await;
    world.execute(&format!("UPDATE audit_log SET actor = '{actor}' {first}")).await;
    let _node = world.node(1, port);
    prometheus.until_over(&["PalabreDown", "PalabreAuditBroken"]).await;
}
