//! Unknown outcomes (I5): the provider is asked before anything is repeated.

use std::time::Duration;

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::{CallbackPlan, Fault, Faults, InboundMessage, Rule};

use super::{ANNE, echo, now, quick, quick_with};
use crate::daemon::{BELLE, Setup, World, on_postgres};

#[tokio::test]
async fn i5_what_the_provider_took_is_found_by_asking_and_not_repeated() {
    let faults = [
        Fault::TakeThenReset,
        Fault::TakeThenHalfAnswer,
        Fault::TakeThenServerError(502),
        Fault::TakeThenWait(Duration::from_secs(60)),
    ];
    let world = World::start_on(&quick_with("timeout = \"500ms\""));
    for (n, fault) in (1..).zip(faults) {
        world.twilio.set_faults(Faults::of([Rule::once(fault.clone())]));
        world.write(BELLE, ANNE, &format!("n{n}")).await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", n).await;
        let id = world.id_of(&format!("n{n}")).await;
        let history = world.history(&id).await;
        assert!(history.iter().any(|event| event.starts_with("message_unknown:")), "{fault:?}: {history:?}");
        assert_eq!(history.last().map(String::as_str), Some("message_sent:found_at_provider"), "{fault:?}");
        let known: String =
            world.value(&format!("SELECT provider_message_id FROM messages_out WHERE id = '{id}'")).await;
        let sent = world.twilio.sends().pop().expect("it was taken");
        assert_eq!((sent.sid, sent.mid), (known, Some(id.clone())), "{fault:?}");
        assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{id}'")).await, 1);
        world.explains(&id, "nobody knows whether the provider took it", "personne ne sait si le fournisseur l'a pris");
        world.explains(&id, "the provider was asked, and has it", "on a demandé au fournisseur, et il l'a");
    }
    assert_eq!(world.twilio.taken(), 4, "each of them once");
}

#[tokio::test]
async fn i5_of_two_duplicate_candidates_the_one_that_was_lost_is_sent_again_and_the_other_is_not() {
    let world = World::start_on(&quick());
    world.write(BELLE, ANNE, "encore").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.twilio.set_faults(Faults::of([Rule::once(Fault::ResetBeforeTaking)]));
    world.write(BELLE, ANNE, "encore").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!(world.received(ANNE), [echo("encore"), echo("encore")]);
    let second: String = world.value("SELECT max(id) FROM messages_out").await;
    assert_eq!(
        world.history(&second).await,
        [
            "message_unknown:connection_lost",
            "message_postponed:absent_at_provider",
            "message_claimed:due",
            "message_sent:taken"
        ]
    );
    assert_eq!(world.value::<i64>("SELECT count(DISTINCT provider_message_id) FROM messages_out").await, 2);
    world.explains(&second, "it is safe to send it again", "on peut le renvoyer sans risque");
}

#[tokio::test]
async fn i5_duplicate_candidates_that_are_both_unknown_do_not_share_what_the_provider_took() {
    let world = World::start_on(&quick_with("keep_order = false"));
    for round in 1..=5 {
        // Both are on the wire at the same time, and end at the same time: one was taken.
        let late = |fault| Rule { delay: Duration::from_millis(100), ..Rule::once(fault) };
        world.twilio.set_faults(Faults::of([late(Fault::TakeThenReset), late(Fault::ResetBeforeTaking)]));
        let text = format!("tour {round}");
        let (one, other) = tokio::join!(world.write(BELLE, ANNE, &text), world.write(BELLE, ANNE, &text));
        assert_eq!((one.status, other.status), (200, 200));
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", round * 2).await;
        assert_eq!(world.received(ANNE).iter().filter(|taken| **taken == echo(&text)).count(), 2, "{text}");
    }
    assert_eq!(world.value::<i64>("SELECT count(DISTINCT provider_message_id) FROM messages_out").await, 10);
}

#[tokio::test]
async fn i5_duplicate_candidates_of_two_channels_that_leave_through_one_account_do_not_share_what_the_provider_took() {
    let world = World::start_on(&quick_with("fallback_channel = \"{id}-sms\""));
    world
        .execute(
            "INSERT INTO channel_pauses (channel_id, tenant_id, reason, until, updated_at) \
             VALUES ('belle', 'belle', 'operator', '2999-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z')",
        )
        .await;
    world.until_channel("belle", "paused").await;
    for round in 1..=6 {
        // One takes the other's account, and both end at the same time: one was taken.
        let late = |fault| Rule { delay: Duration::from_millis(100), ..Rule::once(fault) };
        world.twilio.set_faults(Faults::of([late(Fault::TakeThenReset), late(Fault::ResetBeforeTaking)]));
        let text = format!("tour {round}");
        let sms = InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, ANNE, BELLE.sender, &text);
        let (one, other) = if round % 2 == 0 {
            let (one, other) = tokio::join!(world.write(BELLE, ANNE, &text), world.twilio.deliver(&sms));
            (one, other.expect("an answer"))
        } else {
            let (other, one) = tokio::join!(world.twilio.deliver(&sms), world.write(BELLE, ANNE, &text));
            (one, other.expect("an answer"))
        };
        assert_eq!((one.status, other.status), (200, 200));
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", round * 2).await;
        let taken = world.taken_texts();
        assert_eq!(
            taken.iter().filter(|taken| **taken == (ANNE.to_owned(), echo(&text))).count(),
            2,
            "{text}: {taken:?}"
        );
    }
    assert_eq!(world.value::<i64>("SELECT count(DISTINCT provider_message_id) FROM messages_out").await, 12);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out WHERE sent_via = 'belle-sms'").await, 6);
}

#[tokio::test]
async fn i5_a_callback_with_our_id_settles_it_before_anybody_asks() {
    let daemon = "[runtime]\nsweep_every = \"50ms\"\nask_after = \"10m\"".to_owned();
    let world = World::start_on(&Setup { daemon, ..quick() });
    world.twilio.set_callbacks(Some(CallbackPlan::of(["delivered"])));
    let faults = Faults::of([Rule::once(Fault::TakeThenReset)]);
    world.twilio.set_faults(Faults { list_status: Some(503), ..faults });
    world.write(BELLE, ANNE, "bonjour").await;
    world
        .until("SELECT count(*) FROM messages_out WHERE state = 'delivered' AND provider_message_id LIKE 'SM%'", 1)
        .await;
    assert_eq!(world.twilio.taken(), 1);
    assert!(!world.twilio.faults_met().contains_key("list"), "nobody asked");
    let id = world.id_of("bonjour").await;
    world.explains(&id, "the provider says: delivered to the device", "le fournisseur dit : remis sur l'appareil");
    // Its line goes on.
    world.write(BELLE, ANNE, "et encore").await;
    world.twilio.taken_at_least(2).await;
}

#[tokio::test]
async fn i5_what_the_provider_cannot_tell_is_parked_or_sent_again_as_the_channel_says() {
    for on_unknown in ["park", "resend"] {
        let world = World::start_on(&quick_with(&format!("on_unknown = \"{on_unknown}\"")));
        let faults = Faults::of([Rule::once(Fault::TakeThenReset)]);
        world.twilio.set_faults(Faults { list_status: Some(405), ..faults });
        world.write(BELLE, ANNE, "bonjour").await;
        let (state, sends) = if on_unknown == "park" { ("dead", 1) } else { ("sent", 2) };
        world.until(&format!("SELECT count(*) FROM messages_out WHERE state = '{state}'"), 1).await;
        assert_eq!(world.twilio.taken(), sends, "{on_unknown}");
        let id = world.id_of("bonjour").await;
        if on_unknown == "park" {
            world.until_is(&id, "dead", Some("unknown_outcome")).await;
            world.explains(&id, "look in the provider's console before", "regarder la console du fournisseur avant");
            world.explains(&id, "on_unknown = \"park\" sets it aside", "on_unknown = \"park\" du canal le met de côté");
        } else {
            let history = world.history(&id).await;
            assert_eq!(history[1], "message_postponed:unclear_at_provider", "{history:?}");
            world.explains(&id, "broke before its answer", "la connexion au fournisseur s'est rompue");
            world.explains(
                &id,
                "on_unknown = \"resend\" sends it again",
                "on_unknown = \"resend\" du canal le renvoie",
            );
        }
    }
}

/// A daemon that is dead, and was killed while the answer to this was on its way: the provider has it.
async fn killed_while_sending(written: &str) -> World {
    let mut setup = quick();
    if on_postgres() {
        // Other nodes may be alive: the lease must run out first.
        setup.daemon.push_str("\nlease = \"6s\"");
        setup.whatsapp.push_str("\ntimeout = \"3s\"");
        setup.sms.push_str("\ntimeout = \"3s\"");
    }
    let mut world = World::start_on(&setup);
    world.twilio.set_faults(Faults::of([Rule::always(Fault::TakeThenWait(Duration::from_secs(60)))]));
    world.write(BELLE, ANNE, written).await;
    world.twilio.taken_at_least(1).await;
    world.kill();
    world
}

#[tokio::test]
async fn i5_what_a_dead_daemon_was_sending_is_asked_about_first() {
    let mut world = killed_while_sending("pris").await;
    world.heal();
    // What it had begun and not handed over: nobody took that.
    let lost = world.ask_for(BELLE, ANNE, super::Asked { body: "perdu", ..Default::default() }).await;
    world
        .execute(&format!(
            "UPDATE messages_out SET state = 'sending', attempts = 1, lease_owner = 'another', \
             lease_until = {} WHERE id = '{lost}'",
            if on_postgres() { now() } else { "'2999-01-01T00:00:00.000000Z'" }
        ))
        .await;
    world.start_daemon();
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!(world.received(ANNE), [echo("pris"), "perdu".to_owned()]);
    let taken = world.id_of("pris").await;
    let history = world.history(&taken).await;
    assert_eq!(history, ["message_unknown:lease_expired", "message_sent:found_at_provider"]);
    world.explains(&taken, "the process that had it ended", "le processus qui l'avait s'est arrêté");
    let history = world.history(&lost).await;
    assert_eq!(history[..2], ["message_unknown:lease_expired", "message_postponed:absent_at_provider"]);
}

#[tokio::test]
async fn i11_what_a_dead_daemon_was_sending_and_the_provider_cannot_tell_is_told_as_it_was() {
    let mut world = killed_while_sending("bonjour").await;
    world.twilio.set_faults(Faults { list_status: Some(404), ..Faults::default() });
    world.start_daemon();
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    assert_eq!(world.received(ANNE), [echo("bonjour"), echo("bonjour")], "sent again, as the channel says");
    let id = world.id_of("bonjour").await;
    let history = world.history(&id).await;
    let expected = ["message_unknown:lease_expired", "message_postponed:unclear_at_provider", "message_claimed:due"];
    assert_eq!(history[..3], expected, "{history:?}");
    world.explains(
        &id,
        "the process that had it ended (a kill, a crash)",
        "le processus qui l'avait s'est arrêté (tué",
    );
    world.explains(&id, "it will be asked", "on le lui demandera");
    world.explains(&id, "was asked whether it has it, and could not tell", "s'il l'a, et il n'a pas su le dire");
    world.explains(&id, "on_unknown = \"resend\" sends it again", "on_unknown = \"resend\" du canal le renvoie");
    let told = world.explained(&id, "en") + &world.explained(&id, "fr");
    assert!(!told.contains("connection broke") && !told.contains("connexion rompue"), "{told}");
}
