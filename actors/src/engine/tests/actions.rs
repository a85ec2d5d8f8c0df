//! Tests of actions: rows of the outbox that are provider calls and not messages.

use serde_json::json;

use super::timers::{ask, greeted};
use super::*;
use crate::domain::action::Action;
use crate::domain::message::OutboundKind;
use crate::domain::turn::{Command, Reply};
use crate::testing::fakes::Said;
use crate::testing::harness::request as message;

fn act(kind: &str) -> Command {
    Command::Act(Action { kind: kind.to_owned(), arguments: json!({"chat": 42}) })
}

#[test]
fn an_action_keeps_the_order_of_its_conversation_and_passes_a_stop() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").knows_action("invite_link");
        let conversation = greeted(&harness).await;
        let reply = Reply { message: message("Here is your link."), seen: None, forced: false };
        harness.provider("a").script([Answer::Refuse(retry())]);
        ask(&harness, conversation, Command::Reply(reply)).await.unwrap();
        let done = ask(&harness, conversation, act("invite_link")).await.unwrap();
        assert!(done.message.is_some());
        let snapshot = harness.until(|now| all_sent(now, 3)).await;
        let said: Vec<_> = harness.provider("a").requests().into_iter().map(|taken| taken.said).collect();
        assert_eq!(said[1..], [Said::Text("Here is your link.".to_owned()), Said::Action("invite_link".to_owned())]);
        let row = snapshot.sent_row(done.message.unwrap());
        assert_eq!(row.message.kind, OutboundKind::Action);
        assert_eq!(row.message.action.as_ref().unwrap().arguments, json!({"chat": 42}));

        harness.post("a", ANNE, "stop").await.unwrap();
        harness.until(|now| all_sent(now, 4)).await;
        ask(&harness, conversation, act("invite_link")).await.unwrap();
        harness.until(|now| all_sent(now, 5)).await;
        assert_eq!(harness.provider("a").requests().len(), 5);
    });
}

#[test]
fn an_action_that_the_gateway_does_not_know_is_a_dead_letter() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let done = ask(&harness, conversation, act("levitate")).await.unwrap();
        let row = |now: &Snapshot| now.sent_row(done.message.unwrap()).clone();
        let snapshot = harness.until(|now| row(now).state == OutboxState::Dead).await;
        assert_eq!(row(&snapshot).last_error.as_deref(), Some("unsupported_action"));
    });
}

#[test]
fn i5_an_action_whose_outcome_is_unknown_is_asked_about() {
    paused(async {
        let harness = Harness::start(|_| {});
        harness.provider("a").knows_action("ban");
        let conversation = greeted(&harness).await;
        harness.provider("a").script([Answer::TakeAndLose]);
        let done = ask(&harness, conversation, act("ban")).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(snapshot.sent_row(done.message.unwrap()).state, OutboxState::Sent);
        assert_eq!(harness.provider("a").requests().len(), 2, "taken once");
        assert_eq!(harness.provider("a").asked(), [done.message.unwrap()]);
    });
}

fn retry() -> SendError {
    SendError { class: SendErrorClass::Retry { after: None }, code: None, throttled: false, detail: "busy".to_owned() }
}
