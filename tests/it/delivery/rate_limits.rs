//! How often (I7): per sender account, per contact, per tenant, per day. A permit is taken before the wire, so what
//! arrives can only be later than its permit; each n-th arrival has its earliest moment, counted from before the first.

use std::time::{Duration, Instant};

use palabre::gateway::twilio::Kind;
use palabre::gateway::twilio::simulator::InboundMessage;

use super::{ANNE, Asked, BOB, CHLOE, quick, quick_with, where_it_is_noon};
use crate::daemon::{BELLE, Setup, TAXI, World};

/// No n-th arrival before its time: one permit `every`, `burst` at once.
fn assert_paced(world: &World, begun: Instant, every: Duration, burst: u32, account: &str) {
    let mut arrivals: Vec<Instant> =
        world.twilio.sends().iter().filter(|sent| sent.account_sid == account).map(|sent| sent.at).collect();
    arrivals.sort();
    for (n, at) in (1_u32..).zip(arrivals) {
        let earliest = begun + every * n.saturating_sub(burst);
        assert!(at >= earliest, "arrival {n} is {:?} early", earliest - at);
    }
}

#[tokio::test]
async fn i7_a_sender_account_keeps_to_its_rate() {
    let quick = quick();
    let whatsapp = quick.whatsapp.replace("per_second = 10000", "per_second = 5");
    let world = World::start_on(&Setup { whatsapp, ..quick });
    let begun = Instant::now();
    for n in 0..8 {
        world.write(BELLE, &format!("+3361200000{n}"), "bonjour").await;
    }
    world.twilio.taken_at_least(8).await;
    assert_paced(&world, begun, Duration::from_millis(200), 1, BELLE.account_sid);
}

#[tokio::test]
async fn i7_a_tenant_keeps_to_its_rate_over_all_its_channels() {
    let limits = "per_second = 5\nper_contact_per_minute = 1000\nper_day = 1000".to_owned();
    let world = World::start_on(&Setup { limits, ..quick() });
    let begun = Instant::now();
    for n in 0..4 {
        let contact = format!("+3361200000{n}");
        world.write(BELLE, &contact, "bonjour").await;
        let sms = InboundMessage::text(Kind::Sms, "belle-sms", BELLE.account_sid, &contact, BELLE.sender, "par SMS");
        assert_eq!(world.twilio.deliver(&sms).await.expect("an answer").status, 200);
    }
    world.twilio.taken_at_least(8).await;
    assert_paced(&world, begun, Duration::from_millis(200), 1, BELLE.account_sid);
}

#[tokio::test]
async fn i7_one_contact_gets_its_burst_and_then_waits_alone() {
    let quick = quick();
    let whatsapp = quick.whatsapp.replace("pair = \"off\"", "pair = { every = \"1h\", burst = 2 }");
    let world = World::start_on(&Setup { whatsapp, ..quick });
    for n in 0..4 {
        world.write(BELLE, ANNE, &format!("n{n}")).await;
    }
    world.write(BELLE, BOB, "et moi").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    let third = world.id_of("n2").await;
    world.until_is(&third, "pending", Some("paced")).await;
    assert_eq!((world.received(ANNE).len(), world.received(BOB).len()), (2, 1));
    let waits = world.seconds_between(&third, "updated_at", "next_attempt_at").await;
    assert!((3_000.0..=3_601.0).contains(&waits), "{waits} s");
    assert_eq!(world.value::<i64>(&format!("SELECT attempts FROM messages_out WHERE id = '{third}'")).await, 0);
    world.explains(&third, "the permits of the contact, the account or the tenant", "les permis du contact, du compte");
}

#[tokio::test]
async fn i7_a_day_is_that_of_the_tenants_time_zone_and_survives_a_restart() {
    let (timezone, midnight) = where_it_is_noon();
    let limits = "per_second = 10000\nper_contact_per_minute = 1000\nper_day = 2".to_owned();
    let mut world = World::start_on(&Setup { limits, timezone, ..quick() });
    for (sent, text) in (1..).zip(["un", "deux"]) {
        world.write(BELLE, ANNE, text).await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", sent).await;
    }
    world.write(BELLE, ANNE, "trois").await;
    let third = world.id_of("trois").await;
    world.until_is(&third, "pending", Some("per_day")).await;
    let due: String = world.value(&format!("SELECT next_attempt_at FROM messages_out WHERE id = '{third}'")).await;
    assert_eq!(due, midnight.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string());
    world.explains(&third, "(limits.per_day) are used up", "(limits.per_day) sont épuisés");

    assert_eq!(world.terminate().code(), Some(0));
    world.start_daemon();
    world.write(BELLE, BOB, "après").await;
    let fourth = world.id_of("après").await;
    world.until_is(&fourth, "pending", Some("per_day")).await;
    assert_eq!(world.twilio.taken(), 2, "a restart is no second day");
    // I9: another tenant has its own.
    world.write(TAXI, CHLOE, "bonjour").await;
    world.twilio.taken_at_least(3).await;
    let again = world.ask_for(BELLE, ANNE, Asked { body: "encore", ..Asked::default() }).await;
    world.until("SELECT count(*) FROM channel_notices WHERE channel_id = 'belle' AND reason = 'per_day'", 1).await;
    let english = format!("waits until {}: the tenant's messages of the day", midnight.format("%Y-%m-%d %H:%M:%S UTC"));
    world.explains(&again, &english, "les messages du jour de l'entreprise");
    assert_eq!(world.history(&again).await, Vec::<String>::new(), "nothing is claimed only to be put back");

    // A limit that was raised counts from the next start on, also for what waits for tomorrow already.
    assert_eq!(world.terminate().code(), Some(0));
    let file = world.config().with_file_name("tenants").join("belle.toml");
    let raised = std::fs::read_to_string(&file).expect("a file").replace("per_day = 2", "per_day = 20");
    std::fs::write(&file, raised).expect("a file");
    world.start_daemon();
    world
        .until(&format!("SELECT count(*) FROM messages_out WHERE id IN ('{third}', '{fourth}') AND state = 'sent'"), 2)
        .await;
    assert_eq!(world.value::<i64>("SELECT count(*) FROM channel_notices").await, 0);
}

#[tokio::test]
async fn i7_a_used_up_day_is_logged_and_lets_quota_exempt_messages_through() {
    let (timezone, _) = where_it_is_noon();
    let limits = "per_second = 10000\nper_contact_per_minute = 1000\nper_day = 3".to_owned();
    let world = World::start_on(&Setup { limits, timezone, ..quick() });
    let used = "palabre_tenant_day_used_ratio{tenant=\"belle\"}";
    let told = |world: &World| world.logs().matches("daily quota used up").count();
    for (sent, text) in (1..).zip(["un", "deux"]) {
        world.write(BELLE, ANNE, text).await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", sent).await;
    }
    assert_eq!(told(&world), 0, "{}", world.logs());
    world.write(BELLE, BOB, "trois").await;
    world.until_metric(used, 1.0).await;
    for (contact, text) in
        [(ANNE, "quatre"), (ANNE, "cinq"), (ANNE, "AIDE"), (BOB, "six"), (BOB, "sept"), (BOB, "STOP")]
    {
        world.write(BELLE, contact, text).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 5).await;
    let kinds = "SELECT count(*) FROM messages_out WHERE state = 'sent' AND kind IN ('help', 'opt_out_confirmation')";
    world.until(kinds, 2).await;
    let waiting = |contact| {
        format!("SELECT count(*) FROM messages_out WHERE state = 'pending' AND \"to\" = 'whatsapp:{contact}'")
    };
    world.until(&waiting(ANNE), 2).await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'suppressed' AND kind = 'reply'", 2).await;
    let waits = world.id_of("cinq").await;
    world.explains(&waits, "waits behind", "attend derrière");
    assert_eq!(world.twilio.taken(), 5);

    let logs = world.logs();
    assert_eq!(told(&world), 1, "{logs}");
    let line = logs.lines().find(|line| line.contains("daily quota used up")).expect("the line");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((line["tenant.id"].as_str(), line["limits.per_day"].as_u64()), (Some("belle"), Some(3)), "{line}");
    assert!(world.metric(used).await.is_some_and(|used| (1.6..1.7).contains(&used)), "what is owed counts");
    assert_eq!(world.metric("palabre_tenant_day_used_ratio{tenant=\"taxi\"}").await, None);
}

#[tokio::test]
async fn i7_a_whatsapp_sender_is_paced_unless_told_otherwise() {
    let defaults = Setup { whatsapp: String::new(), ..quick_with("") };
    let limits = "per_second = 10000\nper_day = 1000".to_owned();
    let world = World::start_on(&Setup { limits, ..defaults });
    world.write(BELLE, ANNE, "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    for n in 0..50 {
        world.ask_for(BELLE, ANNE, Asked { body: &format!("n{n}"), ..Asked::default() }).await;
    }
    // 45 at once, and one every 6 s: Meta's limit for one contact.
    world.until("SELECT count(*) FROM messages_out WHERE blocked_reason = 'paced'", 1).await;
    let sent: i64 = world.value("SELECT count(*) FROM messages_out WHERE state = 'sent'").await;
    assert!((45..51).contains(&sent), "{sent}");
}
