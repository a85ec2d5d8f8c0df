//! A node whose clock is wrong.

use std::time::Duration;

use palabre_testbed::clock::Clock;
use serde_json::Value;

use crate::daemon::{BELLE, BREATH, Setup, Waiting, World};

/// Waits until a node says so of its clock, in its health and its metrics. Its heartbeats compare it.
async fn until_clock(world: &World, status: &str, ahead: std::ops::Range<f64>) {
    let mut waiting = Waiting::begin();
    loop {
        let url = world.base_url();
        let health: Value =
            reqwest::get(format!("{url}/api/health")).await.expect("health").json().await.expect("JSON");
        let metrics = reqwest::get(format!("{url}/metrics")).await.expect("metrics").text().await.expect("text");
        let told = metrics.lines().find_map(|line| line.strip_prefix("palabre_cluster_clock_ahead_seconds "));
        let told: Option<f64> = told.and_then(|told| told.parse().ok());
        if health["components"]["clock"]["status"] == status && told.is_some_and(|told| ahead.contains(&told)) {
            return;
        }
        assert!(waiting.goes_on(), "{told:?} {health:#}");
        tokio::time::sleep(BREATH).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_told_until_it_is_right_again_and_nobody_waits() {
    let clock = Clock::new();
    let mut world = World::asleep(&Setup::default());
    world.set_variables(&clock.variables());
    world.start_daemon();
    until_clock(&world, "up", -1.0..1.0).await;
    clock.set(40);
    until_clock(&world, "degraded", 39.0..41.0).await;
    assert_eq!(world.write(BELLE, "+33612340077", "Bonjour").await.status, 200);
    tokio::time::timeout(Duration::from_secs(60), world.twilio.taken_at_least(1)).await.expect("an answer");
    clock.set(-40);
    until_clock(&world, "degraded", -41.0..-39.0).await;
    clock.set(0);
    until_clock(&world, "up", -1.0..1.0).await;
    for words in ["this node's clock is not the database's", "this node's clock is right again"] {
        assert!(world.logs().contains(words), "{words}");
    }
}
