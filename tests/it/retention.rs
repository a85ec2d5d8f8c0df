//! Retention: the daemon deletes what is older, and the metrics and the log say so.

use crate::daemon::{BELLE, Setup, World};

const ANNE: &str = "+33612345678";

/// A message of 2024 that had its turn, and one that never had; what happened then.
const OF_2024: &str = "\
    INSERT INTO messages_in (id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, state, correlation_id, \
        created_at, processed_at) VALUES \
    ('01900000-0000-7000-8000-000000000001', 'belle', 'belle', 'SM1', 'whatsapp:+33600000001', 'x', 'vieux', 'dead', \
        '01900000-0000-7000-8000-0000000000c1', '2024-06-09T20:00:00.000000Z', '2024-06-09T20:00:00.000000Z'), \
    ('01900000-0000-7000-8000-000000000002', 'gone', 'gone', 'SM2', 'whatsapp:+33600000002', 'x', 'attend', 'accepted', \
        '01900000-0000-7000-8000-0000000000c2', '2024-06-09T20:00:00.000000Z', NULL); \
    INSERT INTO event_log (id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, \
        created_at) VALUES \
    ('01900000-0000-7000-8000-0000000000e1', 'belle', 'message_dead', 'message_in', NULL, \
        '01900000-0000-7000-8000-0000000000c1', 'system', '{}', '2024-06-09T20:00:00.000000Z'), \
    ('01900000-0000-7000-8000-0000000000e2', 'gone', 'webhook_received', 'message_in', NULL, \
        '01900000-0000-7000-8000-0000000000c2', 'provider', '{}', '2024-06-09T20:00:00.000000Z')";

#[tokio::test]
async fn what_is_old_goes_and_what_waits_stays() {
    let daemon =
        "[runtime]\nsweep_every = \"250ms\"\n[retention]\nmessages = \"1 year\"\nevents = \"30 days\"".to_owned();
    let mut world = World::start_on(&Setup { daemon, ..Setup::default() });
    world.write(BELLE, ANNE, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    assert_eq!(world.terminate().code(), Some(0));
    world.execute(OF_2024).await;
    let events: i64 = world.value("SELECT count(*) FROM event_log").await;

    world.start_daemon();
    world.until("SELECT count(*) FROM messages_in", 2).await;
    world.until("SELECT count(*) FROM event_log", events - 1).await;
    world.until("SELECT count(*) FROM messages_in WHERE body IN ('Bonjour', 'attend')", 2).await;
    let metrics = world.metrics().await;
    assert_eq!(world.terminate().code(), Some(0));
    let line = world.logs().lines().find(|line| line.contains("older than its retention")).map(str::to_owned);
    let line: serde_json::Value = serde_json::from_str(&line.expect("it is said")).expect("JSON");
    assert_eq!((&line["retention.messages_in"], &line["retention.event_log"]), (&1.into(), &1.into()), "{line}");
    // It is counted when all is done, which may be after the scrape.
    assert!(!metrics.contains("palabre_retention_failures_total 1"), "{metrics}");
}
