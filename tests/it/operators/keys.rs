//! API keys: who may do what, and for which tenants.

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};
use serde_json::json;

use super::*;

#[tokio::test]
async fn i9_a_key_opens_its_tenants_and_its_scopes_and_nothing_else() {
    let office = Office::open();
    office.world.twilio.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code: 21408 })]));
    let id = office.send("sms:+33612345678", "mon secret").await;
    office.until_state(&id, "dead").await;
    let (show, replay, cancel) =
        (format!("/api/v1/outbox/{id}"), format!("/api/v1/outbox/{id}/replay"), format!("/api/v1/outbox/{id}/cancel"));

    for key in ["", "key-of-nobody-0123456789", &CRM[1..]] {
        for path in ["/api/v1/outbox", show.as_str(), "/api/v1/consents", "/api/v1/channels"] {
            let (status, problem) = office.get(key, path).await;
            assert_eq!((status, problem["hint"].is_string()), (401, true), "{path}");
        }
        assert_eq!(office.post(key, &replay, &json!({})).await.0, 401);
    }
    assert_eq!(office.get("", "/api/v1/openapi.json").await.0, 200, "the description needs no key");

    let (status, problem) = office.post(CRM, &replay, &json!({})).await;
    assert_eq!((status, &problem["hint"]), (403, &json!("the key lacks the scope `operate`")));
    for path in [&cancel, "/api/v1/outbox/replay", "/api/v1/channels/belle/pause", "/api/v1/channels/belle/resume"] {
        assert_eq!(office.post(CRM, path, &json!({})).await.0, 403, "{path}");
    }

    assert_eq!(office.get(TAXIS, "/api/v1/outbox").await.1["messages"], json!([]));
    assert_eq!(office.get(TAXIS, "/api/v1/outbox/counts").await.1["total"], 0);
    assert_eq!(office.get(TAXIS, &show).await.0, 404);
    for path in [&replay, &cancel, "/api/v1/channels/belle/pause"] {
        assert_eq!(office.post(TAXIS, path, &json!({})).await.0, 404, "{path}");
    }
    let all = json!({ "all": true });
    assert_eq!(office.post(TAXIS, "/api/v1/outbox/replay", &all).await.1["messages"], 0);
    for order in [
        json!({ "tenant": "belle", "to": "sms:+33612345678", "text": "x" }),
        json!({ "channel": "belle-sms", "to": "sms:+33612345678", "text": "x" }),
    ] {
        assert_eq!(office.post(TAXIS, "/api/v1/messages", &order).await.0, 404, "{order}");
    }
    assert_eq!(office.state(&id).await, "dead", "nobody touched it");

    let (_, masked) = office.get(CRM, &show).await;
    assert!(masked["message"].get("body").is_none() && masked["message"]["to"] == "sms:+336…78", "i10: {masked}");
    let (_, whole) = office.get(OPS, &show).await;
    assert_eq!(
        (&whole["message"]["body"], &whole["message"]["to"]),
        (&json!("mon secret"), &json!("sms:+33612345678"))
    );
    for secret in [CRM, OPS, TAXIS, "mon secret", "33612345678"] {
        assert!(!office.world.logs().contains(secret), "i10: {secret} is in the logs");
    }
}
