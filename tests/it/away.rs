//! PostgreSQL goes away while customers write: it is stopped, killed, frozen, and so is the daemon.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use palabre::gateway::twilio::simulator::{Faults, InboundMessage, Rule};
use palabre_testbed::postgres::{Options, Server, empty};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::daemon::{BELLE, Setup, TAXI, Tenant, Waiting, World};

const ANNE: &str = "+33612345678";

/// Leases are short, so that what a kill left behind is looked into soon.
fn quick(spool: &str) -> Setup {
    let daemon = format!("[runtime]\nsweep_every = \"250ms\"\nask_after = \"500ms\"\nlease = \"2s\"\n[spool]\n{spool}");
    Setup { daemon, whatsapp: "timeout = \"1s\"".to_owned(), sms: "timeout = \"1s\"".to_owned(), ..Setup::default() }
}

fn customer(number: usize) -> String {
    format!("+33612{number:06}")
}

async fn asked(world: &World, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{}{path}", world.base_url())).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("text")).expect("JSON"))
}

async fn until_spool_is_empty(world: &World) {
    let mut waiting = Waiting::begin();
    while asked(world, "/readyz").await.1["spool"]["records"] != 0 {
        assert!(waiting.goes_on(), "the spool is not emptied:\n{}", world.logs());
    }
}

/// One row, one turn and one answer for each message, in the order in which each customer wrote.
async fn is_whole(world: &World, wrote: &BTreeMap<String, Vec<String>>) {
    let count = i64::try_from(wrote.values().map(Vec::len).sum::<usize>()).expect("few");
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", count).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", count).await;
    for table in ["messages_in", "messages_out"] {
        assert_eq!(world.value::<i64>(&format!("SELECT count(*) FROM {table}")).await, count, "{table}");
    }
    assert_eq!(i64::try_from(world.twilio.taken()).expect("few"), count, "nobody is answered twice");
    for (customer, bodies) in wrote {
        let answers: Vec<_> = bodies.iter().map(|body| format!("Vous avez écrit : {body}")).collect();
        assert_eq!(world.received(customer), answers, "in order");
    }
}

#[derive(Default)]
struct Wrote(BTreeMap<String, Vec<String>>);

impl Wrote {
    /// A customer writes, and gets a 200.
    async fn writes(&mut self, world: &World, from: &str, body: &str) -> InboundMessage {
        let message = world.text(BELLE, from, body);
        assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200, "{body}\n{}", world.logs());
        self.0.entry(from.to_owned()).or_default().push(body.to_owned());
        message
    }
}

async fn again(world: &World, message: &InboundMessage) {
    assert_eq!(world.twilio.deliver(message).await.expect("an answer").status, 200, "a repeat");
}

#[tokio::test]
async fn i1_i2_i3_what_comes_while_postgresql_is_away_is_answered_once_and_in_order() {
    let server = Server::start(Options { durable: true });
    let mut world = World::beside(&server, &quick(""));
    world.start_daemon();
    let mut wrote = Wrote::default();
    let before = wrote.writes(&world, ANNE, "avant").await;
    is_whole(&world, &wrote.0).await;
    assert_eq!(asked(&world, "/readyz").await.1["database"], "up");

    server.kill();
    again(&world, &before).await;
    let mut during = None;
    for round in 0..3 {
        for number in 0..10 {
            during = Some(wrote.writes(&world, &customer(number), &format!("panne {round}")).await);
        }
    }
    let during = during.expect("there was one");
    again(&world, &during).await;
    let (status, ready) = asked(&world, "/readyz").await;
    assert_eq!((status, &ready["database"], &ready["spool"]["records"]), (200, &"away".into(), &32.into()), "{ready}");
    let (status, health) = asked(&world, "/api/health").await;
    assert_eq!((status, &health["components"]["store"]["status"]), (200, &"degraded".into()), "{health}");
    let lines = world.logs().matches("the database is away, messages go to the spool").count();
    assert_eq!(lines, 1, "{}", world.logs());

    world.kill();
    world.start_daemon();
    let (status, ready) = asked(&world, "/readyz").await;
    assert_eq!((status, &ready["spool"]["records"]), (200, &32.into()), "{ready}");
    again(&world, &during).await;
    for number in 0..10 {
        wrote.writes(&world, &customer(number), "encore").await;
    }
    world.kill();
    world.start_daemon();

    server.up();
    is_whole(&world, &wrote.0).await;
    until_spool_is_empty(&world).await;
    world.until("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'", 3).await;
    assert_eq!(asked(&world, "/readyz").await.1["database"], "up");
    wrote.writes(&world, ANNE, "après").await;
    is_whole(&world, &wrote.0).await;
    assert_eq!(world.terminate().code(), Some(0));
    for secret in [&customer(0)[1..10], &ANNE[1..], "panne"] {
        assert!(!world.logs().contains(secret), "{secret} is in the logs");
    }
}

#[tokio::test]
async fn i1_i2_kills_while_the_spool_is_emptied_neither_lose_nor_repeat() {
    let server = Server::start(Options { durable: true });
    let mut world = World::beside(&server, &quick(""));
    world.start_daemon();
    let mut wrote = Wrote::default();
    wrote.writes(&world, ANNE, "avant").await;
    is_whole(&world, &wrote.0).await;
    for round in 0..3 {
        server.kill();
        for number in 0..40 {
            wrote.writes(&world, &customer(number), &format!("tour {round}")).await;
        }
        server.up();
        // Some of it is in the database, or all of it; some of it is on the wire.
        let mut waiting = Waiting::begin();
        while world.value::<i64>("SELECT count(*) FROM messages_in").await <= 1 + 40 * round {
            assert!(waiting.goes_on(), "{}", world.logs());
        }
        world.kill();
        world.start_daemon();
    }
    is_whole(&world, &wrote.0).await;
}

/// Becomes true when this process, and with it the others of the machine, was stopped for a while.
fn still() -> Arc<AtomicBool> {
    let stood_still = Arc::<AtomicBool>::default();
    let notes = Arc::clone(&stood_still);
    std::thread::spawn(move || {
        let (mut looked, beat) = (Instant::now(), Duration::from_millis(100));
        while Arc::strong_count(&notes) > 1 {
            std::thread::park_timeout(beat);
            if looked.elapsed() > beat * 20 {
                notes.store(true, Ordering::SeqCst);
            }
            looked = Instant::now();
        }
    });
    stood_still
}

#[tokio::test]
async fn i1_i3_a_frozen_postgresql_holds_no_webhook_up() {
    let server = Server::start(Options::default());
    let mut world = World::beside(&server, &quick(""));
    world.start_daemon();
    let mut wrote = Wrote::default();
    wrote.writes(&world, ANNE, "avant").await;
    is_whole(&world, &wrote.0).await;

    server.freeze();
    // All at once, and each customer's next when the one before got its 200.
    let mut customers = JoinSet::new();
    let stood_still = still();
    let client = reqwest::Client::new();
    for number in 0..10 {
        let bodies: Vec<_> = (0..3).map(|round| format!("gel {round}")).collect();
        let webhooks: Vec<_> = bodies
            .iter()
            .map(|body| world.twilio.sign(&world.text(BELLE, &customer(number), body)).expect("a signed webhook"))
            .collect();
        wrote.0.insert(customer(number), bodies);
        let client = client.clone();
        let stood_still = Arc::clone(&stood_still);
        customers.spawn(async move {
            for webhook in webhooks {
                let post = || {
                    let request = client
                        .post(&webhook.post_to)
                        .header("X-Twilio-Signature", &webhook.signature)
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .body(webhook.body.clone());
                    async move { request.send().await.expect("an answer").status().as_u16() }
                };
                let mut status = post().await;
                // Where the whole machine stood still, every deadline passed at once.
                while status == 503 && stood_still.load(Ordering::SeqCst) {
                    status = post().await;
                }
                assert_eq!(status, 200);
            }
        });
    }
    while let Some(customer) = customers.join_next().await {
        customer.expect("every webhook gets its 200");
    }
    let (status, ready) = asked(&world, "/readyz").await;
    assert_eq!((status, &ready["database"], &ready["spool"]["records"]), (200, &"away".into(), &30.into()), "{ready}");
    server.thaw();
    until_spool_is_empty(&world).await;
    is_whole(&world, &wrote.0).await;
}

#[tokio::test]
async fn i5_what_is_on_the_wire_when_postgresql_goes_is_not_sent_again() {
    let server = Server::start(Options { durable: true });
    let mut world = World::beside(&server, &quick(""));
    world.start_daemon();
    world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(200))]));
    let mut wrote = Wrote::default();
    for round in 0..3 {
        for number in 0..10 {
            wrote.writes(&world, &customer(number), &format!("tour {round}")).await;
        }
        world.twilio.taken_at_least(30 * round + 1).await;
        // Some are on the wire, some wait, and what comes of none of them can be written down.
        server.kill();
        for number in 10..30 {
            wrote.writes(&world, &customer(number), &format!("tour {round}")).await;
        }
        server.up();
        is_whole(&world, &wrote.0).await;
    }
}

#[tokio::test]
async fn i5_a_claim_whose_answer_is_lost_is_looked_into_before_its_lease_ends() {
    let server = Server::start(Options::default());
    let mut setup = quick("");
    setup.daemon = setup.daemon.replace("lease = \"2s\"", "lease = \"10m\"");
    let mut world = World::beside(&server, &setup);
    world.start_daemon();
    let mut wrote = Wrote::default();
    wrote.writes(&world, ANNE, "avant").await;
    is_whole(&world, &wrote.0).await;
    // The commit of a claim, or of a turn whose message goes at once, lasts longer than anybody waits for it.
    server.psql(
        "palabre",
        "CREATE SEQUENCE leased; \
         CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.state = 'sending' AND nextval('leased') = 1 THEN PERFORM pg_sleep(12); END IF; RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON messages_out DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION late()",
    );
    wrote.writes(&world, ANNE, "un").await;
    wrote.writes(&world, ANNE, "deux").await;
    is_whole(&world, &wrote.0).await;
    let lost = "SELECT count(*) FROM event_log WHERE payload->>'reason' = 'lease_expired'";
    assert!(world.value::<i64>(lost).await > 0, "it was committed, and nobody heard of it");
}

#[tokio::test]
async fn i8_callbacks_that_come_while_postgresql_is_away_count_when_it_is_back() {
    let server = Server::start(Options { durable: true });
    let mut world = World::beside(&server, &quick(""));
    world.start_daemon();
    let mut wrote = Wrote::default();
    wrote.writes(&world, ANNE, "avant").await;
    wrote.writes(&world, &customer(1), "avant").await;
    is_whole(&world, &wrote.0).await;
    let sids: Vec<_> = world.twilio.sends().into_iter().map(|sent| sent.sid).collect();

    server.kill();
    for (sid, status, code) in [(&sids[0], "delivered", None), (&sids[1], "undelivered", Some(30003))] {
        let answer = world.twilio.report(sid, status, code).await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{}\n{}", answer.status, world.logs());
    }
    wrote.writes(&world, ANNE, "pendant").await;
    assert_eq!(asked(&world, "/readyz").await.1["spool"]["records"], 3);
    world.kill();
    world.start_daemon();
    let answer = world.twilio.report(&sids[0], "read", None).await.expect("an answer");
    assert!((200..300).contains(&answer.status), "{}", answer.status);
    server.up();
    world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'failed' AND last_error = '30003'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    until_spool_is_empty(&world).await;
    assert_eq!(world.twilio.taken(), 3, "nothing is sent for it");
    assert!(!world.logs().contains("set aside"), "{}", world.logs());
}

/// A tenant's customers write long texts until three of them got 503. Answers who got 200.
async fn fill(world: &World, tenant: Tenant) -> Vec<String> {
    let client = reqwest::Client::new();
    let (mut kept, mut refused) = (Vec::new(), 0);
    for number in 0..200 {
        let (from, body) = (customer(number), format!("{number} {}", "x".repeat(20_000)));
        let webhook = world.twilio.sign(&world.text(tenant, &from, &body)).expect("a signed webhook");
        let request = client
            .post(&webhook.post_to)
            .header("X-Twilio-Signature", &webhook.signature)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(webhook.body);
        let answer = request.send().await.expect("an answer");
        match answer.status().as_u16() {
            200 => kept.push(format!("whatsapp:{from}")),
            503 => {
                assert!(answer.headers().contains_key("retry-after"));
                refused += 1;
            }
            other => panic!("{other}"),
        }
        if refused == 3 {
            return kept;
        }
    }
    panic!("all of it was taken");
}

#[tokio::test]
async fn i9_a_tenant_that_fills_its_share_of_the_spool_gets_503_while_another_gets_200() {
    let server = Server::start(Options::default());
    let mut world = World::beside(&server, &quick("max_bytes = 1048576"));
    server.kill();
    world.start_daemon();
    let kept = fill(&world, BELLE).await;
    assert!(kept.len() > 20, "{}", kept.len());
    assert_eq!(world.write(TAXI, &customer(0), "bonjour").await.status, 200);
    assert_eq!(asked(&world, "/readyz").await.0, 200, "for the others it is open");
    assert_eq!(world.logs().matches("share of the spool is used up").count(), 1);
    server.up();
    until_spool_is_empty(&world).await;
    world.until("SELECT count(*) FROM messages_in", i64::try_from(kept.len()).expect("few") + 1).await;
    assert_eq!(world.write(BELLE, &customer(1), "bonjour").await.status, 200);
}

#[tokio::test]
async fn i1_a_full_spool_answers_503_and_loses_nothing() {
    let server = Server::start(Options::default());
    let mut world = World::beside(&server, &quick("max_bytes = 1048576"));
    // With nobody to keep room for.
    std::fs::remove_file(world.config().with_file_name("tenants").join("taxi.toml")).expect("it is there");
    server.kill();
    world.start_daemon();
    let mut kept = fill(&world, BELLE).await;
    assert!(kept.len() > 40, "{}", kept.len());
    assert_eq!(asked(&world, "/readyz").await.0, 503, "neither takes anything");
    let health = asked(&world, "/api/health").await.1;
    assert_eq!(health["components"]["store"]["spool"]["takes"], false, "{health}");
    server.up();
    until_spool_is_empty(&world).await;
    let mut rows =
        world.rows("SELECT \"from\" FROM messages_in", |row| row.try_get_by_index::<String>(0).expect("text")).await;
    rows.sort();
    kept.sort();
    assert_eq!(rows, kept);
    assert_eq!(asked(&world, "/readyz").await.0, 200);
}

#[tokio::test]
async fn without_a_spool_the_daemon_does_not_start_without_postgresql() {
    let server = Server::start(Options::default());
    let world = World::beside(&server, &quick("max_bytes = 0"));
    server.kill();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(["serve", "--config"])
        .arg(world.config())
        .env("PALABRE__HTTP__LISTEN", "127.0.0.1:0")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(70));
}

/// Between a daemon and its database: ends the first connections at once, and passes on what the others say.
fn stumbling(url: &str, stumbles: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (scheme, rest) = url.split_once('@').expect("a user");
    let (server, database) = rest.split_once('/').expect("a database");
    let (server, through) = (server.to_owned(), format!("{scheme}@{address}/{database}"));
    std::thread::spawn(move || {
        for near in listener.incoming().skip(stumbles).flatten() {
            let far = TcpStream::connect(&server).expect("the server is there");
            let ends = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
            for (mut from, mut to) in [(near, far), (ends.1, ends.0)] {
                std::thread::spawn(move || {
                    // Either side may end it.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    through
}

#[tokio::test]
async fn i3_a_daemon_that_starts_while_the_database_comes_back_waits_for_it_and_keeps_nothing_to_itself() {
    let database = empty();
    let mut world = World::asleep(&quick("max_bytes = 1048576"));
    world.moves_to(&stumbling(&database.url(), 5));
    world.start_daemon();
    let mut wrote = Wrote::default();
    wrote.writes(&world, ANNE, "bonjour").await;
    is_whole(&world, &wrote.0).await;
    assert!(!world.logs().contains("messages go to the spool"), "{}", world.logs());
}
