//! Reload: tenants' files appear, change, do not hold, and disappear under a running daemon.

use std::path::PathBuf;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::daemon::{BELLE, Setup, TAXI, Waiting, World};

const NAILS: &str = r#"
id = "nails"
name = "Nails"
language = "fr"
timezone = "Europe/Paris"
[[channels]]
id = "nails-try"
provider = "sandbox"
address = "sandbox:nails"
[[faq]]
question = "Où êtes-vous ?"
keywords = ["adresse", "où"]
answer = "12 rue des Lilas."
[replies]
fallback = "Merci, nous répondons vite."
"#;

fn file(world: &World, name: &str) -> PathBuf {
    world.config().with_file_name("tenants").join(name)
}

/// As an editor or the set-up writes: beside it, then in its place.
fn write(world: &World, name: &str, text: &str) {
    let path = file(world, name);
    let beside = path.with_file_name(format!(".{name}.new"));
    std::fs::write(&beside, text).expect("a file");
    std::fs::rename(beside, path).expect("a file");
}

fn change(world: &World, name: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(file(world, name)).expect("a file");
    assert!(text.contains(from), "{text}");
    write(world, name, &text.replace(from, to));
}

async fn get(url: &str) -> (StatusCode, String) {
    let answer = Client::new().get(url).send().await.expect("an answer");
    (answer.status(), answer.text().await.expect("a body"))
}

/// What `/api/health` says of the configuration at a node.
async fn configuration(node: &str) -> Value {
    let (_, body) = get(&format!("{node}/api/health")).await;
    let health: Value = serde_json::from_str(&body).expect("JSON");
    health["components"]["configuration"].clone()
}

/// Waits until the configuration of a node is as wanted.
async fn until(world: &World, node: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut waiting = Waiting::begin();
    loop {
        let told = configuration(node).await;
        if wanted(&told) {
            return told;
        }
        waiting.again(|| format!("{told}\n{}", world.logs())).await;
    }
}

/// Waits until files were taken over so often.
async fn until_applied(world: &World, times: u32) {
    world.until_metric("palabre_config_reloads_total{result=\"applied\"}", times.into()).await;
}

async fn post(url: &str, body: &Value) -> StatusCode {
    let request = Client::new().post(url).header("Content-Type", "application/json").body(body.to_string());
    request.send().await.expect("an answer").status()
}

fn is_version_other_than(before: &Value) -> impl Fn(&Value) -> bool + use<> {
    let before = before["version"].clone();
    move |told| told["version"] != before
}

#[tokio::test]
async fn a_tenant_that_appears_is_served_and_nobody_else_notices() {
    let world = World::start();
    let before = configuration(world.base_url()).await;
    assert_eq!((before["status"].as_str(), before["tenants"].as_u64()), (Some("up"), Some(2)), "{before}");
    let inbound = format!("{}/webhooks/sandbox/nails-try", world.base_url());
    assert_eq!(post(&inbound, &json!({ "from": "anna", "text": "adresse" })).await, StatusCode::NOT_FOUND);

    write(&world, "nails.toml", NAILS);
    let mut waiting = Waiting::begin();
    let (mut written, mut is_there) = (0, false);
    // Belle's customers write all the while.
    while !is_there || written < 30 {
        assert!(waiting.goes_on(), "{}", world.logs());
        let customer = format!("+3361200{written:04}");
        assert_eq!(world.write(BELLE, &customer, "horaires").await.status, 200);
        written += 1;
        if !is_there {
            is_there = configuration(world.base_url()).await["tenants"] == 3;
        }
    }
    assert_eq!(post(&inbound, &json!({ "from": "anna", "text": "où êtes-vous ?" })).await, StatusCode::OK);
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'nails' AND state = 'sent'", 1).await;
    let body: String = world.value("SELECT body FROM messages_out WHERE tenant_id = 'nails'").await;
    assert_eq!(body, "12 rue des Lilas.");
    world.until("SELECT count(*) FROM messages_in WHERE tenant_id = 'belle' AND state = 'processed'", written).await;
    world.twilio.taken_at_least(u64::try_from(written).expect("few")).await;
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'belle' AND state = 'sent'", written).await;
}

#[tokio::test]
async fn a_file_that_does_not_hold_changes_nothing_and_is_told_and_the_others_are_taken_over() {
    let world = World::start();
    let first = configuration(world.base_url()).await;
    change(&world, "belle.toml", "keywords = [\"horaires\"]", "keywrods = [\"horaires\"]");
    let told = until(&world, world.base_url(), |told| told["status"] == "degraded").await;
    assert_eq!(told["version"], first["version"], "{told}");
    assert!(told["refused"].as_u64().is_some_and(|errors| errors > 0), "{told}");
    assert_eq!(get(&format!("{}/readyz", world.base_url())).await.0, StatusCode::OK);
    let metrics = world.metrics().await;
    assert!(metrics.contains("palabre_config_reload_refused 1"), "{metrics}");
    assert!(metrics.contains("palabre_config_reloads_total{result=\"refused\"} 1"), "{metrics}");
    let logs = world.logs();
    assert!(logs.contains("belle.toml") && logs.contains("keywrods"), "{logs}");

    // What another file says counts all the same, and belle answers as before.
    change(&world, "taxi.toml", "Du mardi au samedi", "Tous les jours");
    until(&world, world.base_url(), is_version_other_than(&first)).await;
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 200);
    assert_eq!(world.write(TAXI, "+33612345679", "horaires").await.status, 200);
    world.twilio.taken_at_least(2).await;
    assert_eq!(world.received("+33612345678"), ["Du mardi au samedi, de 9 h à 19 h."]);
    assert_eq!(world.received("+33612345679"), ["Tous les jours, de 9 h à 19 h."]);

    change(&world, "belle.toml", "keywrods", "keywords");
    let told = until(&world, world.base_url(), |told| told["status"] == "up").await;
    assert_eq!(told.get("refused"), None, "{told}");
}

#[tokio::test]
async fn a_conversation_in_memory_goes_by_the_new_file_and_a_rotated_secret_counts() {
    let world = World::start();
    let first = configuration(world.base_url()).await;
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 200);
    world.twilio.taken_at_least(1).await;
    change(&world, "belle.toml", "de 9 h à 19 h", "de 10 h à 20 h");
    let second = until(&world, world.base_url(), is_version_other_than(&first)).await;
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 200);
    world.twilio.taken_at_least(2).await;
    let answers = world.received("+33612345678");
    assert_eq!(answers, ["Du mardi au samedi, de 9 h à 19 h.", "Du mardi au samedi, de 10 h à 20 h."]);

    // The provider signs with the old token: it is refused once the new one counts, which the version does not show.
    world.write_secret("belle.token", "fedcba9876543210fedcba9876543210");
    until_applied(&world, 2).await;
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 401);
    assert_eq!(configuration(world.base_url()).await["version"], second["version"]);
    world.write_secret("belle.token", BELLE.auth_token);
    until_applied(&world, 3).await;
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 200);
}

#[tokio::test]
async fn what_waits_for_a_tenant_that_is_taken_away_waits_until_it_is_back() {
    let world = World::start();
    // The provider takes nothing: the answer waits for its next attempt.
    world.twilio.set_faults(Faults::of([Rule::always(Fault::TooManyRequests { retry_after_secs: Some(1) })]));
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE attempts > 0 AND state = 'pending'", 1).await;
    let text = std::fs::read_to_string(file(&world, "belle.toml")).expect("a file");
    std::fs::remove_file(file(&world, "belle.toml")).expect("it is there");
    until(&world, world.base_url(), |told| told["tenants"] == 1).await;
    world.twilio.set_faults(Faults::none());
    assert_eq!(world.write(BELLE, "+33612345678", "horaires").await.status, 404, "as for any unknown channel");
    assert_eq!(world.write(TAXI, "+33612345679", "horaires").await.status, 200);
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'taxi' AND state = 'sent'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'belle' AND state = 'sent'", 0).await;
    let kept: i64 = world.value("SELECT count(*) FROM tenants WHERE id = 'belle'").await;
    assert_eq!(kept, 1, "its rows stay");
    assert!(world.logs().contains("tenant left the configuration"), "{}", world.logs());

    write(&world, "belle.toml", &text);
    until(&world, world.base_url(), |told| told["tenants"] == 2).await;
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'belle' AND state = 'sent'", 1).await;
    assert_eq!(world.received("+33612345678"), ["Du mardi au samedi, de 9 h à 19 h."]);
}

#[tokio::test]
async fn sighup_and_the_api_read_the_files_at_once() {
    let mut world = World::asleep(&Setup::default());
    world.write_secret("ops.key", "key-of-the-operators-0123456789");
    world.write_secret("belle.key", "key-of-belle-0123456789");
    let daemon = "[runtime]\nsweep_every = \"250ms\"\n[[api.keys]]\nname = \"ops\"\nkey = { file = \"ops.key\" }\n\
                  tenants = [\"*\"]\nscopes = [\"operate\"]\n[[api.keys]]\nname = \"belle\"\nkey = { file = \"belle.key\" }\n\
                  tenants = [\"belle\"]\nscopes = [\"operate\"]\n";
    world.reconfigure(&Setup { daemon: daemon.to_owned(), ..Setup::default() });
    world.start_daemon();
    let first = configuration(world.base_url()).await;
    change(&world, "taxi.toml", "Maison taxi", "Taxi Bleu");
    let reload = |key: &'static str| {
        let request = Client::new().post(format!("{}/api/v1/reload", world.base_url())).bearer_auth(key);
        async move { request.send().await.expect("an answer") }
    };
    assert_eq!(reload("key-of-belle-0123456789").await.status(), StatusCode::FORBIDDEN, "it sees one tenant alone");
    let answer = reload("key-of-the-operators-0123456789").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let told: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    assert_ne!(told["version"], first["version"], "{told}");
    assert_eq!(told["refused"], json!([]), "{told}");
    let audited: i64 = world.value("SELECT count(*) FROM audit_log WHERE action = 'config.reload'").await;
    assert_eq!(audited, 1);

    change(&world, "taxi.toml", "Taxi Bleu", "Taxi Vert");
    world.hang_up();
    let third = until(&world, world.base_url(), is_version_other_than(&told)).await;
    assert_eq!(third["status"], "up", "the daemon goes on: {third}");
    assert_eq!(world.write(TAXI, "+33612345679", "horaires").await.status, 200);
}
