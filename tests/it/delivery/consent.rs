//! Consent (I6): double opt-in, STOP and START, and opt-outs that the provider knows.

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::{Faults, InboundMessage, Policy, Rule, Sent};

use super::{ANNE, Asked, BOB, as_written, echo, quick, quick_with, refuse};
use crate::daemon::{BELLE, Setup, World};

const WELCOME: &str =
    "Maison belle : pouvons-nous vous écrire ici ? Répondez CONFIRMER pour accepter, STOP pour refuser.";
const CONFIRMED: &str = "Maison belle : merci, c'est confirmé. Répondez STOP à tout moment pour ne plus rien recevoir.";

fn double_opt_in() -> Setup {
    Setup { tenant: "[consent]\ndouble_opt_in = true".to_owned(), ..quick() }
}

async fn ledger(world: &World) -> Vec<String> {
    let order = as_written();
    let sql = format!("SELECT what || ' ' || source FROM consents WHERE tenant_id = 'belle' ORDER BY {order}");
    world.rows(&sql, |row| row.try_get_by_index::<String>(0).expect("text")).await
}

#[tokio::test]
async fn i6_a_message_waits_until_the_contact_has_confirmed() {
    let world = World::start_on(&double_opt_in());
    world.write(BELLE, ANNE, "bonjour").await;
    world.write(BELLE, ANNE, "vous êtes là ?").await;
    world.twilio.taken_at_least(3).await;
    let mut first = world.received(ANNE);
    assert_eq!(first.iter().filter(|text| *text == WELCOME).count(), 1, "once: {first:?}");
    first.retain(|text| text != WELCOME);
    assert_eq!(first, ["bonjour", "vous êtes là ?"].map(echo), "what the contact asks is answered");

    let asked = world.ask_for(BELLE, ANNE, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&asked, "deferred", Some("not_confirmed")).await;
    world.explains(&asked, "the contact has not confirmed", "le contact n'a pas confirmé");
    // Writing is not confirming.
    world.write(BELLE, ANNE, "d'accord").await;
    world.twilio.taken_at_least(4).await;
    world.until_is(&asked, "deferred", Some("not_confirmed")).await;

    world.write(BELLE, ANNE, "Confirmer").await;
    world.until_is(&asked, "sent", None).await;
    world.until("SELECT count(*) FROM messages_out WHERE state <> 'sent'", 0).await;
    let last = world.received(ANNE).split_off(4);
    assert_eq!(last, ["Une offre !", CONFIRMED], "what waited goes first");
    assert_eq!(ledger(&world).await, ["welcomed message", "confirmed message"]);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_in WHERE reason = 'confirmed'").await, 1);
    // From then on nothing waits, and nobody is welcomed again.
    let next = world.ask_for(BELLE, ANNE, Asked { body: "Une autre !", ..Asked::default() }).await;
    world.until_is(&next, "sent", None).await;
    world.write(BELLE, ANNE, "merci").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 8).await;
    assert_eq!(world.received(ANNE).iter().filter(|text| *text == WELCOME).count(), 1);
}

/// What somebody says by SMS.
async fn by_sms(world: &World, from: &str, body: &str) {
    let said = InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, from, BELLE.sender, body);
    assert_eq!(world.twilio.deliver(&said).await.expect("an answer").status, 200);
}

/// What Twilio took for a phone by SMS, in order.
fn received_by_sms(world: &World, contact: &str) -> Vec<String> {
    world.taken_texts().into_iter().filter(|(to, _)| to == contact).map(|(_, text)| text).collect()
}

fn outbox(world: &World, args: &[&str]) {
    let mut palabre = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"));
    let done = palabre.arg("outbox").args(args).arg("--config").arg(world.config()).output().expect("it starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn i6_who_was_welcomed_through_the_fallback_channel_confirms_there() {
    let fallback = quick_with("fallback_channel = \"{id}-sms\"");
    let world = World::start_on(&Setup { tenant: double_opt_in().tenant, ..fallback });
    outbox(&world, &["pause", "belle"]);
    world.until_channel("belle", "paused").await;
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND sent_via = 'belle-sms'", 2).await;
    assert_eq!(received_by_sms(&world, ANNE), [echo("bonjour"), WELCOME.to_owned()]);
    let offer = world.ask_for(BELLE, ANNE, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&offer, "deferred", Some("not_confirmed")).await;

    by_sms(&world, ANNE, "OUI").await;
    world.until_is(&offer, "sent", None).await;
    world.until("SELECT count(*) FROM messages_out WHERE state <> 'sent'", 0).await;
    let mut last = received_by_sms(&world, ANNE).split_off(2);
    last.sort();
    assert_eq!(last, [CONFIRMED.to_owned(), "Une offre !".to_owned()], "and no second welcome");
    let order = as_written();
    let told = format!(
        "SELECT c.what || ' ' || c.channel_id || ' ' || c.address || ' ' || CASE \
            WHEN EXISTS (SELECT 1 FROM messages_out o WHERE o.id = c.evidence AND o.kind = 'welcome') THEN 'the welcome' \
            WHEN EXISTS (SELECT 1 FROM messages_in i WHERE i.id = c.evidence AND i.body = 'OUI') THEN 'the yes' \
            ELSE 'nothing' END FROM consents c ORDER BY c.{}",
        order.replace(", ", ", c.")
    );
    let told = world.rows(&told, |row| row.try_get_by_index::<String>(0).expect("text")).await;
    let expected = [
        format!("welcomed belle whatsapp:{ANNE} the welcome"),
        format!("welcomed belle-sms sms:{ANNE} the welcome"),
        format!("confirmed belle-sms sms:{ANNE} the yes"),
    ];
    assert_eq!(told, expected, "what was asked where, and what was said where");

    // A number is one person: by WhatsApp she is confirmed as well.
    outbox(&world, &["resume", "belle"]);
    world.until_channel("belle", "closed").await;
    let next = world.ask_for(BELLE, ANNE, Asked { body: "Une autre !", ..Asked::default() }).await;
    world.until_is(&next, "sent", None).await;
    assert_eq!(world.received(ANNE), ["Une autre !"]);
}

#[tokio::test]
async fn i6_a_yes_where_nobody_asked_confirms_nothing() {
    let fallback = quick_with("fallback_channel = \"{id}-sms\"");
    let world = World::start_on(&Setup { tenant: double_opt_in().tenant, ..fallback });
    world.write(BELLE, BOB, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    assert_eq!(world.received(BOB), [echo("bonjour"), WELCOME.to_owned()]);
    let offer = world.ask_for(BELLE, BOB, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&offer, "deferred", Some("not_confirmed")).await;
    by_sms(&world, BOB, "OUI").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 4).await;
    assert_eq!(received_by_sms(&world, BOB), [echo("OUI"), WELCOME.to_owned()], "now he is asked there as well");
    assert_eq!(ledger(&world).await, ["welcomed message", "welcomed message"]);
    world.until_is(&offer, "deferred", Some("not_confirmed")).await;
    by_sms(&world, BOB, "CONFIRMER").await;
    world.until_is(&offer, "sent", None).await;
    assert_eq!(world.received(BOB).last().map(String::as_str), Some("Une offre !"));
}

#[tokio::test]
async fn i6_stop_instead_of_confirming_silences_what_waits() {
    let world = World::start_on(&double_opt_in());
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    let asked = world.ask_for(BELLE, ANNE, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&asked, "deferred", Some("not_confirmed")).await;
    world.write(BELLE, ANNE, "STOP").await;
    world.until_is(&asked, "suppressed", Some("opted_out")).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    world.explains(&asked, "the contact said STOP", "le contact a dit STOP");
    // Only START opens again: a yes may answer any question.
    for word in ["OUI", "Yes", "CONFIRMER", "bonjour"] {
        world.write(BELLE, ANNE, word).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'", 4).await;
    let late = world.ask_for(BELLE, ANNE, Asked { body: "Une autre !", ..Asked::default() }).await;
    world.until_is(&late, "suppressed", Some("opted_out")).await;
    assert_eq!(world.twilio.taken(), 3, "answer, welcome, confirmation of STOP");
    assert_eq!(ledger(&world).await, ["welcomed message", "opted_out message"]);

    world.write(BELLE, ANNE, "START").await;
    world.write(BELLE, ANNE, "me revoilà").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    assert_eq!(world.received(ANNE).last(), Some(&echo("me revoilà")));
    assert_eq!(ledger(&world).await[..3], ["welcomed message", "opted_out message", "opted_in message"]);
}

#[tokio::test]
async fn i6_what_the_provider_knows_of_an_opt_out_is_recorded_and_silences() {
    let world = World::start_on(&quick());
    world.twilio.set_faults(Faults::of([Rule::once(refuse(21610))]));
    world.write(BELLE, ANNE, "bonjour").await;
    let id = world.id_of("bonjour").await;
    world.until_is(&id, "suppressed", Some("21610")).await;
    assert_eq!(ledger(&world).await, ["opted_out provider"]);
    world.explains(&id, "the contact wrote STOP to this sender", "le contact a écrit STOP à cet expéditeur");
    // The conversation is in memory still, and hears of it before its next turn.
    world.write(BELLE, ANNE, "vous êtes là ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'", 1).await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM messages_out").await, 1, "nothing more was prepared");
    let asked = world.ask_for(BELLE, ANNE, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&asked, "suppressed", Some("opted_out")).await;
    assert_eq!(world.twilio.taken(), 0);
    assert_eq!(world.twilio.faults_met()["refuse"], 1, "the provider was asked once");
    world.write(BELLE, ANNE, "START").await;
    world.write(BELLE, ANNE, "et maintenant ?").await;
    world.twilio.taken_at_least(2).await;
}

#[tokio::test]
async fn i6_an_opt_out_that_only_a_callback_reports_is_recorded_and_silences() {
    let world = World::start_on(&quick());
    world.write(BELLE, ANNE, "bonjour").await;
    world.twilio.taken_at_least(1).await;
    let sent = world.twilio.sends().pop().expect("it was taken");
    let id = sent.mid.clone().expect("our id");
    let report = async || world.twilio.report(&sent.sid, "failed", Some(21610)).await.expect("an answer").status;
    assert_eq!(report().await, 200);
    world.until_is(&id, "failed", Some("21610")).await;
    assert_eq!(ledger(&world).await, ["opted_out provider"]);
    world.explains(&id, "the contact wrote STOP to this sender", "le contact a écrit STOP à cet expéditeur");
    let noted =
        ("the provider says that the contact opted out: recorded", "le contact ne veut plus de messages : noté");
    world.explains(&id, noted.0, noted.1);
    let asked = world.ask_for(BELLE, ANNE, Asked { body: "Une offre !", ..Asked::default() }).await;
    world.until_is(&asked, "suppressed", Some("opted_out")).await;
    // Their START ends it, and the same callback once more does not take that back.
    world.write(BELLE, ANNE, "START").await;
    world.twilio.taken_at_least(2).await;
    assert_eq!(report().await, 200);
    world.write(BELLE, ANNE, "et maintenant ?").await;
    world.twilio.taken_at_least(3).await;
}

#[tokio::test]
async fn i6_an_opt_out_counts_whatever_its_message_has_become_and_not_after_a_start() {
    let world = World::start_on(&quick());
    let report = async |sent: &Sent, status: &str, code| {
        assert_eq!(world.twilio.report(&sent.sid, status, code).await.expect("an answer").status, 200);
    };
    let opted_out = "SELECT count(*) FROM opt_outs";
    for (word, before) in [("un", ("failed", None)), ("deux", ("delivered", None)), ("trois", ("failed", Some(63_018)))]
    {
        let taken = world.twilio.taken();
        world.write(BELLE, ANNE, word).await;
        world.twilio.taken_at_least(taken + 1).await;
        let sent = world.twilio.sends().pop().expect("it was taken");
        report(&sent, before.0, before.1).await;
        report(&sent, "undelivered", Some(21_610)).await;
        world.until(opted_out, 1).await;
        world.write(BELLE, ANNE, "START").await;
        world.until(opted_out, 0).await;
        world.twilio.taken_at_least(taken + 2).await;
        // The message left before they said so.
        report(&sent, "undelivered", Some(21_610)).await;
        assert_eq!(world.value::<i64>(opted_out).await, 0, "{word}");
    }
}

#[tokio::test]
async fn i6_a_stop_that_the_provider_obeys_by_itself_is_recorded_and_not_confirmed_twice() {
    let world = World::start_on(&quick());
    world.twilio.set_policy(Policy { obeys_stop: true, ..Policy::default() });
    world.write(BELLE, BOB, "bonjour").await;
    world.twilio.taken_at_least(1).await;
    let sms = |body: &str| InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, BOB, BELLE.sender, body);
    // Twilio obeys and answers by itself, and says so.
    let stop = sms("STOP").with("OptOutType", "STOP");
    assert_eq!(world.twilio.deliver(&stop).await.expect("an answer").status, 200);
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'opted_out'", 1).await;
    assert_eq!(world.twilio.deliver(&sms("bonjour")).await.expect("an answer").status, 200);
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_opted_out'", 1).await;
    assert_eq!(world.twilio.taken(), 1, "it is not confirmed twice");
    assert_eq!(ledger(&world).await.len(), 1);
}
