//! WhatsApp's 24 hours: outside of them only an approved template is sent.

use std::time::Duration;

use palabre::gateway::twilio::simulator::{Faults, Policy, Rule};

use super::{ANNE, Asked, BOB, dead_letters, echo, quick, refuse, too_many};
use crate::daemon::{BELLE, Setup, World};

const CONTENT_SID: &str = "HX00000000000000000000000000000001";

/// With a template that one question's answer names.
fn with_template() -> Setup {
    let tenant = format!(
        "[[templates]]\nname = \"tarifs\"\ncontent_sid = \"{CONTENT_SID}\"\nvariables = [\"prenom\"]\n\
         body = \"Bonjour {{{{prenom}}}}, voici nos tarifs.\"\n\
         [[faq]]\nquestion = \"Combien ?\"\nkeywords = [\"tarifs\"]\nanswer = \"Nos tarifs : 40 euros.\"\n\
         template = \"tarifs\"\ntemplate_variables = {{ prenom = \"{{{{ contact.name }}}}\" }}"
    );
    Setup { tenant, ..quick() }
}

#[tokio::test]
async fn an_answer_that_is_late_for_the_window_goes_as_its_template() {
    let world = World::start_on(&with_template());
    world.twilio.set_faults(Faults::of([Rule::once(too_many(3_600))]));
    world.write(BELLE, ANNE, "Quels sont vos tarifs ?").await;
    let id = world.id_of("tarifs").await;
    world.until_is(&id, "pending", Some("20429")).await;
    world.close_windows().await;
    world.make_due().await;
    world.until_is(&id, "sent", None).await;
    let sent = world.twilio.sends().pop().expect("it was taken");
    assert_eq!(sent.content_sid.as_deref(), Some(CONTENT_SID));
    assert_eq!(sent.content_variables.as_deref(), Some("{\"1\":\"Camille\"}"));
    assert_eq!(sent.body, "", "with a template there is no text");
    // Within the window the same answer is text.
    world.write(BELLE, ANNE, "tarifs").await;
    world.twilio.taken_at_least(2).await;
    let sent = world.twilio.sends().pop().expect("it was taken");
    assert_eq!((sent.content_sid, sent.body.as_str()), (None, "Nos tarifs : 40 euros."));
}

#[tokio::test]
async fn the_providers_own_word_about_the_window_counts() {
    let world = World::start_on(&with_template());
    let window = Some(Duration::from_secs(3_600));
    world.twilio.set_policy(Policy { window, ..Policy::default() });
    world.twilio.set_faults(Faults::of([Rule::once(too_many(3_600))]));
    world.write(BELLE, ANNE, "tarifs").await;
    let id = world.id_of("tarifs").await;
    world.until_is(&id, "pending", Some("20429")).await;
    // For us it is open; the provider knows better.
    world.twilio.close_window(&format!("whatsapp:{ANNE}"));
    world.make_due().await;
    world.until_is(&id, "sent", None).await;
    let sent = world.twilio.sends().pop().expect("it was taken");
    assert_eq!(sent.content_sid.as_deref(), Some(CONTENT_SID));

    // What has no template waits for the contact.
    world.twilio.set_faults(Faults::of([Rule::once(refuse(63016))]));
    world.write(BELLE, BOB, "sans modèle").await;
    let id = world.id_of("sans modèle").await;
    world.until_is(&id, "deferred", Some("63016")).await;
    world.explains(&id, "only an approved template may be sent", "seul un modèle approuvé peut partir");
    world.write(BELLE, BOB, "toujours là ?").await;
    world.until_is(&id, "sent", None).await;
    world.twilio.taken_at_least(3).await;
    assert_eq!(world.received(BOB), ["sans modèle", "toujours là ?"].map(echo));
}

#[tokio::test]
async fn i3_what_waits_for_the_contact_is_released_in_its_order_and_before_the_answer() {
    let world = World::start_on(&quick());
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.close_windows().await;
    let mut asked = Vec::new();
    for body in ["un", "deux", "trois"] {
        asked.push(world.ask_for(BELLE, ANNE, Asked { body, ..Asked::default() }).await);
        world.until_is(asked.last().expect("one"), "deferred", Some("window_closed")).await;
    }
    assert_eq!(world.twilio.taken(), 1);
    let attempts: i64 =
        world.value("SELECT CAST(sum(attempts) AS bigint) FROM messages_out WHERE state = 'deferred'").await;
    assert_eq!(attempts, 0, "nothing was tried");
    world.explains(
        &asked[0],
        "it goes by itself when the contact writes",
        "il part de lui-même quand le contact écrit",
    );
    world.write(BELLE, ANNE, "me revoilà").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    let expected = [echo("bonjour"), "un".to_owned(), "deux".to_owned(), "trois".to_owned(), echo("me revoilà")];
    assert_eq!(world.received(ANNE), expected);
    let history = world.history(&asked[0]).await;
    let expected = ["message_claimed:due", "message_deferred:window_closed", "message_released:contact_wrote"];
    assert_eq!(history[..3], expected, "{history:?}");
}

#[tokio::test]
async fn i11_who_never_wrote_is_told_from_who_wrote_too_long_ago() {
    let world = World::start_on(&quick());
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.close_windows().await;
    let id = world.ask_for(BELLE, ANNE, Asked { body: "un", ..Asked::default() }).await;
    world.until_is(&id, "deferred", Some("window_closed")).await;
    world.explains(&id, "contact wrote    2026-01-01", "contact a écrit  2026-01-01");
    world.explains(&id, "or never has: only a template may be sent", "ou n'a jamais écrit : seul un modèle");
    world.execute("UPDATE conversations SET last_inbound_at = NULL").await;
    world.explains(&id, "contact wrote    never", "contact a écrit  jamais");
}

#[tokio::test]
async fn what_waits_too_long_for_the_contact_expires_and_says_why() {
    let world = World::start_on(&Setup { tenant: "[outbox]\ndeferred_for = \"100ms\"".to_owned(), ..quick() });
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    world.close_windows().await;
    let id = world.ask_for(BELLE, ANNE, Asked { body: "un", ..Asked::default() }).await;
    world.until_is(&id, "dead", Some("expired")).await;
    let history = world.history(&id).await;
    assert_eq!(history[1..], ["message_deferred:window_closed", "message_dead:expired"], "{history:?}");
    world.until_metric(&dead_letters("belle"), 1.0).await;
    assert_eq!(world.twilio.taken(), 1);
    world.explains(&id, "its time had passed before it could be sent", "son délai est passé avant qu'il puisse partir");
}
