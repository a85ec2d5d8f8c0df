//! Errors become events at Sentry: without personal data, so many of a kind in a minute, and nobody waits for it.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::stand_ins::{KEY, PROJECT, StandIn};
use crate::daemon::{BELLE, Setup, TAXI, World};

const ANNE: &str = "+33612345678";
const MAIL: &str = "awa.diallo@example.com";

fn reporting_to(at: &str, more: &str) -> Setup {
    let base = Setup::default();
    let sentry = format!("[sentry]\ndsn = \"http://{KEY}@{at}/{PROJECT}\"\nenvironment = \"tests\"\n{more}");
    Setup { daemon: format!("{}\n{sentry}", base.daemon), ..base }
}

/// A tenant's file that does not hold: the daemon says so in an error line, and keeps to what it said before.
fn spoil(world: &World, tenant: &str, line: &str) {
    let path = world.config().with_file_name("tenants").join(format!("{tenant}.toml"));
    let text = std::fs::read_to_string(&path).expect("its file");
    std::fs::write(&path, format!("{line}\n{text}")).expect("a file");
    world.hang_up();
}

#[tokio::test]
async fn i10_an_error_is_an_event_that_names_nobody_and_a_kind_is_told_twice_a_minute() {
    let (sentry, at) = StandIn::start();
    let mut world = World::start_on(&reporting_to(&at, "per_minute = 2"));
    world.write(BELLE, ANNE, "Bonjour").await;
    // Somebody wrote a contact where a key belongs.
    spoil(&world, BELLE.id, &format!("\"{MAIL}\" = 1"));
    let events = sentry.until(StandIn::events, 1).await;
    let event = &events[0];
    assert_eq!(event["message"], "a tenant's file does not hold, what it said before counts");
    assert_eq!(event["logger"], "palabre::app::reload");
    assert_eq!(event["release"], concat!("palabre@", env!("CARGO_PKG_VERSION")));
    assert_eq!(event["environment"], "tests");
    assert_eq!(event["fingerprint"], serde_json::json!(["palabre::app::reload", event["message"]]));
    assert!(event["extra"]["reason"].is_string() && event["extra"]["config.key"].is_string(), "{event}");
    for key in ["user", "request", "server_name", "breadcrumbs", "contexts"] {
        assert_eq!(event.get(key), None, "{key} of {event}");
    }
    let posted = &sentry.requests()[0];
    assert_eq!(posted.path, format!("/api/{PROJECT}/envelope/"));
    assert_eq!(posted.content_type, "application/x-sentry-envelope");
    assert!(
        posted.auth.starts_with("Sentry ") && posted.auth.contains(&format!("sentry_key={KEY}")),
        "{}",
        posted.auth
    );

    // More of the same kind: the second goes out, the others are counted.
    for key in ["first_slip", "second_slip"] {
        spoil(&world, TAXI.id, &format!("{key} = 1"));
        world.until_logged(key).await;
    }
    world
        .until_metric_at(world.base_url(), "palabre_sentry_events_total{result=\"limited\"}", |seen| seen >= 1.0)
        .await;
    world.terminate();
    assert_eq!(sentry.events().len(), 2, "{:?}", sentry.events());
    let told = sentry.bytes();
    for secret in [ANNE, "33612345678", MAIL, "awa.diallo", BELLE.auth_token, "Bonjour"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test]
async fn a_sentry_that_does_not_answer_or_wants_rest_delays_nobody() {
    let (sentry, at) = StandIn::start();
    sentry.is_tired.store(true, Ordering::SeqCst);
    let mut world = World::start_on(&reporting_to(&at, "per_minute = 1000"));
    spoil(&world, BELLE.id, "what = 1");
    world
        .until_metric_at(world.base_url(), "palabre_sentry_events_total{result=\"dropped\"}", |seen| seen >= 1.0)
        .await;
    // Left alone now: another event is not even posted.
    spoil(&world, TAXI.id, "when = 2");
    world
        .until_metric_at(world.base_url(), "palabre_sentry_events_total{result=\"dropped\"}", |seen| seen >= 2.0)
        .await;
    assert_eq!(sentry.requests().len(), 1);
    assert_eq!(world.write(BELLE, ANNE, "Quels sont vos horaires ?").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    assert!(world.terminate().success());

    let (stuck, at) = StandIn::start();
    stuck.is_stuck.store(true, Ordering::SeqCst);
    let mut world = World::start_on(&reporting_to(&at, "per_minute = 1000"));
    spoil(&world, BELLE.id, "what = 1");
    stuck.until(StandIn::requests, 1).await;
    assert_eq!(world.write(BELLE, ANNE, "Quels sont vos horaires ?").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    assert!(world.terminate().success(), "what was not posted keeps nobody");
}

#[tokio::test]
async fn a_daemon_that_does_not_start_says_so() {
    let (sentry, at) = StandIn::start();
    let world = World::start_on(&reporting_to(&at, ""));
    // The database is another's.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"));
    command.args(["serve", "--config"]).arg(world.config()).env("PALABRE__HTTP__LISTEN", "127.0.0.1:0");
    let second = tokio::task::spawn_blocking(move || command.output());
    let second = second.await.expect("it ends").expect("it starts");
    assert_eq!(second.status.code(), Some(70));
    let events = sentry.until(StandIn::events, 1).await;
    assert_eq!(events[0]["message"], Value::from("not started"));
}
