//! Broadcasts: each contact once, across a kill -9, and nobody who may not be written to.

use serde_json::json;

use super::*;

/// Belgium: no law that is known here says when advertising may not be sent, whatever time it is.
fn number(of: u32) -> String {
    format!("+3247012300{of}")
}

/// So many people who have just written.
async fn people(office: &Office, count: u32) {
    for of in 0..count {
        assert_eq!(office.world.write(BELLE, &number(of), "Bonjour").await.status, 200);
    }
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", i64::from(count)).await;
}

async fn label(office: &Office, of: u32) {
    let at = "2026-11-20T08:00:00.000000Z";
    office
        .world
        .execute(&format!(
            "INSERT INTO conversation_labels (tenant_id, conversation_id, label, created_at) SELECT c.tenant_id, c.id, 'fidele', '{at}' \
             FROM conversations c WHERE c.address = 'whatsapp:{}'",
            number(of)
        ))
        .await;
}

fn news(text: &str) -> Value {
    json!({ "tenant": "belle", "channel": "belle", "text": text, "per_minute": 6000 })
}

async fn started(office: &Office, order: &Value) -> String {
    let (status, taken) = office.post(CRM, "/api/v1/broadcasts", order).await;
    assert_eq!(status, 202, "{taken}");
    taken["id"].as_str().expect("an id").to_owned()
}

async fn until_over(office: &Office, id: &str, state: &str) {
    let sql = format!("SELECT count(*) FROM broadcasts WHERE id = '{id}' AND state = '{state}'");
    office.world.until(&sql, 1).await;
}

fn written_to(office: &Office, text: &str) -> Vec<String> {
    let sends = office.world.twilio.sends();
    let mut to: Vec<String> = sends.iter().filter(|sent| sent.body == text).map(|sent| sent.to.clone()).collect();
    to.sort();
    to
}

#[tokio::test]
async fn i6_a_broadcast_reaches_its_segment_once_and_nobody_who_may_not_be_written_to() {
    let office = Office::open_with("cost = 0.05");
    people(&office, 5).await;
    for of in 0..4 {
        label(&office, of).await;
    }
    office.world.write(BELLE, &number(0), "STOP").await;
    office.world.write(BELLE, &number(1), "STOP PROMOTIONS").await;
    office.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 7).await;
    let old = "UPDATE conversations SET last_inbound_at = '2026-01-02T08:00:00.000000Z' WHERE address = 'whatsapp:+32470123002'";
    office.world.execute(old).await;

    // Of five, four have the label; one said STOP, one STOP PROMOTIONS, the window of one is closed.
    let mut order = news("Portes ouvertes samedi.");
    order["label"] = json!("fidele");
    order["dry_run"] = json!(true);
    let (status, plan) = office.post(CRM, "/api/v1/broadcasts", &order).await;
    let refused = json!({ "opted_out": 1, "marketing_stopped": 1, "window_closed": 1 });
    assert_eq!((status, &plan["reached"], &plan["refused"]), (200, &json!(1), &refused), "{plan}");
    assert_eq!(plan["cost_micros"], json!(50_000));
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM broadcasts").await, 0, "nothing is written");

    order["dry_run"] = json!(false);
    let id = started(&office, &order).await;
    until_over(&office, &id, "done").await;
    office.world.until("SELECT count(*) FROM messages_out WHERE kind = 'marketing' AND state = 'sent'", 1).await;
    assert_eq!(written_to(&office, "Portes ouvertes samedi."), ["whatsapp:+32470123003"]);
    let (_, report) = office.get(CRM, &format!("/api/v1/broadcasts/{id}")).await;
    assert!(!report.to_string().contains("+3247"), "i10: {report}");
    let shown = office.palabre_ok(&["broadcast", "show", &id]);
    assert!(shown.contains("opted_out") && shown.contains("window_closed") && shown.contains("0.05"), "{shown}");
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'broadcast.start'";
    assert_eq!(office.world.value::<i64>(noted).await, 1);

    // Another tenant's key sees nothing of it, and cannot write to these people.
    assert_eq!(office.get(TAXIS, &format!("/api/v1/broadcasts/{id}")).await.0, 404, "i9");
    let (status, problem) = office.post(TAXIS, "/api/v1/broadcasts", &news("x")).await;
    assert_eq!((status, &problem["error"]), (404, &json!("unknown_tenant")), "i9: {problem}");
}

#[tokio::test]
async fn i6_a_broadcast_leaves_out_who_has_not_confirmed() {
    let office = Office::open_with("[consent]\ndouble_opt_in = true");
    people(&office, 3).await;
    office.world.write(BELLE, &number(1), "OUI").await;
    office.world.until("SELECT count(*) FROM contacts WHERE confirmed_at IS NOT NULL", 1).await;
    let mut order = news("Portes ouvertes.");
    order["dry_run"] = json!(true);
    let (_, plan) = office.post(CRM, "/api/v1/broadcasts", &order).await;
    assert_eq!((&plan["reached"], &plan["refused"]), (&json!(1), &json!({ "not_confirmed": 2 })), "{plan}");
    order["dry_run"] = json!(false);
    let id = started(&office, &order).await;
    until_over(&office, &id, "done").await;
    office.world.until("SELECT count(*) FROM messages_out WHERE kind = 'marketing' AND state = 'sent'", 1).await;
    assert_eq!(written_to(&office, "Portes ouvertes."), [format!("whatsapp:{}", number(1))]);
}

#[tokio::test]
async fn i5_a_broadcast_goes_on_after_a_kill_and_reaches_each_once() {
    let mut office = Office::open_as("", Setup::killed_soon);
    people(&office, 8).await;
    let mut order = news("Nouvelle collection.");
    order["per_minute"] = json!(240);
    let id = started(&office, &order).await;
    office.world.until("SELECT count(*) FROM broadcast_recipients WHERE state = 'waiting'", 4).await;
    office.world.kill();
    // What it had claimed is free again at once, instead of in two minutes.
    office.world.execute("UPDATE broadcasts SET next_at = created_at").await;
    office.world.start_daemon();
    until_over(&office, &id, "done").await;
    office.world.until("SELECT count(*) FROM messages_out WHERE kind = 'marketing' AND state = 'sent'", 8).await;
    let expected: Vec<String> = (0..8).map(|of| format!("whatsapp:{}", number(of))).collect();
    assert_eq!(written_to(&office, "Nouvelle collection."), expected);
}

#[tokio::test]
async fn a_broadcast_stops_when_it_is_told_to_and_before_its_budget_is_passed() {
    let office = Office::open_with("cost = 0.05");
    people(&office, 4).await;
    let mut order = news("Soldes !");
    order["budget"] = json!(0.1);
    let id = started(&office, &order).await;
    until_over(&office, &id, "stopped").await;
    let (_, report) = office.get(CRM, &format!("/api/v1/broadcasts/{id}")).await;
    assert_eq!(report["broadcast"]["reason"], json!("budget"), "{report}");
    office.world.until("SELECT count(*) FROM messages_out WHERE kind = 'marketing' AND state = 'sent'", 2).await;
    assert_eq!(written_to(&office, "Soldes !").len(), 2);

    let said = office.palabre_ok(&[
        "broadcast",
        "start",
        "--tenant",
        "belle",
        "--channel",
        "belle",
        "--text",
        "Lentement.",
        "--per-minute",
        "1",
        "--json",
    ]);
    let id = serde_json::from_str::<Value>(&said).expect("JSON")["id"].as_str().expect("an id").to_owned();
    let asked = format!("SELECT count(*) FROM broadcast_recipients WHERE broadcast_id = '{id}' AND state = 'asked'");
    office.world.until(&asked, 1).await;
    let told = office.palabre_ok(&["broadcast", "stop", &id]);
    assert!(told.starts_with("stopped; "), "{told}");
    until_over(&office, &id, "stopped").await;
    assert_eq!(office.world.value::<i64>(&asked).await, 1, "nobody more");
    let list = office.palabre_ok(&["broadcast", "list", "--tenant", "belle"]);
    assert!(list.contains("operator") && list.contains("budget"), "{list}");
}
