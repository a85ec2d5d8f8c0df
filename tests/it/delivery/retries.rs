//! Retries: when, in which order, and until when.

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, When};

use super::{ANNE, Asked, BOB, dead_letters, echo, quick, quick_with, refuse, too_many};
use crate::daemon::{BELLE, World};

#[tokio::test]
async fn a_provider_that_names_a_time_is_left_alone_until_then() {
    let hour = 3_600.0;
    // What it answers, what stands in last_error, and the least wait in seconds.
    let table = [
        (too_many(7_200), "20429", 2.0 * hour),
        (refuse(63018), "63018", hour),
        (refuse(30047), "30047", hour),
        (refuse(63038), "63038", 6.0 * hour),
        (refuse(30001), "30001", 30.0),
    ];
    let world = World::start_on(&quick());
    for (n, (fault, reason, wait)) in table.into_iter().enumerate() {
        world.twilio.set_faults(Faults::of([Rule::once(fault)]));
        let contact = format!("+3361200000{n}");
        world.write(BELLE, &contact, &format!("n{n}")).await;
        let id = world.id_of(&format!("n{n}")).await;
        world.until_is(&id, "pending", Some(reason)).await;
        let waits = world.seconds_between(&id, "updated_at", "next_attempt_at").await;
        // Its time counts from its answer; the row is written a moment later.
        assert!(waits >= wait - 1.0, "{reason}: {waits} s");
        world.explains(&id, "tried again", "on réessaie");
    }
    assert_eq!(world.twilio.taken(), 0);
    world.make_due().await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    assert_eq!(world.twilio.taken(), 5);
}

#[tokio::test]
async fn i5_what_surely_was_not_taken_is_tried_again_until_it_is() {
    for fault in [refuse(63012), Fault::ServerError(503), Fault::TooManyRequests { retry_after_secs: None }] {
        let world = World::start_on(&quick());
        world.twilio.set_faults(Faults::of([Rule::always(fault.clone()).times(3)]));
        world.write(BELLE, ANNE, "bonjour").await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND attempts = 4", 1).await;
        assert_eq!(world.twilio.taken(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn i3_a_conversation_waits_for_its_head_and_nobody_else_does() {
    let world = World::start_on(&quick());
    let stuck = Rule::always(too_many(3_600)).when(When::BodyContains("un".to_owned()));
    world.twilio.set_faults(Faults::of([stuck]));
    for text in ["un", "deux", "trois"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.write(BELLE, BOB, "moi aussi").await;
    world.twilio.taken_at_least(1).await;
    let head = world.id_of(": un").await;
    world.until_is(&head, "pending", Some("20429")).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'pending' AND behind", 2).await;
    let behind = world.id_of("deux").await;
    world.explains(&behind, &format!("waits behind {head}"), &format!("attend derrière {head}"));
    world.explains(&behind, "is pending, 20429, too many requests", "est à l'état en attente (pending), 20429, ");
    world.heal();
    world.make_due().await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 4).await;
    assert_eq!(world.received(ANNE), ["un", "deux", "trois"].map(echo));
    assert_eq!(world.taken_texts()[0].1, echo("moi aussi"), "another conversation was not held up");
}

#[tokio::test]
async fn without_keep_order_what_comes_later_does_not_wait() {
    let world = World::start_on(&quick_with("keep_order = false"));
    let stuck = Rule::always(too_many(3_600)).when(When::BodyContains("un".to_owned()));
    world.twilio.set_faults(Faults::of([stuck]));
    for text in ["un", "deux", "trois"] {
        world.write(BELLE, ANNE, text).await;
    }
    world.twilio.taken_at_least(2).await;
    let head = world.id_of(": un").await;
    world.until_is(&head, "pending", Some("20429")).await;
    let mut taken = world.received(ANNE);
    taken.sort();
    assert_eq!(taken, ["deux", "trois"].map(echo));
}

#[tokio::test]
async fn what_was_tried_long_enough_is_a_dead_letter_that_says_why() {
    let world = World::start_on(&quick_with("retry.max_age = \"1s\""));
    // What an alert is to see growing is there before anything is lost.
    world.until_metric(&dead_letters("belle"), 0.0).await;
    world.twilio.set_faults(Faults::of([Rule::always(too_many(0)).when(When::BodyContains("trop".to_owned()))]));
    world.write(BELLE, ANNE, "trop").await;
    world.write(BELLE, ANNE, "suite").await;
    let id = world.id_of("trop").await;
    world.until_is(&id, "dead", Some("exhausted:20429")).await;
    assert_eq!(world.history(&id).await.last().expect("its end"), "message_dead:exhausted:20429");
    world.explains(&id, "every attempt failed, the last one because 20429", "toutes les tentatives ont échoué");
    // Who stood behind it goes on.
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    assert_eq!(world.received(ANNE), [echo("suite")]);
    // A refusal for good takes no second attempt.
    world.twilio.set_faults(Faults::of([Rule::always(refuse(21211))]));
    world.write(BELLE, BOB, "faux").await;
    let wrong = world.id_of("faux").await;
    world.until_is(&wrong, "dead", Some("21211")).await;
    assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{wrong}'")).await, 1);
    world.until_metric(&dead_letters("belle"), 2.0).await;
    world.until_metric(&dead_letters("taxi"), 0.0).await;
    world.explains(&wrong, "21211, the recipient's number is not valid", "le numéro du destinataire n'est pas valide");
}

#[tokio::test]
async fn what_had_to_leave_by_a_time_that_has_passed_is_not_sent() {
    let world = World::start_on(&quick());
    world.write(BELLE, ANNE, "bonjour").await;
    world.twilio.taken_at_least(1).await;
    let asked = Asked { body: "trop tard", expires_at: Some("2026-01-01T00:00:00.000000Z"), ..Asked::default() };
    let id = world.ask_for(BELLE, ANNE, asked).await;
    world.until_is(&id, "dead", Some("expired")).await;
    assert_eq!(world.twilio.taken(), 1);
    world.explains(&id, "its time had passed before it could be sent", "son délai est passé avant qu'il puisse partir");
}
