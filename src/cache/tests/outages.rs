//! Outages of Redis: killed, frozen, emptied, restarted under nodes that take permits.

use std::time::{Duration, Instant};

use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::channel::RateLimit;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rate_limit::per_second;
use palabre_actors::ports::{Acquired, KeyedLimit, LimitKey, RateLimiter};
use palabre_actors::runtime::LiveNodes;
use palabre_testbed::redis::Server;
use secrecy::SecretString;

use super::super::{RedisClient, SharedRateLimiter, now};

/// A node: its connection and its permits.
struct Node {
    redis: RedisClient,
    pacing: SharedRateLimiter,
}

async fn nodes(server: &Server, count: u32) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        let redis = RedisClient::connect(&SecretString::from(server.url())).expect("a URL");
        redis.know(b"secret").await;
        let live = LiveNodes::default();
        live.seen(count);
        nodes.push(Node { pacing: redis.rate_limiter(live), redis });
    }
    nodes
}

impl Node {
    async fn take(&self, limit: &KeyedLimit) -> Acquired {
        self.pacing.acquire(std::slice::from_ref(limit), now()).await.expect("it never fails")
    }

    /// Waits as told until a permit is there. Answers when it was.
    async fn get(&self, limit: &KeyedLimit) -> Instant {
        loop {
            match self.take(limit).await {
                Acquired::Granted => return Instant::now(),
                Acquired::RetryAfter(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Waits until it knows how the server stands.
    async fn until(&self, up: bool) {
        while self.redis.status().up != up {
            tokio::task::yield_now().await;
        }
    }
}

fn keyed(limit: RateLimit) -> KeyedLimit {
    KeyedLimit { key: LimitKey::Tenant(TenantId::new("belle")), limit }
}

/// One an hour, so many at once.
fn hourly(burst: u32) -> KeyedLimit {
    keyed(RateLimit { every: Duration::from_secs(3_600), burst })
}

/// How many permits there are at once, over all nodes.
async fn at_once(nodes: &[Node], limit: &KeyedLimit) -> usize {
    let mut taken = 0;
    for node in nodes {
        while node.take(limit).await == Acquired::Granted {
            taken += 1;
        }
    }
    taken
}

#[tokio::test]
async fn i7_nodes_share_what_one_would_have() {
    let server = Server::start();
    let nodes = nodes(&server, 3).await;
    assert!(nodes.iter().all(|node| node.redis.status().up));
    assert_eq!(at_once(&nodes, &hourly(9)).await, 9);
    let (five, begun) =
        (KeyedLimit { key: LimitKey::Account(ChannelId::new("belle-wa")), limit: per_second(5) }, Instant::now());
    for n in 0..6_u32 {
        let at = nodes[n as usize % 3].get(&five).await;
        assert!(at >= begun + Duration::from_millis(200) * n, "permit {n} came early");
    }
}

#[tokio::test]
async fn i10_every_key_expires_and_names_nobody() {
    let server = Server::start();
    let node = &nodes(&server, 1).await[0];
    let address = Address::parse(Scheme::Whatsapp, "+33612345678", None).expect("a number");
    let limit = RateLimit { every: Duration::from_secs(6), burst: 45 };
    let key = LimitKey::Pair(ChannelId::new("belle-wa"), address);
    let limits = [KeyedLimit { key, limit }, keyed(per_second(1)), keyed(per_second(1))];
    assert_eq!(node.pacing.acquire(&limits, now()).await.expect("it answers"), Acquired::Granted);
    let keys = server.command(&["KEYS", "*"]);
    assert!(keys.iter().any(|key| key.contains(":pair:")), "{keys:?}");
    for key in keys.iter().filter(|key| !key.ends_with(":knock")) {
        assert!(!key.contains("612345678"), "{key}");
        let left: i64 = server.command(&["PTTL", key])[0].parse().expect("a number");
        // A key whose time has come is gone, or nearly.
        assert!((-2..=6_000).contains(&left) && left != -1, "{key} lasts {left} ms");
    }
}

#[tokio::test]
async fn without_a_server_each_node_keeps_to_its_share() {
    let mut server = Server::absent();
    let nodes = nodes(&server, 3).await;
    assert!(nodes.iter().all(|node| !node.redis.status().up));
    assert_eq!(at_once(&nodes, &hourly(9)).await, 9, "three each");
    // What they took meanwhile, the server is told of when it comes.
    server.up();
    for node in &nodes {
        node.until(true).await;
    }
    assert_eq!(at_once(&nodes, &hourly(9)).await, 6, "those that the one that asked first did not know of");
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_each_its_share_and_comes_back_knowing_what_the_nodes_know() {
    let mut server = Server::start();
    let nodes = nodes(&server, 2).await;
    for _ in 0..4 {
        assert_eq!(nodes[0].take(&hourly(8)).await, Acquired::Granted);
    }
    server.kill();
    // The one that took its share already waits, the other has its own.
    assert_eq!(at_once(&nodes, &hourly(8)).await, 4);
    assert!(nodes.iter().all(|node| !node.redis.status().up));
    server.up();
    for node in &nodes {
        node.until(true).await;
    }
    assert_eq!(at_once(&nodes, &hourly(8)).await, 4, "each knows of four");
    assert_eq!(at_once(&nodes, &hourly(8)).await, 0, "and the server of eight");
}

#[tokio::test]
async fn a_frozen_server_costs_a_moment_once_and_is_shared_again() {
    let server = Server::start();
    let nodes = nodes(&server, 2).await;
    server.freeze();
    // Every message would wait for ever otherwise, or each for its own timeout.
    assert_eq!(at_once(&nodes, &hourly(8)).await, 8);
    for node in &nodes {
        node.until(false).await;
    }
    server.thaw();
    for node in &nodes {
        node.until(true).await;
    }
    assert!(at_once(&nodes, &hourly(8)).await <= 4, "what one of them took is known");
}

#[tokio::test]
async fn an_emptied_server_learns_from_the_nodes() {
    let server = Server::start();
    let nodes = nodes(&server, 2).await;
    assert_eq!(at_once(&nodes[..1], &hourly(8)).await, 8);
    server.command(&["FLUSHALL"]);
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(at_once(&nodes[..1], &hourly(8)).await, 0, "the node knows");
    assert!(nodes.iter().all(|node| node.redis.status().up));
}

#[tokio::test]
async fn what_is_published_is_heard_also_after_the_server_was_away() {
    let mut server = Server::start();
    let nodes = nodes(&server, 2).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    nodes[1].redis.listen(move |text| drop(tell.send(text.to_owned())));
    let mut heard = async |text: &str| loop {
        // Lost until the other has subscribed: it is a hint.
        nodes[0].redis.publish(text.to_owned()).await;
        tokio::select! {
            heard = told.recv() => if heard.as_deref() == Some(text) { return },
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    heard("one").await;
    server.kill();
    nodes[0].until(false).await;
    assert!(!nodes[0].redis.publish("lost".to_owned()).await);
    server.up();
    nodes[0].until(true).await;
    heard("two").await;
}
