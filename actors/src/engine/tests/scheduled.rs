//! Messages with a time at which they are to be sent.

use std::time::Duration;

use chrono::TimeDelta;

use super::delivery::{in_state, row, texts};
use super::{ANNE, paused};
use crate::domain::status::OutboxState;
use crate::domain::turn::{Refused, SendRequest};
use crate::engine::SendRefusal;
use crate::testing::harness::{Harness, noon, request};

fn scheduled(text: &str, minutes: i64) -> SendRequest {
    SendRequest { send_at: Some(noon() + TimeDelta::minutes(minutes)), ..request(text) }
}

#[test]
fn a_scheduled_message_goes_out_at_its_time_and_stands_in_nobodys_way() {
    paused(async {
        let harness = Harness::start(|settings| settings.sweep_every = Duration::from_secs(60));
        harness.send("a", ANNE, scheduled("tomorrow", 24 * 60)).await.unwrap();
        harness.send("a", ANNE, scheduled("in an hour", 60)).await.unwrap();
        harness.send("a", ANNE, scheduled("past", -10)).await.unwrap();
        harness.send("a", ANNE, request("now")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "now", OutboxState::Sent)).await;
        assert_eq!(texts(&harness, "a"), ["past", "now"]);
        let waits = row(&snapshot, "tomorrow");
        assert_eq!((waits.state, waits.blocked_reason.as_deref()), (OutboxState::Deferred, Some("scheduled")));
        tokio::time::sleep(Duration::from_secs(58 * 60)).await;
        assert_eq!(texts(&harness, "a"), ["past", "now"]);
        tokio::time::sleep(Duration::from_secs(5 * 60)).await;
        assert_eq!(texts(&harness, "a"), ["past", "now", "in an hour"]);
        tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
        assert_eq!(texts(&harness, "a"), ["past", "now", "in an hour", "tomorrow"]);
    });
}

#[test]
fn a_message_that_expires_before_its_time_is_refused() {
    paused(async {
        let harness = Harness::start(|_| {});
        let expires_at = Some(noon() + TimeDelta::minutes(30));
        let refusal = harness.send("a", ANNE, SendRequest { expires_at, ..scheduled("late", 60) }).await;
        assert!(matches!(refusal, Err(SendRefusal::Refused(Refused::Expired))), "{refusal:?}");
    });
}
