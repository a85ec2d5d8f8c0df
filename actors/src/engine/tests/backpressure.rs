//! Tests of backpressure: turns that wait for a send permit.

use std::time::Duration;

use super::{ANNE, BOB, all_processed, all_sent, answers, paused};
use crate::domain::event::EventType;
use crate::domain::status::OutboxState;
use crate::testing::fakes::{Answer, Op};
use crate::testing::harness::{Harness, request};

#[test]
fn however_many_wait_none_queues_behind_an_answer_that_is_under_way() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 2);
        for n in 0..60 {
            let who = format!("+336100000{:02}", n % 6);
            harness.post("a", &who, &format!("{n:02}")).await.unwrap();
        }
        let snapshot = harness.until(|now| all_sent(now, 60)).await;
        assert_eq!(snapshot.events_of(EventType::MessageClaimed).count(), 0);
    });
}

#[test]
fn a_turn_waits_for_its_send_permit_while_others_of_its_channel_get_theirs() {
    paused(async {
        // A tenant has one of two.
        let harness = Harness::start(|settings| settings.senders = 2);
        let provider = harness.provider("a");
        provider.choose(|_| Some(Answer::Hang));
        for n in 0..8 {
            harness.post("a", &format!("+3361000000{n}"), "hello").await.unwrap();
        }
        // The last one waits for more than eight seconds.
        for count in 1..=8 {
            provider.wait_begun(count).await;
            tokio::time::sleep(Duration::from_millis(1200)).await;
            provider.release();
        }
        let snapshot = harness.until(|now| all_sent(now, 8)).await;
        assert!(all_sent(&snapshot, 8));
        assert_eq!(snapshot.events_of(EventType::MessageClaimed).count(), 0);
        // No sweep took a message that waits for a permit.
        assert_eq!(harness.store.calls(Op::Backlog), 0);
    });
}

#[test]
fn behind_a_slow_provider_no_turn_waits_until_it_is_overdue() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 2);
        let provider = harness.provider("a");
        provider.choose(|_| Some(Answer::Hang));
        let begun = tokio::time::Instant::now();
        for n in 0..20 {
            harness.post("a", &format!("+336100000{n:02}"), "hello").await.unwrap();
        }
        let answering = actix::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(4)).await;
                provider.release();
            }
        });
        harness.until(all_processed).await;
        assert_eq!(begun.elapsed().as_secs(), 9);
        answering.abort();
    });
}

#[test]
fn a_stop_waits_for_no_places() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 2);
        let provider = harness.provider("a");
        provider.choose(|_| Some(Answer::Hang));
        for n in 0..10 {
            harness.post("a", &format!("+3361000000{n}"), "hello").await.unwrap();
        }
        provider.wait_begun(1).await;
        let answering = actix::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                provider.release();
            }
        });
        let begun = tokio::time::Instant::now();
        harness.engine.drain().await;
        // The sends under way end, and the waiting turn gives up.
        assert!(begun.elapsed() <= Duration::from_secs(8), "{:?}", begun.elapsed());
        assert!(all_processed(&harness.store.snapshot()));
        answering.abort();
    });
}

#[test]
fn behind_a_provider_that_hangs_no_turn_waits_for_more_than_a_moment() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 2);
        harness.provider("a").choose(|_| Some(Answer::Hang));
        let begun = tokio::time::Instant::now();
        for who in [ANNE, BOB, ANNE] {
            harness.post("a", who, "hello").await.unwrap();
        }
        harness.until(all_processed).await;
        assert_eq!(begun.elapsed().as_secs(), 5);
    });
}

#[test]
fn the_longer_answers_queue_the_more_rarely_the_store_is_asked_for_them() {
    paused(async {
        let harness = Harness::start(|_| {});
        let provider = harness.provider("a");
        provider.choose(|_| Some(Answer::Hang));
        for n in 0..30 {
            harness.post("a", ANNE, &format!("{n}")).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let asked = harness.store.calls(Op::Load);
        assert!((3..=12).contains(&asked), "{asked}");
        provider.choose(|_| None);
        provider.release();
        let snapshot = harness.until(|now| all_sent(now, 30)).await;
        assert!(all_sent(&snapshot, 30));
    });
}

#[test]
fn i6_a_provider_that_hangs_holds_up_no_stop() {
    paused(async {
        let harness = Harness::start(|settings| settings.senders = 2);
        harness.provider("a").choose(|_| Some(Answer::Hang));
        harness.post("a", BOB, "hello").await.unwrap();
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.provider("a").wait_begun(1).await;
        let begun = tokio::time::Instant::now();
        harness.post("a", ANNE, "and this").await.unwrap();
        harness.post("a", ANNE, "STOP").await.unwrap();
        harness.until(|now| now.events_of(EventType::OptedOut).count() == 1).await;
        // Paused time moves only while everything waits.
        assert!(begun.elapsed() <= Duration::from_millis(100), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_program_that_asks_for_a_message_does_not_wait_for_a_provider_that_hangs() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").choose(|_| Some(Answer::Hang));
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.provider("a").wait_begun(1).await;
        harness.post("a", ANNE, "and this").await.unwrap();
        // Its turn waits for the answer under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = tokio::time::Instant::now();
        harness.send("a", ANNE, request("from the shop")).await.unwrap();
        assert!(begun.elapsed() <= Duration::from_millis(100), "{:?}", begun.elapsed());
    });
}

#[test]
fn i6_a_stop_holds_back_every_answer_that_has_not_left_when_it_comes() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").choose(|_| Some(Answer::Hang));
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.provider("a").wait_begun(1).await;
        for text in ["and this", "and that"] {
            harness.post("a", ANNE, text).await.unwrap();
        }
        // They wait for the answer under way when the STOP comes.
        tokio::time::sleep(Duration::from_millis(300)).await;
        harness.post("a", ANNE, "Arrêt !").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        harness.provider("a").choose(|_| None);
        harness.provider("a").release();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        let suppressed = snapshot.outbound.iter().filter(|row| row.state == OutboxState::Suppressed);
        assert_eq!(suppressed.count(), 2, "{:?}", answers(&snapshot));
        assert_eq!(harness.provider("a").taken().len(), 2, "what was on the wire, and the confirmation");
    });
}
