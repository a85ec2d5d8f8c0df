//! Failures that only a callback reports: what may pass is sent again, and `palabre explain` tells each step.

use palabre::gateway::twilio::simulator::Sent;

use super::{ANNE, BOB, echo, quick, quick_with};
use crate::daemon::{BELLE, World};

/// A message that Twilio took.
async fn taken(world: &World, contact: &str, text: &str) -> (Sent, String) {
    world.write(BELLE, contact, text).await;
    let id = world.id_of(text).await;
    world.until_is(&id, "sent", None).await;
    let sent = world.twilio.sends().into_iter().find(|sent| sent.mid.as_deref() == Some(&id)).expect("it was taken");
    (sent, id)
}

async fn report(world: &World, sid: &str, status: &str, code: Option<u32>) {
    assert_eq!(world.twilio.report(sid, status, code).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn i5_what_may_pass_is_sent_again_once_and_a_late_success_is_believed() {
    let world = World::start_on(&quick());
    let (first, id) = taken(&world, ANNE, "bonjour").await;
    for _ in 0..3 {
        report(&world, &first.sid, "undelivered", Some(63_012)).await;
    }
    world.twilio.taken_at_least(2).await;
    world.until_is(&id, "sent", None).await;
    assert_eq!(world.received(ANNE), [echo("bonjour"), echo("bonjour")]);
    let second = world.twilio.sends().pop().expect("it was taken again");
    assert_eq!((second.mid.as_deref(), second.sid == first.sid), (Some(id.as_str()), false));
    report(&world, &second.sid, "delivered", None).await;
    world.until_is(&id, "delivered", None).await;
    // News of the first life that come now change nothing.
    report(&world, &first.sid, "failed", Some(63_012)).await;
    world.until_is(&id, "delivered", None).await;
    // Who reads what had arrived makes it no second arrival.
    report(&world, &second.sid, "read", None).await;
    world.until_is(&id, "read", None).await;
    let delivered = "palabre_outbox_delivered_total{tenant=\"belle\",channel=\"belle\"}";
    assert_eq!(world.metric(delivered).await, Some(1.0));
    assert_eq!(world.value::<i64>(&format!("SELECT life FROM messages_out WHERE id = '{id}'")).await, 1);
    assert_eq!(world.twilio.taken(), 2);
    world.explains(&id, "back into the queue, to be sent again: 63012", "remis dans la file, pour repartir : 63012");

    // 30008 may have arrived: once more, and when the first turns out to have arrived, that is the end of it.
    let (first, id) = taken(&world, BOB, "vous êtes là ?").await;
    report(&world, &first.sid, "failed", Some(30_008)).await;
    world.until_is(&id, "pending", Some("30008")).await;
    report(&world, &first.sid, "delivered", None).await;
    world.until_is(&id, "delivered", None).await;
    world.make_due().await;
    assert_eq!(world.received(BOB), [echo("vous êtes là ?")]);
    world.until_metric(delivered, 2.0).await;
}

#[tokio::test]
async fn i11_limits_wait_windows_wait_and_suspensions_pause() {
    let world = World::start_on(&quick_with("on_unknown = \"park\""));
    let (sent, id) = taken(&world, ANNE, "bonjour").await;
    report(&world, &sent.sid, "failed", Some(63_018)).await;
    world.until_is(&id, "pending", Some("63018")).await;
    assert!(world.seconds_between(&id, "updated_at", "next_attempt_at").await >= 3_599.0);
    world.explains(&id, "WhatsApp's messaging limit", "la limite d'envoi de WhatsApp");

    let (sent, id) = taken(&world, BOB, "et demain ?").await;
    report(&world, &sent.sid, "undelivered", Some(63_016)).await;
    world.until_is(&id, "deferred", Some("63016")).await;
    world.write(BELLE, BOB, "me revoilà").await;
    world.until_is(&id, "sent", None).await;
    let sent = world.twilio.sends().into_iter().rev().find(|sent| sent.mid.as_deref() == Some(&id)).expect("again");

    // A channel that parks what may arrive twice does not repeat it.
    report(&world, &sent.sid, "failed", Some(30_008)).await;
    world.until_is(&id, "failed", Some("30008")).await;

    let other = world.id_of("me revoilà").await;
    world.until_is(&other, "sent", None).await;
    let sent = world.twilio.sends().into_iter().find(|sent| sent.mid.as_deref() == Some(&other)).expect("sent");
    report(&world, &sent.sid, "failed", Some(30_002)).await;
    world.until("SELECT count(*) FROM channel_pauses WHERE channel_id = 'belle' AND reason = '30002'", 1).await;
    world.until_channel("belle", "paused").await;
    world.until_is(&other, "pending", Some("30002")).await;
    world.explains(&other, "the account is suspended", "le compte est suspendu");
}

/// A code that only a callback reports, where its message ends, and what `palabre explain` says of it in English and in French.
type LateCode = (u32, &'static str, [&'static str; 2], [&'static str; 2]);

#[tokio::test]
async fn i11_explain_says_what_each_class_of_late_codes_led_to() {
    let world = World::start_on(&quick());
    let table: [LateCode; 6] = [
        // Opted out: recorded as a STOP.
        (
            21_610,
            "failed",
            ["not delivered: 21610, the contact wrote STOP", "the provider says that the contact opted out: recorded"],
            [
                "non remis : 21610, le contact a écrit STOP",
                "le fournisseur dit que le contact ne veut plus de messages : noté",
            ],
        ),
        // For good.
        (
            21_211,
            "failed",
            ["the provider says: not delivered: 21211, the recipient's number is not valid", "number"],
            ["le fournisseur dit : non remis : 21211, le numéro du destinataire n'est pas valide", "numéro"],
        ),
        // May pass at once.
        (
            63_012,
            "sent",
            [
                "for a reason that may pass: back into the queue, to be sent again: 63012",
                "the provider took the message",
            ],
            [
                "pour une raison qui peut passer : remis dans la file, pour repartir : 63012",
                "le fournisseur a pris le message",
            ],
        ),
        // Much later.
        (
            63_018,
            "pending",
            [
                "back into the queue, to be sent again: 63018, the channel's rate or WhatsApp's messaging limit",
                "in 60 min",
            ],
            [
                "remis dans la file, pour repartir : 63018, le débit du canal ou la limite d'envoi de WhatsApp",
                "dans 60 min",
            ],
        ),
        // The window is closed.
        (
            63_016,
            "deferred",
            ["it waits outside the queue now: 63016", "24-hour"],
            ["il attend désormais hors de la file : 63016", "24 heures"],
        ),
        // The channel is paused; it is the last, because nothing is sent after it.
        (
            30_002,
            "pending",
            [
                "back into the queue, to be sent again: 30002, the account is suspended",
                "the channel is paused meanwhile",
            ],
            ["remis dans la file, pour repartir : 30002, le compte est suspendu", "le canal est en pause entre-temps"],
        ),
    ];
    for (n, (code, state, english, french)) in table.into_iter().enumerate() {
        let (sent, id) = taken(&world, &format!("+3361234560{n}"), &format!("message {n}")).await;
        report(&world, &sent.sid, "failed", Some(code)).await;
        if state == "sent" {
            world.twilio.taken_at_least(n as u64 + 2).await;
        }
        let reached = format!("SELECT count(*) FROM messages_out WHERE id = '{id}' AND state = '{state}'");
        world.until(&reached, 1).await;
        for (english, french) in english.into_iter().zip(french) {
            world.explains(&id, english, french);
        }
    }
}
