//! Tests of timers: each fires once, on time, over all nodes, and its messages keep their order.

use proptest::prelude::*;

use super::*;
use crate::domain::conversation::{ConversationKey, Handler};
use crate::domain::event::ActorType;
use crate::domain::ids::{ChannelId, ConversationId, CorrelationId};
use crate::domain::message::Category;
use crate::domain::timer::TimerKind;
use crate::domain::turn::{Command, Request, Requester, ScheduledMessage};
use crate::engine::{Performed, SendRefusal};
use crate::testing::harness::noon;

pub(super) fn request(command: Command) -> Request {
    let by = Requester { actor_type: ActorType::Agent, name: Some("agent-7".to_owned()) };
    Request { by, correlation: CorrelationId::fresh(), command }
}

fn later(seconds: i64, text: &str) -> Command {
    let message = ScheduledMessage {
        text: Some(text.to_owned()),
        template: None,
        choices: Vec::new(),
        presentation: None,
        category: Category::default(),
        urgent: true,
        expires_at: None,
    };
    Command::SendAt { at: noon() + chrono::TimeDelta::seconds(seconds), message }
}

/// The conversation with Anne, who said hello.
pub(super) async fn greeted(harness: &Harness) -> ConversationId {
    harness.post("a", ANNE, "hello").await.unwrap();
    let snapshot = harness.until(|now| all_sent(now, 1)).await;
    snapshot.conversations[0].conversation.id
}

pub(super) async fn ask(
    harness: &Harness,
    conversation: ConversationId,
    command: Command,
) -> Result<Performed, SendRefusal> {
    harness.engine.request(&TenantId::new("a"), conversation, request(command)).await
}

#[test]
fn a_message_that_was_asked_for_later_is_written_then() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let set = ask(&harness, conversation, later(30, "a reminder")).await.unwrap();
        assert!(set.changed && set.timer.is_some() && set.message.is_none());
        let snapshot = harness.store.snapshot();
        assert_eq!((snapshot.timers.len(), snapshot.timers[0].timer.kind), (1, TimerKind::Send));
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(answers(&snapshot), ["You said: hello", "a reminder"]);
        let late = snapshot.outbound[1].message.created_at - noon() - chrono::TimeDelta::seconds(30);
        assert!(late >= chrono::TimeDelta::zero() && late < chrono::TimeDelta::milliseconds(100), "{late}");
        assert!(snapshot.timers.is_empty());
    });
}

#[test]
fn a_timer_far_off_survives_a_restart() {
    paused(async {
        let (store, gateways) = (FakeStore::new(), FakeGateways::default());
        let harness = Harness::start_on(store.clone(), gateways.clone(), |_| {});
        let conversation = greeted(&harness).await;
        ask(&harness, conversation, later(300, "a reminder")).await.unwrap();
        harness.engine.drain().await;
        drop(harness);
        let harness = Harness::start_on(store, gateways, |_| {});
        // The clock of a harness begins at noon.
        let snapshot = harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(answers(&snapshot)[1], "a reminder");
        let took = snapshot.outbound[1].message.created_at - noon();
        assert!(took >= chrono::TimeDelta::seconds(300) && took < chrono::TimeDelta::seconds(310), "{took}");
    });
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let timer = ask(&harness, conversation, later(30, "a reminder")).await.unwrap().timer.unwrap();
        ask(&harness, conversation, Command::CancelTimer(timer)).await.unwrap();
        assert!(harness.store.snapshot().timers.is_empty());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(answers(&harness.store.snapshot()), ["You said: hello"]);
    });
}

#[test]
fn an_answer_does_not_overtake_what_a_timer_wrote_before_it() {
    paused(async {
        let rare = Duration::from_secs(3600);
        let harness = Harness::start(|settings| settings.sweep_every = rare);
        let conversation = greeted(&harness).await;
        ask(&harness, conversation, later(5, "a reminder")).await.unwrap();
        // What is under way holds the timer's message back: it queues.
        harness.provider("a").script([Answer::Hang]);
        harness.post("a", ANNE, "one").await.unwrap();
        harness.provider("a").wait_begun(2).await;
        harness.until(|now| now.outbound.len() == 3).await;
        harness.provider("a").release();
        harness.until(|now| now.outbound[1].state == OutboxState::Sent).await;
        harness.post("a", ANNE, "two").await.unwrap();
        harness.until(|now| all_sent(now, 4)).await;
        let taken: Vec<_> = harness.provider("a").taken().into_iter().map(|message| message.body).collect();
        assert_eq!(taken, ["You said: hello", "You said: one", "a reminder", "You said: two"]);
    });
}

#[test]
fn of_two_nodes_that_race_for_a_timer_one_wins() {
    paused(async {
        let (store, gateways) = (FakeStore::new(), FakeGateways::default());
        let node = || Harness::build_on(store.clone(), gateways.clone(), |plan| plan.shared = true);
        let nodes = [node(), node()];
        let conversation = greeted(&nodes[0]).await;
        for n in 0..20 {
            ask(&nodes[n % 2], conversation, later(100 + i64::try_from(n).unwrap(), &format!("{n:02}"))).await.unwrap();
        }
        let snapshot = nodes[1].until(|now| all_sent(now, 21) && now.timers.is_empty()).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(snapshot.outbound.len(), store.snapshot().outbound.len());
        let said: std::collections::BTreeSet<_> = answers(&snapshot)[1..].iter().copied().collect();
        assert_eq!(said.len(), 20, "each once");
    });
}

#[test]
fn a_conversation_goes_back_to_the_bot_when_its_time_comes() {
    paused(async {
        let harness = Harness::start(|_| {});
        let conversation = greeted(&harness).await;
        let at = |seconds| Some(noon() + chrono::TimeDelta::seconds(seconds));
        ask(&harness, conversation, Command::HandOver { hand_back_at: at(20) }).await.unwrap();
        // A second one replaces the first one's time.
        ask(&harness, conversation, Command::HandOver { hand_back_at: at(90) }).await.unwrap();
        assert_eq!(harness.store.snapshot().timers.len(), 1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(harness.store.snapshot().conversations[0].conversation.handler, Handler::Human);
        let snapshot = harness.until(|now| now.conversations[0].conversation.handler == Handler::Bot).await;
        assert_eq!((snapshot.count(EventType::HandedOver), snapshot.count(EventType::HandedBack)), (1, 1));
        assert!(snapshot.timers.is_empty());
    });
}

/// What goes wrong with the n-th commit, and when the timers fire.
fn faults_and_times() -> impl Strategy<Value = (Vec<Option<Fault>>, Vec<i64>)> {
    let fault = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::LoseAnswer)),
        1 => Just(Some(Fault::Fail(PortErrorKind::Unavailable))),
        1 => Just(Some(Fault::Fail(PortErrorKind::Conflict))),
    ];
    (proptest::collection::vec(fault, 0..12), proptest::collection::vec(10_i64..120, 1..8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_timer_fires_twice_and_none_never((faults, times) in faults_and_times()) {
        let mut fired = Vec::new();
        paused(async {
            let (store, gateways) = (FakeStore::new(), FakeGateways::default());
            let node = || Harness::build_on(store.clone(), gateways.clone(), |plan| plan.shared = true);
            let nodes = [node(), node()];
            let conversation = greeted(&nodes[0]).await;
            for (n, seconds) in times.iter().enumerate() {
                ask(&nodes[n % 2], conversation, later(*seconds, &format!("{n:02}"))).await.unwrap();
            }
            for fault in faults {
                match fault {
                    Some(fault) => store.fault(Op::Commit, fault),
                    None => nodes[0].post("a", BOB, "in between").await.map(drop).unwrap(),
                }
            }
            nodes[0].until(|now| now.timers.is_empty()).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            let key = ConversationKey::new(
                TenantId::new("a"),
                ChannelId::new("a"),
                crate::domain::address::Address::from_normalised(&format!("whatsapp:{ANNE}")),
            );
            let rows = store.snapshot().outbound;
            let rows = rows.into_iter().filter(|row| row.message.to == key.address && row.message.body.len() == 2);
            fired.extend(rows.map(|row| row.message.body));
        });
        fired.sort();
        let wanted: Vec<_> = (0..times.len()).map(|n| format!("{n:02}")).collect();
        prop_assert_eq!(fired, wanted);
    }
}
