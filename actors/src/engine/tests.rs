//! Tests of the engine: all actors on fakes of every port, with paused time.

mod actions;
mod admission;
mod backpressure;
mod delivery;
mod late_failures;
mod leases;
mod quiet_hours;
mod quota;
mod quota_leases;
mod requests;
mod scheduled;
mod timers;
mod typing;

use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::event::EventType;
use crate::domain::ids::TenantId;
use crate::domain::send::{SendError, SendErrorClass};
use crate::domain::status::OutboxState;
use crate::ingress::{Accepted, Refusal};
use crate::ports::{Acceptance, Inbox, PortErrorKind};
use crate::testing::fakes::{Answer, FakeGateways, FakeStore, Fault, InboundState, Op, Snapshot};
use crate::testing::harness::Harness;

const ANNE: &str = "+33611111111";
const BOB: &str = "+33622222222";
/// Every decision about this address panics.
const CURSED: &str = "+33600000666";

/// Runs a test inside an actix System whose time is paused.
fn paused(test: impl Future<Output = ()>) {
    actix::System::new().block_on(async {
        tokio::time::pause();
        test.await;
    });
}

fn answers(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.outbound.iter().map(|row| row.message.body.as_str()).collect()
}

fn all_sent(snapshot: &Snapshot, count: usize) -> bool {
    snapshot.outbound.iter().filter(|row| row.state == OutboxState::Sent).count() == count
}

fn all_processed(snapshot: &Snapshot) -> bool {
    snapshot.inbound.iter().all(|row| row.state != InboundState::Accepted)
}

#[test]
fn a_message_gets_its_answer() {
    paused(async {
        let harness = Harness::start(|_| {});
        assert_eq!(harness.post("a", ANNE, "Your hours?").await, Ok(Accepted::New));
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(answers(&snapshot), ["From nine to five."]);
        assert_eq!(snapshot.inbound[0].state, InboundState::Processed);
        assert_eq!(snapshot.events_of(EventType::MessageSent).count(), 1);
    });
}

#[test]
fn what_was_kept_beside_the_store_is_answered_without_waiting_for_a_sweep() {
    paused(async {
        let rare = Duration::from_secs(3600);
        let harness = Harness::start(|settings| settings.sweep_every = rare);
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        let begun = tokio::time::Instant::now();
        let batch = vec![harness.message("a", ANNE, "one"), harness.message("a", BOB, "two")];
        let mut new = Vec::new();
        for answer in harness.store.accept(batch).await {
            let Ok(Acceptance::New(message)) = answer else { panic!("it was not there") };
            new.push(message);
        }
        harness.engine.arrived(new, []);
        harness.until(|now| all_sent(now, 3)).await;
        // The answer to this one was lost, and its tenant is all that is known.
        harness.store.accept(vec![harness.message("a", BOB, "three")]).await;
        harness.engine.arrived(Vec::new(), [TenantId::new("a")]);
        harness.until(|now| all_sent(now, 4)).await;
        assert!(begun.elapsed() < rare);
    });
}

#[test]
fn fifty_copies_at_once_are_one_message() {
    paused(async {
        let harness = Harness::start(|_| {});
        let message = harness.message("a", ANNE, "hello");
        let first = message.correlation;
        let mut copies = JoinSet::new();
        for _ in 0..50 {
            let (engine, mut copy) = (harness.engine.clone(), message.clone());
            if !copies.is_empty() {
                copy.correlation = crate::domain::ids::CorrelationId::fresh();
            }
            copies.spawn_local(async move { engine.accept(copy).await });
        }
        let results = copies.join_all().await;
        assert_eq!(results.iter().filter(|result| **result == Ok(Accepted::New)).count(), 1);
        assert_eq!(results.iter().filter(|result| **result == Ok(Accepted::Duplicate { first })).count(), 49);
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!((snapshot.inbound.len(), snapshot.outbound.len()), (1, 1));
        assert_eq!(snapshot.events_of(EventType::IdempotentIgnored).count(), 49);
    });
}

#[test]
fn messages_of_a_conversation_are_answered_in_the_order_of_their_acceptance() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 4);
        for n in 0..200 {
            assert_eq!(
                harness.post("a", if n % 2 == 0 { ANNE } else { BOB }, &format!("{n:03}")).await,
                Ok(Accepted::New)
            );
        }
        harness.until(|now| all_sent(now, 200)).await;
        for (of, parity) in [(ANNE, 0), (BOB, 1)] {
            let taken: Vec<_> = harness.provider("a").taken().into_iter().filter(|out| out.to.path() == of).collect();
            let bodies: Vec<_> = taken.iter().map(|out| out.body.as_str()).collect();
            let expected: Vec<_> = (0..100).map(|n| format!("You said: {:03}", n * 2 + parity)).collect();
            assert_eq!(bodies, expected, "conversation of {of}");
        }
    });
}

#[test]
fn more_messages_than_places_wait_in_the_store_and_keep_their_order() {
    paused(async {
        let harness = Harness::start(|settings| {
            settings.max_in_flight = 8;
            settings.max_in_flight_per_tenant = 4;
        });
        let mut posts = JoinSet::new();
        for n in 0..300 {
            let (engine, message) = (harness.engine.clone(), harness.message("a", ANNE, &format!("{n:03}")));
            posts.spawn_local(async move { engine.accept(message).await });
        }
        assert!(posts.join_all().await.iter().all(|result| *result == Ok(Accepted::New)));
        harness.until(|now| all_sent(now, 300)).await;
        let taken = harness.provider("a").taken();
        let bodies: Vec<_> = taken.iter().map(|out| out.body.clone()).collect();
        let expected: Vec<_> = harness
            .store
            .snapshot()
            .inbound
            .iter()
            .map(|row| format!("You said: {}", row.message.content.body))
            .collect();
        assert_eq!(bodies, expected);
    });
}

#[test]
fn a_message_that_panics_its_conversation_is_set_aside_and_touches_nobody_else() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.post("a", CURSED, "boom").await.unwrap();
        harness.post("a", ANNE, "hello").await.unwrap();
        let snapshot = harness.until(|now| now.inbound.iter().any(|row| row.state == InboundState::Dead)).await;
        let dead = snapshot.inbound.iter().find(|row| row.state == InboundState::Dead).expect("it was set aside");
        assert_eq!((dead.message.content.body.as_str(), dead.reason.as_deref()), ("boom", Some("poisonous")));
        assert_eq!(snapshot.events_of(EventType::MessageDead).count(), 1);
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(answers(&snapshot), ["You said: hello"]);
        assert!(all_processed(&snapshot), "nothing loops");
    });
}

#[test]
fn a_lost_commit_answer_neither_loses_nor_repeats_the_turn() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.store.fault(Op::Commit, Fault::LoseAnswer);
        harness.store.fault(Op::Commit, Fault::Fail(PortErrorKind::Unavailable));
        harness.post("a", ANNE, "one").await.unwrap();
        harness.post("a", ANNE, "two").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(answers(&snapshot), ["You said: one", "You said: two"]);
        assert_eq!(harness.provider("a").taken().len(), 2);
    });
}

#[test]
fn a_failed_accept_refuses_the_webhook_and_the_repeat_is_taken() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.store.fault(Op::Accept, Fault::Fail(PortErrorKind::Unavailable));
        let message = harness.message("a", ANNE, "hello");
        assert_eq!(harness.engine.accept(message.clone()).await, Err(Refusal::Unavailable));
        assert_eq!(harness.engine.accept(message).await, Ok(Accepted::New));
        harness.until(|now| all_sent(now, 1)).await;
    });
}

#[test]
fn what_an_earlier_process_accepted_is_processed_at_the_next_start() {
    let store = FakeStore::new();
    paused({
        let store = store.clone();
        async move {
            let harness = Harness::start_on(store, FakeGateways::default(), |_| {});
            harness.store.fault(Op::Load, Fault::Hang);
            harness.post("a", ANNE, "before").await.unwrap();
        }
    });
    paused(async move {
        let harness = Harness::start_on(store, FakeGateways::default(), |_| {});
        harness.post("a", ANNE, "after").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(answers(&snapshot), ["You said: before", "You said: after"]);
    });
}

#[test]
fn i5_what_a_killed_process_had_on_the_wire_is_not_asked_about_before_the_provider_can_know() {
    let (store, gateways) = (FakeStore::new(), FakeGateways::default());
    paused({
        let (store, gateways) = (store.clone(), gateways.clone());
        async move {
            let harness = Harness::start_on(store, gateways, |_| {});
            harness.provider("a").script([Answer::Hang]);
            harness.post("a", ANNE, "one").await.unwrap();
            harness.provider("a").wait_begun(1).await;
        }
    });
    paused(async move {
        let harness = Harness::start_on(store, gateways, |settings| settings.ask_after = Duration::from_secs(3));
        tokio::time::sleep(Duration::from_millis(2_900)).await;
        assert!(harness.provider("a").asked().is_empty(), "it may be on its way");
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(harness.provider("a").asked().len(), 2);
    });
}

#[test]
fn an_unknown_outcome_is_asked_about_before_anything_is_repeated() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").script([Answer::TakeAndLose]);
        harness.post("a", ANNE, "hello").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(snapshot.outbound.len(), 1);
        assert_eq!(harness.provider("a").taken().len(), 1, "asked, found, not repeated");
        harness.provider("a").script([Answer::Lose]);
        harness.post("a", ANNE, "again").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(harness.provider("a").taken().len(), 2, "asked, absent, sent once more");
        assert_eq!(
            harness.provider("a").asked().len(),
            3,
            "before it is believed that it was not taken, it is asked twice"
        );
    });
}

#[test]
fn after_stop_nothing_is_sent_but_one_confirmation() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.post("a", ANNE, "STOP").await.unwrap();
        harness.post("a", ANNE, "hello?").await.unwrap();
        harness.post("a", ANNE, "stop").await.unwrap();
        let snapshot = harness.until(|now| all_processed(now) && all_sent(now, 1)).await;
        assert_eq!(snapshot.outbound.len(), 1);
        harness.store.fault(Op::RecipientStatus, Fault::Fail(PortErrorKind::Unavailable));
        harness.post("a", BOB, "hello").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert!(all_sent(&snapshot, 2), "snoozed for a moment, and sent when the store answered");
    });
}

#[test]
fn the_last_gate_holds_back_what_was_queued_before_an_opt_out() {
    paused(async {
        let harness = Harness::start(|_| {});
        let message = harness.message("a", ANNE, "hello");
        // Written by another process between the turn and the wire.
        harness.store.opt_out(&message.tenant, &message.from);
        harness.engine.accept(message).await.unwrap();
        harness.until(all_processed).await;
        assert!(harness.provider("a").taken().is_empty());
    });
}

#[test]
fn a_slow_provider_of_one_tenant_leaves_the_other_tenant_alone() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 8);
        harness.provider("a").choose(|_| Some(Answer::Hang));
        for n in 0..50 {
            harness.post("a", &format!("+336100000{n:02}"), "hello").await.unwrap();
        }
        harness.post("b", BOB, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(harness.provider("b").taken().len(), 1);
        assert!(harness.provider("a").begun().len() <= 4, "half of the places at most");
    });
}

#[test]
fn idle_conversations_leave_memory_and_come_back_with_their_state() {
    paused(async {
        let harness = Harness::start(|settings| settings.passivate_after = Duration::from_secs(5));
        harness.post("a", ANNE, "one").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        let loads = harness.store.calls(Op::Load);
        tokio::time::sleep(Duration::from_secs(20)).await;
        harness.post("a", ANNE, "two").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert!(harness.store.calls(Op::Load) > loads, "it was loaded again");
        assert_eq!(snapshot.conversations.len(), 1);
        assert_eq!(snapshot.sessions.len(), 1, "the same session goes on");
    });
}

#[test]
fn draining_finishes_what_is_in_flight_and_takes_nothing_more() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").choose(|_| Some(Answer::Hang));
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.until(|now| !now.outbound.is_empty()).await;
        let engine = harness.engine.clone();
        let drained = actix::spawn(async move { engine.drain().await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!drained.is_finished(), "a send is in flight");
        assert_eq!(harness.post("a", BOB, "too late").await, Err(Refusal::Stopping));
        harness.provider("a").release();
        drained.await.expect("it ends by itself");
        assert!(all_sent(&harness.store.snapshot(), 1));
    });
}

#[test]
fn i3_no_answer_overtakes_an_earlier_one_that_is_tried_again_or_asked_about() {
    let busy = SendError {
        class: SendErrorClass::Retry { after: Some(Duration::from_secs(4)) },
        code: Some("429".to_owned()),
        throttled: true,
        detail: String::new(),
    };
    for trouble in [Answer::Refuse(busy), Answer::Lose, Answer::TakeAndLose] {
        let expected = ["You said: zero", "You said: one", "You said: two", "You said: three"];
        paused(async move {
            let harness = Harness::start(|_| {});
            // The conversation is in memory and knows of no row without an outcome.
            harness.post("a", ANNE, "zero").await.unwrap();
            harness.until(|now| all_sent(now, 1)).await;
            harness.provider("a").script([trouble.clone()]);
            harness.post("a", ANNE, "one").await.unwrap();
            let held = |now: &Snapshot| {
                now.outbound.iter().any(|row| matches!(row.state, OutboxState::Pending | OutboxState::Unknown))
            };
            harness.until(held).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            harness.post("a", ANNE, "two").await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
            harness.post("a", ANNE, "three").await.unwrap();
            harness.until(|now| all_sent(now, 4)).await;
            let taken: Vec<_> = harness.provider("a").taken().into_iter().map(|out| out.body).collect();
            assert_eq!(taken, expected, "{trouble:?}");
        });
    }
}
