//! Accounts that fail: their breaker opens, another channel takes over, and they come back.

use std::time::{Duration, Instant};

use palabre::gateway::twilio::simulator::{Fault, Faults, SimulatedAccount, Simulator, SimulatorConfig};

use super::{ANNE, BOB, CHLOE, echo, on_whatsapp, quick, quick_with, refuse};
use crate::daemon::{BELLE, Setup, TAXI, World};

/// How long the backup is asked first once the usual way could not be reached.
const BACKUP_FIRST: Duration = Duration::from_secs(30);

/// Opens at the second failure in a row, and by nothing else.
const BREAKER: &str = "breaker.consecutive_failures = 2\nbreaker.sample = 1000";

#[tokio::test]
async fn a_broken_account_rests_its_messages_take_the_other_way_and_come_back() {
    let way_out = "fallback_channel = \"{id}-sms\"\nbreaker.open_for = \"1s\"";
    let world = World::start_on(&quick_with(&format!("{BREAKER}\n{way_out}")));
    world
        .twilio
        .set_faults(Faults::of([ANNE, BOB, CHLOE].map(|contact| on_whatsapp(contact, Fault::ServerError(503)))));
    for contact in [ANNE, BOB, CHLOE] {
        world.write(BELLE, contact, contact).await;
    }
    world.until_channel("belle", "open").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND sent_via = 'belle-sms'", 3).await;
    let mut taken = world.taken_texts();
    taken.sort();
    let mut expected = [ANNE, BOB, CHLOE].map(|contact| (contact.to_owned(), echo(contact)));
    expected.sort();
    assert_eq!(taken, expected, "by SMS, each once");
    let id = world.id_of(ANNE).await;
    world.explains(&id, "via the channel belle-sms", "par le canal belle-sms");
    // I9: the other tenant's account is another one.
    world.until_channel("taxi", "closed").await;

    world.heal();
    let mut written = 0;
    while !world.twilio.sends().iter().any(|sent| sent.to.starts_with("whatsapp:")) {
        written += 1;
        // Each from somebody else: whoever writes so often at once is taken for a robot.
        world.write(BELLE, &format!("+3361300{written:04}"), &format!("n{written}")).await;
        world.twilio.taken_at_least(3 + written).await;
    }
    world.until_channel("belle", "closed").await;
    world.write(BELLE, BOB, "de retour").await;
    world.twilio.taken_at_least(4 + written).await;
    assert_eq!(world.received(BOB), [echo("de retour")]);
    assert_eq!(world.twilio.taken(), 4 + written, "nothing twice");
}

#[tokio::test]
async fn what_failed_before_an_account_broke_takes_the_other_way_when_it_does() {
    let quick = quick();
    let patient = quick.whatsapp.replace("20ms", "1h").replace("50ms", "1h");
    let keys = format!("{patient}\n{BREAKER}\nfallback_channel = \"{{id}}-sms\"\nbreaker.open_for = \"1h\"");
    let world = World::start_on(&Setup { whatsapp: keys, ..quick });
    world.twilio.set_faults(Faults::of([ANNE, BOB].map(|contact| on_whatsapp(contact, refuse(63012)))));
    world.write(BELLE, ANNE, "un").await;
    let first = world.id_of(": un").await;
    world.until_is(&first, "pending", Some("63012")).await;
    assert!(world.seconds_between(&first, "updated_at", "next_attempt_at").await > 0.0, "a long time");
    world.write(BELLE, ANNE, "suite").await;
    world.id_of("suite").await;
    assert_eq!(world.twilio.taken(), 0);

    world.write(BELLE, BOB, "deux").await;
    world.until_channel("belle", "open").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND sent_via = 'belle-sms'", 3).await;
    let to_anne: Vec<_> = world.taken_texts().into_iter().filter(|(to, _)| to == ANNE).map(|(_, text)| text).collect();
    assert_eq!(to_anne, ["un", "suite"].map(echo), "in their order");
    assert_eq!(world.twilio.taken(), 3);
    let events = ["claimed:due", "sent:taken"].map(|event| format!("message_{event}"));
    assert_eq!(world.history(&first).await.split_off(1), events, "no attempt in between");
}

#[tokio::test]
async fn an_account_of_which_too_large_a_share_fails_rests_without_a_failure_in_a_row_too_many() {
    let rate = "breaker.consecutive_failures = 1000\nbreaker.sample = 6\nbreaker.error_rate = 0.5";
    let world = World::start_on(&quick_with(&format!("{rate}\nbreaker.open_for = \"1h\"")));
    for (sent, text) in (1..).zip(["un", "deux", "trois"]) {
        world.write(BELLE, ANNE, text).await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", sent).await;
    }
    world.twilio.set_faults(Faults::of([on_whatsapp(BOB, refuse(63012))]));
    world.write(BELLE, BOB, "quatre").await;
    world.until_channel("belle", "open").await;
    assert_eq!(world.twilio.faults_met()["refuse"], 3, "the third failure of six attempts");
    world.write(BELLE, CHLOE, "cinq").await;
    world.until("SELECT count(*) FROM channel_notices WHERE channel_id = 'belle' AND reason = 'breaker_open'", 1).await;
    assert_eq!(world.twilio.taken(), 3);
}

#[tokio::test]
async fn without_another_way_messages_wait_while_the_account_rests_and_nothing_churns() {
    let world = World::start_on(&quick_with(&format!("{BREAKER}\nbreaker.open_for = \"1h\"")));
    world.twilio.set_faults(Faults::of([ANNE, BOB].map(|contact| on_whatsapp(contact, refuse(63012)))));
    world.write(BELLE, ANNE, "un").await;
    world.write(BELLE, BOB, "deux").await;
    world.until_channel("belle", "open").await;
    world.write(BELLE, CHLOE, "trois").await;
    world.write(TAXI, CHLOE, "un taxi").await;
    world.twilio.taken_at_least(1).await;
    let id = world.id_of("trois").await;
    // It was never claimed, and costs no attempt.
    assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{id}'")).await, 0);
    assert_eq!(world.history(&id).await, Vec::<String>::new());
    let met = world.twilio.faults_met()["refuse"];
    assert!((2..=4).contains(&met), "two that failed, and those on the wire by then: {met}");
    assert_eq!(world.taken_texts(), [(format!("whatsapp:{CHLOE}"), echo("un taxi"))]);
    // What never met a sender has no history: why its channel rests, and until when, is written down for all of them.
    world.until("SELECT count(*) FROM channel_notices WHERE channel_id = 'belle' AND reason = 'breaker_open'", 1).await;
    world.explains(
        &id,
        "UTC: its channel failed too often: its circuit breaker is open",
        "UTC : son canal a échoué trop souvent",
    );
    world.explains(
        &id,
        "a fallback_channel of belle would take over",
        "un canal de secours (fallback_channel) de belle prendrait",
    );
    world.write(BELLE, CHLOE, "quatre").await;
    let next = world.id_of("quatre").await;
    world.explains(&next, &format!("waits behind {id}"), &format!("attend derrière {id}"));
}

#[tokio::test]
async fn an_account_that_the_provider_suspended_is_paused_until_somebody_resumes_it() {
    let world = World::start_on(&quick());
    world.twilio.set_faults(Faults::of([on_whatsapp(ANNE, refuse(30002)).times(1)]));
    world.write(BELLE, ANNE, "un").await;
    world.until_channel("belle", "paused").await;
    world.until("SELECT count(*) FROM channel_pauses WHERE channel_id = 'belle' AND reason = '30002'", 1).await;
    world.write(BELLE, BOB, "deux").await;
    let id = world.id_of(": un").await;
    world.until_is(&id, "pending", Some("30002")).await;
    assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{id}'")).await, 0);
    world.explains(&id, "the account is suspended", "le compte est suspendu");
    let next = world.id_of(": deux").await;
    world.explains(
        &next,
        "UTC: its channel is paused, 30002, the account is suspended",
        "UTC : son canal est en pause",
    );
    world.explains(&next, "then `palabre outbox resume belle`", "puis `palabre outbox resume belle`");
    world.write(TAXI, CHLOE, "un taxi").await;
    world.twilio.taken_at_least(1).await;

    let resumed = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(["outbox", "resume", "belle", "--config"])
        .arg(world.config())
        .output()
        .expect("the program starts");
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    world.until_channel("belle", "closed").await;
    assert_eq!(world.twilio.taken(), 3);
}

#[tokio::test]
async fn a_paused_accounts_messages_take_the_other_way() {
    let world = World::start_on(&quick_with("fallback_channel = \"{id}-sms\""));
    world.twilio.set_faults(Faults::of([on_whatsapp(ANNE, refuse(30002)).times(1)]));
    world.write(BELLE, ANNE, "un").await;
    world.until_channel("belle", "paused").await;
    world.write(BELLE, BOB, "deux").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND sent_via = 'belle-sms'", 2).await;
    let mut taken = world.taken_texts();
    taken.sort();
    assert_eq!(taken, [(ANNE.to_owned(), echo("un")), (BOB.to_owned(), echo("deux"))]);
}

#[tokio::test]
async fn when_no_connection_can_be_made_the_backup_takes_the_call() {
    let backup = Simulator::start(SimulatorConfig::new([SimulatedAccount::new(BELLE.account_sid, BELLE.auth_token)]))
        .expect("the simulator starts");
    let setup = quick_with("");
    let keys = format!("{}\nbackup_api_base_url = \"{}\"", setup.whatsapp, backup.base_url());
    let world = World::start_on(&Setup { whatsapp: keys, ..setup });
    world.twilio.go_away();
    let begun = Instant::now();
    world.write(BELLE, ANNE, "un").await;
    backup.taken_at_least(1).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND attempts = 1", 1).await;
    assert_eq!(backup.sends()[0].body, echo("un"));
    world.twilio.come_back().expect("the port is free");
    // The backup is asked first for a while, also when the usual way is back.
    world.write(BELLE, ANNE, "deux").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 2).await;
    if begun.elapsed() < BACKUP_FIRST {
        assert_eq!((world.twilio.taken(), backup.taken()), (0, 2));
    }
    assert_eq!(world.twilio.taken() + backup.taken(), 2, "either way nothing is sent twice");
}
