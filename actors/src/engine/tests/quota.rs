//! Tests of quotas: the day, the budget, and quota-exempt messages.

use std::time::Duration;

use chrono::TimeDelta;

use super::delivery::{in_state, row, texts};
use super::timers::{ask, greeted};
use super::{ANNE, BOB, all_sent, paused};
use crate::domain::action::Action;
use crate::domain::address::Scheme;
use crate::domain::budget::BudgetPolicy;
use crate::domain::channel::ChannelProfile;
use crate::domain::event::EventType;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::message::OutboundKind;
use crate::domain::status::OutboxState;
use crate::domain::turn::{Command, SendRequest};
use crate::ports::{ChannelKey, Outbox, Pause};
use crate::testing::fakes::{Op, Snapshot};
use crate::testing::harness::{Harness, Plan, noon, request};

fn idle(text: &str) -> SendRequest {
    SendRequest { urgent: false, ..request(text) }
}

/// On a node of its own, and on one of several that share a store.
fn alone_and_among_others(test: impl AsyncFn(bool)) {
    for shared in [false, true] {
        paused(test(shared));
    }
}

/// Enough for one message.
fn tight(plan: &mut Plan) {
    plan.channel("a").cost_micros = 60;
    plan.add("a").budget =
        BudgetPolicy { per_day_micros: Some(100), hard_stop: true, alert_at: 0.8, ..BudgetPolicy::default() };
}

fn held(snapshot: &Snapshot, count: usize) -> bool {
    let held = snapshot.outbound.iter().filter(|row| row.blocked_reason.as_deref() == Some("budget"));
    held.filter(|row| row.state == OutboxState::Deferred).count() == count
}

#[test]
fn a_hard_stop_of_the_budget_holds_what_is_not_urgent_until_the_next_day() {
    alone_and_among_others(async |shared| {
        let harness = Harness::build(|plan| {
            tight(plan);
            plan.shared = shared;
        });
        harness.send("a", ANNE, idle("one")).await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.send("a", ANNE, idle("two")).await.unwrap();
        harness.send("a", BOB, request("urgent")).await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let snapshot = harness.store.snapshot();
        let held = row(&snapshot, "two");
        assert_eq!((held.state, held.blocked_reason.as_deref()), (OutboxState::Deferred, Some("budget")));
        // Midnight in Paris.
        assert_eq!(held.next_attempt_at, noon() + TimeDelta::hours(11));
        assert_eq!((held.message.attempts, held.message.expires_at), (0, None), "nothing was tried, and it may wait");
        tokio::time::sleep(Duration::from_secs(11 * 60 * 60)).await;
        assert!(all_sent(&harness.store.snapshot(), 3));
        assert_eq!(texts(&harness, "a"), ["one", "urgent", "two"]);
    });
}

#[test]
fn i3_what_is_urgent_passes_what_the_budget_holds_and_the_held_keep_their_order() {
    alone_and_among_others(async |shared| {
        let harness = Harness::build(|plan| {
            tight(plan);
            plan.shared = shared;
            plan.settings.sweep_every = Duration::from_secs(300);
        });
        harness.send("a", ANNE, idle("one")).await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        for text in ["two", "three", "four"] {
            harness.send("a", ANNE, idle(text)).await.unwrap();
        }
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.send("a", ANNE, request("urgent")).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 3) && held(now, 3)).await;
        assert!(held(&snapshot, 3), "{:?}", snapshot.outbound);
        assert_eq!(texts(&harness, "a"), ["one", "You said: hello", "urgent"], "in the conversation's own line");
        // The second day holds one of them, the third the next.
        tokio::time::sleep(Duration::from_secs(12 * 60 * 60)).await;
        assert_eq!(texts(&harness, "a")[3..], ["two"]);
        harness.post("a", ANNE, "still there?").await.unwrap();
        harness.until(|now| all_sent(now, 5)).await;
        tokio::time::sleep(Duration::from_secs(48 * 60 * 60)).await;
        let sent = texts(&harness, "a");
        assert_eq!(sent[3..], ["two", "You said: still there?", "three", "four"]);
        let events = harness.store.snapshot();
        assert_eq!(events.events_of(EventType::MessageReleased).count(), 3 + 2 + 1, "once a day");
    });
}

#[test]
fn i13_an_action_goes_on_a_used_up_day_and_counts_for_nothing() {
    alone_and_among_others(async |shared| {
        let harness = Harness::build(|plan| {
            plan.add("a").per_day = 2;
            plan.shared = shared;
        });
        harness.provider("a").knows_action("ban");
        let ban = || Command::Act(Action { kind: "ban".to_owned(), arguments: serde_json::json!({ "chat": 42 }) });
        let conversation = greeted(&harness).await;
        ask(&harness, conversation, ban()).await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        harness.send("a", ANNE, idle("second")).await.unwrap();
        harness.until(|now| in_state(now, "second", OutboxState::Sent)).await;
        harness.send("a", ANNE, idle("third")).await.unwrap();
        let waits = |now: &Snapshot| row(now, "third").blocked_reason.as_deref() == Some("per_day");
        harness.until(waits).await;
        let done = ask(&harness, conversation, ban()).await.unwrap().message.unwrap();
        let snapshot = harness.until(|now| now.sent_row(done).state == OutboxState::Sent).await;
        assert!(waits(&snapshot), "a message waits for the next day");
    });
}

/// What a channel that takes over costs may fit where the own one does not: even so nothing that is held is overtaken by
/// what is no more urgent.
#[test]
fn i3_what_is_no_more_urgent_waits_behind_what_the_budget_holds() {
    alone_and_among_others(async |shared| {
        let harness = Harness::build(|plan| {
            tight(plan);
            plan.shared = shared;
            plan.channel("a").cost_micros = 101;
            plan.channel("a").fallback = Some(ChannelId::new("a-sms"));
            let sms = ChannelProfile { scheme: Scheme::Sms, cost_micros: 1, ..ChannelProfile::default() };
            plan.add("a").channels.insert("a-sms".to_owned(), sms);
        });
        harness.send("a", ANNE, idle("dear")).await.unwrap();
        harness.until(|now| held(now, 1)).await;
        assert!(in_state(&harness.store.snapshot(), "dear", OutboxState::Deferred));
        let channel_key = ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") };
        let pause = Pause { channel_key, reason: "operator".to_owned(), until: noon() + TimeDelta::days(9) };
        harness.store.pause(pause, noon()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let asked = harness.store.calls(Op::HeldBefore);
        harness.send("a", ANNE, idle("next")).await.unwrap();
        let snapshot = harness.until(|now| held(now, 2)).await;
        assert_eq!(row(&snapshot, "next").next_attempt_at, row(&snapshot, "dear").next_attempt_at);
        assert_eq!(harness.store.calls(Op::HeldBefore), asked + 1);
        harness.post("a", ANNE, "hello").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(harness.store.calls(Op::HeldBefore), asked + 1, "what is urgent has no question to ask");
    });
}

#[test]
fn i7_a_used_up_day_keeps_everything_back_but_quota_exempt_messages() {
    alone_and_among_others(async |shared| {
        let harness = Harness::build(|plan| {
            plan.add("a").per_day = 2;
            plan.shared = shared;
            plan.settings.sweep_every = Duration::from_secs(300);
        });
        for (sent, text) in (1..).zip(["one", "two"]) {
            harness.post("a", ANNE, text).await.unwrap();
            harness.until(|now| all_sent(now, sent)).await;
        }
        // The first is snoozed, the second is never claimed: the answer to HELP passes both.
        for text in ["three", "four", "HELP"] {
            harness.post("a", ANNE, text).await.unwrap();
        }
        harness.until(|now| all_sent(now, 3)).await;
        let claims = |snapshot: &Snapshot| snapshot.events_of(EventType::MessageClaimed).count();
        let claimed = claims(&harness.store.snapshot());
        harness.send("a", BOB, request("urgent")).await.unwrap();
        harness.post("a", BOB, "STOP").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 4)).await;
        let kinds: Vec<_> = harness.provider("a").taken().into_iter().map(|message| message.kind).collect();
        use OutboundKind::{Help, OptOutConfirmation, Reply};
        assert_eq!(kinds, [Reply, Reply, Help, OptOutConfirmation]);
        assert!(in_state(&snapshot, "urgent", OutboxState::Suppressed), "{:?}", snapshot.outbound);
        assert!(claims(&snapshot) <= claimed + 1, "nothing is claimed only to be put back");
        let [notice] = &harness.store.notices()[..] else { panic!("one channel has a notice") };
        assert_eq!((notice.reason.as_str(), notice.until), ("per_day", noon() + TimeDelta::hours(11)));

        tokio::time::sleep(Duration::from_secs(12 * 60 * 60)).await;
        let sent = texts(&harness, "a");
        assert_eq!(sent[4..], ["You said: three", "You said: four"], "in their order, the next day");
    });
}
