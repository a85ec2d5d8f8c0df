//! Tests of requests by people and programs, through the engine.

use super::timers::{ask, greeted};
use super::*;
use crate::domain::conversation::{Assignee, ConversationStatus, Handler};
use crate::domain::event::ActorType;
use crate::domain::ids::ConversationId;
use crate::domain::turn::{Command, Refused, Reply, Seen};
use crate::engine::SendRefusal;
use crate::testing::harness::request as message;

fn reply(text: &str, seen: Option<Seen>) -> Command {
    Command::Reply(Reply { message: message(text), seen, forced: false })
}

#[test]
fn i14_the_bot_is_silent_from_a_persons_reply_until_it_is_handed_back() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let done = ask(&harness, conversation, reply("This is Awa.", None)).await.unwrap();
        assert!(done.changed && done.message.is_some());
        harness.post("a", ANNE, "Your hours?").await.unwrap();
        harness.post("a", ANNE, "stop").await.unwrap();
        let snapshot = harness.until(|now| all_processed(now) && all_sent(now, 3)).await;
        assert!(answers(&snapshot)[2].contains("START"), "consent is answered all the same");
        assert_eq!(snapshot.inbound[1].reason.as_deref(), Some("silent_human"));
        let event = snapshot.events_of(EventType::HandedOver).next().unwrap();
        assert_eq!(event.actor_type, ActorType::Agent);
        assert_eq!(event.payload, serde_json::json!({"actor": "agent-7", "reason": "replied"}));

        harness.post("a", ANNE, "start").await.unwrap();
        let back = ask(&harness, conversation, Command::HandBack).await.unwrap();
        assert!(back.changed);
        harness.post("a", ANNE, "Your hours?").await.unwrap();
        let snapshot = harness.until(|now| answers(now).last() == Some(&"From nine to five.")).await;
        assert_eq!(snapshot.count(EventType::HandedBack), 1);
    });
}

#[test]
fn i14_a_stale_answer_is_refused_unless_it_is_forced() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let seen = harness.store.snapshot().conversations[0].conversation.clone();
        ask(&harness, conversation, reply("first", Some(Seen::Version(seen.version)))).await.unwrap();
        let stale = SendRefusal::Refused(Refused::Stale);
        let late = reply("second", Some(Seen::Version(seen.version)));
        assert_eq!(ask(&harness, conversation, late).await, Err(stale.clone()));
        let read = Seen::InboundUntil(seen.last_inbound_at.unwrap());
        ask(&harness, conversation, reply("third", Some(read))).await.unwrap();
        let unread = Seen::InboundUntil(seen.last_inbound_at.unwrap() - chrono::TimeDelta::seconds(1));
        assert_eq!(ask(&harness, conversation, reply("fourth", Some(unread))).await, Err(stale));
        let forced = Reply { message: message("fifth"), seen: Some(unread), forced: true };
        ask(&harness, conversation, Command::Reply(forced)).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 4)).await;
        assert_eq!(answers(&snapshot), ["You said: hello", "first", "third", "fifth"]);
    });
}

#[test]
fn status_and_assignee_are_set_and_what_is_so_already_is_not_written() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let awa = Assignee::new("Awa Diallo");
        let commands = [
            Command::Assign(Some(awa.clone())),
            Command::Assign(Some(awa.clone())),
            Command::HandOver { hand_back_at: None },
            Command::HandOver { hand_back_at: None },
            Command::Resolve,
            Command::Resolve,
        ];
        let mut changed = Vec::new();
        for command in commands {
            changed.push(ask(&harness, conversation, command).await.unwrap().changed);
        }
        assert_eq!(changed, [true, false, true, false, true, false]);
        let snapshot = harness.store.snapshot();
        let now = &snapshot.conversations[0].conversation;
        assert_eq!(
            (now.status, now.handler, now.assignee.as_ref()),
            (ConversationStatus::Resolved, Handler::Human, Some(&awa))
        );
        let told: String = snapshot.events.iter().map(|event| event.payload.to_string()).collect();
        assert!(!told.contains("Awa"), "I10");

        harness.post("a", ANNE, "one more thing").await.unwrap();
        let snapshot = harness.until(all_processed).await;
        assert_eq!(snapshot.conversations[0].conversation.status, ConversationStatus::InProgress);
        for command in [Command::Resolve, Command::Reopen, Command::Assign(None)] {
            assert!(ask(&harness, conversation, command).await.unwrap().changed);
        }
        let snapshot = harness.store.snapshot();
        let now = &snapshot.conversations[0].conversation;
        assert_eq!((now.status, &now.assignee), (ConversationStatus::InProgress, &None));
        assert_eq!((snapshot.count(EventType::Resolved), snapshot.count(EventType::Assigned)), (2, 2));
    });
}

#[test]
fn i9_a_conversation_of_another_tenant_is_unknown() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let tenant = TenantId::new("b");
        let foreign = harness.engine.request(&tenant, conversation, super::timers::request(Command::Resolve));
        assert_eq!(foreign.await, Err(SendRefusal::UnknownConversation));
        let unknown = ask(&harness, ConversationId::fresh(), Command::Resolve).await;
        assert_eq!(unknown, Err(SendRefusal::UnknownConversation));
    });
}
