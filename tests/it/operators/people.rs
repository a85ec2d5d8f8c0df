//! People who take a conversation over through the API.

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::InboundMessage;
use serde_json::json;

use super::*;

impl Office {
    /// A contact writes to belle, and the message has had its turn.
    async fn heard(&self, who: &str, text: &str) {
        let processed: i64 = self.world.value("SELECT count(*) FROM messages_in WHERE state = 'processed'").await;
        assert_eq!(self.world.write(BELLE, who, text).await.status, 200);
        self.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", processed + 1).await;
        self.world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending')", 0).await;
    }

    /// The only conversation.
    async fn conversation(&self) -> Value {
        let (status, page) = self.get(OPS, "/api/v1/conversations?tenant=belle").await;
        assert_eq!(status, 200, "{page}");
        page["conversations"][0].clone()
    }
}

#[tokio::test]
async fn i14_a_person_replies_the_bot_is_silent_and_answers_again_when_it_is_handed_back() {
    const HOURS: &str = "Du mardi au samedi, de 9 h à 19 h.";
    let office = Office::open();
    office.heard(ANNE, "Vos horaires ?").await;
    assert_eq!(office.taken(HOURS), 1);
    let read = office.conversation().await;
    assert_eq!((&read["handler"], &read["unread"]), (&json!("bot"), &json!(1)));
    let path = |what: &str| format!("/api/v1/conversations/{}/{what}", read["id"].as_str().expect("an id"));

    let first = json!({ "text": "Bonjour, ici Awa.", "version": read["version"] });
    let (status, problem) = office.post(CRM, &path("reply"), &first).await;
    assert_eq!(status, 403, "a key that may only send does not silence the bot: {problem}");
    assert_eq!(office.post(TAXIS, &path("reply"), &first).await.0, 404, "i9");
    let (status, taken) = office.ask(OPS, Method::POST, &path("reply"), Some(&first), "reply-1").await;
    assert_eq!(status, 202, "{taken}");
    office.until_state(taken["id"].as_str().expect("an id"), "sent").await;
    let (status, again) = office.ask(OPS, Method::POST, &path("reply"), Some(&first), "reply-1").await;
    assert_eq!(
        (status, &again["id"]),
        (200, &taken["id"]),
        "the same key is the same reply, though it is stale by now"
    );
    let answered = office.conversation().await;
    assert_eq!((&answered["handler"], &answered["unread"]), (&json!("human"), &json!(0)), "{answered}");
    assert_eq!(answered["version"], taken["version"]);

    office.heard(ANNE, "Et vos horaires le lundi ?").await;
    assert_eq!((office.taken(HOURS), office.taken("Bonjour, ici Awa.")), (1, 1), "the bot is silent");
    assert_eq!(office.conversation().await["unread"], 1);

    let (_, shown) = office.get(OPS, &path("messages")).await;
    let messages = shown["messages"].as_array().expect("a list");
    let last_read = &messages[messages.len() - 2]["id"];
    let late = json!({ "text": "À bientôt !", "version": taken["version"], "last_message": last_read });
    let (status, stale) = office.post(OPS, &path("reply"), &late).await;
    assert_eq!((status, &stale["error"]), (409, &json!("stale")), "{stale}");
    let news: Vec<_> = stale["messages"].as_array().expect("a list").iter().map(|one| &one["text"]).collect();
    assert_eq!(news, ["Et vos horaires le lundi ?"]);
    let by_contact = json!({ "text": "À bientôt !", "last_inbound_at": read["last_inbound_at"] });
    assert_eq!(office.post(OPS, &path("reply"), &by_contact).await.0, 409, "she wrote since");
    let up_to_date = json!({ "text": "À bientôt !", "last_inbound_at": stale["conversation"]["last_inbound_at"] });
    let (status, taken) = office.post(OPS, &path("reply"), &up_to_date).await;
    assert_eq!(status, 202, "{taken}");

    let (status, back) = office.post(OPS, &path("hand-back"), &json!({})).await;
    assert_eq!((status, &back["handler"]), (200, &json!("bot")), "{back}");
    office.heard(ANNE, "Vos horaires ?").await;
    assert_eq!((office.taken(HOURS), office.taken("À bientôt !")), (2, 1), "the bot answers again");
}

#[tokio::test]
async fn i6_a_conversation_is_assigned_resolved_and_reopened_and_nobody_replies_after_stop() {
    let office = Office::open();
    office.heard(ANNE, "Bonjour").await;
    let read = office.conversation().await;
    let path = |what: &str| format!("/api/v1/conversations/{}/{what}", read["id"].as_str().expect("an id"));
    for (what, body, field, expected) in [
        ("assign", json!({ "assignee": "awa" }), "assignee", json!("awa")),
        ("assign", json!({ "assignee": null }), "assignee", Value::Null),
        ("hand-over", json!({ "for": "2h" }), "handler", json!("human")),
        ("hand-back", json!({}), "handler", json!("bot")),
        ("resolve", json!({}), "status", json!("resolved")),
        ("resolve", json!({}), "status", json!("resolved")),
        ("reopen", json!({}), "status", json!("in_progress")),
    ] {
        let (status, now) = office.post(OPS, &path(what), &body).await;
        assert_eq!((status, &now[field]), (200, &expected), "{what}: {now}");
    }
    let timers: i64 = office.world.value("SELECT count(*) FROM timers").await;
    assert_eq!(timers, 0, "the hand-back cancelled what `for` set");
    office.heard(ANNE, "STOP").await;
    let (status, problem) = office.post(OPS, &path("reply"), &json!({ "text": "Encore", "force": true })).await;
    assert_eq!((status, &problem["error"]), (422, &json!("opted_out")), "{problem}");
    assert_eq!(office.taken("Encore"), 0);
}

#[tokio::test]
async fn i14_a_contact_who_is_blocked_is_not_answered_on_any_channel_until_they_are_unblocked() {
    let office = Office::open();
    office.heard(ANNE, "Bonjour").await;
    let by_sms = |text: &str| {
        let (from, to) = (ANNE, BELLE.sender);
        InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, from, to, text)
    };
    office.world.twilio.deliver(&by_sms("Bonjour")).await.expect("the webhook is answered");
    office.world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 2).await;
    let (_, page) = office.get(OPS, "/api/v1/conversations?tenant=belle").await;
    let talks = page["conversations"].as_array().expect("a list").clone();
    assert_eq!(talks.len(), 2, "{page}");
    let path = |what: &str| format!("/api/v1/conversations/{}/{what}", talks[0]["id"].as_str().expect("an id"));
    assert_eq!(office.post(CRM, &path("block"), &json!({})).await.0, 403);
    for _ in 0..2 {
        let (status, now) = office.post(OPS, &path("block"), &json!({})).await;
        assert_eq!((status, &now["blocked"]), (200, &json!(true)), "{now}");
    }
    let (_, page) = office.get(OPS, "/api/v1/conversations?tenant=belle").await;
    let blocked: Vec<_> =
        page["conversations"].as_array().expect("a list").iter().map(|talk| &talk["blocked"]).collect();
    assert_eq!(blocked, [true, true], "{page}");
    let written: i64 = office.world.value("SELECT count(*) FROM messages_out").await;
    office.heard(ANNE, "Vos horaires ?").await;
    office.world.twilio.deliver(&by_sms("Vos horaires ?")).await.expect("the webhook is answered");
    office.world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_blocked'", 2).await;
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM messages_out").await, written);
    let (status, now) = office.post(OPS, &path("unblock"), &json!({})).await;
    assert_eq!((status, &now["blocked"]), (200, &json!(false)), "{now}");
    let noted = "SELECT count(*) FROM audit_log WHERE action = 'conversation.block' AND actor = 'key:ops'";
    assert_eq!(office.world.value::<i64>(noted).await, 4, "I15");
}
