//! Tests of quota leases: a day and a budget that other nodes use too.

use std::time::Duration;

use chrono::TimeDelta;

use super::delivery::{in_state, row, texts};
use super::{ANNE, BOB, all_sent, paused};
use crate::domain::budget::{BudgetPolicy, Usage};
use crate::domain::ids::{NodeId, TenantId};
use crate::domain::status::OutboxState;
use crate::domain::turn::SendRequest;
use crate::ports::PortErrorKind;
use crate::testing::fakes::{Answer, Fault, Op};
use crate::testing::harness::{Harness, Plan, noon, request};

fn shared(adjust: impl FnOnce(&mut Plan)) -> Harness {
    Harness::build(|plan| {
        plan.shared = true;
        adjust(plan);
    })
}

fn tenant() -> TenantId {
    TenantId::new("a")
}

fn hold(harness: &Harness, messages: u64, cost_micros: i64) {
    harness.store.hold(&tenant(), &NodeId::new("another"), Usage { messages, cost_micros });
}

#[test]
fn i7_many_messages_cost_few_questions() {
    paused(async {
        let harness = shared(|_| {});
        for n in 0..300 {
            harness.post("a", &format!("+336111{n:05}"), "hello").await.unwrap();
        }
        harness.until(|now| all_sent(now, 300)).await;
        let asked = harness.store.calls(Op::LeaseQuota);
        assert!((1..=5).contains(&asked), "{asked}");
        assert_eq!(harness.store.calls(Op::Usage), 0);
        let (held, _) = harness.store.held(&tenant());
        assert!(held.messages <= 1_000, "a part of the day: {held:?}");
    });
}

#[test]
fn i7_what_others_hold_is_waited_for_and_they_hear_of_it() {
    paused(async {
        let harness = shared(|plan| plan.add("a").per_day = 3);
        hold(&harness, 2, 0);
        harness.post("a", ANNE, "one").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.post("a", ANNE, "two").await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "You said: two", OutboxState::Pending)).await;
        let waits = row(&snapshot, "You said: two");
        assert_eq!(waits.blocked_reason.as_deref(), Some("per_day"));
        assert!(waits.next_attempt_at <= noon() + TimeDelta::seconds(10), "not until tomorrow: {waits:?}");
        assert!(harness.store.held(&tenant()).1);
        harness.post("a", BOB, "HELP").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        hold(&harness, 0, 0);
        harness.until(|now| all_sent(now, 3)).await;
        harness.post("a", BOB, "late").await.unwrap();
        harness.until(|now| in_state(now, "You said: late", OutboxState::Pending)).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(harness.provider("a").taken().len(), 3, "the answer to HELP counted");
        tokio::time::sleep(Duration::from_secs(11 * 60 * 60)).await;
        assert_eq!(texts(&harness, "a").last().map(String::as_str), Some("You said: late"));
    });
}

#[test]
fn what_others_hold_of_the_budget_is_waited_for_too() {
    paused(async {
        let harness = shared(|plan| {
            plan.channel("a").cost_micros = 60;
            plan.add("a").budget =
                BudgetPolicy { per_month_micros: Some(150), hard_stop: true, alert_at: 0.8, ..BudgetPolicy::default() };
        });
        hold(&harness, 0, 60);
        let idle = |text: &str| SendRequest { urgent: false, ..request(text) };
        harness.send("a", ANNE, idle("one")).await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.send("a", ANNE, idle("two")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "two", OutboxState::Deferred)).await;
        assert!(row(&snapshot, "two").next_attempt_at < noon() + TimeDelta::minutes(1), "not until the next month");
        assert!(harness.store.held(&tenant()).1);
        hold(&harness, 0, 0);
        harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(texts(&harness, "a"), ["one", "two"]);
        harness.send("a", ANNE, idle("three")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "three", OutboxState::Deferred)).await;
        assert!(row(&snapshot, "three").next_attempt_at > noon() + TimeDelta::days(5), "until the next month");
    });
}

#[test]
fn what_others_want_is_given_back() {
    paused(async {
        let harness = shared(|_| {});
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert!(harness.store.held(&tenant()).0.messages > 1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(harness.store.calls(Op::LeaseQuota), 1, "nobody asks for what nobody wants");
        harness.store.want(&tenant());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(harness.store.held(&tenant()), (Usage::default(), false));
        harness.post("a", ANNE, "again").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
    });
}

#[test]
fn i7_a_node_that_the_others_may_have_given_up_sends_nothing_of_its_reserve() {
    paused(async {
        let harness = shared(|plan| plan.add("a").per_day = 100);
        harness.post("a", ANNE, "one").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.nodes.believed_until(noon(), noon());
        tokio::time::sleep(Duration::from_secs(60)).await;
        harness.post("a", ANNE, "two").await.unwrap();
        harness.until(|now| in_state(now, "You said: two", OutboxState::Pending)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            row(&harness.store.snapshot(), "You said: two").blocked_reason.as_deref(),
            Some("usage_unavailable")
        );
        assert_eq!(harness.provider("a").taken().len(), 1);
        // The others have given it up, and another one took what it had.
        hold(&harness, 98, 0);
        let now = noon() + TimeDelta::minutes(3);
        harness.nodes.believed_until(now + TimeDelta::days(1), now);
        harness.until(|now| all_sent(now, 2)).await;
        harness.post("a", ANNE, "three").await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(harness.provider("a").taken().len(), 2);
    });
}

#[test]
fn i7_without_the_store_nothing_is_sent() {
    paused(async {
        let harness = shared(|_| {});
        (0..3).for_each(|_| harness.store.fault(Op::LeaseQuota, Fault::Fail(PortErrorKind::Unavailable)));
        harness.post("a", ANNE, "hello").await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "You said: hello", OutboxState::Pending)).await;
        assert_eq!(row(&snapshot, "You said: hello").blocked_reason.as_deref(), Some("usage_unavailable"));
        assert!(harness.provider("a").taken().is_empty());
        harness.until(|now| all_sent(now, 1)).await;
    });
}

#[test]
fn i7_what_may_have_gone_out_counts_until_it_is_known() {
    paused(async {
        let harness = shared(|plan| plan.add("a").per_day = 2);
        harness.provider("a").script([Answer::Lose]);
        harness.provider("a").hang_finds(true);
        harness.post("a", ANNE, "lost").await.unwrap();
        harness.until(|now| in_state(now, "You said: lost", OutboxState::Unknown)).await;
        harness.post("a", BOB, "one").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.post("a", BOB, "two").await.unwrap();
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert_eq!(texts(&harness, "a"), ["You said: one"], "the day has two, and one of them may be out");
        harness.provider("a").hang_finds(false);
        harness.provider("a").release();
        // The provider does not have it: it goes now, and so the day is over for the other one.
        harness.until(|now| all_sent(now, 2)).await;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(harness.provider("a").taken().len(), 2);
    });
}
