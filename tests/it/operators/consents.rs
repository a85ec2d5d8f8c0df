//! A STOP that came another way than by message, and the ledger of consents.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn i6_a_stop_at_the_counter_holds_back_what_waits_and_stands_in_the_ledger() {
    let office = Office::open();
    let anne = "whatsapp:+33612345678";
    office.meet(ANNE).await;
    office.meet(BOB).await;
    office.palabre_ok(&["outbox", "pause", "belle"]);
    office.noticed("belle", "paused").await;
    for n in 0..3 {
        office.send(anne, &format!("promotion {n}")).await;
    }
    let to_bob = office.send("whatsapp:+33687654321", "rappel").await;
    let stop = ["optout", "add", "--tenant", "belle", anne, "--evidence", "letter of 2026-11-20"];
    let told = office.palabre_ok(&stop);
    assert!(told.contains("3 messages held back") && !told.contains(ANNE), "{told}");
    assert!(office.palabre_ok(&stop).contains("already"));
    let suppressed = "SELECT count(*) FROM messages_out WHERE state = 'suppressed' AND last_error = 'opted_out'";
    assert_eq!(office.world.value::<i64>(suppressed).await, 3);
    let (status, problem) = office.post(CRM, "/api/v1/messages", &json!({ "to": anne, "text": "encore" })).await;
    assert_eq!((status, problem["error"].as_str()), (422, Some("opted_out")));
    // Even what an operator replays is held back by the last check.
    let held: String = office.world.value("SELECT min(id) FROM messages_out WHERE state = 'suppressed'").await;
    office.palabre_ok(&["outbox", "replay", &held]);
    office.palabre_ok(&["outbox", "resume", "belle"]);
    office.until_state(&to_bob, "sent").await;
    office.world.until(suppressed, 3).await;
    assert_eq!(office.world.received(ANNE), ["Vous avez écrit : Bonjour"], "nothing since");

    let list = office.palabre_ok(&["optout", "list", "--tenant", "belle"]);
    assert!(list.contains("operator") && list.contains("whatsapp:+336…78") && !list.contains(ANNE), "{list}");

    // They change their mind, in their own words.
    office.world.write(BELLE, ANNE, "REPRENDRE").await;
    office.world.until("SELECT count(*) FROM opt_outs", 0).await;
    let csv = office.palabre_ok(&["consents", "export", "--tenant", "belle", "--reveal"]);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "id,tenant_id,channel_id,contact_id,address,what,source,evidence,created_at");
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[1].contains(&format!(",{anne},opted_out,operator,letter of 2026-11-20,")), "{csv}");
    assert!(lines[2].contains(&format!(",{anne},opted_in,message,")), "{csv}");
    for other in ["sms:+33 (0)6 12 34 56 78", "+33612345678"] {
        let theirs = office.palabre_ok(&["consents", "export", "--tenant", "belle", "--address", other]);
        assert_eq!(theirs.lines().count(), 3, "{other}: {theirs}");
    }
    let nobody = office.palabre(&["consents", "export", "--tenant", "belle", "--address", "whatsapp:+33687654321"]);
    assert_eq!(nobody.code, 1, "{}", nobody.out);
    let masked = office.palabre_ok(&["consents", "export", "--format", "jsonl"]);
    assert!(!masked.contains(ANNE) && !masked.contains("letter"), "{masked}");
    let whats: Vec<Value> =
        masked.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["what"].clone()).collect();
    assert_eq!(whats, [json!("opted_out"), json!("opted_in")]);
    let (_, ledger) = office.get(CRM, "/api/v1/consents").await;
    assert_eq!(ledger["consents"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&ledger["consents"][0]["address"], &ledger["consents"][0]["evidence"]),
        (&json!("whatsapp:+336…78"), &Value::Null)
    );
    assert_eq!(office.get(TAXIS, "/api/v1/consents").await.1["consents"], json!([]), "i9");
}
