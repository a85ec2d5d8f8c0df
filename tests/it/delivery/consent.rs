//! Who may be written to (I6): double opt-in, STOP and START, what the provider knows.

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::{Faults, InboundMessage, Policy, Rule};

use super::{ANNE, Asked, BOB, as_written, echo, quick, refuse};
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
