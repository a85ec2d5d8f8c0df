//! The daemon is stopped in the middle of its work (SIGSTOP), and continues (I5).

use std::time::Duration;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule};

use crate::daemon::{BELLE, Setup, World};

const ANNE: &str = "+33612345678";

fn setup(lease: &str) -> Setup {
    let daemon = format!("[runtime]\nsweep_every = \"50ms\"\nask_after = \"100ms\"\nlease = \"{lease}\"");
    let channel = "timeout = \"1s\"\nper_second = 10000\npair = \"off\"".to_owned();
    Setup { daemon, whatsapp: channel.clone(), sms: channel, ..Setup::default() }
}

fn echo(text: &str) -> String {
    format!("Vous avez écrit : {text}")
}

/// Waits until every lease is over, and every deadline of what the daemon was doing.
async fn leases_are_over(world: &World) {
    let now = if world.is_on_postgres() { "now()" } else { "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" };
    world.until(&format!("SELECT count(*) FROM messages_out WHERE state = 'sending' AND lease_until > {now}"), 0).await;
}

#[tokio::test]
async fn i5_what_is_on_the_wire_while_the_daemon_stands_still_is_not_sent_again() {
    let world = World::start_on(&setup("3s"));
    for round in 1..=2 {
        // The provider takes it, and its answer lies there when the daemon goes on, long after every deadline.
        world.twilio.set_faults(Faults::of([Rule::once(Fault::TakeThenWait(Duration::from_millis(300)))]));
        world.write(BELLE, ANNE, &format!("un {round}")).await;
        world.twilio.taken_at_least(round * 3 - 2).await;
        for text in ["deux", "trois"] {
            world.write(BELLE, ANNE, &format!("{text} {round}")).await;
        }
        world.freeze();
        leases_are_over(&world).await;
        world.thaw();
        let sent = i64::try_from(round * 3).expect("few");
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", sent).await;
    }
    let all: Vec<_> = (1..=2).flat_map(|n| ["un", "deux", "trois"].map(|text| echo(&format!("{text} {n}")))).collect();
    assert_eq!(world.received(ANNE), all, "each once, and in order");
}

#[tokio::test]
async fn i5_what_is_about_to_leave_while_the_daemon_stands_still_leaves_once() {
    let world = World::start_on(&setup("2s"));
    for number in 0..20 {
        world.write(BELLE, ANNE, &format!("n{number}")).await;
        if number % 5 == 0 {
            // Wherever it is.
            world.freeze();
            leases_are_over(&world).await;
            world.thaw();
        }
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 20).await;
    assert_eq!(world.received(ANNE), (0..20).map(|number| echo(&format!("n{number}"))).collect::<Vec<_>>());
}
