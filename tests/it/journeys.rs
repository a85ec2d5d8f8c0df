//! What customers experience: questions, repeats, STOP, sellers, callbacks.

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::{CallbackPlan, InboundMessage};
use tokio::task::JoinSet;

use crate::daemon::{BELLE, TAXI, World};

const ANNE: &str = "+33612345678";
const BOB: &str = "+33687654321";

#[tokio::test]
async fn a_question_gets_its_answer() {
    let world = World::start();
    let answer = world.write(BELLE, ANNE, "Bonjour, quels sont vos horaires ?").await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "text/xml"));
    assert!(answer.body.ends_with("<Response/>"), "an empty TwiML document");
    world.twilio.taken_at_least(1).await;
    assert_eq!(world.received(ANNE), ["Du mardi au samedi, de 9 h à 19 h."]);

    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let row: Vec<_> = world
        .rows(
            "SELECT state, reason, role, \"from\", conversation_id IS NOT NULL, processed_at IS NOT NULL FROM messages_in",
            |row| {
                let text = |column| row.try_get_by_index::<String>(column).expect("text");
                let flag = |column| row.try_get_by_index::<bool>(column).expect("a flag");
                (text(0), text(1), text(2), text(3), flag(4), flag(5))
            },
        )
        .await;
    let expected = ("processed", "answered_faq", "client", "whatsapp:+33612345678");
    assert_eq!(row.len(), 1);
    assert_eq!((row[0].0.as_str(), row[0].1.as_str(), row[0].2.as_str(), row[0].3.as_str()), expected);
    assert!(row[0].4 && row[0].5);
    let events = world
        .rows("SELECT event_type FROM event_log ORDER BY created_at, id", |row| {
            row.try_get_by_index::<String>(0).expect("text")
        })
        .await;
    for event in ["webhook_received", "message_routed", "session_opened", "message_sent"] {
        assert!(events.iter().any(|found| found == event), "{event} among {events:?}");
    }
    let flows: i64 = world.value("SELECT count(DISTINCT correlation_id) FROM event_log").await;
    assert_eq!(flows, 1, "one flow, one correlation id");
}

#[tokio::test]
async fn i2_fifty_copies_at_once_are_one_message_with_one_answer() {
    let world = World::start();
    let message = world.text(BELLE, ANNE, "Bonjour");
    let webhook = world.twilio.sign(&message).expect("a signed webhook");
    let client = reqwest::Client::new();
    let mut copies = JoinSet::new();
    for _ in 0..50 {
        let request = client
            .post(&webhook.post_to)
            .header("X-Twilio-Signature", &webhook.signature)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(webhook.body.clone());
        copies.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    assert!(copies.join_all().await.into_iter().all(|status| status == 200));
    assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200, "later, too");
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.until("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'", 50).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in").await, 1);
    assert_eq!(world.twilio.taken(), 1);
    let odd: i64 = world
        .value(
            "SELECT count(*) FROM event_log e WHERE event_type = 'idempotent_ignored' AND (entity_id IS NOT NULL \
             OR correlation_id <> (SELECT correlation_id FROM messages_in) \
             OR payload->>'reason' <> 'duplicate_detected' \
             OR payload->>'provider_message_id' <> (SELECT provider_message_id FROM messages_in))",
        )
        .await;
    assert_eq!(odd, 0);
}

#[tokio::test]
async fn i3_i9_a_hundred_conversations_at_once_keep_their_order_and_their_words() {
    const CONVERSATIONS: usize = 100;
    const MESSAGES: usize = 10;
    let world = std::sync::Arc::new(World::start());
    let mut people = JoinSet::new();
    for person in 0..CONVERSATIONS {
        let world = std::sync::Arc::clone(&world);
        people.spawn(async move {
            let tenant = if person % 2 == 0 { BELLE } else { TAXI };
            let from = format!("+3361200{person:04}");
            for n in 0..MESSAGES {
                let answer = world.write(tenant, &from, &format!("{person}/{n}")).await;
                assert_eq!(answer.status, 200);
            }
        });
    }
    people.join_all().await;
    world.twilio.taken_at_least((CONVERSATIONS * MESSAGES) as u64).await;
    for person in 0..CONVERSATIONS {
        let expected: Vec<_> = (0..MESSAGES).map(|n| format!("Vous avez écrit : {person}/{n}")).collect();
        assert_eq!(world.received(&format!("+3361200{person:04}")), expected);
    }
    let mixed: i64 = world
        .value("SELECT count(*) FROM messages_out o JOIN messages_in i ON i.id = o.in_reply_to WHERE o.tenant_id <> i.tenant_id OR o.conversation_id <> i.conversation_id OR o.\"to\" <> i.\"from\"")
        .await;
    assert_eq!(mixed, 0);
}

#[tokio::test]
async fn i3_five_hundred_messages_of_one_conversation_are_processed_in_the_order_of_their_acceptance() {
    let world = World::start();
    let mut posts = JoinSet::new();
    let client = reqwest::Client::new();
    for n in 0..500 {
        let webhook = world.twilio.sign(&world.text(BELLE, ANNE, &format!("n{n}"))).expect("a signed webhook");
        let request = client
            .post(&webhook.post_to)
            .header("X-Twilio-Signature", &webhook.signature)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(webhook.body.clone());
        posts.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    assert!(posts.join_all().await.into_iter().all(|status| status == 200));
    world.twilio.taken_at_least(500).await;
    let text = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(0).expect("text");
    let accepted = world.rows("SELECT 'Vous avez écrit : ' || body FROM messages_in ORDER BY id", text).await;
    assert_eq!(world.received(ANNE), accepted);
}

#[tokio::test]
async fn i6_after_stop_there_is_one_confirmation_and_then_silence_until_start() {
    let world = World::start();
    world.write(BELLE, ANNE, "Bonjour").await;
    world.twilio.taken_at_least(1).await;
    for body in [" arrêt ! ", "Vous êtes là ?", "STOP", "horaires"] {
        assert_eq!(world.write(BELLE, ANNE, body).await.status, 200);
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 5).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!(world.received(ANNE).len(), 2, "the answer and the confirmation");
    assert_eq!(
        world
            .value::<i64>(
                "SELECT count(*) FROM opt_outs WHERE tenant_id = 'belle' AND address = 'whatsapp:+33612345678'"
            )
            .await,
        1
    );
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'").await, 3);

    // Another tenant of the same person is another matter (I9).
    world.write(TAXI, ANNE, "Un taxi").await;
    world.twilio.taken_at_least(3).await;

    world.write(BELLE, ANNE, "REPRENDRE").await;
    world.twilio.taken_at_least(4).await;
    world.write(BELLE, ANNE, "horaires").await;
    world.twilio.taken_at_least(5).await;
    assert_eq!(world.received(ANNE).last().expect("an answer"), "Du mardi au samedi, de 9 h à 19 h.");
}

#[tokio::test]
async fn sellers_are_known_from_the_configuration_and_from_rows_inserted_by_hand() {
    let world = World::start();
    world.write(BELLE, "+33612340001", "C'est parti").await;
    world.until("SELECT count(*) FROM messages_in WHERE role = 'seller'", 1).await;
    world.until("SELECT count(*) FROM live_sessions WHERE tenant_id = 'belle' AND closed_at IS NULL", 1).await;

    world.execute("INSERT INTO seller_phones (id, tenant_id, phone_number, created_at) VALUES ('1', 'belle', '06 12 34 00 02', '2026-11-21T00:00:00.000000Z')").await;
    // Counts within seconds: whoever writes until then is a client, so write until the role changes.
    let begun = std::time::Instant::now();
    loop {
        world.write(BELLE, "+33612340002", "Et moi ?").await;
        world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NULL", 0).await;
        let role: String = world.value("SELECT role FROM messages_in ORDER BY id DESC LIMIT 1").await;
        if role == "seller" {
            break;
        }
        assert!(begun.elapsed().as_secs() < 30, "the row never counted");
    }
}

#[tokio::test]
async fn i8_callbacks_that_come_early_repeated_and_out_of_order_only_move_a_status_forward() {
    let world = World::start();
    world.twilio.set_callbacks(Some(CallbackPlan {
        copies: 2,
        shuffled: true,
        before_answer: true,
        ..CallbackPlan::usual()
    }));
    for n in 0..10 {
        world.write(BELLE, ANNE, &format!("{n}")).await;
    }
    world.twilio.callbacks_at_least(60).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 10).await;
    world
        .until("SELECT count(*) FROM messages_out WHERE provider_message_id LIKE 'SM%' AND sent_at IS NOT NULL", 10)
        .await;
    assert_eq!(
        world.value::<i64>("SELECT count(*) FROM event_log WHERE event_type = 'message_read'").await,
        20,
        "every callback is history"
    );
}

#[tokio::test]
async fn i7_one_contact_gets_no_more_automatic_answers_in_a_minute_than_configured() {
    let world = World::start_with("per_contact_per_minute = 3\nper_second = 1000");
    for n in 0..12 {
        world.write(BELLE, ANNE, &format!("{n}")).await;
    }
    world.write(BELLE, BOB, "et moi").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 13).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 4).await;
    assert_eq!((world.received(ANNE).len(), world.received(BOB).len()), (3, 1));
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in WHERE reason = 'rate_limited'").await, 9);
}

#[tokio::test]
async fn sms_and_the_alias_paths_find_their_channel_by_account_and_number() {
    let world = World::start();
    let sms = |from: &str, body: &str| {
        InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, from, BELLE.sender, body)
    };
    let mut by_alias = sms(ANNE, "par alias");
    by_alias.path = "/webhooks/twilio-sms/incoming".to_owned();
    let mut by_old_alias = world.text(TAXI, BOB, "par un autre");
    by_old_alias.path = "/api/webhooks/twilio".to_owned();
    for message in [&sms(ANNE, "bonjour"), &by_alias, &by_old_alias] {
        assert_eq!(world.twilio.deliver(message).await.expect("an answer").status, 200);
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    let channels = world
        .rows("SELECT channel_id || ' ' || \"from\" FROM messages_in ORDER BY id", |row| {
            row.try_get_by_index::<String>(0).expect("text")
        })
        .await;
    assert_eq!(channels, ["belle-sms sms:+33612345678", "belle-sms sms:+33612345678", "taxi whatsapp:+33687654321"]);
}

#[tokio::test]
async fn a_robot_that_answers_our_answers_is_left_alone_until_it_says_something_else() {
    let world = World::start();
    let absent = "Je suis absent jusqu'au 4 août.";
    for n in 1..=5 {
        world.write(TAXI, BOB, absent).await;
        world.twilio.taken_at_least(n).await;
    }
    for _ in 0..3 {
        world.write(TAXI, BOB, absent).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed' AND reason = 'silent_loop'", 3).await;
    let events: i64 = world.value("SELECT count(*) FROM event_log WHERE event_type = 'silent_loop'").await;
    assert_eq!((world.twilio.taken(), events), (5, 1), "no answer, and one event for the whole silence");
    world.write(TAXI, BOB, "Me voilà").await;
    world.twilio.taken_at_least(6).await;
}
