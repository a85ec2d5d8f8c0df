//! Nodes behind nginx, with the site file that operators install, are restarted one by one while customers write, and make way
//! for a newer version that changes the tables meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use palabre::gateway::twilio::simulator::{CallbackPlan, Daemon as Whereabouts, Simulator};
use palabre_testbed::{lasting_port, nginx, redis};
use tokio::task::JoinSet;

use crate::daemon::{BELLE, PUBLIC_URL, Process, Setup, Waiting, World};

const NODES: usize = 3;
/// Customers who write one message after the other.
const CUSTOMERS: usize = 24;
/// How often all nodes are restarted.
const ROUNDS: usize = 2;

/// How many answers they wait for together before they write on: what the machine cannot keep up with would be a test of
/// overload, and each restart would wait for the whole queue.
const UNANSWERED: u64 = 4 * CUSTOMERS as u64;

/// What one of them wrote, and each answer that was no 200.
type Wrote = (String, Vec<String>, Vec<String>);

/// Writes until it is told to stop, and never writes again what failed.
async fn customer(world: Arc<World>, number: usize, written: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> Wrote {
    let from = format!("+33612{number:06}");
    let (mut bodies, mut failed) = (Vec::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        // A customer, not a benchmark: the machine has other tests to run.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if written.load(Ordering::Relaxed) > world.twilio.taken() + UNANSWERED {
            continue;
        }
        written.fetch_add(1, Ordering::Relaxed);
        let body = format!("message {}", bodies.len());
        match world.twilio.deliver(&world.text(BELLE, &from, &body)).await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => failed.push(format!("{} {}", answer.status, answer.body)),
            Err(error) => failed.push(format!("{error:?}")),
        }
        bodies.push(body);
    }
    (from, bodies, failed)
}

/// Restarts one node after the other, each as soon as the one before it is ready again.
fn roll(world: &World, ports: &[u16], nodes: &mut Vec<Process>) {
    for (number, port) in ports.iter().enumerate() {
        let status = nodes.remove(0).terminate();
        assert_eq!(status.code(), Some(0), "a drain that finishes\n{}", warnings(world));
        nodes.push(world.node(number, *port));
    }
}

/// What the nodes complained about, and when they came and went.
fn warnings(world: &World) -> String {
    let logs = world.logs();
    let told = logs.lines().filter(|line| !line.contains(r#""message":"request""#) && !line.contains("migration"));
    told.collect::<Vec<_>>().join("\n")
}

async fn all_answered(twilio: &Simulator, count: usize) {
    let mut waiting = Waiting::begin();
    while twilio.taken() < count as u64 && waiting.goes_on() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Customers who write until [`Load::end`].
struct Load {
    customers: JoinSet<Wrote>,
    written: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn begin(world: &Arc<World>) -> Self {
        let (written, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut customers = JoinSet::new();
        for number in 0..CUSTOMERS {
            customers.spawn(customer(Arc::clone(world), number, Arc::clone(&written), Arc::clone(&stop)));
        }
        Self { customers, written, stop }
    }

    /// Ends it. No webhook failed, and everybody has each answer once, in order.
    async fn end(self, world: &World, front: &nginx::Server) {
        self.stop.store(true, Ordering::Relaxed);
        let wrote: Vec<Wrote> = self.customers.join_all().await;
        let failed: Vec<&String> = wrote.iter().flat_map(|(_, _, failed)| failed).collect();
        assert!(failed.is_empty(), "{failed:?}\n{}", front.errors());
        let wrote: BTreeMap<String, Vec<String>> = wrote.into_iter().map(|(from, bodies, _)| (from, bodies)).collect();
        let count = wrote.values().map(Vec::len).sum();
        all_answered(&world.twilio, count).await;
        world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending', 'unknown')", 0).await;
        let delivered = i64::try_from(count).expect("few");
        world.until("SELECT count(*) FROM messages_out WHERE state = 'delivered'", delivered).await;
        assert_eq!(world.twilio.taken(), count as u64, "nobody is answered twice");
        assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in").await, delivered, "one row each");
        for (customer, bodies) in &wrote {
            let answers: Vec<_> = bodies.iter().map(|body| format!("Vous avez écrit : {body}")).collect();
            let received = world.received(customer);
            let differ = received.iter().zip(&answers).find(|(received, answer)| received != answer);
            assert!(differ.is_none(), "{differ:?} for {customer}\n{}", warnings(world));
        }
        // The provider's callbacks came the same way.
        let log = front.access_log();
        let bad: Vec<&str> = log.lines().filter(|line| !line.contains(" 200 ")).collect();
        assert!(bad.is_empty() && log.lines().count() >= 3 * count, "{bad:?}\n{}", front.errors());
    }
}

/// A world whose nodes share a Redis, with nginx in front.
fn behind_nginx(redis: &redis::Server, ports: &[u16]) -> (Arc<World>, nginx::Server) {
    let daemon =
        format!("[runtime]\nsweep_every = \"250ms\"\nask_after = \"500ms\"\n[redis]\nurl = \"{}\"", redis.url());
    let world = Arc::new(World::asleep(&Setup { daemon, ..Setup::default() }));
    let front = nginx::Server::start(include_str!("../../config/nginx/palabre.conf"), ports);
    world.twilio.set_daemon(Whereabouts { public_base_url: PUBLIC_URL.to_owned(), reached_at: front.url() });
    world.twilio.set_callbacks(Some(CallbackPlan::of(["sent", "delivered"])));
    (world, front)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_i2_i3_no_webhook_fails_while_three_nodes_are_restarted_one_by_one() {
    let redis = redis::Server::start();
    let ports: Vec<u16> = (0..NODES).map(|_| lasting_port()).collect();
    let (world, front) = behind_nginx(&redis, &ports);
    let mut nodes: Vec<Process> = ports.iter().enumerate().map(|(number, port)| world.node(number, *port)).collect();
    let load = Load::begin(&world);
    let rolling = Arc::clone(&world);
    let nodes = tokio::task::spawn_blocking(move || {
        (0..ROUNDS).for_each(|_| roll(&rolling, &ports, &mut nodes));
        nodes
    });
    let nodes = nodes.await.expect("each is restarted");
    load.end(&world, &front).await;
    drop(nodes);
}

/// The first step of the tables that the older node below does not have.
const NEWER: &str = "m20261201_000280_crm";
/// Takes away what that step and all later ones made, but for the view, which gets its text of before.
const OLDER: &str = "
    DROP VIEW message_events;
    DROP INDEX messages_out_email, offers_taken, offers_contact;
    DROP TABLE crm_records, crm_emails, waiting_list, calendar_feeds, push_subscriptions;
    ALTER TABLE subscriptions DROP COLUMN moved_at;
    ALTER TABLE access_chats DROP COLUMN migrated_to;
    ALTER TABLE bookings DROP COLUMN late_minutes, DROP COLUMN people, DROP COLUMN places;
    ALTER TABLE offers DROP COLUMN rating;
    ALTER TABLE users DROP COLUMN oidc_issuer, DROP COLUMN oidc_subject;
";

/// The view as an earlier step wrote it.
fn older_view() -> &'static str {
    let text = include_str!("../../migrations/src/m20261130_000140_journals/postgres.sql");
    let from = text.find("CREATE VIEW message_events").expect("the step makes it");
    text[from..].split_inclusive(';').next().expect("a statement")
}

/// No program of an earlier version is at hand. What stands for it is this one, whose newest tables were taken away while it
/// runs: what it asks of the older ones are the statements of the build before those.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_i2_i3_a_newer_node_changes_the_tables_while_an_older_one_serves() {
    let redis = redis::Server::start();
    let ports: Vec<u16> = (0..2).map(|_| lasting_port()).collect();
    let (world, front) = behind_nginx(&redis, &ports);
    let older = world.node(0, ports[0]);
    let steps = "SELECT count(*) FROM seaql_migrations";
    let all: i64 = world.value(steps).await;
    let forgotten = format!("DELETE FROM seaql_migrations WHERE version >= '{NEWER}'");
    world.execute(&format!("{OLDER}{};{forgotten}", older_view().trim_end_matches(';'))).await;
    let before: i64 = world.value(steps).await;
    assert!(before < all, "{before} steps of {all}: name what a later one makes in `OLDER`");

    let load = Load::begin(&world);
    let answers = async |more: u64| {
        let taken = world.twilio.taken();
        world.twilio.taken_at_least(taken + more).await;
    };
    answers(100).await;
    let (starting, port) = (Arc::clone(&world), ports[1]);
    let written = load.written.load(Ordering::Relaxed);
    let newer = tokio::task::spawn_blocking(move || starting.node(1, port)).await.expect("it starts");
    assert_eq!(world.value::<i64>(steps).await, all, "it made the steps");
    assert!(load.written.load(Ordering::Relaxed) > written, "customers wrote meanwhile");
    // Both serve on the new tables; then the older one goes.
    answers(100).await;
    let left = tokio::task::spawn_blocking(move || older.terminate()).await.expect("it ends");
    assert_eq!(left.code(), Some(0), "a drain that finishes\n{}", warnings(&world));
    answers(50).await;
    load.end(&world, &front).await;
    drop(newer);
}
