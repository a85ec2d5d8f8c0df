//! Advertising in the night: it waits for the morning, and holds up nothing.

use std::time::Duration;

use chrono::TimeDelta;

use super::delivery::{in_state, row, texts};
use super::{ANNE, paused};
use crate::domain::message::Category;
use crate::domain::status::OutboxState;
use crate::domain::turn::SendRequest;
use crate::testing::harness::{Harness, noon, request};

fn advertising(text: &str) -> SendRequest {
    SendRequest { category: Category::Marketing, ..request(text) }
}

#[test]
fn advertising_to_france_waits_for_the_morning_and_nothing_else_does() {
    paused(async {
        let harness = Harness::start(|settings| settings.sweep_every = Duration::from_secs(600));
        // Saturday, 13:00 in Paris.
        harness.send("a", ANNE, advertising("day")).await.unwrap();
        harness.until(|now| in_state(now, "day", OutboxState::Sent)).await;
        tokio::time::sleep(Duration::from_secs(10 * 60 * 60)).await;
        harness.send("a", ANNE, advertising("night")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "night", OutboxState::Deferred)).await;
        let waits = row(&snapshot, "night");
        // Sunday is no day for it either: Monday, 08:00 in Paris.
        let monday = noon() + TimeDelta::hours(43);
        assert_eq!((waits.blocked_reason.as_deref(), waits.next_attempt_at), (Some("quiet_hours"), monday));
        assert_eq!(waits.message.attempts, 0, "nothing was tried");

        harness.send("a", ANNE, request("appointment")).await.unwrap();
        harness.until(|now| in_state(now, "appointment", OutboxState::Sent)).await;
        harness.send("a", "+32470123456", advertising("Belgium")).await.unwrap();
        harness.until(|now| in_state(now, "Belgium", OutboxState::Sent)).await;
        tokio::time::sleep(Duration::from_secs(32 * 60 * 60)).await;
        assert_eq!(texts(&harness, "a"), ["day", "appointment", "Belgium"]);
        tokio::time::sleep(Duration::from_secs(100 * 60)).await;
        harness.until(|now| in_state(now, "night", OutboxState::Sent)).await;
        assert_eq!(texts(&harness, "a"), ["day", "appointment", "Belgium", "night"]);
    });
}
