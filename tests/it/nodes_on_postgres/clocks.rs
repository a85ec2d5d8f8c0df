//! A node whose clock is wrong.

use std::ops::Range;
use std::time::Duration;

use palabre_testbed::clock::Clock;
use serde_json::Value;

use crate::daemon::{BELLE, Setup, World};

/// Waits until a node measures so of its clock, which its heartbeats compare, and looks what its health says then.
async fn until_clock(world: &World, ahead: Range<f64>, status: &str) {
    let series = "palabre_cluster_clock_ahead_seconds";
    world.until_metric_at(world.base_url(), series, |seconds| ahead.contains(&seconds)).await;
    let health = reqwest::get(format!("{}/api/health", world.base_url())).await.expect("health");
    let health: Value = health.json().await.expect("JSON");
    assert_eq!(health["components"]["clock"]["status"], status, "{health:#}");
}

#[tokio::test]
async fn a_clock_that_jumps_is_told_until_it_is_right_again_and_nobody_waits() {
    let clock = Clock::new();
    let mut world = World::asleep(&Setup::default());
    world.set_variables(&clock.variables());
    world.start_daemon();
    until_clock(&world, -1.0..1.0, "up").await;
    clock.set(40);
    until_clock(&world, 39.0..41.0, "degraded").await;
    assert_eq!(world.write(BELLE, "+33612340077", "Bonjour").await.status, 200);
    tokio::time::timeout(Duration::from_secs(60), world.twilio.taken_at_least(1)).await.expect("an answer");
    clock.set(-40);
    until_clock(&world, -41.0..-39.0, "degraded").await;
    clock.set(0);
    until_clock(&world, -1.0..1.0, "up").await;
    for words in ["this node's clock is not the database's", "this node's clock is right again"] {
        assert!(world.logs().contains(words), "{words}");
    }
}
