//! No tenant waits behind another's backlog (I9).

use std::time::Duration;

use palabre::gateway::twilio::simulator::{Faults, Rule};

use super::{now, quick};
use crate::daemon::{BELLE, Setup, TAXI, World};

const BACKLOG: usize = 20_000;
const SENDERS: usize = 16;

/// Rows of a tenant, each in a conversation of its own.
async fn queue(world: &World, tenant: &str, rows: usize) {
    let id = |kind: u32| format!("printf('019c0000-{kind:04}-7000-8000-%012x', n)");
    let (row, conversation, flow, now) = (id(1), id(2), id(3), now());
    world
        .execute(&format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {rows}) \
             INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
             next_attempt_at, correlation_id, created_at, updated_at, urgent) \
             SELECT {row}, '{tenant}', '{tenant}', {conversation}, printf('whatsapp:+336%08d', n), 'n' || n, 'manual', \
             'pending', 0, {now}, {flow}, {now}, {now}, 0 FROM number"
        ))
        .await;
}

#[tokio::test]
async fn i9_a_backlog_of_one_tenant_does_not_delay_the_first_message_of_another() {
    let quick = quick();
    let daemon = format!("{}\nsenders = {SENDERS}", quick.daemon);
    let whatsapp = format!("{}\nwindow = \"off\"", quick.whatsapp);
    let mut world = World::start_on(&Setup { daemon, whatsapp, ..quick });
    assert_eq!(world.terminate().code(), Some(0));
    queue(&world, TAXI.id, BACKLOG).await;
    world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(5))]));
    world.start_daemon();
    world.twilio.taken_at_least(200).await;

    // The senders are busy with the backlog: a contact of the other tenant writes.
    let before = world.twilio.sends().len();
    world.write(BELLE, "+33612345678", "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE tenant_id = 'belle' AND state = 'sent'", 1).await;
    let sends = world.twilio.sends();
    let at = sends.iter().position(|sent| sent.account_sid == BELLE.account_sid).expect("it was taken");
    assert!(at - before < BACKLOG / 10, "{} of the backlog came first", at - before);
    let waiting: i64 =
        world.value("SELECT count(*) FROM messages_out WHERE tenant_id = 'taxi' AND state = 'pending'").await;
    assert!(waiting > 10_000, "the backlog was there all the time: {waiting}");
}

#[tokio::test]
async fn i9_waiting_messages_of_a_small_tenant_leave_among_the_first() {
    let quick = quick();
    let daemon = format!("{}\nsenders = {SENDERS}", quick.daemon);
    let whatsapp = format!("{}\nwindow = \"off\"", quick.whatsapp);
    let mut world = World::start_on(&Setup { daemon, whatsapp, ..quick });
    world.write(BELLE, "+33612345678", "bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    assert_eq!(world.terminate().code(), Some(0));
    queue(&world, TAXI.id, BACKLOG).await;
    // It is younger than every row of the backlog.
    let id = world.ask_for(BELLE, "+33612345678", super::Asked { body: "après", ..Default::default() }).await;
    world.twilio.set_faults(Faults::of([Rule::slow(Duration::from_millis(5))]));
    world.start_daemon();
    world.until(&format!("SELECT count(*) FROM messages_out WHERE id = '{id}' AND state = 'sent'"), 1).await;
    let sends = world.twilio.sends();
    let at = sends.iter().position(|sent| sent.mid.as_deref() == Some(&id)).expect("it was taken");
    assert!(at < 1_000, "{at} of the backlog came first");
}
