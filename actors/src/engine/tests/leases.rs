//! Tests of leases whose answer was lost, and of answers that overtake each other.

use std::time::Duration;

use super::{ANNE, all_sent, paused};
use crate::domain::event::EventType;
use crate::domain::send::{SendError, SendErrorClass};
use crate::testing::fakes::{Answer, Fault, Op};
use crate::testing::harness::Harness;

fn away() -> Answer {
    let class = SendErrorClass::Retry { after: None };
    Answer::Refuse(SendError { class, code: Some("503".to_owned()), throttled: false, detail: String::new() })
}

fn texts(harness: &Harness, tenant: &str) -> Vec<String> {
    harness.provider(tenant).taken().into_iter().map(|message| message.body).collect()
}

#[test]
fn i5_a_claim_whose_answer_was_lost_does_not_hold_its_line_up_until_its_lease_ends() {
    paused(async {
        let harness = Harness::start(|settings| settings.lease = Duration::from_secs(100_000));
        harness.provider("a").script([away()]);
        harness.post("a", ANNE, "one").await.unwrap();
        // It is claimed again in a moment.
        harness.until(|now| now.outbound.iter().any(|row| row.last_error.as_deref() == Some("503"))).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        harness.store.fault(Op::Claim, Fault::LoseAnswer);
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(texts(&harness, "a"), ["You said: one"]);
        let snapshot = harness.store.snapshot();
        assert_eq!(snapshot.events_of(EventType::MessageUnknown).count(), 1, "asked about, although nobody sent it");
    });
}

#[test]
fn i5_a_turn_whose_answer_was_lost_does_not_hold_its_line_up_until_its_lease_ends() {
    paused(async {
        let harness = Harness::start(|settings| settings.lease = Duration::from_secs(100_000));
        harness.store.fault(Op::Commit, Fault::LoseAnswer);
        harness.post("a", ANNE, "one").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(texts(&harness, "a"), ["You said: one"]);
        assert_eq!(snapshot.events_of(EventType::MessageUnknown).count(), 1, "asked about, although nobody sent it");
    });
}

#[test]
fn i5_a_message_that_its_provider_takes_after_it_was_asked_is_not_repeated() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").script([Answer::TakeLate(Duration::from_secs(5))]);
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(texts(&harness, "a"), ["You said: hello"]);
        assert_eq!(harness.provider("a").asked().len(), 2, "the first question overtook the message");
    });
}
