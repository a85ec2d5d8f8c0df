//! Two daemons on one PostgreSQL, with a Redis that comes and goes: what they share, and how they notify each other.

mod clocks;
mod days;
mod presence;
mod reload;
mod silence;
mod transcripts;

use std::ops::RangeInclusive;
use std::process::Command;
use std::time::{Duration, Instant};

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, When};
use palabre_testbed::redis::Server;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{BELLE, Setup, Waiting, World};

const ANNE: &str = "+33612345678";
const OPS: &str = "key-of-the-operators-0123456789";
const UP: &str = "redis answers";
const AWAY: &str = "redis does not answer";

/// Two nodes.
struct Nodes {
    world: World,
    client: reqwest::Client,
    _keys: TempDir,
}

impl Nodes {
    /// `per_second` of belle's account, how often they look by themselves, and where Redis is.
    fn start(per_second: u32, sweep_every: &str, redis: Option<&Server>) -> Self {
        let whatsapp = format!("per_second = {per_second}\npair = \"off\"");
        Self::start_on(Setup { whatsapp, ..Setup::default() }, sweep_every, redis)
    }

    /// The same on a configuration of its own.
    fn start_on(setup: Setup, sweep_every: &str, redis: Option<&Server>) -> Self {
        let keys = tempfile::tempdir().expect("a temporary folder");
        let path = keys.path().join("ops");
        std::fs::write(&path, OPS).expect("a file");
        let redis = redis.map(|redis| format!("[redis]\nurl = \"{}\"\n", redis.url())).unwrap_or_default();
        let daemon = format!(
            "[runtime]\nsweep_every = \"{sweep_every}\"\nask_after = \"{sweep_every}\"\npassivate_after = \"10m\"\n{redis}\
             [[api.keys]]\nname = \"ops\"\nkey = {{ file = \"{}\" }}\ntenants = [\"*\"]\nscopes = [\"read\", \"send\", \"operate\"]\n",
            path.display()
        );
        let mut world = World::start_on(&Setup { daemon, ..setup });
        world.start_another();
        Self { world, client: reqwest::Client::new(), _keys: keys }
    }

    /// As many contacts as that write, by turns to each node, and are answered. Answers when the answers reached the
    /// provider, in order.
    async fn converse(&self, round: usize, count: usize) -> Vec<Instant> {
        let before = self.world.twilio.sends().len();
        for n in 0..count {
            self.world.aim_at(n % 2);
            let answer = self.world.write(BELLE, &format!("+336120{round:03}{n:02}"), "bonjour").await;
            assert_eq!(answer.status, 200);
        }
        self.world.twilio.taken_at_least((before + count) as u64).await;
        self.world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending', 'unknown')", 0).await;
        let sends = self.world.twilio.sends();
        assert_eq!(sends.len(), before + count, "each is answered once");
        let mut arrivals: Vec<Instant> = sends[before..].iter().map(|sent| sent.at).collect();
        arrivals.sort();
        arrivals
    }

    async fn ask(&self, node: usize, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.world.nodes()[node]);
        let answer = self.client.request(method, url).bearer_auth(OPS).json(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn text_of(&self, node: usize, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.world.nodes()[node])).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    /// Waits until every node shows a metric so.
    async fn until_metric(&self, line: &str) {
        let (series, wanted) = line.rsplit_once(' ').expect("a series and its value");
        let wanted = wanted.parse().expect("a number");
        self.until_gauge(series, wanted..=wanted).await;
    }

    async fn until_gauge(&self, series: &str, values: RangeInclusive<f64>) {
        for node in 0..2 {
            let node = self.world.nodes()[node];
            self.world.until_metric_at(node, series, |value| values.contains(&value)).await;
        }
    }

    fn said(&self, words: &str) -> usize {
        self.world.logs().matches(words).count()
    }

    fn palabre(&self, told: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
        let said = command.args(told).env("PALABRE_CONFIG", self.world.config()).output().expect("it runs");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

/// No n-th arrival before its time: one permit every 200 ms, over both nodes.
fn assert_shared(begun: Instant, arrivals: &[Instant]) {
    for (n, at) in (0_u32..).zip(arrivals) {
        let earliest = begun + Duration::from_millis(200) * n;
        assert!(*at >= earliest, "arrival {n} is {:?} early", earliest - *at);
    }
}

/// No n-th arrival before its time: one permit every 400 ms for each of two nodes, which do not know of each other.
fn assert_at_share(begun: Instant, arrivals: &[Instant]) {
    for (n, at) in (0_u32..).zip(arrivals) {
        let earliest = begun + Duration::from_millis(400) * (n / 2);
        assert!(*at >= earliest, "arrival {n} is {:?} early", earliest - *at);
    }
}

#[tokio::test]
async fn i7_two_nodes_share_a_quota_and_keep_to_their_shares_while_redis_is_away() {
    let mut redis = Server::start();
    let nodes = Nodes::start(5, "50ms", Some(&redis));
    nodes.until_metric("palabre_redis_up 1").await;
    nodes.until_metric("palabre_cluster_nodes_count 2").await;
    let begun = Instant::now();
    assert_shared(begun, &nodes.converse(1, 8).await);

    redis.kill();
    let begun = Instant::now();
    assert_at_share(begun, &nodes.converse(2, 8).await);
    nodes.until_metric("palabre_redis_up 0").await;
    for node in 0..2 {
        let (ready, _) = nodes.text_of(node, "/readyz").await;
        let (status, health) = nodes.text_of(node, "/api/health").await;
        assert_eq!((ready, status), (200, 200), "{health}");
        let health: Value = serde_json::from_str(&health).expect("JSON");
        let part = &health["components"]["redis"];
        assert_eq!((&health["status"], &part["status"]), (&json!("degraded"), &json!("degraded")), "{health}");
        assert!(part["since"].is_string(), "{health}");
    }
    redis.up();
    nodes.until_metric("palabre_redis_up 1").await;
    let begun = Instant::now();
    assert_shared(begun, &nodes.converse(3, 8).await);

    // A server that says nothing any more is worse than one that is gone.
    redis.freeze();
    let begun = Instant::now();
    assert_at_share(begun, &nodes.converse(4, 8).await);
    nodes.until_metric("palabre_redis_up 0").await;
    redis.thaw();
    nodes.until_metric("palabre_redis_up 1").await;
    redis.command(&["FLUSHALL"]);
    let begun = Instant::now();
    assert_shared(begun, &nodes.converse(5, 8).await);
    // One line of each node each time, however many messages noticed.
    assert_eq!((nodes.said(AWAY), nodes.said(UP)), (4, 6), "{}", nodes.world.logs());
}

#[tokio::test]
async fn daemons_start_without_redis_and_find_it_later() {
    let mut redis = Server::absent();
    let nodes = Nodes::start(5, "50ms", Some(&redis));
    nodes.until_metric("palabre_cluster_nodes_count 2").await;
    nodes.until_metric("palabre_redis_up 0").await;
    let begun = Instant::now();
    assert_at_share(begun, &nodes.converse(1, 4).await);
    redis.up();
    nodes.until_metric("palabre_redis_up 1").await;
    let begun = Instant::now();
    assert_shared(begun, &nodes.converse(2, 4).await);
}

/// With so long between two looks, what happens in time happens because somebody said so.
const NEVER: &str = "10m";

#[tokio::test]
async fn what_a_command_sets_on_its_way_goes_at_once() {
    let nodes = Nodes::start(10_000, NEVER, None);
    let refused = Rule::always(Fault::Refuse { status: 400, code: 63_024 }).when(When::To(format!("whatsapp:{ANNE}")));
    nodes.world.twilio.set_faults(Faults::of([refused]));
    nodes.world.write(BELLE, ANNE, "bonjour").await;
    let dead = "SELECT count(*) FROM messages_out WHERE state IN ('dead', 'failed')";
    nodes.world.until(dead, 1).await;
    nodes.world.twilio.set_faults(Faults::none());
    let id: String = nodes.world.value("SELECT id FROM messages_out").await;
    nodes.palabre(&["outbox", "replay", &id]);
    nodes.world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
}

#[tokio::test]
async fn conversations_on_every_node_hear_that_somebody_may_be_written_to_again() {
    let nodes = Nodes::start(10_000, NEVER, None);
    nodes.world.aim_at(1);
    nodes.world.write(BELLE, ANNE, "STOP").await;
    nodes.world.twilio.taken_at_least(1).await;
    let body = json!({ "tenant": "belle", "to": format!("whatsapp:{ANNE}"), "text": "Votre rendez-vous" });
    let (status, told) = nodes.ask(1, Method::POST, "/api/v1/messages", &body).await;
    assert_eq!(status, 422, "{told}");
    let whatsapp = format!("whatsapp:{ANNE}");
    nodes.palabre(&["optout", "remove", "--tenant", "belle", &whatsapp, "--evidence", "letter"]);
    let mut waiting = Waiting::begin();
    while nodes.ask(1, Method::POST, "/api/v1/messages", &body).await.0 != 202 {
        assert!(waiting.goes_on(), "the node still believes that it may not:\n{}", nodes.world.logs());
    }
}

async fn the_other_node_hears_of_pauses(nodes: &Nodes) {
    nodes.world.aim_at(1);
    let (mut waiting, mut written) = (Waiting::begin(), 0_i64);
    let kept = "SELECT count(*) FROM messages_out WHERE state = 'pending'";
    while nodes.world.value::<i64>(kept).await == 0 {
        assert!(written < 200 && waiting.goes_on(), "the other node still sends:\n{}", nodes.world.logs());
        // Said again and again: a wake-up is a hint, and may be lost while somebody only begins to listen.
        let pause = json!({ "reason": "quality" });
        let (status, told) = nodes.ask(0, Method::POST, "/api/v1/channels/belle/pause", &pause).await;
        assert_eq!(status, 200, "{told}");
        let contact = format!("+33612{written:06}");
        nodes.world.write(BELLE, &contact, "bonjour").await;
        written += 1;
        nodes.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", written).await;
    }
    let (status, told) = nodes.ask(0, Method::POST, "/api/v1/channels/belle/resume", &json!({})).await;
    assert_eq!(status, 200, "{told}");
    nodes.world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", written).await;
}

#[tokio::test]
async fn a_pause_on_one_node_is_heard_on_the_other_through_postgresql() {
    the_other_node_hears_of_pauses(&Nodes::start(10_000, NEVER, None)).await;
}

#[tokio::test]
async fn a_pause_on_one_node_is_heard_on_the_other_through_redis() {
    let redis = Server::start();
    let nodes = Nodes::start(10_000, NEVER, Some(&redis));
    nodes.until_metric("palabre_redis_up 1").await;
    the_other_node_hears_of_pauses(&nodes).await;
}

#[tokio::test]
async fn i12_two_hundred_customers_race_for_five_times_on_three_nodes() {
    let mut world = World::start_on(&crate::flows_on_postgres::setup());
    world.start_another();
    world.start_another();
    let nodes: Vec<String> = world.nodes().into_iter().map(str::to_owned).collect();
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    crate::flows_on_postgres::race(&world, &nodes, 200, 5).await;
}
