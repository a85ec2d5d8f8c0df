//! What a daemon writes to its log: JSON, fields of the schema (`docs/logs.md`), messages that are in the sources.

use std::os::unix::fs::PermissionsExt as _;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};
use serde_json::Value;

use crate::conventions::logs::{Said, documented};
use crate::daemon::{BELLE, Setup, TAXI, World};

const ANNE: &str = "+33612345678";

/// Accepts, answers, fails, is told to stop, reads files that hold and one that does not, is asked for what is not there.
async fn a_life() -> World {
    let base = Setup::default();
    let mut world =
        World::asleep(&Setup { daemon: format!("{}\n[logs]\nlevel = \"palabre=debug,info\"", base.daemon), ..base });
    // Of secrets that others may read the start warns a person at a terminal: that is no line of the log.
    for tenant in [BELLE, TAXI] {
        let token = world.config().with_file_name(format!("{}.token", tenant.id));
        std::fs::set_permissions(token, std::fs::Permissions::from_mode(0o600)).expect("its rights");
    }
    world.start_daemon();
    world.write(BELLE, ANNE, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", 1).await;
    let faults = [Fault::ServerError(503), Fault::Refuse { status: 400, code: 63016 }, Fault::TakeThenReset];
    for (n, fault) in faults.into_iter().enumerate() {
        world.twilio.set_faults(Faults::of([Rule::once(fault)]));
        world.write(TAXI, &format!("+3361100000{n}"), "Bonjour").await;
        world
            .until("SELECT count(*) FROM messages_in WHERE state = 'processed'", i64::try_from(n).expect("few") + 2)
            .await;
    }
    world.write(BELLE, ANNE, "STOP").await;
    world.write(BELLE, ANNE, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 6).await;
    for path in
        ["/nowhere", "/webhooks/twilio-whatsapp/nobody", "/api/health", "/metrics", "/api/v1/outbox", "/console/login"]
    {
        reqwest::get(format!("{}{path}", world.base_url())).await.expect("an answer");
    }
    let file = world.config().with_file_name("tenants").join("taxi.toml");
    let text = std::fs::read_to_string(&file).expect("its file");
    for (text, says) in [
        (format!("no_such_key = 1\n{text}"), "a tenant's file does not hold"),
        (text.replace("Maison taxi", "Taxi de nuit"), "every tenant's file holds again"),
    ] {
        std::fs::write(&file, text).expect("a file");
        world.hang_up();
        world.until_logged(says).await;
    }
    world.kill();
    world.start_daemon();
    world.terminate();
    world
}

#[tokio::test]
async fn every_line_is_json_with_fields_of_the_schema_and_a_message_of_the_sources() {
    let world = a_life().await;
    let (said, known) = (Said::by_the_sources(), documented());
    let mut messages = std::collections::BTreeSet::new();
    for line in world.logs().lines() {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let fields = read.as_object().unwrap_or_else(|| panic!("no object: {line}"));
        for key in ["timestamp", "level", "message", "target"] {
            assert!(fields[key].is_string(), "{key} of {line}");
        }
        // Libraries have words of their own.
        let target = fields["target"].as_str().expect("a text");
        if !target.starts_with("palabre") {
            continue;
        }
        let unknown: Vec<&String> = fields.keys().filter(|key| !known.contains(*key)).collect();
        assert!(unknown.is_empty(), "docs/logs.md does not know {unknown:?} of {line}");
        let nested = fields.values().any(|value| value.is_object() || value.is_array());
        assert!(!nested, "not flat: {line}");
        let message = fields["message"].as_str().expect("a text");
        assert!(said.has(message), "a message that the sources do not have: {line}");
        messages.insert(message.to_owned());
    }
    for message in ["ready", "request", "message not sent", "tenants' files taken over", "draining", "bye"] {
        assert!(messages.contains(message), "this life is not typical, {message} is missing: {messages:?}");
    }
}
