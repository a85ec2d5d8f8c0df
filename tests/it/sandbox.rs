//! A sandbox channel: a customer's question, the answer that is shown, and its status.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::daemon::{Setup, World};

fn setup() -> Setup {
    let channel = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";
    Setup { sms: channel.to_owned(), ..Setup::default() }
}

async fn post(url: &str, body: &Value) -> Response {
    let request = Client::new().post(url).header("Content-Type", "application/json").body(body.to_string());
    request.send().await.expect("an answer")
}

/// What was sent: to whom, and what.
async fn sent(url: &str) -> Vec<(String, String, String)> {
    let shown = Client::new().get(url).send().await.expect("an answer").text().await.expect("a body");
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let text = |message: &Value, key: &str| message[key].as_str().expect("a text").to_owned();
    let messages = shown["sent"].as_array().expect("a list").iter();
    messages.map(|message| (text(message, "id"), text(message, "to"), text(message, "text"))).collect()
}

#[tokio::test]
async fn a_customer_of_a_sandbox_is_answered_and_may_say_stop() {
    let world = World::start_on(&setup());
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    let shown = format!("{inbound}/sent");
    let question = json!({ "id": "m1", "from": "anna", "name": "Anna", "text": "Quels sont vos horaires ?" });
    for _ in 0..2 {
        let answer = post(&inbound, &question).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.expect("a body"), r#"{"ok":true}"#);
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let messages = sent(&shown).await;
    let (id, to, text) = &messages[0];
    assert_eq!((to.as_str(), text.as_str()), ("sandbox:anna", "Du mardi au samedi, de 9 h à 19 h."));
    assert_eq!(messages.len(), 1, "a repeated message is answered once");

    let news = json!({ "id": id, "status": "read" });
    assert_eq!(post(&format!("{inbound}/status"), &news).await.status(), StatusCode::OK);
    world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;

    post(&inbound, &json!({ "from": "sandbox:anna", "text": "STOP" })).await;
    world.until("SELECT count(*) FROM opt_outs WHERE address = 'sandbox:anna'", 1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    post(&inbound, &json!({ "from": "sandbox:anna", "text": "Bonjour" })).await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 3).await;
    assert_eq!(sent(&shown).await.len(), 2, "the answer, the confirmation of STOP, and then silence");
}

#[tokio::test]
async fn a_sandbox_believes_this_machine_alone() {
    let world = World::start_on(&setup());
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    let body = json!({ "from": "anna", "text": "Bonjour" }).to_string();
    let client = Client::new();
    let post = client.post(&inbound).header("Content-Type", "application/json").body(body);
    let passed_on = post.header("X-Forwarded-For", "203.0.113.9").send().await.expect("an answer");
    assert_eq!(passed_on.status(), StatusCode::UNAUTHORIZED);
    let look = |url: &str| client.get(url);
    let shown = format!("{inbound}/sent");
    let passed_on = look(&shown).header("Forwarded", "for=203.0.113.9").send().await.expect("an answer");
    assert_eq!(passed_on.status(), StatusCode::NOT_FOUND);
    for (url, expected) in [
        (shown.clone(), StatusCode::OK),
        (format!("{}/webhooks/sandbox/nobody/sent", world.base_url()), StatusCode::NOT_FOUND),
        (format!("{}/webhooks/sandbox/belle/sent", world.base_url()), StatusCode::NOT_FOUND),
        (format!("{}/webhooks/sandbox/belle-try/status-check", world.base_url()), StatusCode::OK),
        (format!("{}/webhooks/sandbox/status-check", world.base_url()), StatusCode::OK),
        (format!("{}/webhooks/pigeon/status-check", world.base_url()), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(look(&url).send().await.expect("an answer").status(), expected, "{url}");
    }
}
