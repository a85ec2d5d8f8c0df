//! A phone number as people dial it at home: one of the tenant's country wherever it is written, or refused with what to write.

use serde_json::json;

use super::*;
use crate::daemon::Waiting;

#[tokio::test]
async fn a_number_of_the_tenants_country_is_known_wherever_it_is_written() {
    let office = Office::open();
    office.meet(ANNE).await;
    office.meet(BOB).await;
    let dialled = ["06 12 34 56 78", "06.87.65.43.21"];

    let stopped = format!("sms:{}", dialled[0]);
    let told = office.palabre_ok(&["optout", "add", "--tenant", "belle", &stopped, "--evidence", "at the counter"]);
    assert!(!told.contains("12 34 56 78") && !told.contains(ANNE), "i10: {told}");
    let body = json!({ "to": format!("whatsapp:{}", dialled[0]), "text": "x" });
    let (status, refused) = office.post(CRM, "/api/v1/messages", &body).await;
    assert_eq!((status, refused["error"].as_str()), (422, Some("opted_out")), "by the other spelling and channel");
    office.palabre_ok(&["optout", "remove", "--tenant", "belle", &stopped, "--evidence", "at the counter"]);

    let consenting = format!("whatsapp:{}", dialled[1]);
    office.palabre_ok(&["consents", "record", "--tenant", "belle", &consenting, "--evidence", "form 12"]);
    let body = json!({ "tenant": "belle", "address": consenting, "evidence": "form 13" });
    assert_eq!(office.post(OPS, "/api/v1/consents", &body).await.0, 200);
    let ledger = office.palabre_ok(&["consents", "export", "--tenant", "belle", "--address", &consenting, "--reveal"]);
    assert!(ledger.contains("form 12") && ledger.contains("form 13") && ledger.contains(BOB), "{ledger}");
    let counts = office.palabre_ok(&["contact", "erase", "--dry-run", "--tenant", "belle", &consenting]);
    assert!(counts.contains("1 conversations"), "{counts}");

    // In another country it may be anybody's.
    let evidence = ["--evidence", "x"];
    for told in [
        &["optout", "add", "--tenant", "belle", "sms:2025550123"][..],
        &["consents", "record", "--tenant", "belle", "sms:2025550123"],
    ] {
        let said = office.palabre(&[told, &evidence].concat());
        assert!(said.code == 2 && said.err.contains("write it with + and its country code"), "{told:?}: {}", said.err);
        assert!(!said.err.contains("2025550123"), "i10: {}", said.err);
    }
    let said = office.palabre(&["contact", "export", "--tenant", "belle", "sms:2025550123"]);
    assert!(said.code == 2 && said.err.contains("write it with + and its country code"), "{}", said.err);
    let body = json!({ "tenant": "belle", "address": "sms:2025550123", "evidence": "x" });
    let (status, refused) = office.post(OPS, "/api/v1/consents", &body).await;
    assert_eq!((status, refused["error"].as_str()), (422, Some("bad_address")), "{refused}");
    assert!(refused["hint"].as_str().is_some_and(|hint| hint.contains("country code")), "{refused}");
    let body = json!({ "tenant": "belle", "address": dialled[0], "evidence": "x" });
    let no_kind = office.post(OPS, "/api/v1/consents", &body).await;
    assert!(no_kind.1["hint"].as_str().is_some_and(|hint| hint.contains("its kind before it")), "{}", no_kind.1);
}

#[tokio::test]
async fn a_row_of_sellers_that_names_nobody_is_said_once_without_the_number() {
    let office = Office::open();
    let row = |phone: &str| format!("INSERT INTO seller_phones (tenant_id, phone_number) VALUES ('belle', '{phone}')");
    office.world.execute(&row("2025550123")).await;
    let mut waiting = Waiting::begin();
    while !office.world.logs().contains("rows of seller_phones cannot be read") && waiting.goes_on() {
        tokio::task::yield_now().await;
    }
    // The other tenant's row makes the table be read again.
    office.world.execute("INSERT INTO seller_phones (tenant_id, phone_number) VALUES ('taxi', 'Awa')").await;
    let told = |tenant: &str| {
        let logs = office.world.logs();
        let said = |line: &&str| line.contains("rows of seller_phones cannot be read") && line.contains(tenant);
        logs.lines().filter(said).count()
    };
    while told("taxi") == 0 && waiting.goes_on() {
        tokio::task::yield_now().await;
    }
    assert_eq!((told("belle"), told("taxi")), (1, 1));
    assert!(!office.world.logs().contains("2025550123"), "i10");
}
