//! Messages that programs ask for.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::*;

#[tokio::test]
async fn i5_the_same_key_is_one_message_however_often_and_however_fast_it_is_asked_for() {
    let office = Arc::new(Office::open());
    let path = "/api/v1/messages";
    let reminder = json!({ "to": "sms:+33612345678", "text": "Demain, 9 h." });
    let (status, first) = office.ask(CRM, Method::POST, path, Some(&reminder), "booking-1").await;
    assert_eq!(status, 202, "{first}");
    let again = office.ask(CRM, Method::POST, path, Some(&reminder), "booking-1").await;
    assert_eq!(again, (200, first.clone()));
    office.world.twilio.taken_at_least(1).await;
    let later = office.ask(CRM, Method::POST, path, Some(&reminder), "booking-1").await;
    assert_eq!(later, (200, first), "and after it was sent");
    let other = json!({ "to": "sms:+33612345678", "text": "Demain, 10 h." });
    let (status, problem) = office.ask(CRM, Method::POST, path, Some(&other), "booking-1").await;
    assert_eq!((status, problem["hint"].is_string()), (409, true), "{problem}");

    let mut askers = JoinSet::new();
    for _ in 0..20 {
        let (office, other) = (Arc::clone(&office), other.clone());
        askers.spawn(async move { office.ask(CRM, Method::POST, path, Some(&other), "booking-2").await });
    }
    let answers = askers.join_all().await;
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|(_, taken)| taken["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 202)), "{answers:?}");
    assert_eq!(answers.iter().filter(|(status, _)| *status == 202).count(), 1, "one was first");
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!((office.taken("Demain, 9 h."), office.taken("Demain, 10 h.")), (1, 1));
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM messages_out").await, 2);
}

#[tokio::test]
async fn i6_nobody_sends_to_who_said_stop() {
    let office = Office::open();
    office.meet(ANNE).await;
    office.world.write(BELLE, ANNE, "STOP").await;
    office.world.twilio.taken_at_least(2).await;
    let order = json!({ "to": "whatsapp:+33612345678", "text": "Promotion !", "urgent": true });
    let (status, problem) = office.post(CRM, "/api/v1/messages", &order).await;
    assert_eq!((status, problem["error"].as_str()), (422, Some("opted_out")));
    assert!(problem["hint"].as_str().expect("a hint").contains("START"));
    let rows: i64 = office.world.value("SELECT count(*) FROM messages_out WHERE kind = 'manual'").await;
    assert_eq!((rows, office.taken("Promotion !")), (0, 0));

    office.world.write(BELLE, ANNE, "REPRENDRE").await;
    office.world.twilio.taken_at_least(3).await;
    let (status, taken) = office.post(CRM, "/api/v1/messages", &order).await;
    assert_eq!(status, 202, "{taken}");
    office.world.twilio.taken_at_least(4).await;
    assert_eq!(office.taken("Promotion !"), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_a_word_and_what_to_do() {
    let office = Office::open();
    let (number, long) = ("sms:+33698765432", "é".repeat(1601));
    for (order, word, field) in [
        (json!({ "to": number, "text": long }), "too_long", "text"),
        (json!({ "to": number, "template": { "name": "nowhere" } }), "unknown_template", "template.name"),
        (json!({ "to": number, "text": "x", "template": { "name": "nowhere" } }), "unknown_template", "template.name"),
        (json!({ "to": number, "text": " " }), "nothing_to_say", "text"),
        (json!({ "to": number, "text": "a\u{0}b" }), "bad_text", "text"),
        (json!({ "to": "0698765432", "text": "x" }), "several_channels_fit", "channel"),
        (json!({ "to": number, "channel": "taxi-sms", "text": "x" }), "unknown_channel", "channel"),
        (json!({ "to": number, "template": { "nom": "x" } }), "unknown_field", "template"),
        (json!({ "text": "x" }), "missing_field", "to"),
    ] {
        let (status, problem) = office.post(CRM, "/api/v1/messages", &order).await;
        assert!(matches!(status, 400 | 404 | 422), "{status} {problem}");
        assert_eq!((&problem["error"], &problem["field"]), (&json!(word), &json!(field)), "{problem}");
        assert!(problem["hint"].as_str().is_some_and(|hint| hint.len() > 15), "{problem}");
        assert!(!problem.to_string().contains("98765432"), "i10: {problem}");
    }
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM messages_out").await, 0);
}

#[tokio::test]
async fn i3_messages_asked_for_stand_in_line_with_the_answers() {
    let office = Office::open();
    office.meet(ANNE).await;
    for n in 0..10 {
        office.send("whatsapp:+33612345678", &format!("message {n}")).await;
    }
    office.world.write(BELLE, ANNE, "Merci").await;
    office.world.twilio.taken_at_least(12).await;
    let mut expected = vec!["Vous avez écrit : Bonjour".to_owned()];
    expected.extend((0..10).map(|n| format!("message {n}")));
    expected.push("Vous avez écrit : Merci".to_owned());
    assert_eq!(office.world.received(ANNE), expected);
}

#[tokio::test]
async fn i6_who_stops_promotions_gets_no_advertising_and_everything_else() {
    use palabre::gateway::twilio::Kind;
    use palabre::gateway::twilio::simulator::InboundMessage;

    // Belgium: no law that is known here says when advertising may not be sent, whatever time it is.
    const BRAM: &str = "+32470123456";
    let office = Office::open();
    office.meet(BRAM).await;
    let asked = async |category: &str, text: &str| {
        let message = json!({ "to": "whatsapp:+32470123456", "text": text, "category": category });
        office.post(CRM, "/api/v1/messages", &message).await
    };
    assert_eq!(asked("marketing", "Une offre !").await.0, 202);
    office.world.twilio.taken_at_least(2).await;

    // WhatsApp's own button under advertising, and a text that says nothing.
    let (from, to) = (format!("whatsapp:{BRAM}"), format!("whatsapp:{}", BELLE.sender));
    let pressed = InboundMessage::text(Kind::Whatsapp, BELLE.id, BELLE.account_sid, &from, &to, "Msg")
        .with("ButtonText", "Arrêter les promotions")
        .with("ButtonPayload", "Arrêter les promotions");
    assert_eq!(office.world.twilio.deliver(&pressed).await.expect("an answer").status, 200);
    office.world.until("SELECT count(*) FROM messages_in WHERE reason = 'marketing_stopped'", 1).await;
    let ledger = "SELECT count(*) FROM consents WHERE what = 'opted_out' AND scope = 'marketing'";
    assert_eq!(office.world.value::<i64>(ledger).await, 1);
    office.world.twilio.taken_at_least(3).await;

    let (status, problem) = asked("marketing", "Une autre offre !").await;
    assert_eq!((status, problem["error"].as_str()), (422, Some("marketing_stopped")), "{problem}");
    assert_eq!(asked("transactional", "Votre rendez-vous est demain.").await.0, 202);
    office.world.twilio.taken_at_least(4).await;
    office.world.write(BELLE, BRAM, "merci").await;
    office.world.twilio.taken_at_least(5).await;
    assert_eq!((office.taken("Votre rendez-vous est demain."), office.taken("Une autre offre !")), (1, 0));

    office.world.write(BELLE, BRAM, "START").await;
    office.world.until("SELECT count(*) FROM messages_in WHERE reason = 'opted_in'", 1).await;
    assert_eq!(asked("marketing", "Une troisième offre !").await.0, 202);
    office.world.twilio.taken_at_least(7).await;
    assert_eq!(office.taken("Une troisième offre !"), 1);
}
