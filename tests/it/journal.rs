//! Journals: what the files of a running daemon say, and that nothing waits for them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::daemon::{BELLE, BREATH, Setup, TAXI, Waiting, World};

const ANNE: &str = "+33612345678";
const BOB: &str = "+33687654321";

fn setup() -> Setup {
    Setup { tenant: "[journal]\ndir = \"logs/{id}\"".to_owned(), ..Setup::default() }
}

fn folder(world: &World, tenant: &str) -> PathBuf {
    world.config().with_file_name("logs").join(tenant)
}

/// The text of all files of a tenant's journal.
fn text(world: &World, tenant: &str) -> String {
    let Ok(files) = std::fs::read_dir(folder(world, tenant)) else { return String::new() };
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a journal's file")).collect()
}

fn lines(world: &World, tenant: &str) -> Vec<Value> {
    let text = text(world, tenant);
    // A line may be on its way.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Waits until a tenant's journal has so many lines, or more, that say this event.
async fn until_said(world: &World, tenant: &str, event: &str, wanted: usize) {
    let mut waiting = Waiting::begin();
    loop {
        let found = lines(world, tenant).iter().filter(|line| line["event"] == event).count();
        if found >= wanted {
            return;
        }
        waiting.again(|| format!("{found} lines instead of {wanted} say {event}\n{}", world.logs())).await;
    }
}

/// `palabre journal verify`: its exit code and its document.
fn verified(world: &World) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let said = command.args(["journal", "verify", "--json", "--config"]).arg(world.config()).output().expect("it runs");
    let document = serde_json::from_slice(&said.stdout);
    let document = document.unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&said.stderr)));
    (said.status.code().expect("an exit code"), document)
}

async fn until_whole(world: &World) {
    let mut waiting = Waiting::begin();
    loop {
        let (code, document) = verified(world);
        if code == 0 {
            return;
        }
        assert!(waiting.goes_on(), "{document:#}\n{}", world.logs());
    }
}

#[tokio::test]
async fn i10_every_status_has_a_line_without_personal_data() {
    let world = World::start_on(&setup());
    assert_eq!(world.write(BELLE, ANNE, "Quels sont vos horaires ?").await.status, 200);
    until_said(&world, "belle", "message_sent", 1).await;
    let lines = lines(&world, "belle");
    let of = |event: &str| lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event}"));
    let (received, sent) = (of("webhook_received"), of("message_sent"));
    assert_eq!((&received["direction"], &sent["direction"]), (&"in".into(), &"out".into()));
    for line in [received, sent] {
        assert_eq!(
            (&line["tenant_id"], &line["channel"], &line["provider"]),
            (&"belle".into(), &"belle".into(), &"twilio-whatsapp".into())
        );
    }
    assert_eq!(received["correlation_id"], sent["correlation_id"]);
    assert!(sent["contact_id"].is_string(), "{sent}");
    for private in ["612345678", "horaires", "mardi"] {
        assert!(!text(&world, "belle").contains(private), "{private} stands in the journal");
    }
    assert_eq!(text(&world, "taxi"), "", "each tenant has its own");

    let rows = "SELECT count(*) FROM message_events WHERE tenant_id = 'belle' AND direction = 'out' AND event = 'message_sent' \
        AND channel = 'belle' AND provider = 'twilio-whatsapp' AND contact_id IS NOT NULL AND lead_id IS NULL";
    world.until(rows, 1).await;
    until_whole(&world).await;

    let file = std::fs::read_dir(folder(&world, "belle")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read_to_string(&file).unwrap();
    let (first, rest) = whole.split_once('\n').unwrap();
    let planted = first.replace("webhook_received", "message_read");
    std::fs::write(&file, format!("{planted}\nno line\n{rest}")).unwrap();
    let mut waiting = Waiting::begin();
    loop {
        let (code, document) = verified(&world);
        assert_eq!(code, 1, "{document:#}");
        let day = document["days"].as_array().unwrap().iter().find(|day| day["tenant_id"] == "belle").unwrap();
        assert_eq!(day["surplus"][0]["event"], "message_read", "{day:#}");
        assert_eq!(day["unreadable"], 1, "{day:#}");
        // What is younger than three seconds may be on its way.
        if day["missing"].as_array().unwrap().iter().any(|missing| missing["event"] == "webhook_received") {
            break;
        }
        assert!(waiting.goes_on(), "{day:#}");
    }
}

#[tokio::test]
async fn a_kill_loses_no_line_and_repeats_none() {
    let mut world = World::start_on(&setup());
    for round in 1..=3 {
        for from in [ANNE, BOB] {
            world.write(BELLE, from, &format!("bonjour {round}")).await;
        }
        until_said(&world, "belle", "webhook_received", round * 2 - 1).await;
        world.kill();
        world.start_daemon();
    }
    until_said(&world, "belle", "message_sent", 6).await;
    until_whole(&world).await;
    let (_, document) = verified(&world);
    assert!(document["days"].as_array().unwrap().iter().all(|day| day["repeated"] == 0), "{document:#}");
}

#[tokio::test]
async fn what_cannot_be_written_stops_nothing_and_catches_up() {
    let mut world = World::asleep(&setup());
    // A file where the folder should be.
    std::fs::create_dir_all(world.config().with_file_name("logs")).unwrap();
    std::fs::write(folder(&world, "belle"), "").unwrap();
    world.start_daemon();
    world.write(BELLE, ANNE, "un").await;
    world.write(TAXI, BOB, "deux").await;
    until_said(&world, "taxi", "message_sent", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state NOT IN ('pending', 'sending', 'unknown')", 2).await;
    let health = async || {
        let answer = reqwest::get(format!("{}/api/health", world.base_url())).await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["components"]["journals"].clone()
    };
    let mut waiting = Waiting::begin();
    while health().await["status"] != "degraded" {
        assert!(waiting.goes_on(), "{:#}", health().await);
        tokio::time::sleep(BREATH).await;
    }
    assert!(health().await["tenants"]["belle"]["since"].is_string(), "{:#}", health().await);
    std::fs::remove_file(folder(&world, "belle")).unwrap();
    until_said(&world, "belle", "message_sent", 1).await;
    while health().await["status"] != "up" {
        assert!(waiting.goes_on(), "{:#}", health().await);
        tokio::time::sleep(BREATH).await;
    }
    until_whole(&world).await;
    assert!(world.logs().contains("the journal cannot be written"), "{}", world.logs());
}
