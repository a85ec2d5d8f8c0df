//! Tests of admission under overload.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{ANNE, BOB, all_sent, paused};
use crate::ingress::{Accepted, Refusal};
use crate::runtime::Settings;
use crate::testing::fakes::{FakeGateways, FakeStore, Fault, Op};
use crate::testing::harness::Harness;

#[test]
fn i9_a_tenant_over_its_share_is_refused_while_another_is_taken() {
    paused(async {
        let harness = Harness::start(|settings| {
            settings.max_waiting_webhooks = 20;
        });
        (0..2).for_each(|_| harness.store.fault(Op::Accept, Fault::Hang));
        let mut flood = JoinSet::new();
        for n in 0..30 {
            let message = harness.message("a", ANNE, &format!("message {n}"));
            let engine = harness.engine.clone();
            flood.spawn(async move { engine.accept(message).await });
        }
        // Half of the permits are granted; the other requests are refused at once.
        let mut refused = 0;
        while refused < 20 {
            assert_eq!(flood.join_next().await.unwrap().unwrap(), Err(Refusal::Overloaded));
            refused += 1;
        }
        assert_eq!(harness.engine.waiting_webhooks(), 10);
        assert!(harness.engine.admit(&crate::domain::ids::TenantId::new("a")).is_none(), "nor do callbacks pass");
        let other = harness.message("b", BOB, "hello");
        let engine = harness.engine.clone();
        let other = tokio::spawn(async move { engine.accept(other).await });
        harness.store.wait_calls(Op::Accept, 2).await;
        assert_eq!(harness.engine.waiting_webhooks(), 11);
        harness.store.release();
        assert_eq!(other.await.unwrap(), Ok(Accepted::New));
        while let Some(answer) = flood.join_next().await {
            assert_eq!(answer.unwrap(), Ok(Accepted::New));
        }
        harness.until(|now| all_sent(now, 11)).await;
        assert_eq!(harness.post("a", ANNE, "again").await, Ok(Accepted::New));
    });
}

/// A provider that hangs keeps its send permits and nothing else: webhooks are taken as before, and what is in memory is
/// bounded by its own numbers.
#[test]
fn i9_a_provider_that_hangs_slows_no_webhook_and_fills_no_memory() {
    paused(async {
        let harness = Harness::start(|settings| {
            settings.max_in_flight = 40;
            settings.max_in_flight_per_tenant = 30;
            settings.senders = 8;
            settings.max_resident_conversations = 20;
        });
        harness.provider("a").choose(|_| Some(crate::testing::fakes::Answer::Hang));
        for n in 0..400 {
            let contact = format!("+336120{:05}", n % 100);
            assert_eq!(harness.post("a", &contact, "hello").await, Ok(Accepted::New), "{n}");
        }
        assert_eq!(harness.store.snapshot().inbound.len(), 400);
        assert!(harness.engine.sending() <= 8);
        assert_eq!(harness.engine.waiting_webhooks(), 0);
        harness.post("b", BOB, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(harness.provider("b").taken().len(), 1, "another tenant's answer goes meanwhile");
    });
}

#[test]
fn sweeps_that_take_long_are_the_rarer_for_it() {
    paused(async {
        let store = FakeStore::new();
        (0..3).for_each(|_| store.fault(Op::TenantsBehind, Fault::Hang));
        let every = |settings: &mut Settings| settings.sweep_every = Duration::from_secs(1);
        let harness = Harness::start_on(store, FakeGateways::default(), every);
        let mut waits = Vec::new();
        for count in 1..=3 {
            let released = tokio::time::Instant::now();
            harness.store.wait_calls(Op::TenantsBehind, count).await;
            waits.push(released.elapsed().as_secs());
            tokio::time::sleep(Duration::from_millis(200)).await;
            harness.store.release();
        }
        // The first one may have met a database that stood still; the second took as long.
        assert_eq!(waits, [0, 1, 10]);
    });
}
